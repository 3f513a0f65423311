/** Paths that are no resources: health, version, discovery, OpenAPI. */
import { aggregated, coreVersions, groupDocument, groupList, groupsOf, resourceList } from '../documents/discovery.ts';
import { openApiDocument, openApiIndex } from '../documents/openapi.ts';
import type { JsonObject } from '../json.ts';
import type { KindRegistry } from '../kinds.ts';

const VERSION = { major: '1', minor: '36', gitVersion: 'v1.36.0-isthmus-embedded', gitCommit: '', gitTreeState: '', buildDate: '1970-01-01T00:00:00Z', goVersion: '', compiler: '', platform: '' };
const AGGREGATED = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';

/** Without a definition: who asks for OpenAPI 2 has not found a kind in OpenAPI 3, and takes the answer that there is none. */
const OPENAPI_2 = { swagger: '2.0', info: { title: 'Kubernetes', version: VERSION.gitVersion }, paths: {}, definitions: {} };
/** The same for kubectl, which reads no other form: field 1, `swagger`. */
const OPENAPI_2_PROTOBUF = '\n\u00032.0';

type Document = { readonly json: JsonObject; readonly type?: string } | { readonly text: string; readonly code: number; readonly type?: string };

/** undefined: nothing there. */
export function documentAt({ kinds, storeProblem }: { readonly kinds: KindRegistry; readonly storeProblem: string }, path: string, accept: string, host: string): Document | undefined {
  const parts = path.replace(/\/$/, '').split('/').slice(1);
  const wantsAggregated = accept.replaceAll(' ', '').includes('as=APIGroupDiscoveryList');
  switch (parts[0]) {
    case 'healthz': case 'livez': return { text: 'ok', code: 200 };
    case 'readyz': return storeProblem === '' ? { text: 'ok', code: 200 } : { text: `object store: ${storeProblem}`, code: 500 };
    case 'version': return { json: VERSION };
    case 'api':
      if (parts.length === 1) return wantsAggregated ? { json: aggregated(kinds, true), type: AGGREGATED } : { json: coreVersions(host) };
      return parts.length === 2 ? found(resourceList(kinds, '', parts[1] as string)) : undefined;
    case 'apis': {
      if (parts.length === 1) return wantsAggregated ? { json: aggregated(kinds, false), type: AGGREGATED } : { json: groupList(kinds) };
      const group = groupsOf(kinds).find((candidate) => candidate.group === parts[1] && candidate.group !== '');
      if (group === undefined) return undefined;
      if (parts.length === 2) return { json: { kind: 'APIGroup', apiVersion: 'v1', ...groupDocument(group.group, group.versions) } };
      return parts.length === 3 ? found(resourceList(kinds, group.group, parts[2] as string)) : undefined;
    }
    case 'openapi':
      if (parts[1] === 'v2' && parts.length === 2) return accept.includes('protobuf') ? { text: OPENAPI_2_PROTOBUF, code: 200, type: 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf' } : { json: OPENAPI_2 };
      if (parts[1] !== 'v3') return undefined;
      if (parts.length === 2) return { json: openApiIndex(kinds) };
      if (parts[2] === 'api' && parts.length === 4) return found(openApiDocument(kinds, '', parts[3] as string));
      if (parts[2] === 'apis' && parts.length === 5) return found(openApiDocument(kinds, parts[3] as string, parts[4] as string));
      return undefined;
    default: return undefined;
  }
}

const found = (json: JsonObject | undefined): Document | undefined => (json === undefined ? undefined : { json });
