/** The object that everything is measured with: a ConfigMap of about 1.5 KiB as the server stores it. */
import { NAMESPACE } from './servers.ts';

export const CONFIG_MAPS = `/api/v1/namespaces/${NAMESPACE}/configmaps`;
const line = (index: number, key: number): string => `value ${key} of object ${index} `.padEnd(72, 'abcdefghijklmnopqrstuvwxyz');

/** Label of objects that only measure creating. */
export const MADE = 'bench/made';

/** `revision` changes one value. */
export function configMap(name: string, index: number, revision = 0, made = false): string {
  return JSON.stringify({
    apiVersion: 'v1', kind: 'ConfigMap',
    metadata: {
      name, namespace: NAMESPACE,
      labels: { 'app.kubernetes.io/name': 'bench', 'app.kubernetes.io/part-of': 'isthmus', 'bench/shard': String(index % 16), ...(made ? { [MADE]: '' } : {}) },
      annotations: { 'bench/description': 'an object of the size that controllers usually meet', 'bench/owner': 'e2e/bench' },
    },
    data: { revision: String(revision), ...Object.fromEntries(Array.from({ length: 8 }, (_, key) => [`setting-${key}`, line(index, key)])) },
  });
}

/** What one of several managers applies. */
export const applied = (name: string, revision: number): string =>
  JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: NAMESPACE, labels: { 'bench/applied': 'yes' } }, data: { applied: String(revision) } });
