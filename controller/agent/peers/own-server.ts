/** Whether this cluster's own clustermesh-apiserver serves: with KVStoreMesh the nodes' agents read every peer there. */
import { Deployment, type WorkloadObject } from '../../../mesh/api/resources/core.ts';
import { MESH_SERVER } from '../../../mesh/cilium/words.ts';
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import { type KubernetesClient, KubernetesError } from '../../../mesh/ports/kubernetes.ts';

/**
 * Why an entry would be read too early, for people; undefined: it would not, or nobody says. An agent of Cilium that finds no server asks again after pauses that grow by 1.6 up to
 * two minutes (gRPC's), so it is late by more than half of what it waited.
 */
export async function ownServerProblem(client: Pick<KubernetesClient, 'get'>, namespace: string, signal: CancelSignal): Promise<string | undefined> {
  try {
    const { replicas = 0, availableReplicas = 0 } = (await client.get<WorkloadObject>(Deployment, { namespace, name: MESH_SERVER }, signal))?.status ?? {};
    return replicas > 0 && availableReplicas === 0 ? `Deployment ${namespace}/${MESH_SERVER}, by which this cluster reads its peers, has no pod that is ready yet` : undefined;
  } catch (error) {
    // Charts of before grant no look.
    if (error instanceof KubernetesError && error.code === 403) return undefined;
    throw error;
  }
}
