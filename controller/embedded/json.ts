/** Plain JSON values: copy, compare, reach into. */

export type JsonObject = { [key: string]: unknown };

export const isObject = (value: unknown): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value);

/** Deep copy of a JSON value. `__proto__` stays an ordinary member: bodies come from strangers. */
export function clone<T>(value: T): T {
  if (Array.isArray(value)) return value.map(clone) as T;
  if (typeof value !== 'object' || value === null) return value;
  const copy: JsonObject = {};
  for (const key of Object.keys(value)) {
    const member = (value as JsonObject)[key];
    if (member !== undefined) put(copy, key, clone(member));
  }
  return copy as T;
}

/** Sets an own member, whatever its name. */
export function put(object: JsonObject, key: string, value: unknown): void {
  if (key === '__proto__') Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true });
  else object[key] = value;
}

/** Own members only, so that `constructor` in a body is absent unless it was sent. */
export const member = (object: JsonObject, key: string): unknown => (Object.hasOwn(object, key) ? object[key] : undefined);

/** Order of members does not count, `undefined` members are absent. */
export function equal(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (Array.isArray(a)) return Array.isArray(b) && a.length === b.length && a.every((item, index) => equal(item, b[index]));
  if (!isObject(a) || !isObject(b)) return false;
  const keys = Object.keys(a).filter((key) => a[key] !== undefined);
  return keys.length === Object.keys(b).filter((key) => b[key] !== undefined).length && keys.every((key) => Object.hasOwn(b, key) && equal(a[key], b[key]));
}

/** The member as an object; an empty one (not attached) where it is absent or something else. */
export function objectAt(object: JsonObject, key: string): JsonObject {
  const value = member(object, key);
  return isObject(value) ? value : {};
}

export const textAt = (object: JsonObject, key: string): string | undefined => {
  const value = member(object, key);
  return typeof value === 'string' ? value : undefined;
};
