/** The order of an answer: numbers, times, versions, texts; what is not known comes last, whichever way round. */
import { compareVersions } from '../model/compare.ts';
import type { Instant } from '../model/instant.ts';
import { compareText } from '../model/order.ts';
import { type Cell, type OrderKey, scalarOfCell, type Slot } from './fleet-index-column.ts';
import { textsAt } from './query.ts';

export interface Order {
  readonly cell: (slot: Slot) => Cell;
  readonly descending: boolean;
}

/** As few as this are found without sorting all. */
const MOST_SELECTED = 1000;

/** Equal ones stay in the order that they come in. */
export function inOrder(slots: ArrayLike<Slot>, orders: readonly Order[], limit: number | null, now: Instant): ArrayLike<number> {
  const count = slots.length;
  const columns = orders.map(({ cell, descending }) => {
    const keys: OrderKey[] = [];
    for (let place = 0; place < count; place++) keys.push(keyOf(cell(slots[place]!), now));
    return { descending, keys };
  });
  const packed = columns.length === 1 ? placesByNumber(columns[0]!.keys, columns[0]!.descending) : undefined;
  if (packed !== undefined) return limit === null ? packed : packed.subarray(0, limit);
  /** Of two places in `slots`. */
  const compare = (a: number, b: number): number => {
    for (const { keys, descending } of columns) {
      const difference = compareKeys(keys[a]!, keys[b]!, descending);
      if (difference !== 0) return difference;
    }
    return 0;
  };
  if (limit !== null && limit <= MOST_SELECTED && count > limit) return first(count, limit, compare);
  return Array.from({ length: count }, (_, place) => place).sort(compare).slice(0, limit ?? undefined);
}

/**
 * Places in the order of whole numbers or of times, those without any last. Number and place are packed into one, which is sorted without calling anybody: many times as fast.
 * `undefined`: the keys are of other kinds, or too far apart.
 */
function placesByNumber(keys: readonly OrderKey[], descending: boolean): Float64Array | undefined {
  const count = keys.length;
  let [least, most, rank] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, UNKNOWN];
  for (const key of keys) {
    if (key.rank === UNKNOWN) continue;
    if (key.rank > TIME || (rank !== UNKNOWN && key.rank !== rank) || !Number.isSafeInteger(key.number)) return undefined;
    rank = key.rank;
    if (key.number < least) least = key.number;
    if (key.number > most) most = key.number;
  }
  const span = rank === UNKNOWN ? 0 : most - least;
  if ((span + 2) * count > Number.MAX_SAFE_INTEGER) return undefined;
  const packed = new Float64Array(count);
  for (let place = 0; place < count; place++) {
    const key = keys[place]!;
    const after = key.rank === UNKNOWN ? span + 1 : descending ? most - key.number : key.number - least;
    packed[place] = after * count + place;
  }
  packed.sort();
  for (let place = 0; place < count; place++) packed[place] = packed[place]! % count;
  return packed;
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

function keyOf(cell: Cell, now: Instant): OrderKey {
  if (cell.orderKey !== undefined) return cell.orderKey;
  const key = readKey(cell, now);
  if (cell.found.state !== 'known' || cell.found.until === undefined) cell.orderKey = key;
  return key;
}

function readKey(cell: Cell, now: Instant): OrderKey {
  const { found } = cell;
  const scalar = scalarOfCell(cell);
  const key = (rank: number, number = 0, text = ''): OrderKey => ({ rank, number, text, version: scalar?.version });
  if (found.state !== 'known') return key(UNKNOWN);
  if (scalar?.number !== undefined) return key(NUMBER, scalar.number);
  if (scalar?.time !== undefined) return key(TIME, scalar.time);
  return scalar?.version === undefined ? key(TEXT, 0, textsAt(found, now).join(',')) : key(VERSION);
}

function compareKeys(a: OrderKey, b: OrderKey, descending: boolean): number {
  if (a === b) return 0;
  if (a.rank === UNKNOWN || b.rank === UNKNOWN) return a.rank - b.rank;
  const difference = a.rank - b.rank || a.number - b.number || (a.rank === VERSION ? compareVersions(a.version!, b.version!) : compareText(a.text, b.text));
  return descending ? -difference : difference;
}
