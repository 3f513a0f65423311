/** Reads a rule when its definition comes: names, fields and plain types must be there. A light form of CEL's type check. */
import { parse } from '@bufbuild/cel';
import type { StructuralSchema } from '../../../mesh/api/schema/structural.ts';
import { isKnownFunction } from './cel.ts';
import { escapeName } from './cel-values.ts';
import { compilePattern } from './scalars.ts';

type Expression = NonNullable<ReturnType<typeof parse>['expr']>;
type Schema = StructuralSchema | undefined;
/** Names that an expression may use, with what is known of their values. */
export type Scope = ReadonlyMap<string, Schema>;

/** Of these, fields are written as they are; of all others, names that CEL reserves are escaped. */
export const unescaped = new WeakSet<StructuralSchema>();

class RuleProblem extends Error {}
const fail = (message: string): never => { throw new RuleProblem(message); };

/** Why `text` is no rule of `result` type over `self`; undefined: it is one. `self` undefined: of any shape. */
export function ruleProblem(text: string, self: Schema, result: 'boolean' | 'string', optionalOldSelf: boolean): string | undefined {
  const found = expressionType(text, new Map<string, Schema>([['self', self], ['oldSelf', optionalOldSelf ? undefined : self]]));
  if (typeof found === 'string') return found;
  return found.type === undefined || found.type === result ? undefined : `must evaluate to a ${result === 'boolean' ? 'bool' : 'string'}`;
}

/** The plain type that an expression over `scope` gives, as far as it is known; `anything`: nothing can be known of it. A text: why it is no expression. */
export function expressionType(text: string, scope: Scope): { readonly type: StructuralSchema['type'] | undefined; readonly anything: boolean } | string {
  try {
    const { expr } = parse(text);
    if (expr === undefined) return 'compilation failed: no expression';
    const type = typeOf(expr, scope)?.type;
    const { exprKind: kind } = expr;
    return { type, anything: type === undefined && (kind.case === 'identExpr' || kind.case === 'selectExpr' || (kind.case === 'callExpr' && kind.value.function === '_[_]')) };
  } catch (error) {
    return `compilation failed: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** What is known of the value; undefined: anything. */
function typeOf(expression: Expression, scope: Scope): Schema {
  const { exprKind: kind } = expression;
  switch (kind.case) {
    case 'constExpr': return constantType(kind.value.constantKind.case);
    case 'identExpr': return scope.has(kind.value.name) || isTypeName(kind.value.name) ? scope.get(kind.value.name) : fail(`undeclared reference to '${kind.value.name}' (in container '')`);
    case 'selectExpr': {
      const type = fieldType(kind.value.operand === undefined ? undefined : typeOf(kind.value.operand, scope), kind.value.field);
      return kind.value.testOnly ? { type: 'boolean' } : type;
    }
    case 'callExpr': return callType(kind.value.function, [...(kind.value.target === undefined ? [] : [kind.value.target]), ...kind.value.args], scope);
    case 'listExpr':
      for (const element of kind.value.elements) typeOf(element, scope);
      return undefined;
    case 'structExpr':
      for (const entry of kind.value.entries) if (entry.value !== undefined) typeOf(entry.value, scope);
      return undefined;
    case 'comprehensionExpr': {
      const { iterRange, iterVar, iterVar2, accuVar, accuInit, loopCondition, loopStep, result } = kind.value;
      const range = iterRange === undefined ? undefined : typeOf(iterRange, scope);
      const accumulated = new Map(scope).set(accuVar, undefined);
      const inside = new Map(accumulated).set(iterVar, range?.type === 'array' && iterVar2 === '' ? range.items : undefined).set(iterVar2, undefined);
      if (accuInit !== undefined) typeOf(accuInit, scope);
      for (const part of [loopCondition, loopStep]) if (part !== undefined) typeOf(part, inside);
      if (result !== undefined) typeOf(result, accumulated);
      return undefined;
    }
    default: return undefined;
  }
}

const constantType = (kind: string | undefined): Schema =>
  (kind === 'boolValue' ? { type: 'boolean' } : kind === 'stringValue' ? { type: 'string' } : kind === 'int64Value' ? { type: 'integer' } : kind === 'doubleValue' ? { type: 'number' } : undefined);
const isTypeName = (name: string): boolean => ['int', 'uint', 'double', 'bool', 'string', 'bytes', 'list', 'map', 'null_type', 'type', 'google'].includes(name);

function fieldType(schema: Schema, field: string): Schema {
  if (schema?.type === undefined || schema['x-kubernetes-preserve-unknown-fields'] === true) return undefined;
  if (schema.type !== 'object') return fail(`type '${schema.type}' does not support field selection`);
  if (schema.additionalProperties !== undefined) return schema.additionalProperties;
  const [, found] = Object.entries(schema.properties ?? {}).find(([name]) => (unescaped.has(schema) ? name : escapeName(name)) === field) ?? [];
  return found ?? fail(`undefined field '${field}'`);
}

const COMPARISONS = ['_==_', '_!=_'];
const LOGIC = ['_&&_', '_||_', '!_', '@not_strictly_false', '_<_', '_<=_', '_>_', '_>=_', '@in', 'matches', 'startsWith', 'endsWith', 'contains', ...COMPARISONS];

function callType(name: string, parts: readonly Expression[], scope: Scope): Schema {
  const types = parts.map((part) => typeOf(part, scope));
  const [first, second] = types;
  if (name === '_[_]') return first?.type === 'array' ? first.items : first?.additionalProperties;
  if (name === '_?_:_') return second;
  if (!LOGIC.includes(name) && !isKnownFunction(name)) fail(`undeclared reference to '${name}' (in container '')`);
  if (COMPARISONS.includes(name) && first?.type !== undefined && second?.type !== undefined && !comparable(first.type, second.type)) fail(`found no matching overload for '${name}' applied to '(${first.type}, ${second.type})'`);
  if (name === 'matches') checkPattern(parts.at(-1));
  return LOGIC.includes(name) ? { type: 'boolean' } : undefined;
}

const comparable = (a: string, b: string): boolean => a === b;

function checkPattern(expression: Expression | undefined): void {
  const constant = expression?.exprKind.case === 'constExpr' ? expression.exprKind.value.constantKind : undefined;
  if (constant?.case === 'stringValue') compilePattern(constant.value);
}
