/**
 * Has Kubernetes replace the pods of clustermesh-apiserver: an annotation of the pod template is changed, and the Deployment's own strategy does the rest. For what Cilium takes
 * up at a start alone: a removed user's open watches end, and a new trust bundle is read.
 */
import { Deployment, type WorkloadObject } from '../../../mesh/api/resources/core.ts';
import { MESH_SERVER } from '../../../mesh/cilium/words.ts';
import { AGENT_FIELD_MANAGER } from '../../../mesh/model/managed.ts';
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import { type KubernetesClient, KubernetesError } from '../../../mesh/ports/kubernetes.ts';

/** Digest of the clusters that were cut off. */
export const REVOKED_ANNOTATION = 'isthmus.dev/revoked';

export type PodsOutcome =
  /** Every pod has started since the annotations are as they are. */
  | { readonly state: 'replaced' }
  /** There is no such Deployment, so no such pod either. */
  | { readonly state: 'absent' }
  /** `replacing`: look again soon. `refused`: waiting does not cure it. */
  | { readonly state: 'replacing' | 'refused'; readonly message: string };

const OURS = 'isthmus.dev/';

/** Annotations of ours that others asked for stay. A call again with the same ones writes nothing. */
export async function replacePods(client: KubernetesClient, { namespace, annotations }: { readonly namespace: string; readonly annotations: Readonly<Record<string, string>> }, signal: CancelSignal): Promise<PodsOutcome> {
  const what = `Deployment ${namespace}/${MESH_SERVER}`;
  try {
    const live = await client.get<WorkloadObject>(Deployment, { namespace, name: MESH_SERVER }, signal);
    if (live === undefined) return { state: 'absent' };
    const has = live.spec?.template?.metadata?.annotations ?? {};
    if (Object.entries(annotations).every(([key, value]) => has[key] === value)) return rollout(what, live);
    const kept = Object.fromEntries(Object.entries(has).filter(([key]) => key.startsWith(OURS)));
    const { uid } = live.metadata;
    // With the uid: an apply would make a Deployment that was deleted in between.
    const next = await client.patch<WorkloadObject>(Deployment, { namespace, name: MESH_SERVER }, {
      apiVersion: 'apps/v1', kind: 'Deployment', metadata: { namespace, name: MESH_SERVER, ...(uid === undefined ? {} : { uid }) },
      spec: { template: { metadata: { annotations: { ...kept, ...annotations } } } },
    }, { type: 'apply', fieldManager: AGENT_FIELD_MANAGER, force: true }, signal);
    return rollout(what, next);
  } catch (error) {
    if (!(error instanceof KubernetesError) || ![400, 403, 404, 422].includes(error.code)) throw error;
    return { state: 'refused', message: `${what}: its pods cannot be replaced: ${error.message}${error.code === 403 ? '; the chart of this agent gives that right, upgrade it' : ''}`.slice(0, 1024) };
  }
}

/** As `kubectl rollout status` judges, and no pod of before is left. */
function rollout(what: string, { metadata, spec, status = {} }: WorkloadObject): PodsOutcome {
  const wanted = spec?.replicas ?? 1;
  const { observedGeneration = 0, replicas = 0, updatedReplicas = 0, availableReplicas = 0 } = status;
  const waits = (why: string): PodsOutcome => ({ state: 'replacing', message: `${what}: its pods are being replaced: ${why}` });
  if (observedGeneration < (metadata.generation ?? 0)) return waits('not begun yet');
  if (updatedReplicas < wanted) return waits(`${updatedReplicas} of ${wanted} are new`);
  if (replicas > updatedReplicas) return waits(`${replicas - updatedReplicas} of before are left`);
  return availableReplicas < wanted ? waits(`${availableReplicas} of ${wanted} are available`) : { state: 'replaced' };
}
