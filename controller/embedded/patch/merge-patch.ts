/** JSON Merge Patch (RFC 7386). */
import { clone, isObject, type JsonObject, member, put } from '../json.ts';

export function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return clone(patch);
  const result: JsonObject = isObject(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else put(result, key, mergePatch(member(result, key), value));
  }
  return result;
}
