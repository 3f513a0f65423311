/** Which requests a policy or a binding is about (apiserver `admission/plugin/policy/matching` and `webhook/predicates`). */
import { isObject, type JsonObject, member, objectAt, textAt } from '../json.ts';
import { type LabelSelector, parseLabelSelector } from '../label-selector.ts';
import type { ServedKind } from '../kinds.ts';

export type Operation = 'CREATE' | 'UPDATE' | 'DELETE';

/** What is asked, as far as rules look at it. */
export interface Asked {
  readonly kind: ServedKind;
  /** As the caller speaks it. */
  readonly version: string;
  /** Empty: the object itself. */
  readonly subresource: string;
  readonly operation: Operation;
  readonly name: string;
  /** Of the object's namespace, or of the object where it is one; undefined: in none. */
  readonly namespaceLabels: Labels | undefined;
  /** Of the object before and after, as far as they are there. */
  readonly labels: readonly Labels[];
}

export type Labels = Readonly<Record<string, string>>;

export const objectsOf = (object: JsonObject, key: string): readonly JsonObject[] => {
  const list = member(object, key);
  return Array.isArray(list) ? list.filter(isObject) : [];
};
export const textsOf = (object: JsonObject, key: string): readonly string[] => {
  const list = member(object, key);
  return Array.isArray(list) ? list.map(String) : [];
};

/** The version in which a policy sees the request; undefined: it is not about it. `whenNoRules`: without resource rules everything is meant. */
export function matchedVersion(match: JsonObject, asked: Asked, whenNoRules: boolean): string | undefined {
  const { namespaceLabels } = asked;
  if (namespaceLabels !== undefined && !selectorOf(objectAt(match, 'namespaceSelector'))(namespaceLabels)) return undefined;
  const about = selectorOf(objectAt(match, 'objectSelector'));
  if (!asked.labels.some(about)) return undefined;
  if (objectsOf(match, 'excludeResourceRules').some((rule) => versionOf(rule, asked, match) !== undefined)) return undefined;
  const rules = objectsOf(match, 'resourceRules');
  if (rules.length === 0) return whenNoRules ? asked.version : undefined;
  // What names the version of the request goes before what names another one.
  return rules.some((rule) => isAbout(rule, asked, asked.version)) ? asked.version : rules.map((rule) => versionOf(rule, asked, match)).find((version) => version !== undefined);
}

/** `Equivalent`: another version of the same kind is as good. */
const versionOf = (rule: JsonObject, asked: Asked, match: JsonObject): string | undefined =>
  (textAt(match, 'matchPolicy') === 'Exact' ? [asked.version] : [asked.version, ...asked.kind.versions]).find((version) => isAbout(rule, asked, version));

function isAbout(rule: JsonObject, { kind, subresource, operation, name }: Asked, version: string): boolean {
  const among = (key: string, value: string): boolean => textsOf(rule, key).some((each) => each === '*' || each === value);
  const scope = textAt(rule, 'scope') ?? '*';
  const names = textsOf(rule, 'resourceNames');
  return among('operations', operation) && among('apiGroups', kind.group) && among('apiVersions', version)
    && (scope === '*' || scope === (kind.namespaced ? 'Namespaced' : 'Cluster'))
    && (names.length === 0 || names.includes(name))
    && textsOf(rule, 'resources').some((each) => {
      const [resource, below = ''] = each.split('/');
      return (resource === '*' || resource === kind.plural) && (below === '*' || below === subresource);
    });
}

const selectors = new WeakMap<JsonObject, LabelSelector>();

/** Of `matchLabels` and `matchExpressions`; empty: everything. */
function selectorOf(selector: JsonObject): LabelSelector {
  const known = selectors.get(selector) ?? parseLabelSelector(selectorText(selector));
  selectors.set(selector, known);
  return known;
}

/** The same as text. Throws nothing: `parseLabelSelector` says what is wrong with it. */
export function selectorText(selector: JsonObject): string {
  const labels = Object.entries(objectAt(selector, 'matchLabels')).map(([key, value]) => `${key}=${String(value)}`);
  return [...labels, ...objectsOf(selector, 'matchExpressions').map((each) => {
    const [key, operator, values] = [textAt(each, 'key') ?? '', textAt(each, 'operator') ?? '', `(${textsOf(each, 'values').join(',')})`];
    return operator === 'Exists' ? key : operator === 'DoesNotExist' ? `!${key}` : `${key} ${operator === 'NotIn' ? 'notin' : 'in'} ${values}`;
  })].join(',');
}
