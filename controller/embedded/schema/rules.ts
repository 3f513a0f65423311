/** CEL rules of a schema (`x-kubernetes-validations`), transition rules included (apiextensions-apiserver `schema/cel/validation.go`). */
import { type CelInput, celList } from '@bufbuild/cel';
import type { StructuralSchema, ValidationRule } from '../../../mesh/api/schema/structural.ts';
import type { StatusCause } from '../../../mesh/ports/kubernetes.ts';
import { equal, isObject, member } from '../json.ts';
import { evaluate, usesOldSelf } from './cel.ts';
import { toCel } from './cel-values.ts';
import { earlierItems } from './earlier.ts';

/** One walk over an object: what it finds. */
interface Findings {
  readonly causes: StatusCause[];
  /** Of content that stays as it was: not refused, but said. */
  readonly warnings: string[];
}

/** `earlier` undefined: nothing to compare with, so transition rules do not run. */
export function checkRules(schema: StructuralSchema, value: unknown, earlier: unknown, warnings: string[] = []): StatusCause[] {
  const found: Findings = { causes: [], warnings };
  walk(schema, value, earlier, '', found);
  return found.causes;
}

function walk(schema: StructuralSchema, value: unknown, earlier: unknown, path: string, found: Findings): void {
  if (value === undefined || value === null || !hasRules(schema)) return;
  for (const rule of schema['x-kubernetes-validations'] ?? []) judge(rule, schema, value, earlier ?? undefined, path, found);
  if (Array.isArray(value) && schema.items !== undefined) {
    const before = earlierItems(schema, earlier);
    const { items } = schema;
    value.forEach((item, index) => walk(items, item, before(item), `${path}[${index}]`, found));
  } else if (isObject(value)) {
    for (const key of Object.keys(value)) {
      const declared = schema.properties !== undefined && Object.hasOwn(schema.properties, key) ? schema.properties[key] : undefined;
      const child = declared ?? schema.additionalProperties;
      const at = declared === undefined ? `${path}[${key}]` : path === '' ? key : `${path}.${key}`;
      if (child !== undefined) walk(child, value[key], isObject(earlier) ? member(earlier, key) : undefined, at, found);
    }
  }
}

function judge(rule: ValidationRule, schema: StructuralSchema, value: unknown, earlier: unknown, path: string, { causes, warnings }: Findings): void {
  const transition = usesOldSelf(rule.rule);
  if (transition && earlier === undefined && rule.optionalOldSelf !== true) return;
  const bindings: Record<string, CelInput> = { self: toCel(schema, value) };
  if (transition) {
    const old = earlier === undefined ? undefined : toCel(schema, earlier);
    // An optional value is a list of none or one here; see `cel.ts`.
    bindings['oldSelf'] = rule.optionalOldSelf === true ? celList(old === undefined ? [] : [old]) : old as CelInput;
  }
  const problem = failure(rule, bindings);
  if (problem === undefined) return;
  const cause = causeOf(rule, value, path, problem);
  if (!transition && earlier !== undefined && equal(earlier, value)) warnings.push(`${cause.field}: ${cause.message}`);
  else causes.push(cause);
}

/** Why the rule refuses, or undefined. A rule that cannot be evaluated refuses. */
function failure(rule: ValidationRule, bindings: Record<string, CelInput>): string | undefined {
  const result = evaluate(rule.rule, bindings);
  if (result === true) return undefined;
  if (result instanceof Error) return `rule evaluation error: ${result.message}`;
  const said = rule.messageExpression === undefined ? undefined : evaluate(rule.messageExpression, bindings);
  // A message that is none counts as not given.
  if (typeof said === 'string' && said.trim() !== '' && !said.includes('\n') && said.length <= 5120) return said;
  return rule.message ?? `failed rule: ${rule.rule}`;
}

const TITLES: Readonly<Record<string, string>> = { FieldValueForbidden: 'Forbidden', FieldValueRequired: 'Required value', FieldValueDuplicate: 'Duplicate value', FieldValueInvalid: 'Invalid value' };

function causeOf({ reason = 'FieldValueInvalid', fieldPath = '' }: ValidationRule, value: unknown, path: string, problem: string): StatusCause {
  const title = TITLES[reason] ?? 'Invalid value';
  const shown = reason === 'FieldValueInvalid' || reason === 'FieldValueDuplicate' ? `${title}: ${typeof value === 'object' ? JSON.stringify(Array.isArray(value) ? 'array' : 'object') : JSON.stringify(value)}` : title;
  const field = path === '' ? fieldPath.replace(/^\./, '') : path + fieldPath;
  return { reason, field: field === '' ? '<nil>' : field, message: `${shown}: ${problem}` };
}

const ruleBearing = new WeakMap<StructuralSchema, boolean>();
/** Of itself or of anything in it. */
export function hasRules(schema: StructuralSchema): boolean {
  let known = ruleBearing.get(schema);
  if (known === undefined) {
    known = schema['x-kubernetes-validations'] !== undefined
      || [schema.items, schema.additionalProperties, ...Object.values(schema.properties ?? {})].some((child) => child !== undefined && hasRules(child));
    ruleBearing.set(schema, known);
  }
  return known;
}
