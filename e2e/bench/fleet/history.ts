/** What a moment of long ago costs to tell: a record store with years of history, and beside it the replay that a history without states would need. */
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSqliteRecords } from '../../../controller/adapters/records/sqlite.ts';
import { seededRandom } from '../../../controller/runtime/testing/fakes.ts';
import { type ClusterFields, fieldsOf } from '../../../mesh/model/cluster-fields.ts';
import { quantile } from '../kube/figures.ts';
import { clusters, clusterName, NOW } from './objects.ts';

const DAY = 86_400_000;
const DAYS = 730;
/** Pages of SQLite's that a hub would not have: only for making the file. */
const MAKING = 'pragma journal_mode = memory; pragma locking_mode = exclusive; pragma synchronous = off; pragma cache_size = -262144; begin';

export interface HistorySizes {
  readonly rows: number;
  readonly clusters: number;
  /** Questions of one cluster, and of the whole fleet. */
  readonly questions: number;
  readonly fleetQuestions: number;
}

export interface HistoryFigures {
  readonly rows: number;
  readonly bytes: number;
  readonly secondsToMake: number;
  /** Milliseconds; of a moment a year before the end. */
  readonly one: { readonly p50: number; readonly p99: number };
  readonly fleet: { readonly p50: number; readonly p99: number };
  /** Rows of one cluster up to then, read from the first on and put together. */
  readonly replayOne: { readonly p50: number; readonly p99: number };
  readonly replayFleet: number;
}

/** Which fields change, as often as they do: requests of pods most of all. */
const CHANGING = ['resources.requested', 'resources.requested', 'nodes', 'conditions.Ready', 'properties.agent-version', 'current', 'desired', 'labels.team', 'exports', 'cilium.version'] as const;

export async function measureHistory(sizes: HistorySizes): Promise<HistoryFigures> {
  const folder = mkdtempSync(join(tmpdir(), 'isthmus-bench-history-'));
  const path = join(folder, 'records.db');
  try {
    // Makes the tables.
    await (await openSqliteRecords(path)).close();
    const start = performance.now();
    fillHistory(path, sizes);
    const secondsToMake = (performance.now() - start) / 1000;
    const store = await openSqliteRecords(path);
    const random = seededRandom(11);
    const at = (): number => NOW - 365 * DAY - Math.floor(random.uniform() * DAY);
    const any = (): string => clusterName(Math.floor(random.uniform() * sizes.clusters));
    const timed = async (work: () => Promise<unknown>): Promise<number> => {
      const began = performance.now();
      await work();
      return performance.now() - began;
    };
    const several = async (count: number, work: () => Promise<unknown>): Promise<{ p50: number; p99: number }> => {
      const times: number[] = [];
      for (let index = 0; index < count; index += 1) times.push(await timed(work));
      return { p50: quantile(times, 0.5), p99: quantile(times, 0.99) };
    };
    const moment = at();
    const told = await store.statesAt(moment);
    const one = await several(sizes.questions, () => store.statesAt(at(), any()));
    const fleet = await several(sizes.fleetQuestions, () => store.statesAt(at()));
    await store.close();
    const reader = new DatabaseSync(path, { readOnly: true });
    const replayOne = await several(Math.min(sizes.questions, 20), async () => replay(reader, at(), any()));
    let replayed: ReadonlyMap<string, ClusterFields> = new Map();
    const replayFleet = await timed(async () => { replayed = replay(reader, moment, undefined); });
    reader.close();
    for (const [name, fields] of replayed) if (!equal(fields, told.get(name) ?? {})) throw new Error(`the state of ${name} is not what its history gives`);
    if (replayed.size !== told.size || told.size === 0) throw new Error(`${told.size} clusters are told, ${replayed.size} replayed`);
    return { rows: sizes.rows, bytes: statSync(path).size, secondsToMake, one, fleet, replayOne, replayFleet };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const equal = (a: ClusterFields, b: ClusterFields): boolean => Object.keys(a).length === Object.keys(b).length && Object.entries(a).every(([key, value]) => b[key] === value);

/** Day by day, as it would have been written: rows of one cluster lie far apart in the file. */
function fillHistory(path: string, { rows, clusters: count }: HistorySizes): void {
  const database = new DatabaseSync(path);
  database.exec(MAKING);
  const history = database.prepare('insert into history (cluster, at, field, "before", "after", by_whom, run, reason, approved_by) values (?, ?, ?, ?, ?, ?, ?, ?, ?)');
  const daily = database.prepare('insert into daily_states (cluster, at, fields) values (?, ?, ?)');
  const state = database.prepare('insert into states (cluster, at, fields) values (?, ?, ?)');
  const random = seededRandom(7);
  const fleet = clusters(count).map((object) => ({ name: object.metadata.name, fields: { ...fieldsOf(object) }, before: undefined as { at: number; text: string } | undefined }));
  const first = NOW - DAYS * DAY;
  let made = 0;
  const put = (name: string, at: number, field: string, before: string | null, after: string | null): void => {
    const run = field === 'current' || field === 'desired' ? 'europe-12' : null;
    history.run(name, at, field, before, after, run === null ? `spiffe://bank.example/cluster/${name}` : 'ada', run, run === null ? null : 'Mesh europe: new desired state', null);
    made += 1;
  };
  for (const { name, fields } of fleet) for (const [field, value] of Object.entries(fields)) put(name, first, field, null, value);
  for (const one of fleet) one.before = { at: first, text: JSON.stringify(one.fields) };
  // What is still to come, spread over the days that are left.
  for (let day = 1; day < DAYS; day += 1) {
    const each = Math.max(0, (rows - made) / (DAYS - day) / count);
    for (const one of fleet) {
      const changes = Math.floor(each) + (random.uniform() < each % 1 ? 1 : 0);
      if (changes === 0) continue;
      if (one.before !== undefined) daily.run(one.name, one.before.at, one.before.text);
      let at = first + day * DAY;
      for (let change = 0; change < changes; change += 1) {
        at += 1 + Math.floor(random.uniform() * (DAY / changes - 1));
        const field = CHANGING[Math.floor(random.uniform() * CHANGING.length)]!;
        const before = one.fields[field] ?? null;
        const after = JSON.stringify(`${field} ${made}`.padEnd(60, '.'));
        put(one.name, at, field, before, after);
        one.fields[field] = after;
      }
      one.before = { at, text: JSON.stringify(one.fields) };
    }
  }
  for (const { name, before } of fleet) if (before !== undefined) state.run(name, before.at, before.text);
  database.exec('commit');
  database.close();
}

/** From the first row on. */
function replay(database: DatabaseSync, at: number, cluster: string | undefined): ReadonlyMap<string, ClusterFields> {
  const where = cluster === undefined ? 'at <= ?' : 'at <= ? and cluster = ?';
  const rows = database.prepare(`select cluster, field, "after" from history where ${where} order by cluster, at, id`).iterate(at, ...(cluster === undefined ? [] : [cluster])) as Iterable<{ cluster: string; field: string; after: string | null }>;
  const states = new Map<string, Record<string, string>>();
  for (const { cluster: name, field, after } of rows) {
    const fields = states.get(name) ?? {};
    if (after === null) delete fields[field];
    else fields[field] = after;
    states.set(name, fields);
  }
  return states;
}
