/** Uniqueness of items: `x-kubernetes-list-type` set and map. */
import { canonicalJson } from '../../../mesh/model/canonical.ts';
import type { StructuralSchema } from '../../../mesh/api/schema/structural.ts';
import type { StatusCause } from '../../../mesh/ports/kubernetes.ts';
import { isObject, member } from '../json.ts';
import { duplicate } from '../problems.ts';

export function listDuplicates(schema: StructuralSchema | undefined, value: unknown, path = '', causes: StatusCause[] = []): StatusCause[] {
  if (schema === undefined) return causes;
  if (Array.isArray(value)) {
    itemDuplicates(schema, value, path, causes);
    value.forEach((item, index) => listDuplicates(schema.items, item, `${path}[${index}]`, causes));
  } else if (isObject(value)) {
    for (const [key, child] of Object.entries(value)) {
      const of = schema.properties !== undefined && Object.hasOwn(schema.properties, key) ? schema.properties[key] : schema.additionalProperties;
      if (path !== '' || key !== 'metadata') listDuplicates(of, child, path === '' ? key : `${path}.${key}`, causes);
    }
  }
  return causes;
}

function itemDuplicates(schema: StructuralSchema, list: readonly unknown[], path: string, causes: StatusCause[]): void {
  const type = schema['x-kubernetes-list-type'];
  if (type !== 'set' && type !== 'map') return;
  const keys = schema['x-kubernetes-list-map-keys'] ?? [];
  const seen = new Set<string>();
  list.forEach((item, index) => {
    const identity = type === 'set' ? item : Object.fromEntries(keys.map((key) => [key, isObject(item) ? member(item, key) : undefined]));
    const text = canonicalJson(identity);
    if (seen.has(text)) causes.push(duplicate(`${path}[${index}]`, identity));
    seen.add(text);
  });
}
