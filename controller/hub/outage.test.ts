/** What a person finds the morning after: the hub was away, objects were deleted, clusters left. */
import { describe, expect, it } from 'vitest';
import { Cluster, Mesh, UpdateRun, UpdateStrategy } from '../../mesh/api/resources/index.ts';
import type { ClusterObject } from '../../mesh/api/resources/cluster.ts';
import type { MeshObject } from '../../mesh/api/resources/mesh.ts';
import type { UpdateRunObject } from '../../mesh/api/resources/updates.ts';
import type { DesiredRevision } from '../../mesh/model/desired.ts';
import { RecordsUnavailable } from '../../mesh/ports/records.ts';
import { type Bench, createBench, scriptedAgent, type ScriptedAgent } from './testing/bench.ts';

const never = new AbortController().signal;
const NAMES = ['berlin', 'oslo', 'virginia'] as const;
const STRATEGY = {
  name: 'careful', progressDeadlineSeconds: 60,
  stages: [{ name: 'canary', clusters: { names: ['berlin'] }, maxConcurrency: 1, soakSeconds: 2 }, { name: 'rest', clusters: {}, maxConcurrency: 1, soakSeconds: 0 }],
};

interface World { readonly bench: Bench; readonly agents: Record<(typeof NAMES)[number], ScriptedAgent>; connect(): void; disconnect(): void; run(name: string): Promise<UpdateRunObject | undefined> }

async function world(): Promise<World> {
  const bench = await createBench();
  for (const name of NAMES) await bench.join(name);
  const { name, ...strategy } = STRATEGY;
  await bench.create(UpdateStrategy, name, strategy);
  await bench.startHub();
  const agents = { berlin: scriptedAgent('berlin', 1), oslo: scriptedAgent('oslo', 2), virginia: scriptedAgent('virginia', 3) };
  const all = Object.values(agents);
  const connect = (): void => { for (const agent of all) agent.connect(bench); };
  connect();
  await bench.clock.advance(2000);
  await bench.create(Mesh, 'europe', { clusters: {}, strategy: name });
  await bench.clock.advance(100);
  return { bench, agents, connect, disconnect: () => { for (const agent of all) agent.disconnect(); }, run: (run) => bench.get<UpdateRunObject>(UpdateRun, run) };
}

async function applyAll({ bench, agents }: World, seconds = 20): Promise<void> {
  for (let second = 0; second < seconds; second += 1) {
    for (const agent of Object.values(agents)) agent.apply();
    await bench.clock.advance(1000);
  }
}

const rolledOut = async ({ bench }: World) => (await bench.get<MeshObject>(Mesh, 'europe'))?.status?.conditions?.find(({ type }) => type === 'RolledOut');
const undo = (bench: Bench, name: string, undoOf: string): Promise<void> => bench.create(UpdateRun, name, { strategy: STRATEGY, planDigest: 'x', reason: 'test', requestedBy: 'test', undoOf });
const contentOf = (agent: ScriptedAgent): string => agent.value<DesiredRevision>('DesiredRevision', agent.cluster)?.content ?? '';

describe('a hub that was away longer than the deadline', () => {
  it('gives the cluster in flight its time to hear of its state and to apply it', async () => {
    const all = await world();
    const { bench, agents } = all;
    all.disconnect();
    await bench.stopHub();
    await bench.clock.advance(3_600_000);
    await bench.startHub();
    await bench.clock.advance(50_000);
    all.connect();
    await bench.clock.advance(100);
    expect((await all.run('europe-1'))?.status).toMatchObject({ phase: 'Running', counts: { failed: 0 } });
    agents.berlin.apply();
    await bench.clock.advance(100);
    await applyAll(all);
    expect((await all.run('europe-1'))?.status?.phase).toBe('Completed');
  });

  it('still fails a cluster that does not become healthy after it is back', async () => {
    const all = await world();
    all.disconnect();
    await all.bench.stopHub();
    await all.bench.clock.advance(3_600_000);
    await all.bench.startHub();
    await all.bench.clock.advance(61_000);
    expect((await all.run('europe-1'))?.status).toMatchObject({ phase: 'Failed', counts: { failed: 1, skipped: 2 } });
  });

  it('obeys a stop that was asked for meanwhile at once', async () => {
    const all = await world();
    const { bench } = all;
    all.disconnect();
    await bench.stopHub();
    await bench.kubernetes.patch(UpdateRun, { name: 'europe-1' }, { spec: { stop: true } }, { type: 'merge', fieldManager: 'test' }, never);
    await bench.startHub();
    await bench.clock.advance(100);
    expect((await all.run('europe-1'))?.status).toMatchObject({ phase: 'Stopping', counts: { inFlight: 1, skipped: 2 } });
    all.connect();
    await applyAll(all, 5);
    expect((await all.run('europe-1'))?.status).toMatchObject({ phase: 'Stopped', counts: { done: 1, skipped: 2 } });
    expect(all.agents.oslo.holds('DesiredRevision')).toEqual([]);
  });
});

describe('undo', () => {
  it('of a run that was partly done takes back that part; of the undo brings it again', async () => {
    const all = await world();
    const { bench, agents } = all;
    agents.berlin.apply();
    await bench.clock.advance(3000);
    expect(contentOf(agents.oslo)).toContain('"mesh":"europe"');
    await bench.kubernetes.patch(UpdateRun, { name: 'europe-1' }, { spec: { stop: true } }, { type: 'merge', fieldManager: 'test' }, never);
    await applyAll(all, 3);
    await undo(bench, 'back', 'europe-1');
    await applyAll(all, 10);
    expect((await all.run('back'))?.status).toMatchObject({ phase: 'Completed', counts: { total: 2, done: 2 } });
    expect(contentOf(agents.berlin)).toContain('"mesh":null');
    expect(agents.virginia.holds('DesiredRevision')).toEqual([]);
    expect(await rolledOut(all)).toMatchObject({ status: 'False', reason: 'Undone' });
    await undo(bench, 'forth', 'back');
    await applyAll(all, 10);
    expect((await all.run('forth'))?.status).toMatchObject({ phase: 'Completed', counts: { total: 2, done: 2 } });
    expect(contentOf(agents.berlin)).toContain('"mesh":"europe"');
  });

  it('of a run that never was says so and changes nothing', async () => {
    const all = await world();
    await applyAll(all);
    await undo(all.bench, 'typo', 'europ-1');
    await applyAll(all, 2);
    expect((await all.run('typo'))?.status).toMatchObject({ phase: 'Failed', message: expect.stringContaining('there is no run "europ-1"') });
    expect(contentOf(all.agents.berlin)).toContain('"mesh":"europe"');
  });
});

describe('a cluster that leaves', () => {
  it('in flight stops the run at once, and the rest get a plan without it', async () => {
    const all = await world();
    const { bench, agents } = all;
    await bench.kubernetes.delete(Cluster, { name: 'berlin' }, {}, never);
    await applyAll(all, 5);
    expect((await all.run('europe-1'))?.status).toMatchObject({ phase: 'Failed', message: expect.stringContaining('cluster berlin failed: left the fleet'), counts: { failed: 1, skipped: 2 } });
    await applyAll(all);
    expect((await all.run('europe-2'))?.status).toMatchObject({ phase: 'Completed', counts: { total: 2, done: 2 } });
    expect(contentOf(agents.oslo)).not.toContain('berlin');
  });

  it('and joins again under its name gets nothing that was meant for it before', async () => {
    const all = await world();
    const { bench, agents } = all;
    await applyAll(all);
    await bench.kubernetes.delete(Cluster, { name: 'virginia' }, {}, never);
    await applyAll(all);
    await bench.stopHub();
    await bench.kubernetes.patch(Mesh, { name: 'europe' }, { spec: { clusters: { names: ['berlin', 'oslo'] } } }, { type: 'merge', fieldManager: 'test' }, never);
    all.disconnect();
    await bench.clock.advance(10);
    await bench.join('virginia');
    await bench.startHub();
    const fresh = scriptedAgent('virginia', 3);
    agents.berlin.connect(bench);
    agents.oslo.connect(bench);
    fresh.connect(bench);
    await bench.clock.advance(20_000);
    expect(fresh.holds('DesiredRevision')).toEqual([]);
    expect((await bench.get<ClusterObject>(Cluster, 'virginia'))?.status?.desired).toBeUndefined();
  });
});

describe('an UpdateRun that a person deletes in the middle', () => {
  it('is not followed by another while the cluster in flight has proved nothing', async () => {
    const all = await world();
    const { bench, agents } = all;
    agents.berlin.apply(false);
    await bench.clock.advance(100);
    await bench.kubernetes.delete(UpdateRun, { name: 'europe-1' }, {}, never);
    await bench.clock.advance(600_000);
    expect(await bench.list(UpdateRun)).toEqual([]);
    expect(agents.oslo.holds('DesiredRevision')).toEqual([]);
    expect(await rolledOut(all)).toMatchObject({ status: 'False', reason: 'RunDeleted', message: expect.stringContaining('berlin') });
    agents.berlin.apply();
    await applyAll(all);
    expect((await all.run('europe-2'))?.status).toMatchObject({ phase: 'Completed', counts: { total: 2, done: 2 } });
    expect(await rolledOut(all)).toMatchObject({ status: 'True' });
  });
});

describe('records that cannot be written', () => {
  it('hold a run where it is; it goes on without a restart once they can', async () => {
    const all = await world();
    const { bench, agents } = all;
    all.disconnect();
    await bench.stopHub();
    let full = true;
    const refuse = async <T>(work: () => Promise<T>): Promise<T> => { if (full) throw new RecordsUnavailable('retry', 'records: the disk is full'); return work(); };
    await bench.startHub({ ...bench.records, saveProgress: (progress) => refuse(() => bench.records.saveProgress(progress)), check: () => refuse(() => bench.records.check()) });
    all.connect();
    await bench.clock.advance(100);
    agents.berlin.apply();
    await bench.clock.advance(30_000);
    expect(agents.oslo.holds('DesiredRevision')).toEqual([]);
    expect(bench.hub().ready()).toEqual({ ok: false, reasons: ['records: the disk is full'] });
    expect(bench.log.lines.filter(({ level }) => level === 'warn' || level === 'error').length).toBeLessThan(60);
    full = false;
    await bench.clock.advance(70_000);
    await applyAll(all);
    expect(bench.hub().ready().ok).toBe(true);
    expect((await all.run('europe-1'))?.status?.phase).toBe('Completed');
    const journal = await bench.records.listJournal('europe-1', 1000);
    for (const name of NAMES) expect(journal.filter(({ cluster }) => cluster === name).map(({ event }) => event)).toEqual(['Assigned', 'Soaking', 'Done']);
  });
});
