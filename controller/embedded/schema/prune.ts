/** Drops fields that the schema does not know, and says which they were (`fieldValidation`). */
import type { StructuralSchema } from '../../../mesh/api/schema/structural.ts';
import { isObject, type JsonObject, put } from '../json.ts';

/** In place. Paths of what was dropped, in order of appearance; at most 100 are remembered. */
export function prune(schema: StructuralSchema, value: unknown, path = '', unknown: string[] = []): string[] {
  if (schema['x-kubernetes-preserve-unknown-fields'] === true && schema.properties === undefined) return unknown;
  if (Array.isArray(value)) {
    if (schema.items !== undefined) value.forEach((item, index) => prune(schema.items as StructuralSchema, item, `${path}[${index}]`, unknown));
    return unknown;
  }
  if (!isObject(value)) return unknown;
  if (schema.properties === undefined && schema.additionalProperties === undefined) return unknown;
  for (const key of Object.keys(value)) {
    const child = schema.properties !== undefined && Object.hasOwn(schema.properties, key) ? schema.properties[key] : schema.additionalProperties;
    const at = path === '' ? key : `${path}.${key}`;
    if (child !== undefined) prune(child, value[key], at, unknown);
    else if (schema['x-kubernetes-preserve-unknown-fields'] !== true) {
      delete value[key];
      if (unknown.length < 100) unknown.push(at);
    }
  }
  return unknown;
}

/** In place: defaults of absent members; null where null is not allowed counts as absent and goes. */
export function applyDefaults(schema: StructuralSchema, value: unknown): void {
  if (Array.isArray(value)) {
    if (schema.items !== undefined) for (const item of value) applyDefaults(schema.items, item);
    return;
  }
  if (!isObject(value)) return;
  for (const key of Object.keys(value)) {
    const child = schema.properties !== undefined && Object.hasOwn(schema.properties, key) ? schema.properties[key] : schema.additionalProperties;
    if (value[key] === null && child !== undefined && child.nullable !== true && child['x-kubernetes-preserve-unknown-fields'] !== true) delete value[key];
  }
  for (const [key, child] of Object.entries(schema.properties ?? {})) {
    if (child.default === undefined) continue;
    if (!Object.hasOwn(value, key)) put(value, key, structuredClone(child.default));
  }
  for (const key of Object.keys(value)) {
    const child = schema.properties !== undefined && Object.hasOwn(schema.properties, key) ? schema.properties[key] : schema.additionalProperties;
    if (child !== undefined) applyDefaults(child, (value as JsonObject)[key]);
  }
}
