/** CEL of admission policies: which names there are, what they are, and values with variables. */
import type { CelInput } from '@bufbuild/cel';
import type { StructuralSchema } from '../../../mesh/api/schema/structural.ts';
import type { JsonObject } from '../json.ts';
import { textAt } from '../json.ts';
import { evaluate } from '../schema/cel.ts';
import { toCel } from '../schema/cel-values.ts';
import { expressionType, type Scope, unescaped } from '../schema/rule-check.ts';
import { objectsOf } from './match.ts';

const text: StructuralSchema = { type: 'string' };
const named = (...names: readonly string[]): StructuralSchema => ({ type: 'object', properties: Object.fromEntries(names.map((name) => [name, text])) });
const texts: StructuralSchema = { type: 'array', items: text };

/** `AdmissionRequest`. */
const REQUEST: StructuralSchema = {
  type: 'object',
  properties: {
    kind: named('group', 'version', 'kind'), requestKind: named('group', 'version', 'kind'), resource: named('group', 'version', 'resource'), requestResource: named('group', 'version', 'resource'),
    subResource: text, requestSubResource: text, name: text, namespace: text, operation: text, dryRun: { type: 'boolean' }, options: {},
    userInfo: { type: 'object', properties: { username: text, uid: text, groups: texts, extra: { type: 'object', additionalProperties: texts } } },
  },
};
unescaped.add(REQUEST);

export type Variable = { readonly name: string; readonly expression: string };
export const variablesOf = (spec: JsonObject): readonly Variable[] => objectsOf(spec, 'variables').map((each) => ({ name: textAt(each, 'name') ?? '', expression: textAt(each, 'expression') ?? '' }));

const TYPES = { boolean: 'bool', string: 'string', integer: 'int', number: 'double', array: 'list', object: 'map' } as const;

/** Why `expression` cannot stand in a policy with `variables`, or undefined. `result` undefined: of any type. */
export function expressionProblem(expression: string, variables: readonly Variable[], result: 'boolean' | 'string' | undefined): string | undefined {
  const scope: Scope = new Map<string, StructuralSchema | undefined>([
    ['object', undefined], ['oldObject', undefined], ['namespaceObject', undefined], ['request', REQUEST],
    ['variables', { type: 'object', properties: Object.fromEntries(variables.map(({ name }) => [name, {}])) }],
  ]);
  const found = expressionType(expression, scope);
  if (typeof found === 'string') return found;
  if (result !== undefined && found.anything) return `must evaluate to ${TYPES[result]} but got dyn`;
  return result === undefined || found.type === undefined || found.type === result ? undefined : `must evaluate to ${TYPES[result]} but got ${TYPES[found.type as keyof typeof TYPES] ?? found.type}`;
}

/** What the expressions of one policy are asked about one request. */
export class Evaluation {
  readonly #bindings: Readonly<Record<string, CelInput>>;
  readonly #variables: readonly Variable[];
  readonly #known = new Map<string, unknown>();

  constructor(values: { readonly object: unknown; readonly oldObject: unknown; readonly namespaceObject: unknown; readonly request: JsonObject }, variables: readonly Variable[]) {
    this.#bindings = Object.fromEntries(Object.entries(values).map(([name, value]) => [name, toCel(undefined, value)]));
    this.#variables = variables;
  }

  /** Its value, or the error that it ends with, in kube-apiserver's words. A variable is evaluated when an expression names it. */
  of(expression: string): unknown {
    const used = this.#variables.filter(({ name }) => new RegExp(`\\bvariables\\s*\\.\\s*${name}\\b`).test(expression));
    const values = new Map<string, CelInput>();
    let broken: string | undefined;
    for (const { name, expression: source } of used) {
      if (!this.#known.has(name)) this.#known.set(name, this.of(source));
      const value = this.#known.get(name);
      if (value instanceof Error) broken ??= `composited variable ${JSON.stringify(name)} fails to evaluate: ${value.message}`;
      else values.set(name, value as CelInput);
    }
    const result = evaluate(expression, { ...this.#bindings, variables: values });
    return result instanceof Error ? new Error(broken ?? result.message.replace(/^field not found: /, 'no such key: ')) : result;
  }
}
