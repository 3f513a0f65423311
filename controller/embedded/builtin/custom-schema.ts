/** Judges a schema that a CustomResourceDefinition brings: what would break later is refused now, what is not enforced here is named. */
import type { StatusCause } from '../../../mesh/ports/kubernetes.ts';
import { isObject, type JsonObject } from '../json.ts';
import { fieldForbidden, invalidValue, notSupported, required, typeInvalid } from '../problems.ts';
import { compileRule } from '../schema/rules.ts';
import { compilePattern } from '../schema/validate.ts';

const TYPES = ['array', 'boolean', 'integer', 'number', 'object', 'string'];
const SILENT = ['title', 'description', 'example', 'externalDocs', 'default', 'nullable', 'format', 'type', 'pattern', 'properties', 'items', 'additionalProperties', 'required', 'enum',
  'minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'minLength', 'maxLength', 'minItems', 'maxItems', 'minProperties', 'maxProperties', '$ref',
  'x-kubernetes-validations', 'x-kubernetes-list-type', 'x-kubernetes-list-map-keys', 'x-kubernetes-map-type', 'x-kubernetes-int-or-string', 'x-kubernetes-preserve-unknown-fields'];
const ENFORCED_IN_RULES = ['rule', 'message'];

export interface SchemaFindings {
  readonly causes: StatusCause[];
  /** Keywords that are kept but judge nothing here. */
  readonly unenforced: Set<string>;
}

export function judgeSchema(schema: unknown, field: string, found: SchemaFindings = { causes: [], unenforced: new Set() }): SchemaFindings {
  const { causes, unenforced } = found;
  if (!isObject(schema)) {
    causes.push(schema === undefined ? required(field) : typeInvalid(field, schema, 'must be a schema object'));
    return found;
  }
  if ('$ref' in schema) causes.push(fieldForbidden(`${field}.$ref`, '$ref is not supported'));
  const { type, pattern, properties, items, additionalProperties } = schema;
  if (type !== undefined && !TYPES.some((known) => known === type)) causes.push(notSupported(`${field}.type`, type, TYPES));
  if (pattern !== undefined) judgeWith(compilePattern, pattern, `${field}.pattern`, causes);
  judgeRules(schema, field, found);
  // With int-or-string the usual `anyOf` says the same again.
  const redundant = schema['x-kubernetes-int-or-string'] === true ? ['anyOf', 'allOf'] : [];
  for (const key of Object.keys(schema)) if (!SILENT.includes(key) && !redundant.includes(key)) unenforced.add(key);
  if (properties !== undefined && !isObject(properties)) causes.push(typeInvalid(`${field}.properties`, properties, 'must be a map of schemas'));
  else for (const [name, child] of Object.entries(properties ?? {})) judgeSchema(child, `${field}.properties[${name}]`, found);
  if (items !== undefined) judgeSchema(items, `${field}.items`, found);
  if (additionalProperties !== undefined) judgeSchema(additionalProperties, `${field}.additionalProperties`, found);
  return found;
}

function judgeRules(schema: JsonObject, field: string, { causes, unenforced }: SchemaFindings): void {
  const rules = schema['x-kubernetes-validations'] ?? [];
  if (!Array.isArray(rules)) {
    causes.push(typeInvalid(`${field}.x-kubernetes-validations`, rules, 'must be a list of rules'));
    return;
  }
  rules.forEach((rule: unknown, index) => {
    const at = `${field}.x-kubernetes-validations[${index}]`;
    judgeWith(compileRule, isObject(rule) ? rule['rule'] : undefined, `${at}.rule`, causes);
    for (const key of Object.keys(isObject(rule) ? rule : {})) if (!ENFORCED_IN_RULES.includes(key)) unenforced.add(`x-kubernetes-validations.${key}`);
  });
}

function judgeWith(compile: (text: string) => unknown, text: unknown, field: string, causes: StatusCause[]): void {
  try {
    if (typeof text !== 'string') throw new TypeError('must be text');
    compile(text);
  } catch (error) {
    causes.push(invalidValue(field, text ?? null, error instanceof Error ? error.message : String(error)));
  }
}
