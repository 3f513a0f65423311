/** CEL conditions that strangers may write: bounded before they are read, checked before they run, compiled once. The only file of the model with a library. */
import { type CelFunc, type CelInput, celEnv, isCelError, parse, plan } from '@bufbuild/cel';
import { celExpressionProblem, celTextProblem, type CelVariables } from './cel-check.ts';

export interface CelProgram<Subject> {
  /** Never throws. An error of the expression on this subject, an unknown key or an answer that is no truth value is a problem, in one sentence. */
  evaluate(subject: Subject): boolean | { readonly problem: string };
}

export interface CelLanguage<Subject> {
  /** Bounded work whatever the text. The same text gives the same program, as long as it is among the last 256 that were asked for. */
  compile(text: string): CelProgram<Subject> | { readonly problem: string };
}

interface LanguageParts<Subject> {
  /** What an expression may name, and what each name may be asked for. */
  readonly variables: CelVariables;
  /** Beside CEL's own without `matches`. Each must bound the size of what it answers by the size of what it takes. */
  readonly functions?: readonly CelFunc[];
  readonly bind: (subject: Subject) => Record<string, CelInput>;
}

const MOST_PROGRAMS = 256;

export function celLanguage<Subject extends object>({ variables, functions = [], bind }: LanguageParts<Subject>): CelLanguage<Subject> {
  const environment = celEnv({ funcs: [...functions] });
  const knowsFunction = (name: string): boolean => name !== 'matches' && environment.funcs.find(name) !== undefined;
  const programs = new Map<string, CelProgram<Subject> | { readonly problem: string }>();
  /** A subject is a value: several expressions look at it, and it is bound once. */
  const bound = new WeakMap<Subject, Record<string, CelInput>>();

  function bindings(subject: Subject): Record<string, CelInput> {
    const known = bound.get(subject) ?? bind(subject);
    bound.set(subject, known);
    return known;
  }

  function compile(text: string): CelProgram<Subject> | { readonly problem: string } {
    const wrong = celTextProblem(text);
    if (wrong !== undefined) return { problem: wrong };
    try {
      const parsed = parse(text);
      const problem = parsed.expr === undefined ? 'is empty' : celExpressionProblem(parsed.expr, variables, knowsFunction);
      if (problem !== undefined) return { problem };
      const run = plan(environment, parsed);
      return {
        evaluate(subject) {
          try {
            const answer = run(bindings(subject));
            if (typeof answer === 'boolean') return answer;
            return { problem: isCelError(answer) ? sentence(answer) : 'answers no truth value; compare it with something' };
          } catch (error) {
            return { problem: sentence(error) };
          }
        },
      };
    } catch (error) {
      return { problem: `is no CEL: ${sentence(error)}` };
    }
  }

  return {
    compile(text) {
      let program = programs.get(text);
      if (program === undefined) {
        program = compile(text);
        if (programs.size >= MOST_PROGRAMS) programs.delete(programs.keys().next().value ?? '');
        programs.set(text, program);
      }
      return program;
    },
  };
}

const sentence = (error: unknown): string => (error instanceof Error ? error.message : String(error)).split('\n')[0]!.slice(0, 256);

/** A JSON value as expressions see it: whole numbers are `int`, as Kubernetes has them. */
export function celOfJson(value: unknown): CelInput {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? BigInt(value) : value;
  if (Array.isArray(value)) return value.map(celOfJson);
  if (typeof value === 'object' && value !== null) return new Map(Object.entries(value).flatMap(([key, member]) => (member === undefined ? [] : [[key, celOfJson(member)] as const])));
  return value as CelInput;
}
