/** A mesh as Helm leaves it: one CA for all, certificates below it, and the chart's Secrets and ConfigMap (`clustermesh.config.enabled`). */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigMap, Secret } from '../../mesh/api/resources/core.ts';
import type { KubernetesClient, KubernetesObject } from '../../mesh/ports/kubernetes.ts';

const NAMESPACE = 'kube-system';
const BY_HELM = { labels: { 'app.kubernetes.io/managed-by': 'Helm' }, annotations: { 'meta.helm.sh/release-name': 'cilium', 'meta.helm.sh/release-namespace': NAMESPACE } };
/** Of the chart; `localhost` because pods share a network here. */
const SERVER_NAMES = 'DNS:clustermesh-apiserver.cilium.io,DNS:*.mesh.cilium.io,DNS:clustermesh-apiserver.kube-system.svc,DNS:localhost,IP:127.0.0.1,IP:::1';

export interface HandMade {
  write(cluster: string, peers: readonly string[], api: KubernetesClient, signal: AbortSignal): Promise<void>;
  remove(): void;
}

export function handMade(): HandMade {
  const folder = mkdtempSync(join(tmpdir(), 'isthmus-helm-'));
  const path = (name: string): string => join(folder, name);
  const openssl = (...words: readonly string[]): void => { execFileSync('openssl', words, { stdio: 'pipe' }); };
  // As the chart's.
  const newKey = ['-newkey', 'rsa:2048', '-nodes'];
  openssl('req', '-x509', ...newKey, '-days', '30', '-subj', '/CN=Cilium CA', '-keyout', path('ca.key'), '-out', path('ca.crt'));
  function certificate(name: string, commonName: string, extensions: string): Readonly<Record<string, string>> {
    writeFileSync(path(`${name}.ext`), extensions);
    openssl('req', '-new', ...newKey, '-subj', `/CN=${commonName}`, '-keyout', path(`${name}.key`), '-out', path(`${name}.csr`));
    openssl('x509', '-req', '-in', path(`${name}.csr`), '-CA', path('ca.crt'), '-CAkey', path('ca.key'), '-CAcreateserial', '-days', '30', '-extfile', path(`${name}.ext`), '-out', path(`${name}.crt`));
    return { 'ca.crt': readFileSync(path('ca.crt'), 'utf8'), 'tls.crt': readFileSync(path(`${name}.crt`), 'utf8'), 'tls.key': readFileSync(path(`${name}.key`), 'utf8') };
  }
  const client = 'extendedKeyUsage=clientAuth\n';
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
      await object(Secret, 'clustermesh-apiserver-admin-cert', certificate(`${cluster}-admin`, `admin-${cluster}`, client));
      await object(Secret, 'clustermesh-apiserver-remote-cert', certificate(`${cluster}-remote`, `remote-${cluster}`, client));
      await object(Secret, 'clustermesh-apiserver-local-cert', certificate(`${cluster}-local`, `local-${cluster}`, client));
      await object(Secret, 'clustermesh-apiserver-server-cert', certificate(`${cluster}-server`, 'clustermesh-apiserver.cilium.io', `extendedKeyUsage=serverAuth,clientAuth\nsubjectAltName=${SERVER_NAMES}\n`));
    },
    remove() { rmSync(folder, { recursive: true, force: true }); },
  };
}
