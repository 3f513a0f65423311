/** Checks a value against a structural schema, with kube-apiserver's causes (kube-openapi `validation/validate`). */
import type { StructuralSchema } from '../../../mesh/api/schema/structural.ts';
import type { StatusCause } from '../../../mesh/ports/kubernetes.ts';
import { equal, isObject, member } from '../json.ts';
import { invalidValue, notSupported, required, tooMany, typeInvalid } from '../problems.ts';
import { checkEmbedded } from './embedded-resource.ts';
import { earlierItems } from './earlier.ts';
import { checkNumber, checkText } from './scalars.ts';

const MOST_CAUSES = 100;

/** `earlier`: what stood there before; whatever is as it was is not judged again. */
export function validate(schema: StructuralSchema, value: unknown, path = '', causes: StatusCause[] = [], earlier?: unknown): StatusCause[] {
  if (causes.length >= MOST_CAUSES) return causes;
  if (earlier !== undefined && equal(earlier, value)) return causes;
  if (value === null) {
    if (schema.nullable !== true && schema.type !== undefined) causes.push(typeInvalid(path, value, `${path} in body must be of type ${schema.type}: "null"`));
    return causes;
  }
  const types = schema['x-kubernetes-int-or-string'] === true ? ['integer', 'string'] as const : schema.type === undefined ? [] : [schema.type];
  if (types.length > 0 && !types.some((type) => isOfType(type, value))) {
    causes.push(typeInvalid(path, value, `${path} in body must be of type ${types.join(',')}: ${JSON.stringify(typeName(value))}`));
    return causes;
  }
  checkCompositions(schema, value, path, causes);
  if (typeof value === 'string') checkText(schema, value, path, causes);
  if (typeof value === 'number') checkNumber(schema, value, path, causes);
  if (Array.isArray(value)) checkItems(schema, value, path, causes, earlier);
  if (schema.enum !== undefined && !schema.enum.some((allowed) => equal(allowed, value))) causes.push(notSupported(path, value, schema.enum));
  if (isObject(value)) {
    checkMembers(schema, value, path, causes, earlier);
    if (schema['x-kubernetes-embedded-resource'] === true) checkEmbedded(value, path, causes);
  }
  return causes;
}

/** kube-apiserver gives these no field. */
const composition = (path: string, must: string): StatusCause => ({ reason: 'FieldValueInvalid', field: '<nil>', message: `Invalid value: "": ${JSON.stringify(path)} must ${must}` });

function checkCompositions(schema: StructuralSchema, value: unknown, path: string, causes: StatusCause[]): void {
  const failures = (branch: StructuralSchema): StatusCause[] => validate(branch, value, path);
  if (schema.anyOf !== undefined) {
    const failed = schema.anyOf.map(failures);
    if (failed.every((each) => each.length > 0)) causes.push(composition(path, 'validate at least one schema (anyOf)'), ...failed[0] ?? []);
  }
  if (schema.oneOf !== undefined) {
    const failed = schema.oneOf.map(failures);
    const valid = failed.filter((each) => each.length === 0).length;
    if (valid === 0) causes.push(composition(path, 'validate one and only one schema (oneOf). Found none valid'), ...failed[0] ?? []);
    if (valid > 1) causes.push(composition(path, `validate one and only one schema (oneOf). Found ${valid} valid alternatives`));
  }
  if (schema.allOf !== undefined) {
    const failed = schema.allOf.flatMap(failures);
    if (failed.length > 0) causes.push(...failed, composition(path, 'validate all the schemas (allOf)'));
  }
  if (schema.not !== undefined && failures(schema.not).length === 0) causes.push(composition(path, 'not validate the schema (not)'));
}

function checkItems(schema: StructuralSchema, list: readonly unknown[], path: string, causes: StatusCause[], earlier: unknown): void {
  if (schema.maxItems !== undefined && list.length > schema.maxItems) {
    causes.push(tooMany(path, list.length, schema.maxItems));
    return;
  }
  if (schema.minItems !== undefined && list.length < schema.minItems) {
    causes.push(invalidValue(path, list.length, `${path} in body should have at least ${schema.minItems} items`));
  }
  const { items } = schema;
  if (items === undefined) return;
  const before = earlierItems(schema, earlier);
  list.forEach((item, index) => validate(items, item, `${path}[${index}]`, causes, before(item)));
}

function checkMembers(schema: StructuralSchema, value: Readonly<Record<string, unknown>>, path: string, causes: StatusCause[], earlier: unknown): void {
  const at = (key: string): string => (path === '' ? key : `${path}.${key}`);
  const keys = Object.keys(value);
  if (schema.maxProperties !== undefined && keys.length > schema.maxProperties) causes.push(tooMany(path, keys.length, schema.maxProperties));
  if (schema.minProperties !== undefined && keys.length < schema.minProperties) {
    causes.push(invalidValue(path, keys.length, `${path} in body should have at least ${schema.minProperties} properties`));
  }
  for (const key of schema.required ?? []) if (!Object.hasOwn(value, key)) causes.push(required(at(key)));
  for (const key of keys) {
    const child = schema.properties !== undefined && Object.hasOwn(schema.properties, key) ? schema.properties[key] : schema.additionalProperties;
    if (child !== undefined) validate(child, value[key], at(key), causes, isObject(earlier) ? member(earlier, key) : undefined);
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
