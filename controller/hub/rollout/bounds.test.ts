/** What staged updates leave behind in a year, and that nothing of it goes which somebody needs, wherever a hub dies. */
import { describe, expect, it } from 'vitest';
import type { ChannelObject } from '../../../mesh/api/resources/bundle.ts';
import { Approval, Bundle, Channel, Inquiry, UpdateRun, UpdateStrategy, WindowOverride } from '../../../mesh/api/resources/index.ts';
import type { RunAnswer } from '../../../mesh/api/resources/inquiry-answers.ts';
import type { InquiryObject } from '../../../mesh/api/resources/inquiry.ts';
import type { UpdateRunObject } from '../../../mesh/api/resources/updates.ts';
import { toRfc3339 } from '../../../mesh/model/instant.ts';
import type { KubernetesClient } from '../../../mesh/ports/kubernetes.ts';
import type { RecordStore } from '../../../mesh/ports/records.ts';
import { type Bench, createBench, scriptedAgent, type ScriptedAgent } from '../testing/bench.ts';
import { applyAll } from '../testing/three-clusters.ts';
import { makeBundle, makeRun, packagesOf, statusOf } from './testing/runs.ts';

const never = new AbortController().signal;
const HOUR = 3_600_000;
const WEEK = 7 * 24 * HOUR;
const NAMES = ['amber', 'birch', 'cedar'] as const;
const LIMIT = 5;
const HISTORY = { changeDays: 30, stateDays: 60, runDays: 30, runsPerStrategy: LIMIT, runObjectDays: 400 };
const STRATEGY = { stages: [{ name: 'all', clusters: {}, maxConcurrency: 3, soakSeconds: 0 }], progressDeadlineSeconds: 60 };

interface World { readonly bench: Bench; readonly agents: readonly ScriptedAgent[] }

async function world(): Promise<World> {
  const bench = await createBench();
  bench.history = HISTORY;
  for (const name of NAMES) await bench.join(name);
  await bench.create(UpdateStrategy, 'weekly', STRATEGY);
  return { bench, agents: NAMES.map((name, index) => scriptedAgent(name, index + 1)) };
}

async function wake({ bench, agents }: World, records?: RecordStore, kubernetes?: KubernetesClient): Promise<void> {
  await bench.startHub(records, undefined, undefined, kubernetes);
  for (const agent of agents) agent.connect(bench);
  await bench.clock.advance(1000);
}

/** Until the hub is at rest, and has looked at what it keeps. */
async function rest({ bench, agents }: World, milliseconds: number): Promise<void> {
  await bench.clock.advance(HOUR + 60_000);
  await bench.stopHub();
  for (const agent of agents) agent.disconnect();
  await bench.clock.advance(milliseconds);
}

const objects = async (bench: Bench): Promise<string[]> => (await bench.list<UpdateRunObject>(UpdateRun)).map(({ metadata }) => metadata.name).sort();
const bring = (bench: Bench, name: string, bundle: string, names: readonly string[] = NAMES): Promise<void> => makeRun(bench, name, { strategyName: 'weekly', bundle: { name: bundle, clusters: { names } } });

async function weekOf(all: World, week: number, healthy: (agent: ScriptedAgent) => boolean = () => true): Promise<void> {
  const { bench, agents } = all;
  await makeBundle(bench, 'shop', week);
  await bring(bench, `week-${week}`, `shop-${week}`);
  for (let second = 0; second < 70; second += 1) {
    for (const agent of agents) agent.apply(healthy(agent));
    await bench.clock.advance(1000);
    if ((await statusOf(bench, `week-${week}`))?.finishedAt !== undefined) break;
  }
  if (week > 2) await bench.kubernetes.delete(Bundle, { name: `shop-${week - 2}` }, {}, never);
}

describe('a year of weekly runs', () => {
  it('leaves a bounded number of objects, records and contents, and the last one can be taken back', async () => {
    const all = await world();
    const { bench, agents } = all;
    const [most, weeks] = [{ objects: 0, rows: 0, summaries: 0, contents: 0 }, 52];
    for (let week = 1; week <= weeks; week += 1) {
      await wake(all);
      await weekOf(all, week, (agent) => week % 7 !== 3 || agent.cluster !== 'cedar');
      await rest(all, WEEK);
      const kept = await Promise.all(Array.from({ length: week }, (_, index) => bench.records.getRun(`week-${index + 1}`)));
      most.objects = Math.max(most.objects, (await objects(bench)).length);
      most.rows = Math.max(most.rows, kept.filter((run) => run !== undefined && !run.summaryOnly).length);
      most.summaries = Math.max(most.summaries, kept.filter((run) => run?.summaryOnly).length);
      most.contents = Math.max(most.contents, (await bench.records.countBundles()).count);
    }
    // Rows stay as long as objects; summaries for 60 days after that. Contents are those of the kept runs, and what they replaced.
    expect(most).toEqual({ objects: LIMIT, rows: LIMIT + 1, summaries: 4, contents: LIMIT + 2 });
    expect(await objects(bench)).toEqual(['week-48', 'week-49', 'week-50', 'week-51', 'week-52']);
    expect(bench.metrics.value('isthmus_hub_runs_collected_total')).toBe(weeks - LIMIT);
    expect(bench.metrics.value('isthmus_hub_contents_kept')).toBeLessThanOrEqual(most.contents);
    expect(bench.metrics.value('isthmus_hub_contents_collected_total')).toBeGreaterThan(weeks - most.contents - 1);

    for (const name of ['shop-51', 'shop-52']) await bench.kubernetes.delete(Bundle, { name }, {}, never);
    await wake(all);
    expect(bench.metrics.value('isthmus_hub_runs_ended')).toBe(LIMIT);
    await applyAll(bench, agents, 5);
    expect(agents.map(packagesOf)).toEqual(NAMES.map(() => ['shop 52.0.0']));
    await makeRun(bench, 'back', { undoOf: 'week-52' });
    await applyAll(bench, agents, 20);
    expect((await statusOf(bench, 'back'))?.phase).toBe('Completed');
    expect(agents.map(packagesOf)).toEqual(NAMES.map(() => ['shop 51.0.0']));
    for (const agent of agents) expect(agent.holds('Bundle')).toHaveLength(1);

    // Of one that is longer ago its summary is told, and no more is done.
    await makeRun(bench, 'too-late', { undoOf: 'week-46' });
    await bench.create(Inquiry, 'ask', { run: { name: 'week-46' } });
    await applyAll(bench, agents, 2);
    expect(await statusOf(bench, 'too-late')).toMatchObject({ phase: 'Failed', message: expect.stringContaining('the records have a summary of run week-46 and no more') });
    const answer = JSON.parse((await bench.get<InquiryObject>(Inquiry, 'ask'))?.status?.answer ?? '{}') as RunAnswer;
    expect(answer).toMatchObject({ targets: [], journal: [], frozen: { phase: 'Completed', author: 'ann', summaryOnly: true } });
    await bench.stopHub();
  }, 300_000);
});

describe('what people said of runs', () => {
  it('goes with its run, or when it is old and there is no such run', async () => {
    const all = await world();
    const { bench } = all;
    await makeBundle(bench, 'shop', 1);
    await wake(all);
    await bring(bench, 'first', 'shop-1');
    const approve = (name: string, run: string): Promise<void> => bench.create(Approval, name, { run, gate: 'all/before/people', approver: 'ann' });
    const override = (name: string, run: string): Promise<void> => bench.create(WindowOverride, name, { run, reason: 'test', requestedBy: 'ann', expiresAt: toRfc3339(bench.clock.now() + HOUR) });
    await approve('mine', 'first');
    await approve('of-none', 'never');
    await override('of-first', 'first');
    await override('of-none', 'never');
    expect(await done(all, 'first')).toBe('Completed');
    const left = async (): Promise<string[]> => [...await bench.list(Approval), ...await bench.list(WindowOverride)].map(({ kind, metadata }) => `${kind} ${metadata.name}`).sort();
    await rest(all, (HISTORY.runDays + 1) * 24 * HOUR);
    expect(await left()).toEqual(['Approval mine', 'Approval of-none', 'WindowOverride of-first', 'WindowOverride of-none']);
    await wake(all);
    await approve('young', 'never');
    await rest(all, 0);
    expect(await left()).toEqual(['Approval mine', 'Approval young', 'WindowOverride of-first']);
    await bench.kubernetes.delete(UpdateRun, { name: 'first' }, {}, never);
    expect(await left()).toEqual(['Approval young', 'WindowOverride of-first']);
    await wake(all);
    await rest(all, 0);
    expect(await left()).toEqual(['Approval young']);
  });
});

const annotate = (bench: Bench, name: string, keep: string | null): Promise<unknown> =>
  bench.kubernetes.patch(UpdateRun, { name }, { metadata: { annotations: { 'isthmus.dev/keep': keep } } }, { type: 'merge', fieldManager: 'test' }, never);

async function done({ bench, agents }: World, name: string, healthy: (agent: ScriptedAgent) => boolean = () => true): Promise<string | undefined> {
  for (let second = 0; second < 70; second += 1) {
    for (const agent of agents) agent.apply(healthy(agent));
    await bench.clock.advance(1000);
    if ((await statusOf(bench, name))?.finishedAt !== undefined) break;
  }
  await bench.clock.advance(1000);
  return (await statusOf(bench, name))?.phase;
}

describe('a run stays', () => {
  it('that a person marked, that clusters had last, or had last with success, and that another repeats', async () => {
    const all = await world();
    const { bench } = all;
    bench.history = { ...HISTORY, runsPerStrategy: 1 };
    for (const major of [1, 2, 3]) await makeBundle(bench, 'shop', major);
    let read = 0;
    await wake(all, { ...bench.records, listTargets(run) { read += 1; return bench.records.listTargets(run); } });
    for (const [name, bundle, clusters, healthy] of [
      ['gone', 'shop-2', ['amber'], true], ['marked', 'shop-1', ['amber'], true], ['good', 'shop-1', ['cedar'], true], ['repeated', 'shop-2', ['cedar'], false], ['failed', 'shop-3', ['cedar'], false],
      ['first', 'shop-2', ['amber', 'birch'], true], ['last', 'shop-3', ['amber'], true],
    ] as const) {
      await bring(bench, name, bundle, clusters);
      expect(await done(all, name, () => healthy)).toBe(healthy ? 'Completed' : 'CompletedWithFailures');
    }
    await makeRun(bench, 'again', { retryOf: 'repeated', pause: true });
    await annotate(bench, 'marked', 'true');
    await bench.clock.advance(3 * HOUR);
    expect(await objects(bench)).toEqual(['again', 'failed', 'first', 'good', 'last', 'marked', 'repeated']);
    await bench.kubernetes.delete(UpdateRun, { name: 'again' }, {}, never);
    await annotate(bench, 'marked', null);
    await bench.clock.advance(2 * HOUR);
    expect(await objects(bench)).toEqual(['failed', 'first', 'good', 'last']);
    await bench.clock.advance(HOUR);
    const before = read;
    await bench.clock.advance(3 * HOUR);
    expect(read, 'rows that keep what they kept are not read each hour').toBe(before);
    await bench.stopHub();
  });

  it('that tells a channel not to bring again what failed', async () => {
    const all = await world();
    const { bench } = all;
    bench.history = { ...HISTORY, runsPerStrategy: 1 };
    await bench.create(UpdateStrategy, 'strict', { ...STRATEGY, onFailure: 'RollBackRun' });
    await makeBundle(bench, 'shop', 2);
    await wake(all);
    await bench.create(Channel, 'all', { package: 'shop', strategyName: 'weekly', clusters: { names: NAMES }, autoUpdate: { from: 'Bundles', range: '>=2' } });
    await bench.clock.advance(1000);
    expect(await done(all, 'channel-all-1', () => false)).toBe('CompletedWithFailures');
    await makeBundle(bench, 'shop', 1);
    for (const name of ['by-hand-1', 'by-hand-2']) {
      await bring(bench, name, name === 'by-hand-1' ? 'shop-1' : 'shop-2', ['amber']);
      await done(all, name);
    }
    for (const name of ['by-hand-3', 'by-hand-4']) {
      await bring(bench, name, 'shop-1');
      expect(await done(all, name)).toBe('Completed');
    }
    await bench.clock.advance(3 * HOUR);
    expect(await objects(bench)).toEqual(['by-hand-3', 'channel-all-1']);
    expect((await bench.get<ChannelObject>(Channel, 'all'))?.status).toMatchObject({ blocked: 'RunFailed', run: 'channel-all-1' });
    await bench.stopHub();
  }, 300_000);
});

describe('a hub that dies while it lets the old go', () => {
  type Write = { readonly at: number; readonly when: 'before' | 'after'; die(): void };

  /** All writes by which something goes. */
  function goings({ records, kubernetes }: Pick<Bench, 'records' | 'kubernetes'>, killed?: Write): { readonly records: RecordStore; readonly kubernetes: KubernetesClient; readonly writes: string[] } {
    const writes: string[] = [];
    let dead = false;
    const going = <A extends readonly unknown[], R>(what: string, work: (...call: A) => Promise<R>) => async (...call: A): Promise<R> => {
      if (dead) throw new Error('killed');
      writes.push(what);
      if (writes.length !== killed?.at) return work(...call);
      dead = true;
      if (killed.when === 'after') await work(...call);
      killed.die();
      throw new Error('killed');
    };
    return {
      writes, kubernetes: { ...kubernetes, delete: going('object', kubernetes.delete) },
      records: {
        ...records, dropRun: going('run', records.dropRun), dropRevisions: going('revisions', records.dropRevisions), dropBundles: going('contents', records.dropBundles), dropSummaries: going('summaries', records.dropSummaries),
      },
    };
  }

  /** Four weeks have passed, long ago, and a hub is to begin that keeps little. */
  async function past(): Promise<World> {
    const all = await world();
    all.bench.history = undefined;
    await wake(all);
    for (let week = 1; week <= 4; week += 1) await weekOf(all, week);
    await all.bench.stopHub();
    for (const agent of all.agents) agent.disconnect();
    for (const name of ['shop-3', 'shop-4']) await all.bench.kubernetes.delete(Bundle, { name }, {}, never);
    await all.bench.clock.advance(10 * WEEK);
    all.bench.history = { changeDays: 1, stateDays: 1, runDays: 1, runsPerStrategy: 1, runObjectDays: 400 };
    return all;
  }

  const STEP = 600_000;
  const ROUNDS = 3 * HOUR + 120_000;
  const endOf = async ({ bench }: World): Promise<object> => ({
    objects: await objects(bench), runs: (await Promise.all([1, 2, 3, 4].map((week) => bench.records.getRun(`week-${week}`)))).map((run) => run?.run), contents: (await bench.records.countBundles()).count,
    assigned: (await bench.records.listAssignments()).map(({ cluster, desiredId }) => [cluster, desiredId]),
  });

  it.each(['before', 'after'] as const)('%s any of its writes: what is needed stays, and the next one is at the same end', async (when) => {
    const calm = await past();
    const counter = goings(calm.bench);
    await wake(calm, counter.records, counter.kubernetes);
    await calm.bench.clock.advance(ROUNDS);
    const end = await endOf(calm);
    expect(end).toMatchObject({ objects: ['week-4'], runs: [undefined, undefined, undefined, 'week-4'], contents: 2 });
    await calm.bench.stopHub();
    expect(new Set(counter.writes)).toEqual(new Set(['object', 'run', 'revisions', 'contents', 'summaries']));
    for (let at = 1; at <= counter.writes.length; at += 1) {
      // Before a write it is as after the one that precedes it: one of each kind does.
      if (when === 'before' && counter.writes.lastIndexOf(counter.writes[at - 1]!) !== at - 1) continue;
      const all = await past();
      const { bench, agents } = all;
      let died = false;
      const dying = goings(bench, { at, when, die() { died = true; void bench.stopHub(); } });
      await wake(all, dying.records, dying.kubernetes);
      for (let waited = 0; waited < ROUNDS && !died; waited += STEP) await bench.clock.advance(STEP);
      const what = `${when} write ${at} of ${counter.writes.length}, ${counter.writes[at - 1]}`;
      expect(died, what).toBe(true);
      for (const agent of agents) agent.disconnect();
      await wake(all);
      await applyAll(bench, agents, 3);
      expect(agents.map(packagesOf), what).toEqual(NAMES.map(() => ['shop 4.0.0']));
      for (let waited = 0; waited < ROUNDS && JSON.stringify(await endOf(all)) !== JSON.stringify(end); waited += STEP) await bench.clock.advance(STEP);
      expect(await endOf(all), what).toEqual(end);
      await makeRun(bench, 'back', { undoOf: 'week-4' });
      await applyAll(bench, agents, 10);
      expect((await statusOf(bench, 'back'))?.phase, what).toBe('Completed');
      expect(agents.map((agent) => [packagesOf(agent), agent.holds('Bundle').length]), what).toEqual(NAMES.map(() => [['shop 3.0.0'], 1]));
      await bench.stopHub();
    }
  }, 300_000);
});
