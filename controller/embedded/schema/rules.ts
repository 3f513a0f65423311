/** CEL rules of a schema (`x-kubernetes-validations`), transition rules included. */
import { type CelInput, celEnv, isCelError, parse, plan } from '@bufbuild/cel';
import { strings } from '@bufbuild/cel/ext';
import type { StructuralSchema, ValidationRule } from '../../../mesh/api/schema/structural.ts';
import type { StatusCause } from '../../../mesh/ports/kubernetes.ts';
import { isObject, member } from '../json.ts';
import { invalidValue } from '../problems.ts';
import { isKeyedList, itemElement } from '../fields/typed.ts';

type Program = (bindings: Record<string, CelInput>) => unknown;
const programs = new Map<string, Program>();

/** `before` undefined: nothing to compare with, so transition rules do not run. */
export function checkRules(schema: StructuralSchema, after: unknown, before: unknown, path = '', causes: StatusCause[] = []): StatusCause[] {
  if (after === undefined || after === null || !hasRules(schema)) return causes;
  for (const rule of schema['x-kubernetes-validations'] ?? []) {
    const transition = /\boldSelf\b/.test(rule.rule);
    if (transition && (before === undefined || before === null)) continue;
    const problem = failure(rule, schema, after, transition ? before : undefined);
    if (problem !== undefined) causes.push(typeof after === 'object' ? { reason: 'FieldValueInvalid', field: path === '' ? '<nil>' : path, message: `Invalid value: ${problem}` } : invalidValue(path, after, problem));
  }
  if (Array.isArray(after) && schema.items !== undefined) {
    const earlier = isKeyedList(schema, before) ? new Map(before.map((item) => [itemElement(schema, item), item])) : undefined;
    after.forEach((item, index) => checkRules(schema.items as StructuralSchema, item, earlier?.get(itemElement(schema, item)), `${path}[${index}]`, causes));
  } else if (isObject(after)) {
    for (const key of Object.keys(after)) {
      const child = schema.properties !== undefined && Object.hasOwn(schema.properties, key) ? schema.properties[key] : schema.additionalProperties;
      if (child !== undefined) checkRules(child, after[key], isObject(before) ? member(before, key) : undefined, path === '' ? key : `${path}.${key}`, causes);
    }
  }
  return causes;
}

const ruleBearing = new WeakMap<StructuralSchema, boolean>();
function hasRules(schema: StructuralSchema): boolean {
  let known = ruleBearing.get(schema);
  if (known === undefined) {
    known = schema['x-kubernetes-validations'] !== undefined
      || [schema.items, schema.additionalProperties, ...Object.values(schema.properties ?? {})].some((child) => child !== undefined && hasRules(child));
    ruleBearing.set(schema, known);
  }
  return known;
}

/** Why the rule refuses, or undefined. A rule that cannot be evaluated refuses. */
function failure(rule: ValidationRule, schema: StructuralSchema, self: unknown, oldSelf: unknown): string | undefined {
  const bindings: Record<string, CelInput> = { self: toCel(schema, self) };
  if (oldSelf !== undefined) bindings['oldSelf'] = toCel(schema, oldSelf);
  let result: unknown;
  try {
    result = compileRule(rule.rule)(bindings);
  } catch (error) {
    return `rule evaluation error: ${error instanceof Error ? error.message : String(error)}`;
  }
  if (result === true) return undefined;
  if (isCelError(result)) return `rule evaluation error: ${result.message}`;
  return rule.message ?? `failed rule: ${rule.rule}`;
}

/** Throws where the text is no CEL. */
export function compileRule(rule: string): Program {
  let program = programs.get(rule);
  if (program === undefined) {
    program = plan(celEnv({ funcs: strings }), parse(rule)) as Program;
    if (programs.size > 1000) programs.clear();
    programs.set(rule, program);
  }
  return program;
}

/** Integers become CEL ints by schema, as in kube-apiserver; names that CEL reserves are escaped the same way. */
function toCel(schema: StructuralSchema | undefined, value: unknown): CelInput {
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
function escapeName(name: string): string {
  if (RESERVED.has(name)) return `__${name}__`;
  return name.replaceAll('__', '__underscores__').replaceAll('.', '__dot__').replaceAll('-', '__dash__').replaceAll('/', '__slash__');
}
