/** Which of the mesh's objects pods of Cilium mount. Pure. */
import type { WorkloadObject } from '../../../mesh/api/resources/core.ts';
import type { MeshMounts } from '../../../mesh/cilium/presence.ts';
import { PEERS_OF_AGENTS, PEERS_OF_KVSTOREMESH, REMOTE_USERS } from '../../../mesh/cilium/words.ts';

/** `workloads`: those that are there. */
export function meshMounts(workloads: readonly WorkloadObject[]): MeshMounts {
  const sources = workloads.flatMap((workload) => workload.spec?.template?.spec?.volumes ?? []).flatMap(({ configMap, secret, projected }) => [
    { configMap, secret: secret === undefined ? undefined : { name: secret.secretName, optional: secret.optional } }, ...projected?.sources ?? [],
  ]);
  const users = sources.flatMap(({ configMap }) => (configMap?.name === REMOTE_USERS ? [configMap] : []));
  const required = new Set(sources.flatMap(({ secret }) => (secret?.name === undefined || secret.optional === true ? [] : [secret.name])));
  return {
    users: users.length === 0 ? 'NotMounted' : users.every(({ optional }) => optional === true) ? 'Optional' : 'Required',
    requiredSecrets: [PEERS_OF_AGENTS, PEERS_OF_KVSTOREMESH].filter((name) => required.has(name)),
  };
}
