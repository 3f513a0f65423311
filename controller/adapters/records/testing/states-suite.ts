/** What stores of both kinds must tell of the past, beside a twin that replays every change from the first one. */
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { changesOf } from '../../../../mesh/inventory/changes.ts';
import { replay } from '../../../../mesh/inventory/replay.ts';
import type { ClusterFields } from '../../../../mesh/model/cluster-fields.ts';
import type { HistoryEntry } from '../../../../mesh/model/history.ts';
import type { RecordStore } from '../../../../mesh/ports/records.ts';

const DAY = 86_400_000;
const EPOCH = Date.UTC(2026, 0, 1);
const RUNS = 15;

interface Step { readonly cluster: string; readonly at: number; readonly fields: ClusterFields }

const fieldName = fc.constantFrom('labels.region', 'properties.a*_%', 'conditions.Ready', 'drift', 'observedAt.nodes', 'labels.überall "x"', '__proto__.x');
const fields = fc.dictionary(fieldName, fc.oneof(fc.constantFrom('"eu"', '"us"', '{"a":[1,null]}'), fc.string().map((text) => JSON.stringify(text.replaceAll('\0', '')))), { maxKeys: 4, noNullPrototype: true });
/** Often within a day of the last change, sometimes at the same instant, sometimes days later. */
const pause = fc.oneof(fc.constant(0), fc.integer({ min: 1, max: DAY / 4 }), fc.integer({ min: DAY, max: 5 * DAY }));
const steps = fc.array(fc.record({ cluster: fc.constantFrom('a', 'b', 'c'), pause, fields }), { minLength: 1, maxLength: 30 });

let run = 0;

/** Each run has clusters and a time of its own: one store serves all. */
function placed(generated: readonly { readonly cluster: string; readonly pause: number; readonly fields: ClusterFields }[]): readonly Step[] {
  run += 1;
  let at = EPOCH + run * 1000 * DAY;
  return generated.map(({ cluster, pause: wait, fields: after }) => {
    at += wait;
    return { cluster: `run-${run}-${cluster}`, at, fields: after };
  });
}

const author = { by: 'test', run: 'r', reason: 'why', approvedBy: ['ada', 'ben'] };

/** Stores them all; every row that was written, in its order. */
async function store(records: RecordStore, history: readonly Step[]): Promise<HistoryEntry[]> {
  const now = new Map<string, ClusterFields>();
  const rows: HistoryEntry[] = [];
  for (const { cluster, at, fields: after } of history) {
    const entries = changesOf({ cluster, at, before: now.get(cluster) ?? {}, after, authorOf: () => author });
    now.set(cluster, after);
    if (entries.length > 0) await records.recordChange({ cluster, at, fields: after, entries });
    rows.push(...entries);
  }
  return rows;
}

/** From the first row on; clusters without a field are not there. */
function replayed(rows: readonly HistoryEntry[], until: (cluster: string) => number): Record<string, ClusterFields> {
  const names = [...new Set(rows.map(({ cluster }) => cluster))];
  const states = names.map((name): [string, ClusterFields] => [name, replay({}, rows.filter(({ cluster, at }) => cluster === name && at <= until(name)))]);
  return Object.fromEntries(states.filter(([, state]) => Object.keys(state).length > 0));
}

async function told(records: RecordStore, at: number): Promise<Record<string, ClusterFields>> {
  return Object.fromEntries([...await records.statesAt(at)].filter(([cluster]) => cluster.startsWith(`run-${run}-`)));
}

const moments = (rows: readonly HistoryEntry[], fractions: readonly number[]): number[] => {
  const [first, last] = [rows[0]?.at ?? 0, rows.at(-1)?.at ?? 0];
  return [first - 1, first, last, last + DAY, ...fractions.map((fraction) => Math.floor(first + (last - first) * fraction)), ...rows.slice(0, 5).map(({ at }) => at)];
};

export function statesSuite(open: () => Promise<RecordStore>): void {
  let records: RecordStore;
  beforeAll(async () => { records = await open(); });
  afterAll(() => records.close());
  const fractions = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 4 });

  test('what is told of any moment is a replay from the first change', async () => {
    await fc.assert(fc.asyncProperty(steps, fractions, async (generated, some) => {
      const rows = await store(records, placed(generated));
      for (const at of moments(rows, some)) expect(await told(records, at)).toEqual(replayed(rows, () => at));
      const first = rows[0];
      if (first !== undefined) expect((await records.statesAt(first.at, first.cluster)).get(first.cluster) ?? {}).toEqual(replayed(rows, () => first.at)[first.cluster] ?? {});
    }), { numRuns: RUNS });
  });

  test('rows that are dropped leave the state at the end of each day, and all later moments as they were', async () => {
    await fc.assert(fc.asyncProperty(steps, fractions, fc.double({ min: 0, max: 1, noNaN: true }), async (generated, some, cut) => {
      const rows = await store(records, placed(generated));
      if (rows.length === 0) return;
      const [first, last] = [rows[0]?.at ?? 0, rows.at(-1)?.at ?? 0];
      const rowsBefore = Math.floor(first + (last - first) * cut);
      while (await records.compactHistory({ rowsBefore, statesBefore: 0 }));
      const since = Math.floor(rowsBefore / DAY) * DAY;
      const left = rows.filter(({ at }) => at >= since);
      expect(await records.listHistory({ limit: 1000, field: '*', from: first })).toEqual(left.toReversed());
      if (left.length < rows.length) expect(await records.historyKeptSince()).toBe(since);
      /** The last change of a day that had passed wholly by then. */
      const endOfDay = (cluster: string, moment: number): number => Math.max(-1, ...rows.filter((row, index) =>
        row.cluster === cluster && row.at <= moment && !rows.slice(index + 1).some((next) => next.cluster === cluster && Math.floor(next.at / DAY) === Math.floor(row.at / DAY) && next.at > row.at)).map(({ at }) => at));
      for (const at of moments(rows, some)) {
        const exact = at >= since || left.length === rows.length;
        expect(await told(records, at)).toEqual(replayed(rows, (cluster) => (exact ? at : endOfDay(cluster, at))));
      }
    }), { numRuns: RUNS });
  });

  test('daily states that later ones replace go, and what is kept answers as before', async () => {
    await fc.assert(fc.asyncProperty(steps, fc.double({ min: 0, max: 1, noNaN: true }), async (generated, cut) => {
      const rows = await store(records, placed(generated));
      if (rows.length === 0) return;
      const [first, last] = [rows[0]?.at ?? 0, rows.at(-1)?.at ?? 0];
      const before = Math.floor((first + (last - first) * cut) / DAY) * DAY;
      const wanted = new Map<number, Record<string, ClusterFields>>();
      for (const at of moments(rows, [0.3, 0.6, 0.9]).filter((moment) => moment >= before)) wanted.set(at, await told(records, at));
      while (await records.compactHistory({ rowsBefore: before, statesBefore: before }));
      for (const [at, states] of wanted) expect(await told(records, at)).toEqual(states);
    }), { numRuns: RUNS });
  });

  test('many clusters are told in the order of their names', async () => {
    const at = EPOCH + 400 * DAY;
    const names = Array.from({ length: 270 }, (_, index) => `many-${String(index).padStart(3, '0')}`);
    for (const cluster of names.toReversed()) await records.recordChange({ cluster, at, fields: { nodes: `"${cluster}"` }, entries: [{ cluster, at, field: 'nodes', before: null, after: `"${cluster}"`, ...author }] });
    const many = [...await records.statesAt(at)].filter(([cluster]) => cluster.startsWith('many-'));
    expect(many).toEqual(names.map((cluster) => [cluster, { nodes: `"${cluster}"` }]));
  });

  test('a reason that a database cannot hold is kept without what it cannot', async () => {
    const entry = { cluster: 'nul', at: EPOCH, field: 'desired', before: null, after: JSON.stringify('a\0b'), ...author, by: 'a\0', reason: 'b\0' };
    await records.recordChange({ cluster: 'nul', at: EPOCH, fields: { desired: entry.after }, entries: [entry] });
    expect(await records.listHistory({ cluster: 'nul', limit: 1 })).toEqual([{ ...entry, by: 'a\uFFFD', reason: 'b\uFFFD' }]);
    expect((await records.statesAt(EPOCH, 'nul')).get('nul')).toEqual({ desired: entry.after });
  });

  test('a uid tells the names that its cluster had, and clusters that are gone tell their uids', async () => {
    const at = EPOCH + 5 * DAY;
    const change = (cluster: string, when: number, uid: string | null): Promise<void> =>
      records.recordChange({ cluster, at: when, fields: uid === null ? {} : { uid }, entries: [{ cluster, at: when, field: 'uid', before: null, after: uid, ...author }] });
    for (const [cluster, when, uid] of [['berlin', at, '"one"'], ['berlin', at + 1, '"one"'], ['oslo', at + 1, '"two"'], ['berlin', at + 2, null], ['muenchen', at + 3, '"one"']] as const) await change(cluster, when, uid);
    expect(await records.namesOf('"one"')).toEqual([{ cluster: 'berlin', at }, { cluster: 'muenchen', at: at + 3 }]);
    expect(await records.namesOf('"three"')).toEqual([]);
    expect(await records.listGone(5)).toEqual([{ cluster: 'berlin', uid: '"one"', at: at + 2 }]);
  });

  test('a clock that goes back adds to the last instant', async () => {
    const cluster = 'back';
    const change = (at: number, region: string): Promise<void> => records.recordChange({ cluster, at, fields: { 'labels.region': region }, entries: [{ cluster, at, field: 'labels.region', before: null, after: region, ...author }] });
    await change(EPOCH + 2 * DAY, '"eu"');
    await change(EPOCH, '"us"');
    expect((await records.listHistory({ cluster, limit: 5 })).map(({ at, after }) => [at, after])).toEqual([[EPOCH + 2 * DAY, '"us"'], [EPOCH + 2 * DAY, '"eu"']]);
    expect(await records.statesAt(EPOCH + 2 * DAY, cluster)).toEqual(new Map([[cluster, { 'labels.region': '"us"' }]]));
    expect((await records.statesAt(EPOCH + DAY, cluster)).size).toBe(0);
  });

  test('history is found by field, by its beginning and by time, and echoes only by their name', async () => {
    const cluster = 'found';
    const names = ['labels.a', 'labels_b', 'LABELS.c', 'observedAt.nodes', 'properties.cilium-version'];
    for (const [index, field] of names.entries()) await records.recordChange({ cluster, at: EPOCH + index, fields: {}, entries: [{ cluster, at: EPOCH + index, field, before: null, after: '1', ...author }] });
    const found = async (query: object): Promise<string[]> => (await records.listHistory({ cluster, limit: 10, ...query })).map(({ field }) => field);
    expect(await found({})).toEqual(['LABELS.c', 'labels_b', 'labels.a']);
    expect(await found({ field: 'labels.*' })).toEqual(['labels.a']);
    expect(await found({ field: 'observedAt.*' })).toEqual(['observedAt.nodes']);
    expect(await found({ field: 'properties.cilium-version' })).toEqual(['properties.cilium-version']);
    expect(await found({ from: EPOCH + 1, to: EPOCH + 2 })).toEqual(['labels_b']);
    expect((await records.listHistory({ cluster, limit: 1 }))[0]).toMatchObject(author);
  });
}
