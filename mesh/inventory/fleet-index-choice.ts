/** Which clusters a term can at most match, found without looking at the others. */
import { compareVersions, holds, type Scalar } from '../model/compare.ts';
import { matchesGlob } from '../model/glob.ts';
import type { Instant } from '../model/instant.ts';
import { kindOf } from '../model/selector-facts.ts';
import { type Column, scalarOfCell, type Slot } from './fleet-index-column.ts';
import type { SortedList } from './fleet-index-sorted.ts';
import type { QueryTerm } from './query-form.ts';

export interface Choice {
  /** For people: `region (value)`, `agent-version (order)`. */
  readonly name: string;
  /** Slots may be in several parts: the count is at least what there is. */
  readonly count: number;
  readonly parts: readonly Part[];
}

/** All of a set, or a stretch of a list: named, not copied. */
type Part = { readonly size: number; readonly set: ReadonlySet<Slot> } | { readonly size: number; readonly set: undefined; readonly list: readonly Slot[]; readonly from: number };

/** Texts that a glob without a beginning is held against, or that begin as a glob does. */
const MOST_TEXTS = 1024;

const NONE: ReadonlySet<Slot> = new Set();
const whole = (set: ReadonlySet<Slot> = NONE): Part => ({ size: set.size, set });

/** Every cluster that the term matches, and every one for which it is not known; `undefined`: no index helps. */
export function chooseFor(term: QueryTerm, column: Column, now: Instant): Choice | undefined {
  const found = partsOf(term, column, now);
  if (found === undefined) return undefined;
  const parts = [...found.parts, whole(column.unknown)].filter(({ size }) => size > 0);
  return { name: `${term.key} (${found.how})`, count: parts.reduce((sum, { size }) => sum + size, 0), parts };
}

function partsOf(term: QueryTerm, column: Column, now: Instant): { readonly how: string; readonly parts: readonly Part[] } | undefined {
  const withText = (text: string): Part => whole(column.exact.get(text));
  const { operator, key, texts, scalars } = term;
  switch (operator) {
    case 'notin': return undefined;
    case 'exists':
    case 'missing':
      if (kindOf(key) === 'boolean') return column.mixed ? undefined : { how: 'value', parts: [withText(String(operator === 'exists'))] };
      return operator === 'missing' || column.texts.items.length > MOST_TEXTS ? undefined : { how: 'value', parts: column.texts.items.map(withText) };
    case 'in': {
      const parts: Part[] = [];
      for (const [index, glob] of texts.entries()) {
        const wild = glob.search(/[*?]/);
        const matching = wild < 0 ? [glob] : textsMatching(glob, glob.slice(0, wild), column);
        if (matching === undefined) return undefined;
        parts.push(...matching.map(withText));
        const number = kindOf(key) === 'number' ? scalars[index]?.number : undefined;
        if (number !== undefined) parts.push(between(column.numbers, (slot) => scalarOfCell(column.cell(slot))!.number! < number, (slot) => scalarOfCell(column.cell(slot))!.number! <= number));
      }
      return { how: texts.some((glob) => /[*?]/.test(glob)) ? 'beginning' : 'value', parts };
    }
    default: return { how: 'order', parts: compared(operator, scalars[0] ?? {}, column, now) };
  }
}

/** Globs have one beginning; what comes after it is held against those that begin so. */
function textsMatching(glob: string, beginning: string, { texts }: Column): readonly string[] | undefined {
  const from = texts.countWhile((text) => text < beginning);
  const to = texts.countWhile((text) => text < beginning || text.startsWith(beginning));
  return to - from > MOST_TEXTS ? undefined : texts.items.slice(from, to).filter((text) => matchesGlob(glob, text));
}

function between(list: SortedList<Slot>, isBefore: (slot: Slot) => boolean, isWithin: (slot: Slot) => boolean): Part {
  const [from, to] = [list.countWhile(isBefore), list.countWhile(isWithin)];
  return { size: Math.max(0, to - from), set: undefined, list: list.items, from };
}

/** One range for each way in which the operand can be read; a span is as many moments from now as it is long. */
function compared(operator: '<' | '<=' | '>' | '>=', operand: Scalar, column: Column, now: Instant): Part[] {
  const parts: Part[] = [];
  const range = (list: SortedList<Slot>, sign: (scalar: Scalar) => number): void => {
    const signOf = (slot: Slot): number => sign(scalarOfCell(column.cell(slot))!);
    const first = list.items[0];
    const last = list.items.at(-1);
    if (first === undefined || last === undefined) return;
    // Signs rise along the list, or fall along it where ages are compared: those that hold are at one of its ends.
    const atTheEnd = signOf(first) <= signOf(last) ? operator.startsWith('>') : operator.startsWith('<');
    const holdsHere = (slot: Slot): boolean => holds(operator, signOf(slot));
    parts.push(atTheEnd ? between(list, (slot) => !holdsHere(slot), () => true) : between(list, () => false, holdsHere));
  };
  const { number, version, time, durationMilliseconds } = operand;
  if (number !== undefined) range(column.numbers, (scalar) => scalar.number! - number);
  if (version !== undefined) range(column.versions, (scalar) => compareVersions(scalar.version!, version));
  if (time !== undefined) range(column.times, (scalar) => scalar.time! - time);
  if (durationMilliseconds !== undefined && !column.mixed) {
    const left = kindOf(column.key) === 'deadline';
    range(column.times, (scalar) => (left ? scalar.time! - now : now - scalar.time!) - durationMilliseconds);
  } else if (durationMilliseconds !== undefined) {
    parts.push({ size: column.times.items.length, set: undefined, list: column.times.items, from: 0 });
  }
  return parts;
}
