/** What a server serves, from its discovery documents (`/apis/GROUP/VERSION`). */
import { type ApiDiscovery, KubernetesError, type ResourceKind } from '../../../mesh/ports/kubernetes.ts';
import { targetOf } from './paths.ts';
import type { Requests } from './request.ts';

interface ResourceList { readonly resources?: readonly { readonly name: string; readonly kind: string; readonly namespaced: boolean; readonly group?: string; readonly version?: string }[] }
interface Group { readonly versions?: readonly { readonly groupVersion: string }[]; readonly preferredVersion?: { readonly groupVersion: string } }

/** `/apis/GROUP` where `version` is empty. */
const document = (group: string, version: string): ResourceKind => ({ group, version, plural: '', kind: '', namespaced: false });

async function orAbsent<T>(ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof KubernetesError && error.code === 404) return undefined;
    throw error;
  }
}

export function discoveryOver(requests: Pick<Requests, 'json'>): ApiDiscovery {
  return {
    async kindsOf(apiVersion, signal) {
      const [group, version] = apiVersion.includes('/') ? apiVersion.split('/') as [string, string] : ['', apiVersion];
      const list = await orAbsent(() => requests.json(targetOf('get', document(group, version), {}), {}, signal)) as ResourceList | undefined;
      return list?.resources?.filter(({ name }) => !name.includes('/')).map(({ name, kind, namespaced }) => ({ group, version, plural: name, kind, namespaced }));
    },
    async versionsOf(group, signal) {
      if (group === '') return ['v1'];
      const found = await orAbsent(() => requests.json(targetOf('get', document(group, ''), {}), {}, signal)) as Group | undefined;
      const versions = (found?.versions ?? []).map(({ groupVersion }) => groupVersion);
      const preferred = found?.preferredVersion?.groupVersion;
      return preferred === undefined ? versions : [preferred, ...versions.filter((one) => one !== preferred)];
    },
  };
}
