/** Whether an object is healthy: what it says of itself, and the bundle's own rules beside it. */
import type { HealthRule } from '../model/bundle.ts';
import { celLanguage, celOfJson } from '../model/cel.ts';
import type { JsonObject } from './json.ts';
import { objectHealth, type ObjectHealth } from './kstatus.ts';
import { groupOf } from './objects.ts';

export type { ObjectHealth } from './kstatus.ts';

const anything = (): undefined => undefined;
const language = celLanguage<JsonObject>({ variables: { self: anything }, bind: (object) => ({ self: celOfJson(object) }) });

/** Why an expression could never say of an object that it is healthy; undefined: it might. */
export function healthRuleProblem(cel: string): string | undefined {
  const program = language.compile(cel);
  return 'problem' in program ? program.problem : undefined;
}

/** Rules go by group and kind: a rule holds in each version of its group. An expression's error on an object is its message, and not healthy. */
export function judgeHealth(object: JsonObject, rules: readonly HealthRule[]): ObjectHealth {
  const own = objectHealth(object);
  if (own.state !== 'current') return own;
  const rule = rules.find(({ apiVersion, kind }) => kind === object['kind'] && groupOf(apiVersion) === groupOf(String(object['apiVersion'])));
  if (rule === undefined) return own;
  const program = language.compile(rule.cel);
  const answer = 'problem' in program ? program : program.evaluate(object);
  if (answer === true) return own;
  return { state: 'progressing', message: answer === false ? `its health rule is not true: ${rule.cel.slice(0, 200)}` : `its health rule ${answer.problem}` };
}
