/** Checks a value against a structural schema, with kube-apiserver's causes. */
import { canonicalJson } from '../../../mesh/model/canonical.ts';
import type { StructuralSchema } from '../../../mesh/api/schema/structural.ts';
import type { StatusCause } from '../../../mesh/ports/kubernetes.ts';
import { isObject, member } from '../json.ts';
import { duplicate, invalidValue, notSupported, required, tooLong, tooMany, typeInvalid } from '../problems.ts';

const MOST_CAUSES = 100;

export function validate(schema: StructuralSchema, value: unknown, path = '', causes: StatusCause[] = []): StatusCause[] {
  if (causes.length >= MOST_CAUSES) return causes;
  if (value === null) {
    if (schema.nullable !== true && schema.type !== undefined) causes.push(typeInvalid(path, value, `${path} in body must be of type ${schema.type}: "null"`));
    return causes;
  }
  if (schema['x-kubernetes-int-or-string'] === true) {
    if (typeof value !== 'string' && !Number.isInteger(value)) causes.push(typeInvalid(path, value, `${path} in body must be of type integer or string`));
    return causes;
  }
  if (schema.type !== undefined && !isOfType(schema.type, value)) {
    causes.push(typeInvalid(path, value, `${path} in body must be of type ${schema.type}: ${JSON.stringify(typeName(value))}`));
    return causes;
  }
  if (schema.enum !== undefined && !schema.enum.includes(value)) causes.push(notSupported(path, value, schema.enum));
  if (typeof value === 'string') validateText(schema, value, path, causes);
  if (typeof value === 'number') validateNumber(schema, value, path, causes);
  if (Array.isArray(value)) validateList(schema, value, path, causes);
  else if (isObject(value)) validateMembers(schema, value, path, causes);
  return causes;
}

function validateText(schema: StructuralSchema, value: string, path: string, causes: StatusCause[]): void {
  const length = Array.from(value).length;
  if (schema.maxLength !== undefined && length > schema.maxLength) causes.push(tooLong(path, schema.maxLength));
  if (schema.minLength !== undefined && length < schema.minLength) causes.push(invalidValue(path, value, `${path} in body should be at least ${schema.minLength} chars long`));
  if (schema.pattern !== undefined && !compilePattern(schema.pattern).test(value)) causes.push(invalidValue(path, value, `${path} in body should match '${schema.pattern}'`));
  if (schema.format === 'date-time' && !/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/i.test(value)) {
    causes.push(invalidValue(path, value, `${path} in body must be of type date-time: ${JSON.stringify(value)}`));
  }
}

const patterns = new Map<string, RegExp>();
/** Throws where JavaScript cannot read the pattern. Patterns come from our own definitions and from CRDs that an administrator posts; each is compiled once. */
export function compilePattern(pattern: string): RegExp {
  let compiled = patterns.get(pattern);
  if (compiled === undefined) {
    compiled = new RegExp(pattern);
    if (patterns.size > 1000) patterns.clear();
    patterns.set(pattern, compiled);
  }
  return compiled;
}

function validateNumber(schema: StructuralSchema, value: number, path: string, causes: StatusCause[]): void {
  const { minimum, maximum } = schema;
  if (minimum !== undefined && (schema.exclusiveMinimum === true ? value <= minimum : value < minimum)) {
    causes.push(invalidValue(path, value, `${path} in body should be greater than ${schema.exclusiveMinimum === true ? '' : 'or equal to '}${minimum}`));
  }
  if (maximum !== undefined && (schema.exclusiveMaximum === true ? value >= maximum : value > maximum)) {
    causes.push(invalidValue(path, value, `${path} in body should be less than ${schema.exclusiveMaximum === true ? '' : 'or equal to '}${maximum}`));
  }
  if (schema.format === 'int32' && (value < -2147483648 || value > 2147483647)) causes.push(invalidValue(path, value, `${path} in body must be of type int32`));
}

function validateList(schema: StructuralSchema, list: readonly unknown[], path: string, causes: StatusCause[]): void {
  if (schema.maxItems !== undefined && list.length > schema.maxItems) {
    causes.push(tooMany(path, list.length, schema.maxItems));
    return;
  }
  if (schema.minItems !== undefined && list.length < schema.minItems) {
    causes.push(invalidValue(path, list.length, `${path} in body should have at least ${schema.minItems} items`));
  }
  const items = schema.items;
  if (items !== undefined) list.forEach((item, index) => validate(items, item, `${path}[${index}]`, causes));
  const kind = schema['x-kubernetes-list-type'];
  if (kind !== 'map' && kind !== 'set') return;
  const seen = new Set<string>();
  const keys = schema['x-kubernetes-list-map-keys'] ?? [];
  list.forEach((item, index) => {
    const identity = kind === 'set' ? item : Object.fromEntries(keys.map((key) => [key, (isObject(item) ? member(item, key) : undefined) ?? items?.properties?.[key]?.default]));
    const text = canonicalJson(identity);
    if (seen.has(text)) causes.push(duplicate(`${path}[${index}]`, identity));
    seen.add(text);
  });
}

function validateMembers(schema: StructuralSchema, value: Readonly<Record<string, unknown>>, path: string, causes: StatusCause[]): void {
  const at = (key: string): string => (path === '' ? key : `${path}.${key}`);
  const keys = Object.keys(value);
  if (schema.maxProperties !== undefined && keys.length > schema.maxProperties) causes.push(tooMany(path, keys.length, schema.maxProperties));
  if (schema.minProperties !== undefined && keys.length < schema.minProperties) {
    causes.push(invalidValue(path, keys.length, `${path} in body should have at least ${schema.minProperties} properties`));
  }
  for (const key of schema.required ?? []) if (!Object.hasOwn(value, key)) causes.push(required(at(key)));
  for (const key of keys) {
    if (schema.properties !== undefined && Object.hasOwn(schema.properties, key)) validate(schema.properties[key] as StructuralSchema, value[key], at(key), causes);
    else if (schema.additionalProperties !== undefined) validate(schema.additionalProperties, value[key], at(key), causes);
  }
}

function isOfType(type: NonNullable<StructuralSchema['type']>, value: unknown): boolean {
  switch (type) {
    case 'object': return isObject(value);
    case 'array': return Array.isArray(value);
    case 'integer': return Number.isInteger(value);
    default: return typeof value === type;
  }
}

const typeName = (value: unknown): string => (Array.isArray(value) ? 'array' : Number.isInteger(value) ? 'integer' : typeof value);
