/** Whether a request may be made: rules given at start beside tokens, and Roles and bindings among the objects. */
import { ApiProblem } from '../problems.ts';
import { Authority, type GivenRule, type ObjectsOf, refusalText, type User } from '../rbac/authority.ts';
import type { Attributes } from '../rbac/rules.ts';
import type { KnownToken } from './authentication.ts';
import type { ResourceRequest } from './request.ts';

/** As in a Role: `*` means any; `resources` may be `secrets` or `clusters/status`. */
interface AccessRule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
  /** Absent: in every namespace and cluster-wide. */
  readonly namespaces?: readonly string[];
  readonly resourceNames?: readonly string[];
}

export interface TokenGrant extends KnownToken {
  /** What the user of this name may do beside what stored Roles allow. Absent: everything. */
  readonly rules?: readonly AccessRule[];
}

export function authorityOf(api: { stored: ObjectsOf; storedObject(group: string, plural: string, namespace: string, name: string): ReturnType<ObjectsOf>[number] | undefined }, grants: readonly TokenGrant[]): Authority {
  const given = new Map<string, readonly GivenRule[] | undefined>();
  for (const { user, rules } of grants) {
    given.set(user, rules?.map(({ namespaces, ...rule }) => ({ namespaces, rule: { resourceNames: [], ...rule, nonResourceURLs: [] } })));
  }
  return new Authority((group, plural) => api.stored(group, plural), (plural, namespace, name) => api.storedObject('rbac.authorization.k8s.io', plural, namespace, name), given);
}

/** As kube-apiserver's `RequestInfo`: a namespace is in itself, and a list of one name is about that name. */
export function attributesOf(verb: string, request: ResourceRequest, query: URLSearchParams): Attributes {
  const { group, plural: resource, subresource = '' } = request;
  const many = verb === 'list' || verb === 'watch' || verb === 'deletecollection';
  const name = request.name ?? (many ? /^metadata\.name==?([^,=!]+)$/.exec(query.get('fieldSelector') ?? '')?.[1] : undefined) ?? '';
  const namespace = request.namespace ?? (group === '' && resource === 'namespaces' ? name : '');
  return { verb, group, resource, subresource, namespace, name };
}

/** Throws 403 in kube-apiserver's words. */
export function demand(authority: Authority, user: User, asked: Attributes): void {
  const { allowed, reason } = authority.decide(user, asked);
  if (allowed) return;
  const details = 'path' in asked ? {} : { ...(asked.name === '' ? {} : { name: asked.name }), ...(asked.group === '' ? {} : { group: asked.group }), kind: asked.resource };
  throw new ApiProblem(403, 'Forbidden', refusalText(user, asked, reason), details);
}
