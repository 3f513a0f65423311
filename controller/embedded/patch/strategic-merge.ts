/** Strategic merge patch for built-in kinds: merge keys and strategies come from the schema (apimachinery `util/strategicpatch`). */
import type { StructuralSchema } from '../../../mesh/api/schema/structural.ts';
import { clone, equal, isObject, type JsonObject, member, put } from '../json.ts';
import { badRequest } from '../problems.ts';
import { memberSchema } from '../fields/typed.ts';

type Schema = StructuralSchema | undefined;
const ORDER = '$setElementOrder/';
const DELETE = '$deleteFromPrimitiveList/';

export function strategicMergePatch(schema: Schema, target: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return clone(patch);
  const directive = patch['$patch'];
  if (directive !== undefined && directive !== 'replace' && directive !== 'delete' && directive !== 'merge') throw badRequest(`Unknown patch type: ${JSON.stringify(directive)}`);
  if (directive === 'delete') return {};
  const result: JsonObject = isObject(target) && directive !== 'replace' ? { ...target } : {};
  if (Array.isArray(patch['$retainKeys'])) {
    for (const key of Object.keys(result)) if (!patch['$retainKeys'].includes(key)) delete result[key];
  }
  for (const [key, value] of Object.entries(patch)) {
    if (key.startsWith(DELETE)) {
      const field = key.slice(DELETE.length);
      const list = member(result, field);
      if (Array.isArray(list) && Array.isArray(value)) put(result, field, list.filter((item) => !value.some((gone) => equal(gone, item))));
    } else if (!key.startsWith('$')) {
      if (value === null) delete result[key];
      else put(result, key, mergeMember(memberSchema(schema, key), member(result, key), value));
    }
  }
  for (const [field, list] of Object.entries(result)) {
    const of = memberSchema(schema, field);
    const order = member(patch, ORDER + field) ?? member(patch, field);
    if (!Array.isArray(list) || !Array.isArray(order) || !isMerged(of)) continue;
    const before = isObject(target) ? member(target, field) : undefined;
    put(result, field, inOrder(list, order, Array.isArray(before) ? before : [], of?.['x-kubernetes-patch-merge-key']));
  }
  return result;
}

const strategiesOf = (schema: Schema): readonly string[] => (schema?.['x-kubernetes-patch-strategy'] ?? '').split(',');
const isMerged = (schema: Schema): boolean => strategiesOf(schema).includes('merge');

function mergeMember(schema: Schema, target: unknown, patch: unknown): unknown {
  if (Array.isArray(patch)) {
    if (!isMerged(schema)) return withoutDirectives(patch);
    const key = schema?.['x-kubernetes-patch-merge-key'];
    return key === undefined ? mergeScalars(target, patch) : mergeByKey(schema?.items, key, target, patch);
  }
  if (isObject(patch)) return strategicMergePatch(schema, strategiesOf(schema).includes('replace') ? undefined : target, patch);
  return patch;
}

function mergeScalars(target: unknown, patch: readonly unknown[]): unknown[] {
  const result = Array.isArray(target) ? [...(target as unknown[])] : [];
  for (const item of patch) if (!result.some((known) => equal(known, item))) result.push(clone(item));
  return result;
}

function mergeByKey(items: Schema, key: string, target: unknown, patch: readonly unknown[]): unknown[] {
  const replaces = patch.some((item) => isObject(item) && item['$patch'] === 'replace' && Object.keys(item).length === 1);
  let result = Array.isArray(target) && !replaces ? [...(target as unknown[])] : [];
  for (const item of patch) {
    if (!isObject(item)) throw badRequest(`a list merged by ${key} holds objects only`);
    if (item['$patch'] === 'replace' && Object.keys(item).length === 1) continue;
    const identity = member(item, key);
    if (identity === undefined) throw badRequest(`map: does not contain declared merge key: ${key}`);
    const at = result.findIndex((known) => isObject(known) && equal(member(known, key), identity));
    if (item['$patch'] === 'delete') result = result.filter((known) => !(isObject(known) && equal(member(known, key), identity)));
    else if (at >= 0) result[at] = strategicMergePatch(items, result[at], item);
    else result.push(strategicMergePatch(items, undefined, item));
  }
  return result;
}

const withoutDirectives = (list: readonly unknown[]): unknown[] => list.map((item) => (isObject(item) ? strategicMergePatch(undefined, undefined, item) : clone(item)));

/** Items of the patch in its order, woven into the others, which keep theirs: an item that is new comes before what is left of the others. */
function inOrder(list: readonly unknown[], wanted: readonly unknown[], before: readonly unknown[], key: string | undefined): unknown[] {
  const identity = (item: unknown): string => JSON.stringify(key !== undefined && isObject(item) ? member(item, key) : item) ?? '';
  const order = wanted.map(identity);
  const server = before.map(identity);
  const left = list.filter((item) => order.includes(identity(item))).sort((a, b) => order.indexOf(identity(a)) - order.indexOf(identity(b)));
  const right = list.filter((item) => !order.includes(identity(item)));
  const result: unknown[] = [];
  while (left.length > 0 && right.length > 0) {
    const [at, other] = [server.indexOf(identity(left[0])), server.indexOf(identity(right[0]))];
    result.push(at >= 0 && other >= 0 && other < at ? right.shift() : left.shift());
  }
  return [...result, ...left, ...right];
}
