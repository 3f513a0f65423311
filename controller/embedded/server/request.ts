/** What a URL asks for, in Kubernetes' terms. */
import { badRequest } from '../problems.ts';

export type Verb = 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete' | 'deletecollection';

export interface ResourceRequest {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly namespace: string | undefined;
  readonly name: string | undefined;
  readonly subresource: string | undefined;
}

/** undefined: no path of a resource. */
export function parseResourcePath(path: string): ResourceRequest | undefined {
  const parts = path.split('/').slice(1).map(decode);
  if (parts.at(-1) === '') parts.pop();
  let group: string;
  let version: string | undefined;
  let rest: readonly string[];
  if (parts[0] === 'api') [group, version, rest] = ['', parts[1], parts.slice(2)];
  else if (parts[0] === 'apis') [group, version, rest] = [parts[1] ?? '', parts[2], parts.slice(3)];
  else return undefined;
  if (version === undefined || rest[0] === undefined || rest.length > 6) return undefined;
  const scoped = rest[0] === 'namespaces' && rest.length > 2 && rest[2] !== 'status' && rest[2] !== 'finalize';
  const namespace = scoped ? rest[1] : undefined;
  const [plural, name, subresource, ...more] = scoped ? rest.slice(2) : rest;
  if (plural === undefined || plural === '' || more.length > 0 || namespace === '') return undefined;
  return { group, version, plural, namespace, name, subresource };
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw badRequest('the path is not percent-encoded UTF-8');
  }
}

/** undefined: no verb for this method. */
export function verbOf(method: string, request: ResourceRequest, query: URLSearchParams): Verb | undefined {
  const named = request.name !== undefined;
  switch (method) {
    case 'GET': return named ? 'get' : isSet(query, 'watch') ? 'watch' : 'list';
    case 'POST': return named ? undefined : 'create';
    case 'PUT': return named ? 'update' : undefined;
    case 'PATCH': return named ? 'patch' : undefined;
    case 'DELETE': return named ? 'delete' : 'deletecollection';
    default: return undefined;
  }
}

/** As apimachinery reads it: anything but `false` and `0` is true. */
export const isSet = (query: URLSearchParams, key: string): boolean => !['false', '0'].includes((query.get(key) ?? 'false').toLowerCase());

/** A whole number of the query; undefined where it is absent. */
export function numberOf(query: URLSearchParams, key: string): number | undefined {
  const text = query.get(key);
  if (text === null || text === '') return undefined;
  if (!/^[-+]?\d{1,15}$/.test(text)) throw badRequest(`${key}: strconv.ParseInt: parsing ${JSON.stringify(text.slice(0, 40))}: invalid syntax`);
  return Number(text);
}
