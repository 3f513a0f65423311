/** Policy rules of Roles: what they allow, and whether rules cover others. By kube-apiserver's `pkg/apis/rbac/v1/evaluation_helpers.go` and `component-helpers/auth/rbac/validation`. */
import { isObject, type JsonObject } from '../json.ts';

/** As in a Role. Lists that are absent are empty. */
export interface PolicyRule {
  readonly verbs: readonly string[];
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames: readonly string[];
  readonly nonResourceURLs: readonly string[];
}

/** What is asked of the authority: something done to a resource, or to a path that is none. */
export type Attributes =
  | { readonly verb: string; readonly path: string }
  | {
    readonly verb: string;
    readonly group: string;
    readonly resource: string;
    readonly subresource: string;
    /** Empty: in all namespaces, or of a kind that has none. */
    readonly namespace: string;
    readonly name: string;
  };

const texts = (value: unknown): readonly string[] => (Array.isArray(value) ? value.filter((item): item is string => typeof item === 'string') : []);

export const rulesOf = (role: JsonObject): readonly PolicyRule[] => (Array.isArray(role['rules']) ? role['rules'].filter(isObject) : []).map((rule) => ({
  verbs: texts(rule['verbs']), apiGroups: texts(rule['apiGroups']), resources: texts(rule['resources']), resourceNames: texts(rule['resourceNames']), nonResourceURLs: texts(rule['nonResourceURLs']),
}));

const holds = (list: readonly string[], value: string): boolean => list.includes('*') || list.includes(value);

export const fullResource = ({ resource, subresource }: { readonly resource: string; readonly subresource: string }): string => (subresource === '' ? resource : `${resource}/${subresource}`);

/** `pods/log` is covered by `pods/log`, `*` and `star/log`. */
const holdsResource = (list: readonly string[], asked: { readonly resource: string; readonly subresource: string }): boolean =>
  holds(list, fullResource(asked)) || (asked.subresource !== '' && list.includes(`*/${asked.subresource}`));

const holdsPath = (list: readonly string[], path: string): boolean =>
  list.some((known) => known === '*' || known === path || (known.endsWith('*') && path.startsWith(known.slice(0, -1).replace(/\*+$/, ''))));

export function allows(rule: PolicyRule, asked: Attributes): boolean {
  if (!holds(rule.verbs, asked.verb)) return false;
  if ('path' in asked) return holdsPath(rule.nonResourceURLs, asked.path);
  return holds(rule.apiGroups, asked.group) && holdsResource(rule.resources, asked) && (rule.resourceNames.length === 0 || rule.resourceNames.includes(asked.name));
}

/** A role of more single permissions than this counts as not held. */
const MOST_PIECES = 20_000;

/** The rule as rules of one verb, group, resource and name (or path) each. */
function* piecesOf(rule: PolicyRule): Generator<PolicyRule> {
  const none = { apiGroups: [], resources: [], resourceNames: [], nonResourceURLs: [] };
  for (const group of rule.apiGroups) {
    for (const resource of rule.resources) {
      for (const verb of rule.verbs) {
        const piece = { ...none, verbs: [verb], apiGroups: [group], resources: [resource] };
        if (rule.resourceNames.length === 0) yield piece;
        for (const name of rule.resourceNames) yield { ...piece, resourceNames: [name] };
      }
    }
  }
  for (const url of rule.nonResourceURLs) for (const verb of rule.verbs) yield { ...none, verbs: [verb], nonResourceURLs: [url] };
}

const all = (list: readonly string[], wanted: readonly string[]): boolean => list.includes('*') || wanted.every((each) => list.includes(each));

function covers(owned: PolicyRule, piece: PolicyRule): boolean {
  return all(owned.verbs, piece.verbs) && all(owned.apiGroups, piece.apiGroups)
    && piece.resources.every((resource) => holds(owned.resources, resource) || (resource.includes('/') && owned.resources.includes(`*/${resource.slice(resource.indexOf('/') + 1)}`)))
    && (owned.resourceNames.length === 0 || (piece.resourceNames.length > 0 && piece.resourceNames.every((name) => owned.resourceNames.includes(name))))
    && piece.nonResourceURLs.every((path) => holdsPath(owned.nonResourceURLs, path));
}

/** What of `wanted` no single rule of `owned` covers, as text for people; empty: all is held. */
export function missingRules(owned: readonly PolicyRule[], wanted: readonly PolicyRule[]): readonly string[] {
  const missing = new Map<string, { readonly piece: PolicyRule; readonly verbs: string[] }>();
  let pieces = 0;
  for (const rule of wanted) {
    for (const piece of piecesOf(rule)) {
      pieces += 1;
      if (pieces > MOST_PIECES) return [`{more than ${MOST_PIECES} single permissions: split the role}`];
      if (owned.some((each) => covers(each, piece))) continue;
      const key = JSON.stringify({ ...piece, verbs: [] });
      const known = missing.get(key);
      if (known === undefined) missing.set(key, { piece, verbs: [...piece.verbs] });
      else if (!known.verbs.includes(piece.verbs[0] as string)) known.verbs.push(piece.verbs[0] as string);
    }
  }
  return [...missing.values()].map(({ piece, verbs }) => compact({ ...piece, verbs })).sort();
}

const listText = (list: readonly string[]): string => `[${list.map((each) => JSON.stringify(each)).join(' ')}]`;

function compact(rule: PolicyRule): string {
  const parts = ([['APIGroups', rule.apiGroups], ['Resources', rule.resources], ['NonResourceURLs', rule.nonResourceURLs], ['ResourceNames', rule.resourceNames], ['Verbs', rule.verbs]] as const)
    .flatMap(([name, list]) => (list.length === 0 ? [] : [`${name}:${listText(list)}`]));
  return `{${parts.join(', ')}}`;
}
