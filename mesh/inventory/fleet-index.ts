/** The fleet in memory, ready for queries: indexes come with the first query that wants them and follow each change. */
import type { Instant } from '../model/instant.ts';
import { compareText } from '../model/order.ts';
import { kindOf } from '../model/selector-facts.ts';
import { chooseFor } from './fleet-index-choice.ts';
import { type Column, createColumn, type Slot } from './fleet-index-column.ts';
import { inOrder } from './fleet-index-order.ts';
import { createSearch } from './fleet-index-search.ts';
import { sortedList } from './fleet-index-sorted.ts';
import type { Query, QueryTerm } from './query-form.ts';
import type { QueryKeys } from './query-parse.ts';
import type { FleetRow } from './row.ts';

interface FleetAnswer {
  /** Those that match, ordered and limited as the query says. */
  readonly rows: readonly FleetRow[];
  /** Before the limit. */
  readonly matched: number;
  /** Names of clusters that would match if facts were known that are not; sorted. */
  readonly undecided: readonly string[];
  /** `none`: every cluster was looked at. */
  readonly usedIndex: string;
  /** Clusters that were looked at. */
  readonly examined: number;
}

export interface FleetIndex {
  readonly size: number;
  /** Labels and properties that any cluster has. */
  readonly keys: QueryKeys;
  get(name: string): FleetRow | undefined;
  /** A row is a value: a change is another row. */
  put(row: FleetRow): void;
  remove(name: string): void;
  run(query: Query, now: Instant): FleetAnswer;
}

/** Keys that are kept indexed, the ones asked for last. More than one query can name. */
const MOST_COLUMNS = 48;

const comparesScalars = ({ key, operator }: QueryTerm): boolean => '<>'.includes(operator[0]!) || kindOf(key) === 'number';

export function createFleetIndex(): FleetIndex {
  const slots = new Map<string, Slot>();
  const rows: (FleetRow | undefined)[] = [];
  const free: Slot[] = [];
  const columns = new Map<string, Column>();
  /** Made when somebody asks for keys, kept in step from then on. */
  let keyCounts: Map<string, number> | undefined;
  const byName = sortedList<Slot>((a, b) => compareText(rows[a]!.name, rows[b]!.name));
  const search = createSearch(byName);

  function countKeys(counts: Map<string, number>, row: FleetRow | undefined, by: 1 | -1): void {
    for (const key of row === undefined ? [] : [...Object.keys(row.labels), ...row.properties.map(({ name }) => name)]) {
      const count = (counts.get(key) ?? 0) + by;
      if (count > 0) counts.set(key, count);
      else counts.delete(key);
    }
  }

  function keys(): ReadonlyMap<string, number> {
    if (keyCounts === undefined) {
      keyCounts = new Map();
      for (const row of rows) countKeys(keyCounts, row, 1);
    }
    return keyCounts;
  }

  function column(key: string): Column {
    const known = columns.get(key) ?? createColumn(key, rows);
    columns.delete(key);
    columns.set(key, known);
    if (columns.size > MOST_COLUMNS) columns.delete(columns.keys().next().value!);
    return known;
  }

  function run(query: Query, now: Instant): FleetAnswer {
    const terms = query.terms.map((term) => {
      const known = column(term.key);
      const choice = chooseFor(term, known, now);
      return { term, column: known, scalars: comparesScalars(term), choice, count: choice?.count ?? Number.POSITIVE_INFINITY };
    }).sort((a, b) => (a.count < b.count ? -1 : a.count > b.count ? 1 : 0));
    // To gather what an index finds costs more than to look at as many in order.
    const best = terms[0] !== undefined && terms[0].count < slots.size / 2 ? terms[0].choice : undefined;
    // What excludes most is judged first, but for the term that the candidates were found by: it excludes none of them.
    if (best !== undefined) terms.push(terms.shift()!);
    const { matching, undecided, examined } = search.run(terms, best, now);
    return { rows: ordered(matching, query, now), matched: matching.length, undecided: Array.from(undecided, (slot) => rows[slot]!.name), usedIndex: best?.name ?? 'none', examined };
  }

  /** `matching` is in the order of names, and no two have one name. */
  function ordered(matching: ArrayLike<Slot>, { orderBy, limit }: Query, now: Instant): readonly FleetRow[] {
    const [firstOrder] = orderBy;
    const byColumns = firstOrder === undefined || firstOrder.key === 'name' ? undefined
      : inOrder(matching, orderBy.map(({ key, descending }) => ({ cell: column(key).cell, descending })), limit, now);
    const [count, last] = [byColumns?.length ?? Math.min(matching.length, limit ?? matching.length), matching.length - 1];
    const backwards = firstOrder?.key === 'name' && firstOrder.descending;
    const found: FleetRow[] = [];
    for (let at = 0; at < count; at++) found.push(rows[matching[byColumns === undefined ? (backwards ? last - at : at) : byColumns[at]!]!]!);
    return found;
  }

  return {
    get size() { return slots.size; },
    keys: { has: (key) => keys().has(key), [Symbol.iterator]: () => keys().keys() },
    get: (name) => { const slot = slots.get(name); return slot === undefined ? undefined : rows[slot]; },
    put(row) {
      const known = slots.get(row.name);
      const slot = known ?? free.pop() ?? rows.length;
      if (rows[slot] === row) return;
      if (keyCounts !== undefined) {
        countKeys(keyCounts, row, 1);
        countKeys(keyCounts, rows[slot], -1);
      }
      rows[slot] = row;
      if (known === undefined) {
        slots.set(row.name, slot);
        byName.add(slot);
        search.moved();
      }
      for (const each of columns.values()) each.set(slot, row);
    },
    remove(name) {
      const slot = slots.get(name);
      if (slot === undefined) return;
      byName.remove(slot);
      search.moved();
      if (keyCounts !== undefined) countKeys(keyCounts, rows[slot], -1);
      slots.delete(name);
      rows[slot] = undefined;
      free.push(slot);
      for (const each of columns.values()) each.set(slot, undefined);
    },
    run,
  };
}
