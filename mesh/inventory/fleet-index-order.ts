/** The order of an answer: numbers, times, versions, texts; what is not known comes last, whichever way round. */
import { compareVersions, type Scalar } from '../model/compare.ts';
import type { Instant } from '../model/instant.ts';
import { compareText } from '../model/order.ts';
import { type Cell, scalarOfCell, type Slot } from './fleet-index-column.ts';
import { textsAt } from './query.ts';

export interface Order {
  readonly cell: (slot: Slot) => Cell;
  readonly descending: boolean;
}

/** As few as this are found without sorting all. */
const MOST_SELECTED = 1000;

/** What a cluster is ordered by: read once, compared often. */
interface Key {
  readonly rank: number;
  readonly number: number;
  readonly text: string;
  readonly version: Scalar['version'];
}

/** Equal ones stay in the order that they come in. */
export function inOrder(slots: readonly Slot[], orders: readonly Order[], limit: number | null, now: Instant): readonly Slot[] {
  if (orders.length === 0) return limit === null ? slots : slots.slice(0, limit);
  const keys = new Map<Cell, Key>();
  const keyOf = (cell: Cell): Key => {
    let key = keys.get(cell);
    if (key === undefined) keys.set(cell, key = readKey(cell, now));
    return key;
  };
  const columns = orders.map(({ cell, descending }) => ({ descending, keys: slots.map((slot) => keyOf(cell(slot))) }));
  /** Of two places in `slots`. */
  const compare = (a: number, b: number): number => {
    for (const { keys: list, descending } of columns) {
      const difference = compareKeys(list[a]!, list[b]!, descending);
      if (difference !== 0) return difference;
    }
    return 0;
  };
  const places = limit === null || limit > MOST_SELECTED || slots.length <= limit ? [...slots.keys()].sort(compare).slice(0, limit ?? undefined) : first(slots.length, limit, compare);
  return places.map((place) => slots[place]!);
}

/** The first places in the order, without sorting the others. */
function first(count: number, limit: number, compare: (a: number, b: number) => number): number[] {
  const best: number[] = [];
  for (let place = 0; place < count; place++) {
    if (best.length === limit && compare(place, best[limit - 1]!) >= 0) continue;
    let [low, high] = [0, best.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (compare(place, best[middle]!) >= 0) low = middle + 1;
      else high = middle;
    }
    best.splice(low, 0, place);
    if (best.length > limit) best.pop();
  }
  return best;
}

const [NUMBER, TIME, VERSION, TEXT, UNKNOWN] = [0, 1, 2, 3, 4];

function readKey(cell: Cell, now: Instant): Key {
  const { found } = cell;
  const scalar = scalarOfCell(cell);
  const key = (rank: number, number = 0, text = ''): Key => ({ rank, number, text, version: scalar?.version });
  if (found.state !== 'known') return key(UNKNOWN);
  if (scalar?.number !== undefined) return key(NUMBER, scalar.number);
  if (scalar?.time !== undefined) return key(TIME, scalar.time);
  return scalar?.version === undefined ? key(TEXT, 0, textsAt(found, now).join(',')) : key(VERSION);
}

function compareKeys(a: Key, b: Key, descending: boolean): number {
  if (a === b) return 0;
  if (a.rank === UNKNOWN || b.rank === UNKNOWN) return a.rank - b.rank;
  const difference = a.rank - b.rank || a.number - b.number || (a.rank === VERSION ? compareVersions(a.version!, b.version!) : compareText(a.text, b.text));
  return descending ? -difference : difference;
}
