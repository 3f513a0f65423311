/**
 * Objects that no bundle may write, whoever signed it: they decide what runs, agents and keys may do. A bundle that could change them would be the way around
 * approvals, windows and signatures for the next one. What an agent may write at all is its Kubernetes role, which is its cluster's own decision.
 */
import type { ObjectReference } from '../model/bundle.ts';
import { AGENT_FIELD_MANAGER, HUB_FIELD_MANAGER } from '../model/managed.ts';
import { groupOf, objectName } from './objects.ts';

const OWN_GROUP = 'isthmus.dev';
/** Of Cilium's peering, which the plan writes. */
const PEERING_OBJECTS = [
  'Secret cilium-clustermesh', 'Secret cilium-kvstoremesh', 'ConfigMap clustermesh-remote-users',
  ...['admin', 'local', 'remote', 'server'].map((use) => `Secret clustermesh-apiserver-${use}-cert`),
];
const MANAGED_BY = 'app.kubernetes.io/managed-by';
const RIGHTS_GROUP = 'rbac.authorization.k8s.io';
const ADMISSION_GROUP = 'admissionregistration.k8s.io';
const OWN_NAME = /^isthmus(-|$)/;

/** The namespace and service account that an agent runs in, which it alone knows; the hub asks without. */
export interface AgentPlace {
  readonly namespace: string;
  readonly serviceAccount: string;
}

/** A sentence, or undefined where the object may be in a bundle. `agentVersion` parts are not asked about: the agent changes its own image, and nothing else of itself. */
export function guardProblem(reference: ObjectReference, manifest: Readonly<Record<string, unknown>> | undefined, place?: AgentPlace): string | undefined {
  const { apiVersion, kind, namespace, name } = reference;
  const group = groupOf(apiVersion);
  const what = objectName(reference);
  if (group === OWN_GROUP) return `${what} (${OWN_GROUP}): bundles do not write Isthmus' own objects, for those decide which bundles go where; apply it to the hub by hand`;
  if (kind === 'CustomResourceDefinition' && name.endsWith(`.${OWN_GROUP}`)) return `${what}: bundles do not write Isthmus' own definitions; they come with the chart of the hub`;
  if (group === '' && PEERING_OBJECTS.includes(`${kind} ${name}`)) return `${what}: the mesh's plan writes it, so a bundle would fight with the plan; change the Mesh instead`;
  if ((group === RIGHTS_GROUP || group === ADMISSION_GROUP) && OWN_NAME.test(name)) return `${what}: bundles do not write Isthmus' own rights and guards; they come with the charts`;
  const manager = labelsOf(manifest)[MANAGED_BY];
  if (manager === AGENT_FIELD_MANAGER || manager === HUB_FIELD_MANAGER) return `${what}: the label ${MANAGED_BY}=${manager} marks what Isthmus makes and removes by itself; give it another value`;
  if (place !== undefined && namespace === place.namespace && namespace !== '') return `${what}: is in the agent's own namespace, beside its identity and its pinned keys; put it into another`;
  if (place !== undefined && group === '' && kind === 'Namespace' && name === place.namespace) return `${what}: is the agent's own namespace; bundles do not write it`;
  if (place !== undefined && bindsTo(manifest, place)) return `${what}: binds rights to the agent's own service account ${place.namespace}/${place.serviceAccount}; what an agent may do is decided by its chart`;
  return undefined;
}

function labelsOf(manifest: Readonly<Record<string, unknown>> | undefined): Readonly<Record<string, unknown>> {
  const labels = (manifest?.['metadata'] as { readonly labels?: unknown } | undefined)?.labels;
  return typeof labels === 'object' && labels !== null ? labels as Readonly<Record<string, unknown>> : {};
}

/** Also by the groups that every service account, or each of its namespace, is in. */
function bindsTo(manifest: Readonly<Record<string, unknown>> | undefined, { namespace, serviceAccount }: AgentPlace): boolean {
  const subjects = manifest?.['subjects'];
  if (!Array.isArray(subjects)) return false;
  const groups = ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated', 'system:masters'];
  return (subjects as readonly unknown[]).some((subject) => {
    const { kind, name, namespace: of } = (subject ?? {}) as { readonly kind?: unknown; readonly name?: unknown; readonly namespace?: unknown };
    return kind === 'ServiceAccount' ? of === namespace && name === serviceAccount
      : kind === 'Group' ? groups.includes(String(name)) : name === `system:serviceaccount:${namespace}:${serviceAccount}`;
  });
}
