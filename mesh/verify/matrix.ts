/** Verdicts of many agents as one matrix, within what an answer may hold. Pure. */
import type { Instant } from '../model/instant.ts';
import { compareText } from '../model/order.ts';
import { type Colour, COLOURS, type VerdictReason } from '../model/peer-verdict.ts';

export interface MatrixCell {
  readonly from: string;
  readonly to: string;
  readonly colour: Colour;
  readonly reasons: readonly VerdictReason[];
  /** null: there is no verdict. */
  readonly since: Instant | null;
  readonly at: Instant | null;
  /** The look was made for this question. */
  readonly fresh: boolean;
  readonly figures: Readonly<Record<string, number>>;
}

export interface Matrix {
  readonly at: Instant;
  /** Who reads or is read, sorted. */
  readonly clusters: readonly string[];
  readonly tally: Readonly<Record<Colour, number>>;
  /** Sorted by reader and peer: all of a small matrix, of a large one those that are not green, the reds before all others. */
  readonly cells: readonly MatrixCell[];
  /** Cells that are not green and are not among `cells`. */
  readonly omitted: number;
  /** Whether green cells are among `cells`. */
  readonly whole: boolean;
}

export const MOST_WHOLE_CELLS = 1000;
const MOST_CELLS = 1500;

const byPair = (a: MatrixCell, b: MatrixCell): number => compareText(a.from, b.from) || compareText(a.to, b.to);

export function matrixOf(cells: readonly MatrixCell[], at: Instant): Matrix {
  const tally = Object.fromEntries(COLOURS.map((colour) => [colour, cells.filter((cell) => cell.colour === colour).length])) as Record<Colour, number>;
  const clusters = [...new Set(cells.flatMap(({ from, to }) => [from, to]))].sort(compareText);
  if (cells.length <= MOST_WHOLE_CELLS) return { at, clusters, tally, cells: cells.toSorted(byPair), omitted: 0, whole: true };
  const wrong = cells.filter(({ colour }) => colour !== 'green').sort((a, b) => COLOURS.indexOf(b.colour) - COLOURS.indexOf(a.colour) || byPair(a, b));
  return { at, clusters, tally, cells: wrong.slice(0, MOST_CELLS).sort(byPair), omitted: Math.max(0, wrong.length - MOST_CELLS), whole: false };
}
