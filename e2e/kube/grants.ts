/** Rules of Roles, one by one, beside the requests that used them. */
import type { KubernetesObject } from '../../mesh/ports/kubernetes.ts';
import type { AuditedRequest } from './audit.ts';

interface RoleObject extends KubernetesObject {
  readonly rules: readonly { readonly apiGroups: readonly string[]; readonly resources: readonly string[]; readonly verbs: readonly string[]; readonly resourceNames?: readonly string[] }[];
}

export interface Grant {
  /** `*`: a ClusterRole. */
  readonly namespace: string;
  readonly group: string;
  readonly resource: string;
  readonly verb: string;
  /** `*`: any. */
  readonly name: string;
}

export const grantText = ({ namespace, group, resource, verb, name }: Grant): string => `${verb} ${resource}${group === '' ? '' : `.${group}`} ${name} in ${namespace}`;

/** A role that a chart brings for people to bind is no right of its program. */
export const isForPeople = ({ metadata }: KubernetesObject): boolean => metadata.labels?.['isthmus.dev/for'] === 'people';

export function grantsOf(objects: readonly KubernetesObject[]): readonly Grant[] {
  return objects.filter((object) => (object.kind === 'Role' || object.kind === 'ClusterRole') && !isForPeople(object)).flatMap((object) => (object as RoleObject).rules.flatMap((rule) =>
    rule.apiGroups.flatMap((group) => rule.resources.flatMap((resource) => rule.verbs.flatMap((verb) => (rule.resourceNames ?? ['*']).map((name) => (
      { namespace: object.kind === 'ClusterRole' ? '*' : object.metadata.namespace ?? '', group, resource, verb, name })))))));
}

/**
 * An apply of an object that was not there (201) is authorised as `patch` and as `create`. Who watches needs `list`, too: a cache streams its first list as a watch,
 * and reads it page by page where a server has no such lists.
 */
const verbsOf = ({ verb, status }: AuditedRequest): readonly string[] => (verb === 'patch' && status === 201 ? ['patch', 'create'] : verb === 'watch' ? ['watch', 'list'] : [verb]);

export function unusedGrants(grants: readonly Grant[], requests: readonly AuditedRequest[]): readonly Grant[] {
  return grants.filter((grant) => !requests.some((request) => request.group === grant.group && request.resource === grant.resource && verbsOf(request).includes(grant.verb)
    && (grant.namespace === '*' || grant.namespace === request.namespace) && (grant.name === '*' || grant.name === request.name)));
}
