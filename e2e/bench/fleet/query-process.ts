/** The hub's memory of a fleet in a process of its own: what it weighs, and how fast it answers. */
import { createQueries } from '../../../controller/hub/inventory/queries.ts';
import { createFleetIndex } from '../../../mesh/inventory/fleet-index.ts';
import { matchesQuery, parseQuery } from '../../../mesh/inventory/query.ts';
import { rowOf } from '../../../mesh/inventory/row.ts';
import { fieldsOf } from '../../../mesh/model/cluster-fields.ts';
import type { ClusterObject } from '../../../mesh/api/resources/cluster.ts';
import { answerQuestions, heapBytes } from '../kube/child.ts';
import { quantile } from '../kube/figures.ts';
import { clusters, NOW } from './objects.ts';

export interface Spread { readonly p50: number; readonly p99: number }
export interface MemoryFigures { readonly clusters: number; readonly objectsBytes: number; readonly indexBytes: number; readonly indexMilliseconds: number }
export interface QueryFigures { readonly matched: number; readonly usedIndex: string; readonly examined: number; readonly run: Spread; readonly answer: Spread; readonly scan: Spread }
export interface ChangeFigures { readonly put: Spread; readonly seen: number }

const never = new AbortController().signal;
const index = createFleetIndex();
/** Held while the index is made, as the hub's cache does. */
let objects: readonly ClusterObject[] = [];

async function spread(rounds: number, work: () => unknown): Promise<Spread> {
  const times: number[] = [];
  // The first rounds are compiled while they run.
  for (let round = -Math.ceil(rounds / 5); round < rounds; round += 1) {
    const start = performance.now();
    await work();
    if (round >= 0) times.push(performance.now() - start);
  }
  return { p50: quantile(times, 0.5), p99: quantile(times, 0.99) };
}

const queries = createQueries({
  clock: { now: () => NOW } as Parameters<typeof createQueries>[0]['clock'],
  records: { statesAt: () => Promise.resolve(new Map()), historyKeptSince: () => Promise.resolve(null) },
  live: { index, heardAt: () => NOW, tellHeard: () => undefined },
  saved: { get: () => undefined, list: () => [] },
});

answerQuestions({
  fill({ count }): MemoryFigures {
    const before = heapBytes();
    // As a cache holds them: parsed from the server's text.
    objects = clusters(Number(count)).map((object) => JSON.parse(JSON.stringify(object)) as ClusterObject);
    const withObjects = heapBytes();
    const start = performance.now();
    for (const object of objects) index.put(rowOf(object.metadata.name, fieldsOf(object)));
    const indexMilliseconds = performance.now() - start;
    // What is made at the first question counts, too.
    const parsed = parseQuery('region=eu-*');
    if ('query' in parsed) index.run(parsed.query, NOW);
    const withBoth = heapBytes();
    const figures = { clusters: objects.length, objectsBytes: withObjects - before, indexBytes: withBoth - withObjects, indexMilliseconds };
    objects = [];
    return figures;
  },
  async ask({ text, rounds }): Promise<QueryFigures> {
    const parsed = parseQuery(String(text), index.keys);
    if ('problem' in parsed) throw new Error(`${String(text)}: ${parsed.problem}`);
    const { query } = parsed;
    const { matched, usedIndex, examined } = index.run(query, NOW);
    const rows = clusters(index.size).map((object) => rowOf(object.metadata.name, fieldsOf(object)));
    const scanned = rows.filter((row) => matchesQuery(query, row, NOW)).length;
    if (scanned !== matched) throw new Error(`${String(text)}: the index finds ${matched} clusters, a scan ${scanned}`);
    const times = Number(rounds);
    return {
      matched, usedIndex, examined,
      run: await spread(times, () => index.run(query, NOW)),
      answer: await spread(times, () => queries.answer({ text: String(text) }, { signal: never })),
      scan: await spread(Math.max(3, Math.floor(times / 5)), () => rows.filter((row) => matchesQuery(query, row, NOW))),
    };
  },
  /** One property of one cluster after another; the next query must see it. */
  async change({ rounds }): Promise<ChangeFigures> {
    const objects = clusters(index.size).slice(0, 200);
    let seen = 0;
    let round = 0;
    const put = await spread(Number(rounds), () => {
      round += 1;
      const object = objects[round % objects.length]!;
      const value = `v${round}`;
      index.put(rowOf(object.metadata.name, fieldsOf({ ...object, status: { ...object.status, properties: [...object.status?.properties ?? [], { name: 'bench', value, source: 'declared', observedAt: '2026-11-01T00:00:00.000Z' }] } })));
      const parsed = parseQuery(`bench=${value}`);
      if ('query' in parsed && index.run(parsed.query, NOW).rows[0]?.name === object.metadata.name) seen += 1;
    });
    if (seen !== round) throw new Error(`${round} changes, ${seen} seen`);
    return { put, seen };
  },
});
