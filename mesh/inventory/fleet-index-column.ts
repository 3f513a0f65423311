/** All clusters' values of one key, found by value, by beginning and by order. Kept in step, one cluster at a time. */
import { compareVersions, type Scalar } from '../model/compare.ts';
import { kindOf } from '../model/selector-facts.ts';
import { type Found, lookUp } from '../model/selector-lookup.ts';
import { scalarOfFound } from './query.ts';
import type { FleetRow } from './row.ts';
import { sortedList, type SortedList } from './fleet-index-sorted.ts';

/** A cluster's number within one index: small, and given again when a cluster has gone. */
export type Slot = number;

/** What one or many clusters have under the key, and what has been worked out about it: each value is read, judged and ranked once, however many clusters share it. */
export interface Cell {
  readonly found: Found;
  /** Read when somebody compares: most keys are only ever asked for by text. */
  scalar: Scalar | undefined | null;
  /** The judgement that `verdict` is of. */
  judgement: number;
  verdict: boolean | undefined;
  /** What it is ordered by, where that never changes by itself. */
  orderKey: OrderKey | undefined;
}

export interface OrderKey {
  readonly rank: number;
  readonly number: number;
  readonly text: string;
  readonly version: Scalar['version'];
}

/** What the value is compared as; `undefined`: by text alone. */
export function scalarOfCell(cell: Cell): Scalar | undefined {
  if (cell.scalar === null) cell.scalar = scalarOfFound(cell.found);
  return cell.scalar;
}

export interface Column {
  readonly key: string;
  cell(slot: Slot): Cell;
  set(slot: Slot, row: FleetRow | undefined): void;
  /** Clusters with exactly this text. */
  readonly exact: ReadonlyMap<string, ReadonlySet<Slot>>;
  /** Different texts, sorted. */
  readonly texts: SortedList<string>;
  /** Clusters whose value can be read so, sorted by it. Made when they are first asked for. */
  readonly numbers: SortedList<Slot>;
  readonly versions: SortedList<Slot>;
  readonly times: SortedList<Slot>;
  /** Some cluster has a label or property where others have the fact of this name. */
  readonly mixed: boolean;
  /** Clusters for which the key is a fact that nobody knows. */
  readonly unknown: ReadonlySet<Slot>;
}

const newCell = (found: Found, scalar: Scalar | undefined | null): Cell => ({ found, scalar, judgement: 0, verdict: undefined, orderKey: undefined });

export function createColumn(key: string, rows: readonly (FleetRow | undefined)[]): Column {
  const cells: (Cell | undefined)[] = [];
  const absent = newCell({ state: 'absent' }, undefined);
  const unknownCell = newCell({ state: 'unknown' }, undefined);
  const exact = new Map<string, Set<Slot>>();
  const unknown = new Set<Slot>();
  const kind = kindOf(key);
  let otherKinds = 0;
  const isOther = ({ found }: Cell): boolean => found.state === 'known' && found.kind !== kind;
  const texts = sortedList<string>((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  const scalar = (slot: Slot): Scalar => { const cell = cells[slot]; return (cell === undefined ? undefined : scalarOfCell(cell)) ?? {}; };
  let isOrdered = false;
  const numbers = sortedList<Slot>((a, b) => scalar(a).number! - scalar(b).number! || a - b);
  const versions = sortedList<Slot>((a, b) => compareVersions(scalar(a).version!, scalar(b).version!) || a - b);
  const times = sortedList<Slot>((a, b) => scalar(a).time! - scalar(b).time! || a - b);
  function listsOf(slot: Slot): SortedList<Slot>[] {
    if (!isOrdered) return [];
    const { number, version, time } = scalar(slot);
    return [...(number === undefined ? [] : [numbers]), ...(version === undefined ? [] : [versions]), ...(time === undefined ? [] : [times])];
  }

  function ordered(list: SortedList<Slot>): SortedList<Slot> {
    if (!isOrdered) {
      const slots = [...cells.keys()];
      numbers.fill(slots.filter((slot) => scalar(slot).number !== undefined));
      versions.fill(slots.filter((slot) => scalar(slot).version !== undefined));
      times.fill(slots.filter((slot) => scalar(slot).time !== undefined));
      isOrdered = true;
    }
    return list;
  }

  /** Most clusters share few values: one cell stands for all of them. */
  const shared = new Map<string, Cell>();
  function cellOf(row: FleetRow): Cell {
    const found = lookUp(row, key, false);
    if (found.state !== 'known') return found.state === 'absent' ? absent : unknownCell;
    const [text] = found.texts;
    if (found.texts.length !== 1 || found.until !== undefined || text === undefined) return newCell(found, null);
    const known = shared.get(text);
    if (known?.found.state === 'known' && known.found.kind === found.kind) return known;
    const cell = newCell(found, null);
    shared.set(text, cell);
    return cell;
  }

  /** What can stop being true by itself is found by both its values. */
  const indexed = ({ found }: Cell): readonly string[] => (found.state !== 'known' ? [] : found.until === undefined ? found.texts : [...found.texts, 'false']);

  function forget(slot: Slot): void {
    const before = cells[slot];
    if (before === undefined) return;
    if (isOther(before)) otherKinds--;
    for (const list of listsOf(slot)) list.remove(slot);
    for (const text of indexed(before)) {
      const slots = exact.get(text);
      slots?.delete(slot);
      if (slots?.size !== 0) continue;
      exact.delete(text);
      shared.delete(text);
      texts.remove(text);
    }
    unknown.delete(slot);
    cells[slot] = undefined;
  }

  /** A text that is new comes back: the list of texts is not told here. */
  function remember(slot: Slot, cell: Cell): string[] {
    cells[slot] = cell;
    if (isOther(cell)) otherKinds++;
    if (cell.found.state === 'unknown') unknown.add(slot);
    const added: string[] = [];
    for (const text of indexed(cell)) {
      const slots = exact.get(text);
      if (slots !== undefined) { slots.add(slot); continue; }
      exact.set(text, new Set([slot]));
      added.push(text);
    }
    return added;
  }

  for (const [slot, row] of rows.entries()) if (row !== undefined) remember(slot, cellOf(row));
  texts.fill([...exact.keys()]);

  return {
    key, exact, texts, unknown,
    get numbers() { return ordered(numbers); },
    get versions() { return ordered(versions); },
    get times() { return ordered(times); },
    get mixed() { return otherKinds > 0; },
    cell: (slot) => cells[slot] ?? absent,
    set(slot, row) {
      const next = row === undefined ? undefined : cellOf(row);
      if (next !== undefined && next === cells[slot]) return;
      forget(slot);
      if (next === undefined) return;
      for (const text of remember(slot, next)) texts.add(text);
      for (const list of listsOf(slot)) list.add(slot);
    },
  };
}
