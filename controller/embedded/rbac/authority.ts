/** Whether a user may do something: rules given at start, and Roles and bindings among the stored objects. */
import { isObject, type JsonObject, objectAt, textAt } from '../json.ts';
import { nameOf, namespaceOf } from '../metadata.ts';
import { allows, type Attributes, fullResource, type PolicyRule, rulesOf } from './rules.ts';

export interface User {
  readonly name: string;
  readonly uid: string;
  readonly groups: readonly string[];
  readonly extra: Readonly<Record<string, readonly string[]>>;
}

/** A rule beside the stored ones; `namespaces` absent: everywhere. */
export interface GivenRule {
  readonly rule: PolicyRule;
  readonly namespaces: readonly string[] | undefined;
}

export interface Decision {
  readonly allowed: boolean;
  /** Empty: nothing to say. */
  readonly reason: string;
}

export interface HeldRules {
  readonly rules: readonly PolicyRule[];
  /** Roles that bindings name and nobody made. */
  readonly errors: readonly string[];
}

export const MASTERS = 'system:masters';
/** Group of everybody who has shown who they are. */
export const AUTHENTICATED = 'system:authenticated';
export const RBAC_GROUP = 'rbac.authorization.k8s.io';
export type ObjectsOf = (group: string, plural: string) => readonly JsonObject[];
type RoleFinder = (plural: 'roles' | 'clusterroles', namespace: string, name: string) => JsonObject | undefined;

const EVERYTHING: readonly PolicyRule[] = [
  { verbs: ['*'], apiGroups: ['*'], resources: ['*'], resourceNames: [], nonResourceURLs: [] },
  { verbs: ['*'], apiGroups: [], resources: [], resourceNames: [], nonResourceURLs: ['*'] },
];

export class Authority {
  readonly #objects: ObjectsOf;
  readonly #role: RoleFinder;
  /** By user name; undefined within: may do everything. */
  readonly #given: ReadonlyMap<string, readonly GivenRule[] | undefined>;

  constructor(objects: ObjectsOf, role: RoleFinder, given: ReadonlyMap<string, readonly GivenRule[] | undefined>) {
    this.#objects = objects;
    this.#role = role;
    this.#given = given;
  }

  decide(user: User, asked: Attributes): Decision {
    if (user.groups.includes(MASTERS)) return { allowed: true, reason: '' };
    const namespace = 'path' in asked ? '' : asked.namespace;
    for (const rule of this.#givenTo(user, namespace)) if (allows(rule, asked)) return { allowed: true, reason: 'allowed by the rules that this server was started with' };
    const errors: string[] = [];
    for (const bound of this.#bound(user, namespace)) {
      if ('error' in bound) errors.push(bound.error);
      else if (bound.rules.some((rule) => allows(rule, asked))) return { allowed: true, reason: bound.reason };
    }
    return { allowed: false, reason: errors.length === 0 ? '' : `RBAC: ${aggregate(errors)}` };
  }

  /** All that the user may do in the namespace; empty: cluster-wide only. */
  rulesFor(user: User, namespace: string): HeldRules {
    const errors: string[] = [];
    const rules = [...this.#givenTo(user, namespace)];
    for (const bound of this.#bound(user, namespace)) {
      if ('error' in bound) errors.push(bound.error);
      else rules.push(...bound.rules);
    }
    return { rules, errors };
  }

  /** What a binding would grant; undefined: there is no such role. */
  rulesOfRole(reference: JsonObject, namespace: string): readonly PolicyRule[] | undefined {
    const role = reference['kind'] === 'Role' ? this.#role('roles', namespace, textAt(reference, 'name') ?? '') : this.#role('clusterroles', '', textAt(reference, 'name') ?? '');
    return role === undefined ? undefined : rulesOf(role);
  }

  #givenTo(user: User, namespace: string): readonly PolicyRule[] {
    if (!this.#given.has(user.name)) return [];
    const rules = this.#given.get(user.name);
    return rules === undefined ? EVERYTHING : rules.filter(({ namespaces }) => namespaces === undefined || (namespace !== '' && (namespaces.includes('*') || namespaces.includes(namespace)))).map(({ rule }) => rule);
  }

  * #bound(user: User, namespace: string): Generator<{ readonly rules: readonly PolicyRule[]; readonly reason: string } | { readonly error: string }> {
    const bindings = [
      ...this.#objects(RBAC_GROUP, 'clusterrolebindings'),
      ...namespace === '' ? [] : this.#objects(RBAC_GROUP, 'rolebindings').filter((binding) => namespaceOf(binding) === namespace),
    ];
    for (const binding of bindings) {
      const subject = subjectsOf(binding).find((each) => isMeant(each, user, namespaceOf(binding)));
      if (subject === undefined) continue;
      const reference = objectAt(binding, 'roleRef');
      const rules = this.rulesOfRole(reference, namespaceOf(binding));
      const role = `${textAt(reference, 'kind') ?? ''}`;
      if (rules === undefined) yield { error: `${role.toLowerCase()}.${RBAC_GROUP} ${JSON.stringify(textAt(reference, 'name') ?? '')} not found` };
      else {
        const where = namespaceOf(binding) === '' ? `ClusterRoleBinding ${JSON.stringify(nameOf(binding))}` : `RoleBinding ${JSON.stringify(`${nameOf(binding)}/${namespaceOf(binding)}`)}`;
        yield { rules, reason: `RBAC: allowed by ${where} of ${role} ${JSON.stringify(textAt(reference, 'name') ?? '')} to ${subjectText(subject, namespaceOf(binding))}` };
      }
    }
  }
}

/** As Go's aggregated errors: one is itself, several stand in brackets, each once. */
export function aggregate(errors: readonly string[]): string {
  const once = [...new Set(errors)];
  return once.length === 1 ? once[0] as string : `[${once.join(', ')}]`;
}

function subjectsOf(binding: JsonObject): readonly JsonObject[] {
  const subjects = binding['subjects'];
  return Array.isArray(subjects) ? subjects.filter(isObject) : [];
}

const accountNamespace = (subject: JsonObject, namespace: string): string => textAt(subject, 'namespace') ?? namespace;

function isMeant(subject: JsonObject, user: User, namespace: string): boolean {
  const name = textAt(subject, 'name') ?? '';
  switch (subject['kind']) {
    case 'User': return user.name === name;
    case 'Group': return user.groups.includes(name);
    case 'ServiceAccount': return accountNamespace(subject, namespace) !== '' && user.name === `system:serviceaccount:${accountNamespace(subject, namespace)}:${name}`;
    default: return false;
  }
}

const subjectText = (subject: JsonObject, namespace: string): string =>
  `${textAt(subject, 'kind') ?? ''} ${JSON.stringify(subject['kind'] === 'ServiceAccount' ? `${textAt(subject, 'name') ?? ''}/${accountNamespace(subject, namespace)}` : textAt(subject, 'name') ?? '')}`;

/** A refusal in kube-apiserver's words. */
export function refusalText(user: User, asked: Attributes, reason: string): string {
  const why = reason === '' ? '' : `: ${reason}`;
  if ('path' in asked) return `forbidden: User ${JSON.stringify(user.name)} cannot ${asked.verb} path ${JSON.stringify(asked.path)}${why}`;
  const where = asked.namespace === '' ? 'at the cluster scope' : `in the namespace ${JSON.stringify(asked.namespace)}`;
  const subject = `${asked.resource}${asked.group === '' ? '' : `.${asked.group}`}${asked.name === '' ? '' : ` ${JSON.stringify(asked.name)}`}`;
  return `${subject} is forbidden: User ${JSON.stringify(user.name)} cannot ${asked.verb} resource ${JSON.stringify(fullResource(asked))} in API group ${JSON.stringify(asked.group)} ${where}${why}`;
}
