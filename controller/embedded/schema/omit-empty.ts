/** What Go's decoding and encoding leave of a built-in kind: nulls and empty optional lists and maps are not there. */
import type { StructuralSchema } from '../../../mesh/api/schema/structural.ts';
import { isObject } from '../json.ts';

/** In place. A null among texts is an empty text, as in Go's `map[string]string`. */
export function dropEmpty(schema: StructuralSchema | undefined, value: unknown): void {
  if (Array.isArray(value)) for (const item of value) dropEmpty(schema?.items, item);
  if (!isObject(value)) return;
  for (const [key, child] of Object.entries(value)) {
    const declared = schema?.properties !== undefined && Object.hasOwn(schema.properties, key) ? schema.properties[key] : undefined;
    const of = declared ?? schema?.additionalProperties;
    if (child === null && declared === undefined && of?.type === 'string') value[key] = '';
    else if (child === null || (isOptionalCollection(schema, key, declared) && isEmpty(declared, child))) delete value[key];
    else dropEmpty(of, child);
  }
}

const isOptionalCollection = (schema: StructuralSchema | undefined, key: string, declared: StructuralSchema | undefined): boolean =>
  declared !== undefined && schema?.required?.includes(key) !== true && declared.nullable !== true
  && (declared.type === 'array' || (declared.type === 'object' && declared.additionalProperties !== undefined));
const isEmpty = (schema: StructuralSchema | undefined, value: unknown): boolean =>
  (schema?.type === 'array' ? Array.isArray(value) && value.length === 0 : isObject(value) && Object.keys(value).length === 0);
