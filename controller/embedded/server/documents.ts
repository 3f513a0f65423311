/** Paths that are no resources: health, version, discovery, OpenAPI. */
import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { aggregated, coreVersions, groupDocument, groupList, groupsOf, resourceList } from '../documents/discovery.ts';
import { openApiDocument, openApiIndex, openApiPaths } from '../documents/openapi.ts';
import type { JsonObject } from '../json.ts';
import { apiVersionIn, type KindRegistry, type ServedKind } from '../kinds.ts';
import { ApiProblem, methodNotAllowed } from '../problems.ts';
import { healthAt } from './health.ts';
import { notAcceptable, sendJson } from './respond.ts';

const VERSION = {
  major: '1', minor: '36', emulationMajor: '1', emulationMinor: '36', minCompatibilityMajor: '1', minCompatibilityMinor: '35',
  gitVersion: 'v1.36.0-isthmus-embedded', gitCommit: '', gitTreeState: '', buildDate: '1970-01-01T00:00:00Z', goVersion: '', compiler: '', platform: '',
};
const AGGREGATED = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';

/** Without a definition: who asks for OpenAPI 2 has not found a kind in OpenAPI 3, and takes the answer that there is none. */
const OPENAPI_2 = { swagger: '2.0', info: { title: 'Kubernetes', version: VERSION.gitVersion }, paths: {}, definitions: {} };
/** The same for kubectl, which reads no other form: field 1, `swagger`. */
const OPENAPI_2_PROTOBUF = '\n\u00032.0';

/** `tagged`: a caller may keep it, and asks whether it is still the same. */
type Document = { readonly json: JsonObject; readonly tagged?: true } | { readonly text: string; readonly code?: number; readonly headers: Readonly<Record<string, string>> };

export interface DocumentSources {
  readonly kinds: KindRegistry;
  /** Why objects cannot be written; '' while they can. */
  readonly storeProblem: string;
}

export function sendDocument(sources: DocumentSources, request: IncomingMessage, response: ServerResponse, url: URL): void {
  if (request.method !== 'GET' && request.method !== 'HEAD') throw methodNotAllowed();
  const document = documentAt(sources, url, request.headers.accept ?? '', request.headers.host ?? '');
  if (document === undefined) throw new ApiProblem(404, 'NotFound', `the server could not find the requested resource: there is nothing at ${JSON.stringify(url.pathname.slice(0, 200))}; GET / lists the paths that this API serves`);
  if ('json' in document && document.tagged === undefined) return sendJson(response, 200, document.json);
  const { text, code = 200, headers } = 'json' in document ? taggedJson(document.json) : document;
  if (headers['etag'] !== undefined && request.headers['if-none-match']?.split(',').some((tag) => tag.trim() === headers['etag']) === true) {
    response.writeHead(304, headers);
    response.end();
    return;
  }
  response.writeHead(code, { 'cache-control': 'no-cache, private', ...headers, 'content-length': Buffer.byteLength(text) });
  response.end(text);
}

/** undefined: nothing there. */
function documentAt(sources: DocumentSources, url: URL, accept: string, host: string): Document | undefined {
  const { kinds } = sources;
  const health = healthAt(sources.storeProblem, url);
  if (health !== undefined) return { ...health, headers: { 'content-type': 'text/plain; charset=utf-8' } };
  const parts = url.pathname.split('/').slice(1);
  // A slash at the end says the same, except of OpenAPI documents.
  if (parts.length > 1 && parts.at(-1) === '' && parts[0] !== 'openapi') parts.pop();
  const [root, group = '', version = ''] = parts;
  if (root === '' && parts.length === 1) return { json: { paths: pathsOf(kinds) } };
  if (root === 'version' && parts.length === 1) return { json: VERSION };
  if (root === 'openapi') return openApiAt(kinds, parts.slice(1), url, accept);
  if (root === 'api' && parts.length === 1) return wantsAggregated(accept) ? { json: aggregated(kinds, true), tagged: true } : { json: coreVersions(host) };
  if (root === 'api' && parts.length === 2) return found(resourceList(kinds, '', group));
  if (root !== 'apis' || parts.length > 3) return undefined;
  if (parts.length === 1) return wantsAggregated(accept) ? { json: aggregated(kinds, false), tagged: true } : { json: groupList(kinds) };
  const served = groupsOf(kinds).find((candidate) => candidate.group === group && group !== '');
  if (served === undefined) return undefined;
  return parts.length === 2 ? { json: { kind: 'APIGroup', apiVersion: 'v1', ...groupDocument(group, served.versions) } } : found(resourceList(kinds, group, version));
}

const found = (json: JsonObject | undefined): Document | undefined => (json === undefined ? undefined : { json });

const pathsOf = (kinds: KindRegistry): string[] => [
  ...groupsOf(kinds).flatMap(({ group, versions }) => (group === '' ? ['/api', '/apis'] : [`/apis/${group}`]).concat(versions.map((version) => `/${group === '' ? 'api' : 'apis'}/${apiVersionIn({ group }, version)}`))),
  '/healthz', '/livez', '/openapi/v2', '/openapi/v3', '/readyz', '/version', ...openApiPaths(kinds).map(({ path }) => `/openapi/v3/${path}`),
].sort();

/** Throws 406 where nothing that is served is accepted. */
function wantsAggregated(accept: string): boolean {
  if (accept.trim() === '') return false;
  for (const clause of accept.split(',')) {
    const [type = '', ...parameters] = clause.split(';').map((part) => part.trim());
    if (!['application/json', '*/*'].includes(type)) continue;
    const asked = new Map(parameters.map((parameter) => parameter.split('=', 2) as [string, string]));
    if (!asked.has('as')) return false;
    if (asked.get('as') === 'APIGroupDiscoveryList' && asked.get('g') === 'apidiscovery.k8s.io' && asked.get('v') === 'v2') return true;
  }
  throw notAcceptable('only the following media types are accepted: application/json');
}

const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex').toUpperCase();

function taggedJson(json: JsonObject): { readonly text: string; readonly code?: number; readonly headers: Readonly<Record<string, string>> } {
  const text = `${JSON.stringify(json)}\n`;
  return { text, headers: { 'content-type': AGGREGATED, 'cache-control': 'public', vary: 'Accept', etag: `"${hashOf(text)}"` } };
}

function openApiAt(kinds: KindRegistry, parts: readonly string[], url: URL, accept: string): Document | undefined {
  if (parts[0] === 'v2' && parts.length === 1) return accept.includes('protobuf') ? { text: OPENAPI_2_PROTOBUF, headers: { 'content-type': 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf' } } : { json: OPENAPI_2 };
  if (parts[0] !== 'v3') return undefined;
  const documents = openApiOf(kinds);
  if (parts.length === 1) return { json: openApiIndex(new Map([...documents].map(([path, { hash }]) => [path, hash]))) };
  const path = parts.slice(1).join('/');
  const document = documents.get(path);
  if (document === undefined) return undefined;
  const headers = { 'content-type': 'application/json', vary: 'Accept', etag: `"${document.hash}"` };
  const asked = url.searchParams.get('hash');
  if (asked === null) return { text: document.text, headers };
  if (asked !== document.hash) return { text: '', code: 301, headers: { ...headers, location: `/openapi/v3/${path}?hash=${document.hash}` } };
  return { text: document.text, headers: { ...headers, 'cache-control': 'public, immutable' } };
}

type OpenApi = ReadonlyMap<string, { readonly text: string; readonly hash: string }>;
/** Documents are made once, and again when a kind changes. */
const made = new WeakMap<KindRegistry, { readonly kinds: readonly ServedKind[]; readonly documents: OpenApi }>();

function openApiOf(kinds: KindRegistry): OpenApi {
  const [known, all] = [made.get(kinds), kinds.all()];
  if (known !== undefined && known.kinds.length === all.length && all.every((kind, index) => kind === known.kinds[index])) return known.documents;
  const documents = new Map(openApiPaths(kinds).map(({ path, group, version }) => {
    const text = JSON.stringify(openApiDocument(kinds, group, version));
    return [path, { text, hash: hashOf(text) }];
  }));
  made.set(kinds, { kinds: all, documents });
  return documents;
}
