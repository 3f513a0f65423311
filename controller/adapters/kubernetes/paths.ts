/** URLs of the Kubernetes API, and the names that its RBAC has for requests. */
import type { ObjectRef, ResourceKind } from '../../../mesh/ports/kubernetes.ts';

export type Verb = 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete';
export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

/** What a request is about, for its URL, its metric and its errors. */
export interface Target {
  readonly verb: Verb;
  readonly kind: ResourceKind;
  readonly namespace?: string | undefined;
  readonly name?: string | undefined;
  readonly subresource?: 'status' | undefined;
}

/** `clusters/status`, as a Role's `resources` writes it. */
export const resourceName = (target: Target): string => (target.subresource === undefined ? target.kind.plural : `${target.kind.plural}/${target.subresource}`);

/** `update clusters/status berlin`: how errors name the request. */
export function describe(target: Target): string {
  const object = [target.namespace, target.name].filter((part) => part !== undefined && part !== '').join('/');
  return [target.verb, resourceName(target), object].filter((part) => part !== '').join(' ');
}

export function targetOf(verb: Verb, kind: ResourceKind, ref: Partial<ObjectRef>, subresource?: 'status'): Target {
  return { verb, kind, namespace: kind.namespaced ? ref.namespace : undefined, name: ref.name, subresource };
}

export function pathOf(target: Target, query: Query = {}): string {
  const { group, version, plural } = target.kind;
  const parts = (group === '' ? ['api', version] : ['apis', group, version]).filter((part) => part !== '');
  if (target.namespace !== undefined && target.namespace !== '') parts.push('namespaces', target.namespace);
  // Without a plural, the group's version itself: its discovery document.
  if (plural !== '') parts.push(plural);
  if (target.name !== undefined) parts.push(target.name);
  if (target.subresource !== undefined) parts.push(target.subresource);
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) if (value !== undefined && value !== '' && value !== false) search.set(key, String(value));
  const text = search.toString();
  return `/${parts.map(encodeURIComponent).join('/')}${text === '' ? '' : `?${text}`}`;
}
