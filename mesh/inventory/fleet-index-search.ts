/** Which clusters match: those that an index finds, or all, looked at once each. What it works with is kept from query to query, so that questions leave hardly anything to collect. */
import type { Instant } from '../model/instant.ts';
import type { Choice } from './fleet-index-choice.ts';
import { type Column, scalarOfCell, type Slot } from './fleet-index-column.ts';
import { judgeTerm } from './query.ts';
import type { QueryTerm } from './query-form.ts';

interface AskedTerm {
  readonly term: QueryTerm;
  readonly column: Column;
  /** The term compares what values are read as. */
  readonly scalars: boolean;
}

/** Good until the next search. */
interface Matches {
  /** Both in the order of names. */
  readonly matching: ArrayLike<Slot>;
  readonly undecided: ArrayLike<Slot>;
  /** Clusters that were looked at. */
  readonly examined: number;
}

export interface Search {
  /** Clusters have come or gone. */
  moved(): void;
  /** What `choice` finds, judged by all terms in turn; `undefined`: every cluster is looked at. */
  run(terms: readonly AskedTerm[], choice: Choice | undefined, now: Instant): Matches;
}

/** As far as `seenBy` counts. */
const MOST_SEARCHES = 2 ** 32 - 1;

/** `names`: every cluster in the order of names. */
export function createSearch(names: { readonly items: readonly Slot[] }): Search {
  /** The place of each slot in the order of names. Numbers are sorted many times as fast as names. */
  let places = new Uint32Array(0);
  /** The search that last looked at a slot. */
  let seenBy = new Uint32Array(0);
  let matching = new Uint32Array(0);
  let undecided = new Uint32Array(0);
  let isPlaced = false;
  let searches = 0;
  let judgements = 0;

  function place(): void {
    const { items } = names;
    let most = -1;
    for (const slot of items) if (slot > most) most = slot;
    if (most >= places.length) {
      const room = Math.ceil((most + 1) * 1.25);
      [places, seenBy, matching, undecided] = [new Uint32Array(room), new Uint32Array(room), new Uint32Array(room), new Uint32Array(room)];
    }
    for (let at = 0; at < items.length; at++) places[items[at]!] = at;
    isPlaced = true;
  }

  function run(terms: readonly AskedTerm[], choice: Choice | undefined, now: Instant): Matches {
    const { items } = names;
    if (!isPlaced) place();
    searches++;
    if (searches > MOST_SEARCHES) {
      seenBy.fill(0);
      searches = 1;
    }
    const firstJudgement = judgements + 1;
    judgements += terms.length;
    let [matches, undecidedCount, examined] = [0, 0, 0];

    function look(slot: Slot): void {
      let verdict: boolean | undefined = true;
      for (let at = 0; at < terms.length; at++) {
        const { term, column, scalars } = terms[at]!;
        const cell = column.cell(slot);
        if (cell.judgement !== firstJudgement + at) {
          cell.judgement = firstJudgement + at;
          cell.verdict = judgeTerm(term, cell.found, scalars ? scalarOfCell(cell) : undefined, now);
        }
        if (cell.verdict === false) { verdict = false; break; }
        if (cell.verdict === undefined) verdict = undefined;
      }
      examined++;
      if (verdict === true) matching[matches++] = places[slot]!;
      else if (verdict === undefined) undecided[undecidedCount++] = places[slot]!;
    }

    function lookOnce(slot: Slot): void {
      if (seenBy[slot] === searches) return;
      seenBy[slot] = searches;
      look(slot);
    }

    if (choice === undefined) {
      for (let at = 0; at < items.length; at++) look(items[at]!);
    } else {
      for (const part of choice.parts) {
        if (part.set !== undefined) for (const slot of part.set) lookOnce(slot);
        else for (let at = part.from; at < part.from + part.size; at++) lookOnce(part.list[at]!);
      }
    }
    const slotsOf = (found: Uint32Array): ArrayLike<Slot> => {
      // All were looked at in the order of names.
      if (choice !== undefined) found.sort();
      for (let at = 0; at < found.length; at++) found[at] = items[found[at]!]!;
      return found;
    };
    return { matching: slotsOf(matching.subarray(0, matches)), undecided: slotsOf(undecided.subarray(0, undecidedCount)), examined };
  }

  return { moved: () => { isPlaced = false; }, run };
}
