/** Where in its text a query is wrong, shown to a person. */
import type { QueryProblem } from './query-parse.ts';

const WIDEST = 100;

/** In one line, for conditions. */
export const atColumn = ({ problem, column }: QueryProblem): string => `column ${column}: ${problem}`;

/** The sentence, the query and a `^` below the column; of a long query what stands around it. */
export function pointedAt({ problem, column }: QueryProblem, text: string): string {
  const from = column <= WIDEST ? 0 : column - WIDEST / 2;
  const shown = text.slice(from, from + WIDEST).replace(/\s/g, ' ');
  const [before, after] = [from > 0 ? '…' : '', from + WIDEST < text.length ? '…' : ''];
  return `${problem}\n  ${before}${shown}${after}\n  ${' '.repeat(Math.max(0, column - 1 - from) + before.length)}^`;
}
