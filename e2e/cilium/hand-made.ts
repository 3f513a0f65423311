/** A mesh as Helm leaves it: one CA for all, certificates below it, and the chart's Secrets and ConfigMap (`clustermesh.config.enabled`). */
import { ConfigMap, Secret } from '../../mesh/api/resources/core.ts';
import type { KubernetesClient, KubernetesObject } from '../../mesh/ports/kubernetes.ts';
import { handMadeAuthority } from './hand-made-authority.ts';

const NAMESPACE = 'kube-system';
const BY_HELM = { labels: { 'app.kubernetes.io/managed-by': 'Helm' }, annotations: { 'meta.helm.sh/release-name': 'cilium', 'meta.helm.sh/release-namespace': NAMESPACE } };

export interface HandMade {
  write(cluster: string, peers: readonly string[], api: KubernetesClient, signal: AbortSignal): Promise<void>;
  remove(): void;
}

export function handMade(): HandMade {
  const authority = handMadeAuthority('Cilium CA');
  const entry = (endpoint: string, prefix: string): string => [
    'endpoints:', `- ${endpoint}`, `trusted-ca-file: /var/lib/cilium/clustermesh/${prefix}-etcd-client-ca.crt`, `key-file: /var/lib/cilium/clustermesh/${prefix}-etcd-client.key`, `cert-file: /var/lib/cilium/clustermesh/${prefix}-etcd-client.crt`,
  ].join('\n');
  return {
    async write(cluster, peers, api, signal) {
      const object = async (kind: typeof Secret, name: string, data: Readonly<Record<string, string>>): Promise<void> => {
        const encoded = kind === Secret ? Object.fromEntries(Object.entries(data).map(([key, text]) => [key, Buffer.from(text, 'utf8').toString('base64')])) : data;
        await api.create(kind, { apiVersion: 'v1', kind: kind.kind, metadata: { namespace: NAMESPACE, name, ...BY_HELM }, data: encoded } as KubernetesObject, { fieldManager: 'helm' }, signal);
      };
      await object(Secret, 'cilium-kvstoremesh', Object.fromEntries(peers.map((peer) => [peer, entry(`https://${peer}.mesh.cilium.io:2379`, 'common')])));
      await object(Secret, 'cilium-clustermesh', Object.fromEntries(peers.map((peer) => [peer, entry('https://clustermesh-apiserver.kube-system.svc:2379', 'local')])));
      await object(ConfigMap, 'clustermesh-remote-users', { 'users.yaml': ['users:', ...peers.map((peer) => `- name: remote-${peer}\n  role: remote`), ''].join('\n') });
      for (const role of ['admin', 'remote', 'local']) await object(Secret, `clustermesh-apiserver-${role}-cert`, authority.client(`${role}-${cluster}`));
      await object(Secret, 'clustermesh-apiserver-server-cert', authority.server());
    },
    remove: authority.remove,
  };
}
