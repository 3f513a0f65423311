/** Sets of field paths: who owns what. Text form is `FieldsV1` (structured-merge-diff `fieldpath/serialize`). */
import { isObject, type JsonObject, put } from '../json.ts';

/**
 * Keys are path elements: `f:name` a field, `k:{"type":"Ready"}` a list-map item, `v:"x"` a member of a set, `i:0` an index.
 * `member`: the path itself is in the set, beside what stands below it.
 */
export interface FieldSet {
  member: boolean;
  readonly children: Map<string, FieldSet>;
}

export const emptySet = (): FieldSet => ({ member: false, children: new Map() });

export const isEmptySet = (set: FieldSet): boolean => !set.member && [...set.children.values()].every(isEmptySet);

export function childOf(set: FieldSet, element: string): FieldSet {
  let child = set.children.get(element);
  if (child === undefined) {
    child = emptySet();
    set.children.set(element, child);
  }
  return child;
}

/** By path: below a common element only what `pick` keeps. */
function combine(a: FieldSet | undefined, b: FieldSet | undefined, pick: (inA: boolean, inB: boolean) => boolean): FieldSet {
  const result = emptySet();
  result.member = pick(a?.member ?? false, b?.member ?? false);
  for (const element of new Set([...(a?.children.keys() ?? []), ...(b?.children.keys() ?? [])])) {
    const child = combine(a?.children.get(element), b?.children.get(element), pick);
    if (!isEmptySet(child)) result.children.set(element, child);
  }
  return result;
}

export const union = (a: FieldSet, b: FieldSet): FieldSet => combine(a, b, (inA, inB) => inA || inB);
export const intersection = (a: FieldSet, b: FieldSet): FieldSet => combine(a, b, (inA, inB) => inA && inB);
export const difference = (a: FieldSet, b: FieldSet): FieldSet => combine(a, b, (inA, inB) => inA && !inB);

/** Without a path and everything below it. */
export function withoutPath(set: FieldSet, path: readonly string[]): FieldSet {
  const [first, ...rest] = path;
  if (first === undefined) return emptySet();
  const child = set.children.get(first);
  if (child === undefined) return set;
  const children = new Map(set.children);
  const reduced = withoutPath(child, rest);
  if (isEmptySet(reduced)) children.delete(first);
  else children.set(first, reduced);
  return { member: set.member, children };
}

export function toFieldsV1(set: FieldSet): JsonObject {
  const result: JsonObject = {};
  if (set.member && set.children.size > 0) result['.'] = {};
  for (const element of [...set.children.keys()].sort()) put(result, element, toFieldsV1(set.children.get(element) as FieldSet));
  return result;
}

/** undefined: not FieldsV1. */
export function fromFieldsV1(value: unknown, depth = 0): FieldSet | undefined {
  if (!isObject(value) || depth > 64) return undefined;
  const set = emptySet();
  const keys = Object.keys(value);
  if (depth > 0 && (keys.length === 0 || Object.hasOwn(value, '.'))) set.member = true;
  for (const key of keys) {
    if (key === '.') continue;
    if (!/^[fkvi]:/s.test(key)) return undefined;
    const child = fromFieldsV1(value[key], depth + 1);
    if (child === undefined) return undefined;
    set.children.set(key, child);
  }
  return set;
}

/** Every path of the set as people read it: `.data.oslo`, `.status.conditions[type="Ready"].status`. */
export function pathTexts(set: FieldSet, prefix = ''): string[] {
  const texts = set.member ? [prefix] : [];
  for (const element of [...set.children.keys()].sort()) texts.push(...pathTexts(set.children.get(element) as FieldSet, prefix + elementText(element)));
  return texts;
}

function elementText(element: string): string {
  const rest = element.slice(2);
  if (element.startsWith('f:')) return `.${rest}`;
  if (element.startsWith('i:')) return `[${rest}]`;
  if (element.startsWith('v:')) return `[=${rest}]`;
  try {
    const keys = JSON.parse(rest) as JsonObject;
    return `[${Object.keys(keys).sort().map((key) => `${key}=${JSON.stringify(keys[key])}`).join(',')}]`;
  } catch {
    return `[${rest}]`;
  }
}
