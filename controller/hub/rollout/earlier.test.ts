/** Runs that take others back, or try them again. */
import { describe, expect, it } from 'vitest';
import { Mesh } from '../../../mesh/api/resources/index.ts';
import type { MeshObject } from '../../../mesh/api/resources/mesh.ts';
import type { DesiredRevision } from '../../../mesh/model/desired.ts';
import { applyAll, conditionOf, threeClusters } from '../testing/three-clusters.ts';
import { change, makeBundle, makeRun, ONE_STAGE, packagesOf, runBundle, stateOf, statusOf } from './testing/runs.ts';

const TOLERANT = { ...ONE_STAGE, name: 'tolerant', stages: [{ ...ONE_STAGE.stages[0], maxConcurrency: 3, maxFailures: 3 }] };
const idOf = (agent: Parameters<typeof stateOf>[0]) => agent.value<DesiredRevision>('DesiredRevision', agent.cluster)?.id;

describe('retry', () => {
  it('tries failed and skipped clusters again, and no others, with the same content and strategy', async () => {
    const { bench, agents } = await threeClusters();
    await makeBundle(bench, 'values', 1);
    await runBundle(bench, 'first', 'values-1', ['berlin', 'oslo', 'virginia']);
    await bench.clock.advance(100);
    agents.berlin.apply();
    await bench.clock.advance(100);
    agents.oslo.apply(false);
    await bench.clock.advance(61_000);
    expect(await statusOf(bench, 'first')).toMatchObject({ phase: 'Failed', counts: { done: 1, failed: 1, skipped: 1 } });
    const failedOn = idOf(agents.oslo);
    await makeRun(bench, 'second', { retryOf: 'first' });
    await bench.clock.advance(100);
    expect(idOf(agents.oslo)).toBe(failedOn);
    // What it said of the first time does not count for the second.
    expect(await statusOf(bench, 'second')).toMatchObject({ phase: 'Running', counts: { total: 2, inFlight: 1, done: 0 }, strategyDigest: (await statusOf(bench, 'first'))?.strategyDigest });
    expect(await bench.records.listTargets('second')).toMatchObject([{ cluster: 'oslo', failingBefore: true, generation: 2, toId: failedOn }, { cluster: 'virginia' }]);
    await applyAll(bench, Object.values(agents), 5);
    expect(await statusOf(bench, 'second')).toMatchObject({ phase: 'Completed', counts: { total: 2, done: 2 } });
    expect((await bench.records.getRun('second'))?.message).toBe('tries again what run first did not bring');
    await makeRun(bench, 'third', { retryOf: 'second' });
    await applyAll(bench, Object.values(agents), 2);
    expect(await statusOf(bench, 'third')).toMatchObject({ phase: 'Completed', counts: { total: 0 }, message: 'run second left nothing to try again' });
  });

  it('goes back, where it must, to what was before the run that it tries again', async () => {
    const { bench, agents } = await threeClusters();
    for (const major of [1, 2]) await makeBundle(bench, 'values', major);
    await runBundle(bench, 'good', 'values-1', ['berlin']);
    await applyAll(bench, Object.values(agents), 3);
    const before = idOf(agents.berlin);
    await runBundle(bench, 'bad', 'values-2', ['berlin']);
    await bench.clock.advance(100);
    agents.berlin.apply(false);
    await bench.clock.advance(61_000);
    await makeRun(bench, 'again', { retryOf: 'bad', strategy: { ...ONE_STAGE, onFailure: 'RollBackRun' } });
    await bench.clock.advance(62_000);
    await bench.clock.advance(1000);
    expect(idOf(agents.berlin)).toBe(before);
    await applyAll(bench, Object.values(agents), 5);
    expect(await statusOf(bench, 'again')).toMatchObject({ phase: 'RolledBack', counts: { rolledBack: 1 } });
  });
});

describe('retry of an undo', () => {
  it('takes back what was left, and what is taken back stays so', async () => {
    const { bench, agents } = await threeClusters();
    await bench.create(Mesh, 'europe', { clusters: {}, strategy: 'careful' });
    await applyAll(bench, Object.values(agents), 15);
    await makeRun(bench, 'back', { undoOf: 'europe-1' });
    await bench.clock.advance(100);
    await change(bench, 'back', { stop: true });
    await applyAll(bench, Object.values(agents), 5);
    expect(await statusOf(bench, 'back')).toMatchObject({ phase: 'Stopped', counts: { done: 1, skipped: 2 } });
    await makeRun(bench, 'back-again', { retryOf: 'back' });
    await applyAll(bench, Object.values(agents), 10);
    expect(await statusOf(bench, 'back-again')).toMatchObject({ phase: 'Completed', counts: { total: 2, done: 2 } });
    expect(Object.values(agents).map((agent) => stateOf(agent)?.mesh)).toEqual([null, null, null]);
    await bench.clock.advance(60_000);
    expect(await statusOf(bench, 'europe-2')).toBeUndefined();
    expect(conditionOf(await bench.get<MeshObject>(Mesh, 'europe'), 'RolledOut')).toMatchObject({ status: 'False', reason: 'Undone' });
  });
});

describe('undo', () => {
  it('of a bundle puts the earlier version back by package, whatever plan came since', async () => {
    const { bench, agents } = await threeClusters();
    for (const major of [1, 2]) await makeBundle(bench, 'values', major);
    await makeBundle(bench, 'dns', 1);
    await runBundle(bench, 'one', 'values-1', ['berlin', 'oslo'], TOLERANT);
    await applyAll(bench, Object.values(agents), 3);
    await runBundle(bench, 'two', 'values-2', ['berlin', 'oslo', 'virginia'], TOLERANT);
    await applyAll(bench, Object.values(agents), 3);
    await bench.create(Mesh, 'europe', { clusters: {}, strategy: 'careful' });
    await applyAll(bench, Object.values(agents), 15);
    await runBundle(bench, 'dns', 'dns-1', ['oslo'], TOLERANT);
    await applyAll(bench, Object.values(agents), 3);
    await makeRun(bench, 'back', { undoOf: 'two' });
    await applyAll(bench, Object.values(agents), 5);
    expect(await statusOf(bench, 'back')).toMatchObject({ phase: 'Completed', counts: { done: 3 } });
    expect([agents.berlin, agents.oslo, agents.virginia].map((agent) => [stateOf(agent)?.mesh, packagesOf(agent)])).toEqual([['europe', ['values 1.0.0']], ['europe', ['dns 1.0.0', 'values 1.0.0']], ['europe', []]]);
    expect((await bench.records.getRun('back'))?.message).toBe('takes back run two; run dns has changed oslo since; run europe-1 has changed berlin, virginia since');
    await makeRun(bench, 'forth', { undoOf: 'back' });
    await applyAll(bench, Object.values(agents), 5);
    expect([agents.berlin, agents.virginia].map(packagesOf)).toEqual([['values 2.0.0'], ['values 2.0.0']]);
    expect(await bench.list(Mesh)).toHaveLength(1);
    expect(await statusOf(bench, 'europe-2')).toBeUndefined();
  });

  it('of a plan keeps the bundles of today, and leaves a package that came in another version since', async () => {
    const { bench, agents } = await threeClusters();
    for (const major of [1, 2, 3]) await makeBundle(bench, 'values', major);
    await bench.create(Mesh, 'europe', { clusters: {}, strategy: 'careful' });
    await applyAll(bench, Object.values(agents), 15);
    await runBundle(bench, 'one', 'values-1', ['berlin', 'oslo'], TOLERANT);
    await applyAll(bench, Object.values(agents), 3);
    await makeRun(bench, 'back', { undoOf: 'europe-1' });
    await applyAll(bench, Object.values(agents), 15);
    expect(await statusOf(bench, 'back')).toMatchObject({ phase: 'Completed', counts: { done: 3 } });
    expect([stateOf(agents.berlin)?.mesh, packagesOf(agents.berlin)]).toEqual([null, ['values 1.0.0']]);
    await bench.clock.advance(60_000);
    expect(await statusOf(bench, 'europe-2')).toBeUndefined();
    await runBundle(bench, 'two', 'values-2', ['berlin', 'oslo'], TOLERANT);
    await applyAll(bench, Object.values(agents), 3);
    await runBundle(bench, 'three', 'values-3', ['oslo'], TOLERANT);
    await applyAll(bench, Object.values(agents), 3);
    await makeRun(bench, 'undo-two', { undoOf: 'two' });
    await applyAll(bench, Object.values(agents), 3);
    expect([packagesOf(agents.berlin), packagesOf(agents.oslo)]).toEqual([['values 1.0.0'], ['values 3.0.0']]);
    expect((await bench.records.getRun('undo-two'))?.message).toContain('oslo stays: another version of the package came since');
    // The mesh that a person took back stays so, though bundles came and went meanwhile.
    await bench.clock.advance(60_000);
    expect(await statusOf(bench, 'europe-2')).toBeUndefined();
  });

  it('waits for the run that it takes back, and takes no soak where the way back is fresh', async () => {
    const { bench, agents } = await threeClusters();
    for (const major of [1, 2]) await makeBundle(bench, 'values', major);
    const slow = { ...TOLERANT, name: 'slow', fastRollbackSeconds: 3600, stages: [{ ...TOLERANT.stages[0]!, soakSeconds: 20 }] };
    await runBundle(bench, 'one', 'values-1', ['berlin'], slow);
    await applyAll(bench, Object.values(agents), 25);
    expect((await statusOf(bench, 'one'))?.phase).toBe('Completed');
    await runBundle(bench, 'two', 'values-2', ['berlin'], slow);
    await applyAll(bench, Object.values(agents), 5);
    await makeRun(bench, 'back', { undoOf: 'two', strategy: slow });
    await bench.clock.advance(1000);
    expect(await statusOf(bench, 'back')).toMatchObject({ phase: 'Pending', message: expect.stringContaining('waits for run two to end') });
    await applyAll(bench, Object.values(agents), 20);
    expect((await statusOf(bench, 'two'))?.phase).toBe('Completed');
    await applyAll(bench, Object.values(agents), 3);
    expect(await bench.records.listTargets('back')).toMatchObject([{ cluster: 'berlin', fast: true, phase: 'Done' }]);
    expect((await statusOf(bench, 'back'))?.phase).toBe('Completed');
    expect(packagesOf(agents.berlin)).toEqual(['values 1.0.0']);
  });
});
