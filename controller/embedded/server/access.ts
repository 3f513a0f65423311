/** Who calls, and whether they may: bearer tokens and RBAC-shaped rules, both given at start. */
import { createHash, timingSafeEqual } from 'node:crypto';
import { ApiProblem } from '../problems.ts';
import type { ResourceRequest, Verb } from './request.ts';

/** As in a Role: `*` means any; `resources` may be `secrets` or `clusters/status`. */
interface AccessRule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
  /** Absent: in every namespace and cluster-wide. */
  readonly namespaces?: readonly string[];
  readonly resourceNames?: readonly string[];
}

export interface TokenGrant {
  readonly token: string;
  readonly user: string;
  readonly groups?: readonly string[];
  /** Absent: may do everything. */
  readonly rules?: readonly AccessRule[];
}

export interface Caller {
  readonly user: string;
  readonly groups: readonly string[];
  readonly rules: readonly AccessRule[] | undefined;
}

const digestOf = (text: string): Buffer => createHash('sha256').update(text).digest();

/** undefined: unknown token, or none. */
export function authenticator(grants: readonly TokenGrant[]): (authorization: string | undefined) => Caller | undefined {
  const known = grants.map((grant) => ({ digest: digestOf(grant.token), caller: { user: grant.user, groups: [...grant.groups ?? [], 'system:authenticated'], rules: grant.rules } }));
  return (authorization) => {
    const token = /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1];
    if (token === undefined) return undefined;
    const digest = digestOf(token);
    // Every entry is compared, so that the time does not tell which prefix matched.
    return known.filter((entry) => timingSafeEqual(entry.digest, digest))[0]?.caller;
  };
}

export function mayDo(caller: Caller, verb: string, request: ResourceRequest): boolean {
  if (caller.rules === undefined) return true;
  const resource = request.subresource === undefined ? request.plural : `${request.plural}/${request.subresource}`;
  const holds = (list: readonly string[], value: string): boolean => list.includes('*') || list.includes(value);
  return caller.rules.some((rule) => holds(rule.verbs, verb) && holds(rule.apiGroups, request.group) && holds(rule.resources, resource)
    && (rule.namespaces === undefined || (request.namespace !== undefined && holds(rule.namespaces, request.namespace)))
    && (rule.resourceNames === undefined || (request.name !== undefined && rule.resourceNames.includes(request.name))));
}

/** Throws 403 in kube-apiserver's words. */
export function authorise(caller: Caller, verb: Verb, request: ResourceRequest): void {
  if (mayDo(caller, verb, request)) return;
  const resource = request.subresource === undefined ? request.plural : `${request.plural}/${request.subresource}`;
  const where = request.namespace === undefined ? 'at the cluster scope' : `in the namespace ${JSON.stringify(request.namespace)}`;
  const subject = `${request.plural}${request.group === '' ? '' : `.${request.group}`}${request.name === undefined ? '' : ` ${JSON.stringify(request.name)}`}`;
  throw new ApiProblem(403, 'Forbidden', `${subject} is forbidden: User ${JSON.stringify(caller.user)} cannot ${verb} resource ${JSON.stringify(resource)} in API group ${JSON.stringify(request.group)} ${where}`,
    { ...(request.name === undefined ? {} : { name: request.name }), ...(request.group === '' ? {} : { group: request.group }), kind: request.plural });
}
