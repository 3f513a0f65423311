/** Conditions of a metric gate: CEL over `result` and `control`, lists of numbers. */
import { type CelProgram, celLanguage } from '../../model/cel.ts';

export interface ConditionSubject {
  readonly result: readonly number[];
  readonly control: readonly number[];
}

const NUMBERS = (member: string): string => `a list of numbers has no ${member}; its first is written [0], their count size(…)`;
const language = celLanguage<ConditionSubject>({
  variables: { result: NUMBERS, control: NUMBERS },
  bind: ({ result, control }) => ({ result: [...result], control: [...control] }),
});

/** Fractions everywhere, so that what a whole number does to a fraction shows. */
const SAMPLE: ConditionSubject = { result: [0.5, 0.25], control: [0.5, 0.25] };

export const compileCondition = (text: string): CelProgram<ConditionSubject> | { readonly problem: string } => language.compile(text);

/** 1-based; undefined: it is not there as a word. */
function columnOf(text: string, word: string): number | undefined {
  const at = text.search(new RegExp(`(?<![A-Za-z0-9_.])${word.replace(/[^A-Za-z0-9_]/g, '')}(?![A-Za-z0-9_])`));
  return at < 0 ? undefined : at + 1;
}

function withColumn(text: string, problem: string): string {
  const place = /<input>:(?<line>\d+):(?<column>\d+): /.exec(problem);
  if (place?.groups !== undefined) return problem.replace(place[0], `at ${place.groups['line'] === '1' ? '' : `line ${place.groups['line']}, `}column ${place.groups['column']}: `);
  if (problem.includes(' at column ')) return problem;
  const named = /^names "(?<name>[^"]+)"|^calls (?<call>[A-Za-z0-9_]+)\(|^(?<variable>result|control)\./.exec(problem)?.groups;
  const column = named === undefined ? undefined : columnOf(text, named['name'] ?? named['call'] ?? named['variable'] ?? '');
  return column === undefined ? problem : `at column ${column}: ${problem}`;
}

/** What is wrong with the text whatever is measured, with the column where there is one; undefined: nothing is. */
export function conditionProblem(text: string): string | undefined {
  const program = compileCondition(text);
  if ('problem' in program) return withColumn(text, program.problem);
  const answer = program.evaluate(SAMPLE);
  if (typeof answer === 'boolean') return undefined;
  if (answer.problem.includes('(double, int)') || answer.problem.includes('(int, double)')) return `${answer.problem}: results are fractions; write whole numbers beside them with a point, 2.0 for 2`;
  return answer.problem.includes('no matching overload') ? answer.problem : undefined;
}
