/** The fleet in memory, ready for queries. */
import type { Instant } from '../model/instant.ts';
import { compareText } from '../model/order.ts';
import { judgeQuery, type Query } from './query.ts';
import type { FleetRow } from './row.ts';

export interface FleetAnswer {
  /** Those that match, ordered and limited as the query says. */
  readonly rows: readonly FleetRow[];
  /** Before the limit. */
  readonly matched: number;
  /** Clusters that would match if something were known that is not; sorted. */
  readonly undecided: readonly string[];
  readonly usedIndex: string;
  readonly examined: number;
}

export interface FleetIndex {
  readonly size: number;
  /** Labels and properties that any cluster has. */
  readonly keys: ReadonlySet<string>;
  get(name: string): FleetRow | undefined;
  put(row: FleetRow): void;
  remove(name: string): void;
  run(query: Query, now: Instant): FleetAnswer;
}

export function createFleetIndex(): FleetIndex {
  const byName = new Map<string, FleetRow>();
  return {
    get size() { return byName.size; },
    get keys() { return new Set([...byName.values()].flatMap((row) => [...Object.keys(row.labels), ...row.properties.map(({ name }) => name)])); },
    get: (name) => byName.get(name),
    put: (row) => { byName.set(row.name, row); },
    remove: (name) => { byName.delete(name); },
    run(query, now) {
      const judged = [...byName.values()].sort((a, b) => compareText(a.name, b.name)).map((row) => ({ row, verdict: judgeQuery(query, row, now) }));
      const rows = judged.filter(({ verdict }) => verdict === true).map(({ row }) => row);
      return { rows: rows.slice(0, query.limit ?? undefined), matched: rows.length, undecided: judged.filter(({ verdict }) => verdict === undefined).map(({ row }) => row.name), usedIndex: 'none', examined: rows.length };
    },
  };
}
