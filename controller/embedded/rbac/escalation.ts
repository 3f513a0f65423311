/** Nobody grants what they do not hold: writes of Roles and bindings, by kube-apiserver's `registry/rbac` (the `policybased` packages). */
import type { ServedKind } from '../kinds.ts';
import { equal, type JsonObject, member, objectAt, textAt } from '../json.ts';
import { nameOf, namespaceOf } from '../metadata.ts';
import { forbidden, notFound } from '../problems.ts';
import { type Authority, MASTERS, RBAC_GROUP, type User } from './authority.ts';
import { missingRules, type PolicyRule, rulesOf } from './rules.ts';

/** Throws 403 where `user` would grant more than they hold, unless they may `escalate` or `bind`. Other kinds pass. */
export function checkEscalation(authority: Authority, user: User, kind: ServedKind, next: JsonObject | undefined, live: JsonObject | undefined): void {
  if (kind.group !== RBAC_GROUP || next === undefined || user.groups.includes(MASTERS)) return;
  const namespace = namespaceOf(next);
  const may = (verb: string, resource: string, name: string): boolean => authority.decide(user, { verb, group: RBAC_GROUP, resource, subresource: '', namespace, name }).allowed;
  if (kind.kind === 'Role' || kind.kind === 'ClusterRole') {
    if (live !== undefined && equal(member(live, 'rules'), member(next, 'rules')) && equal(member(live, 'aggregationRule'), member(next, 'aggregationRule'))) return;
    if (!may('escalate', kind.plural, nameOf(next))) confirm(authority, user, kind, next, rulesOf(next));
    return;
  }
  if (live !== undefined && equal(member(live, 'subjects'), member(next, 'subjects')) && equal(member(live, 'roleRef'), member(next, 'roleRef'))) return;
  const reference = objectAt(next, 'roleRef');
  const role = textAt(reference, 'name') ?? '';
  if (may('bind', reference['kind'] === 'Role' ? 'roles' : 'clusterroles', role)) return;
  const rules = authority.rulesOfRole(reference, namespace);
  // kube-apiserver names the binding's kind and the role's name.
  if (rules === undefined) throw notFound(kind, role);
  confirm(authority, user, kind, next, rules);
}

function confirm(authority: Authority, user: User, kind: ServedKind, next: JsonObject, wanted: readonly PolicyRule[]): void {
  const { rules, errors } = authority.rulesFor(user, namespaceOf(next));
  const missing = missingRules(rules, wanted);
  if (missing.length === 0) return;
  const groups = user.groups.map((group) => JSON.stringify(group)).join(' ');
  const trouble = errors.length === 0 ? '' : `; resolution errors: [${errors.join(', ')}]`;
  throw forbidden(kind, nameOf(next), `user ${JSON.stringify(user.name)} (groups=[${groups}]) is attempting to grant RBAC permissions not currently held:\n${missing.join('\n')}${trouble}`);
}
