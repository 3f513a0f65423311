/** Bounds of free-form JSON, checked before anything walks through it. */

const DEEPEST = 48;
const LONGEST_KEY = 1024;
const HALF_A_CHARACTER = /\p{Surrogate}/u;

export type JsonObject = Readonly<Record<string, unknown>>;
export const isObject = (value: unknown): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * What another reader could read otherwise than we do: numbers that lose digits, values that JSON does not have, lone surrogates, nesting that exhausts a stack.
 * `nulls` false: members that are null neither, for clients of Kubernetes drop them or keep them as they like. A sentence that begins with the place, or `undefined`. Never recurses.
 */
export function jsonProblem(field: string, root: unknown, nulls = false): string | undefined {
  const open: { readonly path: string; readonly value: unknown; readonly depth: number }[] = [{ path: field, value: root, depth: 0 }];
  for (let entry = open.pop(); entry !== undefined; entry = open.pop()) {
    const { path, value, depth } = entry;
    if (depth > DEEPEST) return `${path.slice(0, 200)}: is nested deeper than ${DEEPEST}; write it flatter`;
    if (typeof value === 'string') {
      if (HALF_A_CHARACTER.test(value)) return `${path}: holds half a character (a lone surrogate), which no two programs write alike; repair the text`;
    } else if (typeof value === 'number') {
      if (!Number.isFinite(value)) return `${path}: ${value} is no number of JSON; write it as a text`;
      if (Number.isInteger(value) && !Number.isSafeInteger(value)) return `${path}: ${value} has more digits than JSON's readers keep (beyond 2^53); write it as a text`;
    } else if (Array.isArray(value)) {
      for (let index = value.length - 1; index >= 0; index--) open.push({ path: `${path}[${index}]`, value: value[index] as unknown, depth: depth + 1 });
    } else if (isObject(value)) {
      const wrong = Object.keys(value).find((key) => key === '__proto__' || key.length > LONGEST_KEY || HALF_A_CHARACTER.test(key));
      if (wrong !== undefined) return `${path}: a key beginning ${JSON.stringify(wrong.slice(0, 40))} is longer than ${LONGEST_KEY} characters, holds half a character, or is "__proto__"`;
      const empty = nulls ? undefined : Object.keys(value).find((key) => value[key] === null);
      if (empty !== undefined) return `${path}.${empty}: is null, which "kubectl apply" drops and others keep, so that one file would have two digests; take it out`;
      for (const [key, member] of Object.entries(value).reverse()) if (member !== undefined) open.push({ path: `${path}.${key}`, value: member, depth: depth + 1 });
    } else if (value !== null && typeof value !== 'boolean') return `${path}: a ${typeof value} is no value of JSON`;
  }
  return undefined;
}

/** Without members that are null. Only for what `jsonProblem` has passed: it recurses. */
export function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).flatMap(([key, member]) => (member === null || member === undefined ? [] : [[key, withoutNulls(member)] as const])));
}

/** Bytes of UTF-8. */
export function utf8Length(text: string): number {
  let bytes = 0;
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    // A surrogate pair is two units and four bytes.
    bytes += unit < 0x80 ? 1 : unit < 0x800 || (unit >= 0xd800 && unit < 0xe000) ? 2 : 3;
  }
  return bytes;
}
