/** Several runs at once, on clusters that they share and that they do not. */
import { describe, expect, it } from 'vitest';
import { Mesh } from '../../../mesh/api/resources/index.ts';
import type { MeshObject } from '../../../mesh/api/resources/mesh.ts';
import type { DesiredRevision } from '../../../mesh/model/desired.ts';
import { applyAll, conditionOf, threeClusters } from '../testing/three-clusters.ts';
import { change, makeBundle, packagesOf, runBundle, stateOf, statusOf } from './testing/runs.ts';

describe('runs', () => {
  it('of disjoint clusters go side by side; one that shares a cluster waits for its turn, and gets it', async () => {
    const { bench, agents } = await threeClusters();
    for (const major of [1, 2]) await makeBundle(bench, 'values', major);
    await runBundle(bench, 'one', 'values-1', ['berlin']);
    await runBundle(bench, 'two', 'values-1', ['oslo']);
    await bench.clock.advance(1000);
    await runBundle(bench, 'three', 'values-2', ['berlin', 'oslo', 'virginia']);
    await bench.clock.advance(1000);
    await runBundle(bench, 'four', 'values-1', ['virginia']);
    await bench.clock.advance(1000);
    expect([packagesOf(agents.berlin), packagesOf(agents.oslo), packagesOf(agents.virginia)]).toEqual([['values 1.0.0'], ['values 1.0.0'], []]);
    expect(await statusOf(bench, 'three')).toMatchObject({ phase: 'Pending', message: expect.stringContaining('waits for run one, which has berlin, and for run two, which has oslo'), counts: { total: 3 } });
    expect(await statusOf(bench, 'four')).toMatchObject({ phase: 'Pending', message: 'waits for run three, which is before it and wants virginia' });
    await applyAll(bench, Object.values(agents), 20);
    for (const name of ['one', 'two', 'three', 'four']) expect((await statusOf(bench, name))?.phase, name).toBe('Completed');
    expect([packagesOf(agents.berlin), packagesOf(agents.virginia)]).toEqual([['values 2.0.0'], ['values 1.0.0']]);
  });

  it('of the plan keep bundles, and those of bundles keep the plan; each has its own generation', async () => {
    const { bench, agents } = await threeClusters();
    await makeBundle(bench, 'values', 1);
    await runBundle(bench, 'values', 'values-1', ['berlin', 'oslo']);
    await applyAll(bench, Object.values(agents), 5);
    await bench.create(Mesh, 'europe', { clusters: {}, strategy: 'careful' });
    await applyAll(bench, Object.values(agents), 15);
    expect(await statusOf(bench, 'europe-1')).toMatchObject({ phase: 'Completed', counts: { done: 3 } });
    expect(stateOf(agents.berlin)).toMatchObject({ mesh: 'europe', bundles: [{ package: 'values' }] });
    expect(stateOf(agents.virginia)).toMatchObject({ mesh: 'europe' });
    expect(packagesOf(agents.virginia)).toEqual([]);
    const generations = [agents.berlin, agents.virginia].map((agent) => agent.value<DesiredRevision>('DesiredRevision', agent.cluster)?.generation);
    expect(generations).toEqual([2, 1]);
    await makeBundle(bench, 'values', 2);
    await runBundle(bench, 'again', 'values-2', ['berlin', 'virginia']);
    await applyAll(bench, Object.values(agents), 10);
    expect(stateOf(agents.virginia)).toMatchObject({ mesh: 'europe', bundles: [{ version: '2.0.0' }] });
    expect(stateOf(agents.oslo)).toMatchObject({ mesh: 'europe', bundles: [{ version: '1.0.0' }] });
    await bench.clock.advance(60_000);
    expect(await statusOf(bench, 'europe-2')).toBeUndefined();
    expect(conditionOf(await bench.get<MeshObject>(Mesh, 'europe'), 'RolledOut')).toMatchObject({ status: 'True' });
  });

  it('of the plan wait for one of bundles that has their clusters, and bring what is planned when their turn comes', async () => {
    const { bench, agents } = await threeClusters();
    await makeBundle(bench, 'values', 1);
    agents.berlin.apply(false);
    await runBundle(bench, 'values', 'values-1', ['berlin']);
    await bench.clock.advance(1000);
    await bench.create(Mesh, 'europe', { clusters: { names: ['berlin', 'oslo'] }, strategy: 'careful' });
    await bench.clock.advance(1000);
    expect(await statusOf(bench, 'europe-1')).toMatchObject({ phase: 'Pending', message: expect.stringContaining('waits for run values, which has berlin') });
    expect(stateOf(agents.oslo)).toBeUndefined();
    expect(conditionOf(await bench.get<MeshObject>(Mesh, 'europe'), 'RolledOut')).toMatchObject({ reason: 'InProgress', message: expect.stringContaining('run europe-1 has not begun: it waits for run values, which has berlin') });
    await bench.kubernetes.patch(Mesh, { name: 'europe' }, { spec: { clusters: { names: ['berlin', 'oslo', 'virginia'] } } }, { type: 'merge', fieldManager: 'test' }, new AbortController().signal);
    await applyAll(bench, Object.values(agents), 30);
    expect(await statusOf(bench, 'europe-1')).toMatchObject({ phase: 'Completed', counts: { done: 2 } });
    expect(await statusOf(bench, 'europe-2')).toMatchObject({ phase: 'Completed', counts: { done: 1 } });
    for (const agent of Object.values(agents)) expect(stateOf(agent)?.mesh, agent.cluster).toBe('europe');
    expect(stateOf(agents.berlin)?.peering?.peers.map(({ name }) => name)).toEqual(['oslo', 'virginia']);
    expect(packagesOf(agents.berlin)).toEqual(['values 1.0.0']);
  });

  it('that are paused before they begin stand in nobody\'s way, and those that are stopped then end', async () => {
    const { bench, agents } = await threeClusters();
    await makeBundle(bench, 'values', 1);
    await bench.stopHub();
    await runBundle(bench, 'paused', 'values-1', ['berlin']);
    await change(bench, 'paused', { pause: true });
    await runBundle(bench, 'stopped', 'values-1', ['berlin']);
    await change(bench, 'stopped', { stop: true });
    await runBundle(bench, 'third', 'values-1', ['berlin']);
    for (const agent of Object.values(agents)) agent.disconnect();
    await bench.startHub();
    for (const agent of Object.values(agents)) agent.connect(bench);
    await applyAll(bench, Object.values(agents), 5);
    expect(await statusOf(bench, 'paused')).toMatchObject({ phase: 'Pending', message: expect.stringContaining('paused before it begins') });
    expect(await statusOf(bench, 'stopped')).toMatchObject({ phase: 'Stopped', message: 'stopped before it began' });
    expect(await statusOf(bench, 'third')).toMatchObject({ phase: 'Completed', counts: { done: 1 } });
    await change(bench, 'paused', { pause: false });
    await applyAll(bench, Object.values(agents), 5);
    expect(await statusOf(bench, 'paused')).toMatchObject({ phase: 'Completed', message: expect.stringContaining('every selected cluster is so already') });
  });

  it('wait for a bundle that is not there yet, and say so', async () => {
    const { bench, agents } = await threeClusters();
    await runBundle(bench, 'early', 'values-1', ['berlin']);
    await bench.clock.advance(1000);
    expect(await statusOf(bench, 'early')).toMatchObject({ phase: 'Pending', message: expect.stringContaining('waits for Bundle values-1: ') });
    await makeBundle(bench, 'values', 1);
    await applyAll(bench, Object.values(agents), 5);
    expect(await statusOf(bench, 'early')).toMatchObject({ phase: 'Completed', counts: { done: 1 } });
  });
});
