/** Roles for people, bound to nobody. The chart and the embedded API have them from here. */
import type { KubernetesObject, ResourceKind } from '../../ports/kubernetes.ts';
import { HUB_RESOURCES, Approval, CertificateAuthority, ChangeWindow, Inquiry, JoinToken, UpdateRun, WindowOverride } from './index.ts';

const GROUP = 'rbac.authorization.k8s.io';
const VERSION = 'v1';
export const ClusterRole: ResourceKind = { group: GROUP, version: VERSION, kind: 'ClusterRole', plural: 'clusterroles', namespaced: false };

interface Rule { readonly apiGroups: readonly string[]; readonly resources: readonly string[]; readonly verbs: readonly string[] }
export interface RoleObject extends KubernetesObject { readonly rules: readonly Rule[] }

const LOOK = ['get', 'list', 'watch'];
const rule = (kinds: readonly ResourceKind[], ...more: readonly string[]): Rule => ({ apiGroups: [UpdateRun.group], resources: kinds.map(({ plural }) => plural).sort(), verbs: [...more, ...LOOK] });
/** An answer of the hub comes in the status of a question, which whoever asked takes away again: `isthmus run status|simulate|diff`. */
const ASK = rule([Inquiry], 'create', 'delete');

const role = (name: string, rules: readonly Rule[], labels: Readonly<Record<string, string>> = {}): RoleObject => ({
  apiVersion: `${GROUP}/${VERSION}`, kind: ClusterRole.kind, metadata: { name, labels: { 'isthmus.dev/for': 'people', ...labels } }, rules,
});

/** Who approves must see what, and who asks for a run has no word in its gates: no role gives both. Nobody has leave to write another's name (`guards.ts`). */
export const PEOPLE_ROLES: readonly RoleObject[] = [
  role('isthmus-run-approver', [rule([Approval], 'create'), rule([UpdateRun]), ASK]),
  role('isthmus-run-operator', [rule([UpdateRun], 'create', 'patch', 'update'), ASK]),
  role('isthmus-window-overrider', [rule([WindowOverride], 'create', 'delete'), rule([ChangeWindow, UpdateRun])]),
  // Whose signature the fleet believes: nobody else has to change that.
  role('isthmus-authority-operator', [rule([CertificateAuthority], 'patch', 'update')]),
  role('isthmus-asker', [ASK]),
  // Whoever has Kubernetes' own role `view` reads these as well. Questions hold answers, and join tokens are keys.
  role('isthmus-view', [rule(HUB_RESOURCES.filter((kind) => kind !== Inquiry && kind !== JoinToken))], { 'rbac.authorization.k8s.io/aggregate-to-view': 'true' }),
];
