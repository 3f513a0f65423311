/** What the pods of clustermesh-apiserver make of ConfigMap `clustermesh-remote-users` (Cilium's chart, `clustermesh-apiserver/deployment.yaml`). Pure. */
import type { WorkloadObject } from '../../../mesh/api/resources/core.ts';
import { REMOTE_USERS } from '../../../mesh/cilium/words.ts';
import type { RemoteUsersMount } from '../../../mesh/model/cluster.ts';

/** `exists`: the ConfigMap does. undefined: the workload is not there, may not be read, or says nothing of its volumes. */
export function remoteUsersMount(meshServer: WorkloadObject | undefined, exists: boolean): RemoteUsersMount | undefined {
  const volumes = meshServer?.spec?.template?.spec?.volumes;
  if (volumes === undefined || volumes.length === 0) return undefined;
  const mounted = volumes.flatMap(({ configMap, projected }) => [configMap, ...(projected?.sources ?? []).map((source) => source.configMap)]).find((one) => one?.name === REMOTE_USERS);
  if (mounted === undefined) return 'NotMounted';
  return mounted.optional !== true && !exists ? 'RequiredAndMissing' : 'Mounted';
}
