/** Judges a schema that a CustomResourceDefinition brings (apiextensions-apiserver `schema/validation.go`, `apiextensions/validation`): structural, or refused. */
import type { StructuralSchema } from '../../../mesh/api/schema/structural.ts';
import type { StatusCause } from '../../../mesh/ports/kubernetes.ts';
import { isObject, type JsonObject } from '../json.ts';
import { type ApiProblem, badRequest, fieldForbidden, invalidValue, notSupported, required } from '../problems.ts';
import { isKnownFormat } from '../schema/formats.ts';
import { withEmbedded } from '../schema/embedded-resource.ts';
import { prune } from '../schema/prune.ts';
import { compilePattern } from '../schema/scalars.ts';
import { validate } from '../schema/validate.ts';
import { judgeListsAndMaps } from './custom-lists.ts';
import { judgeRules } from './custom-rules.ts';

const TYPES = ['array', 'boolean', 'integer', 'number', 'object', 'string'];
const UNSUPPORTED = ['$ref', 'definitions', 'dependencies', 'id', 'patternProperties', 'additionalItems'];
const ELSEWHERE = ['title', 'description', 'example', 'externalDocs', 'default', 'nullable', 'format', 'type', 'pattern', 'properties', 'items', 'additionalProperties', 'required', 'enum', '$schema',
  'minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'minLength', 'maxLength', 'minItems', 'maxItems', 'minProperties', 'maxProperties', 'multipleOf', 'uniqueItems', 'anyOf', 'oneOf', 'allOf', 'not',
  'x-kubernetes-validations', 'x-kubernetes-list-type', 'x-kubernetes-list-map-keys', 'x-kubernetes-map-type', 'x-kubernetes-int-or-string', 'x-kubernetes-preserve-unknown-fields', 'x-kubernetes-embedded-resource'];
/** What stands beside values only: inside of anyOf, allOf, oneOf and not it makes a schema not structural. */
const STRUCTURE = ['type', 'description', 'title', 'default', 'nullable', 'additionalProperties', 'x-kubernetes-list-type', 'x-kubernetes-list-map-keys', 'x-kubernetes-map-type', 'x-kubernetes-preserve-unknown-fields', 'x-kubernetes-embedded-resource', 'x-kubernetes-int-or-string', 'x-kubernetes-validations'];

export interface SchemaFindings {
  readonly causes: StatusCause[];
  /** Formats that nobody knows: they judge nothing. */
  readonly formats: Set<string>;
}

/** What Go cannot read as a definition at all. */
const undecodable = (field: string, message: string): ApiProblem =>
  badRequest(`CustomResourceDefinition in version "v1" cannot be handled as a CustomResourceDefinition: ${field}: ${message}`);

const noFindings = (): SchemaFindings => ({ causes: [], formats: new Set() });

/** `place` of a schema says what an absent type is called. */
type Place = 'root' | 'object fields' | 'array items';

export function judgeSchema(schema: unknown, field: string, found: SchemaFindings = noFindings(), place: Place = 'root'): SchemaFindings {
  const { causes } = found;
  if (!isObject(schema)) {
    if (schema !== undefined) throw undecodable(field, 'must be a schema object');
    causes.push(required(field));
    return found;
  }
  if (place === 'root') judgeRoot(schema, field, causes);
  else if (schema['type'] === undefined && schema['x-kubernetes-int-or-string'] !== true && schema['x-kubernetes-preserve-unknown-fields'] !== true) causes.push(required(`${field}.type`, `must not be empty for specified ${place}`));
  judgeNode(schema, field, found);
  judgeListsAndMaps(schema, field, causes);
  judgeRules(schema, field, place === 'root', causes);
  judgeDefault(schema, field, causes);
  for (const key of ['anyOf', 'oneOf', 'allOf'] as const) {
    const branches = schema[key];
    if (Array.isArray(branches)) branches.forEach((branch, index) => judgeBranch(schema, branch, `${field}.${key}[${index}]`, causes));
  }
  if (schema['not'] !== undefined) judgeBranch(schema, schema['not'], `${field}.not`, causes);
  for (const [name, child] of Object.entries(isObject(schema['properties']) ? schema['properties'] : {})) {
    if (place !== 'root' || name !== 'metadata') judgeSchema(child, `${field}.properties[${name}]`, found, 'object fields');
  }
  if (isObject(schema['items'])) judgeSchema(schema['items'], `${field}.items`, found, 'array items');
  if (isObject(schema['additionalProperties'])) judgeSchema(schema['additionalProperties'], `${field}.additionalProperties`, found, 'object fields');
  return found;
}

function judgeRoot(schema: JsonObject, field: string, causes: StatusCause[]): void {
  if (schema['type'] === undefined) causes.push(required(`${field}.type`, 'must not be empty at the root'));
  else if (schema['type'] !== 'object') causes.push(invalidValue(`${field}.type`, schema['type'], 'must be object at the root'));
  if (schema['nullable'] === true) causes.push(fieldForbidden(`${field}.nullable`, 'nullable cannot be true at the root'));
  if (schema['additionalProperties'] !== undefined) causes.push(fieldForbidden(`${field}.additionalProperties`, 'must not be used at the root'));
  const metadata = isObject(schema['properties']) ? schema['properties']['metadata'] : undefined;
  if (isObject(metadata) && Object.keys(isObject(metadata['properties']) ? metadata['properties'] : {}).some((name) => name !== 'name' && name !== 'generateName')) {
    causes.push(fieldForbidden(`${field}.properties[metadata]`, 'must not specify anything other than name and generateName, but metadata is implicitly specified'));
  }
}

function judgeNode(schema: JsonObject, field: string, { causes, formats }: SchemaFindings): void {
  const { type, pattern, properties, items, additionalProperties, format } = schema;
  for (const key of UNSUPPORTED) if (key in schema) causes.push(fieldForbidden(`${field}.${key}`, `${key} is not supported`));
  if (type !== undefined && !TYPES.some((known) => known === type)) causes.push(notSupported(`${field}.type`, type, TYPES));
  if (schema['uniqueItems'] === true) causes.push(fieldForbidden(`${field}.uniqueItems`, 'uniqueItems cannot be set to true since the runtime complexity becomes quadratic'));
  if (pattern !== undefined) judgePattern(pattern, `${field}.pattern`, causes);
  if (typeof format === 'string' && !isKnownFormat(format)) formats.add(format);
  if (type === 'array' && items === undefined) causes.push(required(`${field}.items`, 'must be specified'));
  if (Array.isArray(items)) causes.push(fieldForbidden(`${field}.items`, 'items must be a schema object and not an array'));
  if (properties !== undefined && additionalProperties !== undefined && additionalProperties !== false) causes.push(fieldForbidden(`${field}.additionalProperties`, 'additionalProperties and properties are mutual exclusive'));
  if (schema['x-kubernetes-preserve-unknown-fields'] === false) causes.push(invalidValue(`${field}.x-kubernetes-preserve-unknown-fields`, false, 'must be true or undefined'));
  if (schema['x-kubernetes-int-or-string'] === true && type !== undefined) causes.push(fieldForbidden(`${field}.type`, 'must be empty if x-kubernetes-int-or-string is true'));
  if (schema['x-kubernetes-embedded-resource'] === true) {
    if (properties === undefined && schema['x-kubernetes-preserve-unknown-fields'] !== true) causes.push(required(`${field}.properties`, 'must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields'));
    if (type !== 'object') causes.push(invalidValue(`${field}.type`, type ?? '', 'must be object if x-kubernetes-embedded-resource is true'));
  }
}

function judgePattern(pattern: unknown, field: string, causes: StatusCause[]): void {
  try {
    // Go's expressions have no look-around and no back references.
    if (typeof pattern !== 'string' || /\(\?<?[=!]|\\[1-9]/.test(pattern)) throw new Error('look-around and back references are not supported');
    compilePattern(pattern);
  } catch (error) {
    causes.push(invalidValue(field, pattern, `must be a valid regular expression, but isn't: ${error instanceof Error ? error.message : String(error)}`));
  }
}

function judgeDefault(schema: JsonObject, field: string, causes: StatusCause[]): void {
  const given = schema['default'];
  if (given === undefined || given === null) return;
  const typed = withEmbedded(schema as StructuralSchema);
  const unknown = prune(typed, structuredClone(given));
  if (unknown.length > 0) causes.push(invalidValue(`${field}.default`, given, 'must not have unknown fields'));
  else causes.push(...validate(typed, given).map((cause) => ({ ...cause, field: `${field}.default${cause.field === '' || cause.field === '<nil>' ? '' : `.${cause.field}`}` })));
}

/** `outside`: the schema that the branch stands in; a branch only judges fields that it has. */
function judgeBranch(outside: JsonObject, branch: unknown, field: string, causes: StatusCause[]): void {
  if (!isObject(branch)) return;
  for (const key of STRUCTURE) {
    if (branch[key] === undefined || (outside['x-kubernetes-int-or-string'] === true && key === 'type')) continue;
    causes.push(fieldForbidden(`${field}.${key}`, key === 'default' ? 'must be undefined to be structural' : key === 'nullable' ? 'must be false to be structural' : 'must be empty to be structural'));
  }
  const outer = isObject(outside['properties']) ? outside['properties'] : {};
  for (const [name, child] of Object.entries(isObject(branch['properties']) ? branch['properties'] : {})) {
    judgeBranch(isObject(outer[name]) ? outer[name] : {}, child, `${field}.properties[${name}]`, causes);
    if (isObject(outside['properties']) && !Object.hasOwn(outer, name)) causes.push(required(`${field.replace(/\.(anyOf|oneOf|allOf)\[\d+\]$|\.not$/, '')}.properties[${name}]`, `because it is defined in ${field}.properties[${name}]`));
  }
  if (isObject(branch['items'])) judgeBranch(isObject(outside['items']) ? outside['items'] : {}, branch['items'], `${field}.items`, causes);
  for (const key of ['anyOf', 'oneOf', 'allOf'] as const) {
    const branches = branch[key];
    if (Array.isArray(branches)) branches.forEach((each, index) => judgeBranch(outside, each, `${field}.${key}[${index}]`, causes));
  }
}

/** Paths of keywords that no schema has, as decoding names them; they are dropped. In place. */
export function dropUnknownKeywords(schema: unknown, path: string, dropped: string[] = []): string[] {
  if (!isObject(schema)) return dropped;
  for (const key of Object.keys(schema)) {
    if (ELSEWHERE.includes(key) || UNSUPPORTED.includes(key)) continue;
    delete schema[key];
    dropped.push(`${path}.${key}`);
  }
  for (const [name, child] of Object.entries(isObject(schema['properties']) ? schema['properties'] : {})) dropUnknownKeywords(child, `${path}.properties.${name}`, dropped);
  for (const key of ['items', 'additionalProperties', 'not']) dropUnknownKeywords(schema[key], `${path}.${key}`, dropped);
  for (const key of ['anyOf', 'oneOf', 'allOf']) if (Array.isArray(schema[key])) schema[key].forEach((child: unknown, index) => dropUnknownKeywords(child, `${path}.${key}[${index}]`, dropped));
  return dropped;
}
