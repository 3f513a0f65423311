/** What a kubelet and the Deployment's controller do with the pods of clustermesh-apiserver in a cluster with nodes. */
import { setTimeout as sleep } from 'node:timers/promises';
import { ConfigMap, type ConfigMapObject, Deployment, Secret, type SecretObject, type WorkloadObject } from '../../../mesh/api/resources/core.ts';
import type { KubernetesClient, KubernetesObject } from '../../../mesh/ports/kubernetes.ts';
import { VOLUMES, type Volumes } from './mesh-pods.ts';
import type { Files } from './projection.ts';

const NAMESPACE = 'kube-system';
const MESH_SERVER = { namespace: NAMESPACE, name: 'clustermesh-apiserver' };
const DEPLOYMENT_EVERY_MILLISECONDS = 300;

/** Those of Cilium's chart, with ConfigMap `clustermesh-remote-users`. */
export type PodVolumes = Volumes & { readonly users: Files };

interface Pods {
  readonly running: number;
  project(volumes: PodVolumes): void;
  replace(volumes: PodVolumes): Promise<void>;
}

/** As Helm makes it, as far as an agent looks. */
export const meshDeployment = (version: string): KubernetesObject => ({
  apiVersion: 'apps/v1', kind: 'Deployment', metadata: MESH_SERVER,
  spec: {
    selector: { matchLabels: { app: 'mesh' } },
    template: { metadata: { labels: { app: 'mesh' } }, spec: { containers: ['etcd', 'apiserver', 'kvstoremesh'].map((name) => ({ name, image: `quay.io/cilium/clustermesh-apiserver:v${version}` })) } },
  },
} as KubernetesObject);

/** Peers' texts first: whoever made a client for them reads roots later than that. */
async function volumesOf(api: KubernetesClient, signal: AbortSignal): Promise<PodVolumes> {
  const entries: [string, Files][] = [];
  for (const volume of ['kvstoremesh', 'agents', 'server', 'admin', 'remote', 'local'] as const) {
    const data = (await api.get<SecretObject>(Secret, { namespace: NAMESPACE, name: VOLUMES[volume] }, signal))?.data ?? {};
    entries.push([volume, Object.fromEntries(Object.entries(data).map(([key, text]) => [key, Buffer.from(text, 'base64').toString('utf8')]))]);
  }
  entries.push(['users', (await api.get<ConfigMapObject>(ConfigMap, { namespace: NAMESPACE, name: 'clustermesh-remote-users' }, signal))?.data ?? {}]);
  return Object.fromEntries(entries) as unknown as PodVolumes;
}

/** Does `work` again and again until `signal` aborts; what it throws is told. */
export async function repeat(everyMilliseconds: number, work: () => Promise<void>, { signal, surprised }: { readonly signal: AbortSignal; readonly surprised: (error: string) => void }): Promise<void> {
  while (!signal.aborted) {
    await work().catch((error: unknown) => { if (!signal.aborted) surprised(String(error)); });
    await sleep(everyMilliseconds, undefined, { signal }).catch(() => {});
  }
}

/** `kubeletEvery`: how late it may be with files of pods that run, in milliseconds. What the chart does not mark as optional must be there before the first pod starts. */
export async function livePods(pods: Pods, api: KubernetesClient, { kubeletEvery, ...options }: { readonly kubeletEvery: number; readonly signal: AbortSignal; readonly surprised: (error: string) => void }): Promise<void> {
  const { signal } = options;
  await Promise.all([
    repeat(kubeletEvery, async () => { if (pods.running > 0) pods.project(await volumesOf(api, signal)); }, options),
    repeat(DEPLOYMENT_EVERY_MILLISECONDS, async () => {
      const { metadata, status } = (await api.get<WorkloadObject>(Deployment, MESH_SERVER, signal)) ?? {};
      const volumes = await volumesOf(api, signal);
      if (metadata === undefined || status?.observedGeneration === metadata.generation || [volumes.server['tls.crt'], volumes.admin['tls.crt'], volumes.users['users.yaml']].includes(undefined)) return;
      const say = (step: object): Promise<unknown> => api.patch(Deployment, MESH_SERVER, { status: step }, { type: 'merge', fieldManager: 'deployment-controller', subresource: 'status' }, signal);
      const observedGeneration = metadata.generation;
      await say({ observedGeneration, replicas: pods.running, updatedReplicas: 0, availableReplicas: pods.running, readyReplicas: pods.running });
      await pods.replace(await volumesOf(api, signal));
      await say({ observedGeneration, replicas: 1, updatedReplicas: 1, availableReplicas: 1, readyReplicas: 1 });
    }, options),
  ]);
}
