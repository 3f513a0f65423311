/** What becomes of an UpdateRun and its object: frozen, edited around, deleted, joined too late. */
import { describe, expect, it } from 'vitest';
import { Cluster, UpdateRun, UpdateStrategy } from '../../../mesh/api/resources/index.ts';
import { NEW_RUN_STATE } from '../../../mesh/model/rollout.ts';
import { scriptedAgent } from '../testing/bench.ts';
import { applyAll, CAREFUL, conditionOf, threeClusters } from '../testing/three-clusters.ts';
import { change, makeBundle, makeRun, packagesOf, runBundle, runOf, statusOf } from './testing/runs.ts';

const never = new AbortController().signal;
const brings = (names: readonly string[]) => ({ bundle: { name: 'values-1', clusters: { names } } });

describe('a strategy', () => {
  it('that is edited in the middle of a run has no effect on it, and the run says so', async () => {
    const { bench, agents } = await threeClusters();
    await makeBundle(bench, 'values', 1);
    await makeRun(bench, 'named', { strategyName: 'careful', ...brings(['berlin', 'oslo', 'virginia']) });
    await bench.clock.advance(100);
    expect(conditionOf(await runOf(bench, 'named'), 'StrategyChanged')).toBeUndefined();
    const frozen = (await statusOf(bench, 'named'))?.strategyDigest;
    await bench.kubernetes.patch(UpdateStrategy, { name: 'careful' }, { spec: { ...CAREFUL, stages: [{ name: 'all', clusters: {}, maxConcurrency: 3, soakSeconds: 0 }] } }, { type: 'merge', fieldManager: 'test' }, never);
    await bench.clock.advance(100);
    expect(conditionOf(await runOf(bench, 'named'), 'StrategyChanged')).toMatchObject({ status: 'True', message: expect.stringContaining('UpdateStrategy careful is not what this run has frozen') });
    expect(packagesOf(agents.oslo)).toEqual([]);
    await bench.stopHub();
    for (const agent of Object.values(agents)) agent.disconnect();
    await bench.startHub();
    for (const agent of Object.values(agents)) agent.connect(bench);
    await applyAll(bench, [agents.berlin], 1);
    expect(packagesOf(agents.oslo)).toEqual([]);
    await applyAll(bench, Object.values(agents), 10);
    expect(await statusOf(bench, 'named')).toMatchObject({ phase: 'Completed', strategyDigest: frozen });
  });

  it('that does not exist is waited for; one that can hardly be meant is warned of', async () => {
    const { bench, agents } = await threeClusters();
    await makeBundle(bench, 'values', 1);
    await makeRun(bench, 'early', { strategyName: 'everything', ...brings(['berlin', 'oslo']) });
    await bench.clock.advance(100);
    expect(await statusOf(bench, 'early')).toMatchObject({ phase: 'Pending', message: expect.stringContaining('waits for UpdateStrategy everything, which does not exist') });
    await bench.create(UpdateStrategy, 'everything', { stages: [{ name: 'all', clusters: {}, maxConcurrency: '100%', soakSeconds: 0 }], progressDeadlineSeconds: 60 });
    await bench.clock.advance(100);
    expect(conditionOf(await runOf(bench, 'early'), 'StrategySound')).toMatchObject({ status: 'False', reason: 'Warnings' });
    await applyAll(bench, Object.values(agents), 3);
    expect((await statusOf(bench, 'early'))?.phase).toBe('Completed');
  });
});

describe('an UpdateRun', () => {
  it('that is deleted in the middle stops, lets what is in flight finish, and only then goes; its records stay', async () => {
    const { bench, agents } = await threeClusters();
    await makeBundle(bench, 'values', 1);
    await runBundle(bench, 'doomed', 'values-1', ['berlin', 'oslo']);
    await bench.clock.advance(100);
    await bench.kubernetes.delete(UpdateRun, { name: 'doomed' }, {}, never);
    await bench.clock.advance(1000);
    expect(await statusOf(bench, 'doomed')).toMatchObject({ phase: 'Stopping', counts: { inFlight: 1, skipped: 1 } });
    await bench.stopHub();
    for (const agent of Object.values(agents)) agent.disconnect();
    await bench.startHub();
    for (const agent of Object.values(agents)) agent.connect(bench);
    await bench.clock.advance(1000);
    expect(await runOf(bench, 'doomed')).toBeDefined();
    await applyAll(bench, Object.values(agents), 3);
    expect(await runOf(bench, 'doomed')).toBeUndefined();
    expect(await bench.records.getRun('doomed')).toMatchObject({ phase: 'Stopped', finishedAt: expect.any(Number) });
    expect((await bench.records.listTargets('doomed')).map(({ phase }) => phase)).toEqual(['Done', 'Skipped']);
    // Its name is taken for good.
    await runBundle(bench, 'doomed', 'values-1', ['virginia']);
    await applyAll(bench, Object.values(agents), 2);
    expect(await statusOf(bench, 'doomed')).toMatchObject({ phase: 'Failed', message: expect.stringContaining('an earlier run had the name doomed') });
    expect(packagesOf(agents.virginia)).toEqual([]);
    await bench.kubernetes.delete(UpdateRun, { name: 'doomed' }, {}, never);
    expect(await runOf(bench, 'doomed')).toBeUndefined();
  });

  it('that is deleted while it waits, or after it ended, goes at once', async () => {
    const { bench, agents } = await threeClusters();
    await makeBundle(bench, 'values', 1);
    await runBundle(bench, 'first', 'values-1', ['berlin']);
    await bench.clock.advance(1000);
    await runBundle(bench, 'waits', 'values-1', ['berlin', 'oslo']);
    await bench.clock.advance(100);
    await bench.kubernetes.delete(UpdateRun, { name: 'waits' }, {}, never);
    await bench.clock.advance(100);
    expect(await runOf(bench, 'waits')).toBeUndefined();
    await applyAll(bench, Object.values(agents), 3);
    expect((await runOf(bench, 'first'))?.metadata.finalizers ?? []).toEqual([]);
    await bench.kubernetes.delete(UpdateRun, { name: 'first' }, {}, never);
    expect(await runOf(bench, 'first')).toBeUndefined();
  });

  it('names clusters that joined later, and those that are gone, and is broken by neither', async () => {
    const { bench, agents } = await threeClusters();
    await makeBundle(bench, 'values', 1);
    await makeRun(bench, 'nowhere', { strategy: { name: 'quick', ...CAREFUL }, bundle: { name: 'values-1', clusters: { labels: { planet: 'mars' } } } });
    await bench.clock.advance(100);
    expect(await statusOf(bench, 'nowhere')).toMatchObject({
      phase: 'Failed', counts: { total: 0 }, message: expect.stringMatching(/^nothing is selected: no cluster that has joined matches spec.bundle.clusters {"labels":{"planet":"mars"}}; .* make another run that selects one of them$/),
      conditions: expect.arrayContaining([expect.objectContaining({ type: 'Progressing', status: 'False', reason: 'NothingSelected' })]),
    });
    await makeRun(bench, 'void', { strategy: { name: 'quick', ...CAREFUL }, removePackage: { name: 'values', clusters: { names: ['berlin'] } } });
    await bench.clock.advance(100);
    expect(await statusOf(bench, 'void')).toMatchObject({ phase: 'Completed', message: 'takes package values away: every selected cluster is so already' });
    await makeRun(bench, 'unsaid', { strategy: { name: 'quick', ...CAREFUL }, bundle: { name: 'values-1', clusters: {} } });
    await makeRun(bench, 'both', { strategy: { name: 'quick', ...CAREFUL }, bundle: { name: 'values-1', clusters: { names: ['berlin'] }, all: true } });
    await bench.clock.advance(100);
    expect(await statusOf(bench, 'unsaid')).toMatchObject({ phase: 'Failed', message: expect.stringContaining('say which, or spec.bundle.all: true if all of them are meant') });
    expect(await statusOf(bench, 'both')).toMatchObject({ phase: 'Failed', message: expect.stringContaining('give one of them') });
    await expect(makeRun(bench, 'absent', { strategy: { name: 'quick', ...CAREFUL }, bundle: { name: 'values-1' } })).rejects.toThrow('clusters')
    await makeRun(bench, 'all', { strategy: { name: 'quick', ...CAREFUL }, bundle: { name: 'values-1', clusters: {}, all: true } });
    await bench.clock.advance(1000);
    await bench.join('zurich');
    const late = scriptedAgent('zurich', 4);
    late.connect(bench);
    await bench.kubernetes.delete(Cluster, { name: 'virginia' }, {}, never);
    await applyAll(bench, [...Object.values(agents), late], 10);
    expect(await statusOf(bench, 'all')).toMatchObject({ phase: 'Completed', counts: { total: 3, done: 2, gone: 1, joinedLater: 1 }, message: expect.stringContaining('joined later, and left to the next run: zurich') });
    expect(packagesOf(late)).toEqual([]);
    expect((await bench.records.listJournal('all', 100)).filter(({ event }) => event === 'ClusterJoinedLater').map(({ cluster }) => cluster)).toEqual(['zurich']);
  });

  it('is paused and resumed through its spec: what is in flight finishes, and nothing begins meanwhile', async () => {
    const { bench, agents } = await threeClusters();
    await makeBundle(bench, 'values', 1);
    await runBundle(bench, 'steps', 'values-1', ['berlin', 'oslo']);
    await bench.clock.advance(100);
    await change(bench, 'steps', { pause: true });
    await applyAll(bench, Object.values(agents), 3);
    expect(await statusOf(bench, 'steps')).toMatchObject({ phase: 'Paused', counts: { done: 1 } });
    expect(packagesOf(agents.oslo)).toEqual([]);
    await change(bench, 'steps', { pause: false });
    await applyAll(bench, Object.values(agents), 3);
    expect(await statusOf(bench, 'steps')).toMatchObject({ phase: 'Completed' });
  });

  it('that a version began which kept the strategy in its object alone goes on by that', async () => {
    const { bench, agents } = await threeClusters();
    await bench.stopHub();
    for (const agent of Object.values(agents)) agent.disconnect();
    const content = JSON.stringify({ schema: 1, cluster: 'oslo', mesh: null, peering: null, trust: { trustDomain: 'test', sequence: 1, bundlePem: '' }, failover: [], globalServices: [] });
    await bench.records.putRevisions([{ id: 'sha256-old', cluster: 'oslo', content }]);
    const row = { cluster: 'oslo', stage: 1, fromId: null, toId: 'sha256-old', phase: 'Pending', assignedAt: null, healthyAt: null, finishedAt: null, message: '' } as const;
    await bench.records.createRun('old', {
      uid: '', createdAt: 1, author: '', changes: 'Plan', strategy: null, strategyDigest: '', undoOf: null, message: 'created', warnings: [], state: NEW_RUN_STATE, phase: 'Running', finishedAt: null, joinedLater: [],
      targets: [row], journal: [{ run: 'old', at: 1, cluster: '', event: 'Created', message: 'created' }],
    });
    await makeRun(bench, 'old', { strategy: { name: 'careful', ...CAREFUL }, planDigest: 'x' });
    await bench.startHub();
    for (const agent of Object.values(agents)) agent.connect(bench);
    await applyAll(bench, Object.values(agents), 5);
    expect(await statusOf(bench, 'old')).toMatchObject({ phase: 'Completed', counts: { done: 1 } });
    expect(await bench.records.getRun('old')).toMatchObject({ strategy: null, phase: 'Completed', finishedAt: expect.any(Number) });
  });

  it('writes nothing while nothing changes', async () => {
    const { bench } = await threeClusters();
    await makeBundle(bench, 'values', 1);
    await runBundle(bench, 'quiet', 'values-1', ['berlin'], { name: 'patient', progressDeadlineSeconds: 3600, stages: [{ name: 'all', clusters: {}, maxConcurrency: 1, soakSeconds: 0 }] });
    await bench.clock.advance(1000);
    const [object, record] = [await runOf(bench, 'quiet'), await bench.records.getRun('quiet')];
    await bench.clock.advance(600_000);
    expect((await runOf(bench, 'quiet'))?.metadata.resourceVersion).toBe(object?.metadata.resourceVersion);
    expect((await bench.records.getRun('quiet'))?.revision).toBe(record?.revision);
  });
});
