/** JSON values as CEL sees them: types and names by schema. */
import type { CelInput } from '@bufbuild/cel';
import type { StructuralSchema } from '../../../mesh/api/schema/structural.ts';
import { isObject } from '../json.ts';

/** Integers become CEL ints by schema, as in kube-apiserver; names that CEL reserves are escaped the same way. */
export function toCel(schema: StructuralSchema | undefined, value: unknown): CelInput {
  if (typeof value === 'number') return schema?.type === 'integer' || (schema?.type === undefined && Number.isInteger(value)) ? BigInt(value) : value;
  if (Array.isArray(value)) return value.map((item) => toCel(schema?.items, item));
  if (isObject(value)) {
    return new Map(Object.keys(value).map((key): [string, CelInput] => {
      const declared = schema?.properties !== undefined && Object.hasOwn(schema.properties, key);
      return [declared ? escapeName(key) : key, toCel(declared ? schema?.properties?.[key] : schema?.additionalProperties, value[key])];
    }));
  }
  return value as CelInput;
}

const RESERVED = new Set(['true', 'false', 'null', 'in', 'as', 'break', 'const', 'continue', 'else', 'for', 'function', 'if', 'import', 'let', 'loop', 'package', 'namespace', 'return', 'var', 'void', 'while']);
/** Name of a member in a rule (KEP-2876). */
export function escapeName(name: string): string {
  if (RESERVED.has(name)) return `__${name}__`;
  return name.replaceAll('__', '__underscores__').replaceAll('.', '__dot__').replaceAll('-', '__dash__').replaceAll('/', '__slash__');
}
