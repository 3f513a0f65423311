/** Built-in kinds' schemas with references resolved, in the form that pruning, validation and apply read. */
import type { StructuralSchema } from '../../../mesh/api/schema/structural.ts';
import { isObject, type JsonObject } from '../json.ts';
import { KUBERNETES_SCHEMAS } from './schemas.generated.ts';

const resolved = new Map<string, StructuralSchema>();

export function builtInSchema(name: string): StructuralSchema {
  let schema = resolved.get(name);
  if (schema === undefined) {
    const source = KUBERNETES_SCHEMAS[name];
    if (source === undefined) throw new Error(`no schema named ${name} among the built-in kinds; generate them again`);
    schema = resolve(source as JsonObject);
    resolved.set(name, schema);
  }
  return schema;
}

function resolve(node: JsonObject): StructuralSchema {
  const reference = node['$ref'] ?? (Array.isArray(node['allOf']) && isObject(node['allOf'][0]) ? node['allOf'][0]['$ref'] : undefined);
  const { $ref: _ref, allOf: _allOf, oneOf, properties, items, additionalProperties, default: given, 'x-kubernetes-group-version-kind': _kinds, ...rest } = node;
  const named = typeof reference === 'string' ? reference.slice(reference.lastIndexOf('/') + 1) : '';
  const base = named === '' ? {} : { ...builtInSchema(named), ...(named === MICRO_TIME ? { format: 'micro-time' } : {}) };
  // Quantities and ports are written as numbers or text.
  const either = Array.isArray(oneOf) || rest['format'] === 'int-or-string' ? { 'x-kubernetes-int-or-string': true } : {};
  return {
    ...base, ...rest, ...either,
    // Go's zero values stand in the documents as defaults; only the others mean something.
    ...(given === undefined || given === '' || given === 0 || given === false || isObject(given) ? {} : { default: given }),
    ...(isObject(properties) ? { properties: Object.fromEntries(Object.entries(properties).map(([key, child]) => [key, resolve(child as JsonObject)])) } : {}),
    ...(isObject(items) ? { items: resolve(items) } : {}),
    ...(isObject(additionalProperties) ? { additionalProperties: resolve(additionalProperties) } : {}),
  };
}

const MICRO_TIME = 'io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime';
export const OBJECT_META = 'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta';
