/** What the API serves, asked in the same process. */
import type { ApiDiscovery } from '../../mesh/ports/kubernetes.ts';
import type { EmbeddedApi } from './api.ts';
import { apiVersionIn } from './kinds.ts';

export const embeddedDiscovery = (api: EmbeddedApi): ApiDiscovery => ({
  async kindsOf(apiVersion) {
    const found = api.kinds.all().flatMap(({ group, versions, plural, kind, namespaced }) =>
      versions.filter((version) => apiVersionIn({ group }, version) === apiVersion).map((version) => ({ group, version, plural, kind, namespaced })));
    return found.length === 0 ? undefined : found;
  },
  async versionsOf(group) {
    return [...new Set(api.kinds.all().filter((kind) => kind.group === group).flatMap(({ versions }) => versions))].map((version) => apiVersionIn({ group }, version));
  },
});
