/** A mesh on its way to its clusters: stage by stage, stopped, taken back, and through crashes of the hub. */
import { describe, expect, it } from 'vitest';
import type { ClusterObject } from '../../../mesh/api/resources/cluster.ts';
import { Cluster, Mesh, UpdateRun } from '../../../mesh/api/resources/index.ts';
import type { MeshObject } from '../../../mesh/api/resources/mesh.ts';
import type { UpdateRunObject } from '../../../mesh/api/resources/updates.ts';
import type { RecordStore } from '../../../mesh/ports/records.ts';
import type { Bench } from '../testing/bench.ts';
import { applyAll, CAREFUL, conditionOf, NAMES, threeClusters } from '../testing/three-clusters.ts';

const runOf = (bench: Bench, name: string) => bench.get<UpdateRunObject>(UpdateRun, name);

describe('hub', () => {
  it('plans a mesh, rolls it out stage by stage, and takes it back', async () => {
    const { bench, agents } = await threeClusters();
    await bench.create(Mesh, 'europe', { clusters: {}, strategy: 'careful' });
    await bench.clock.advance(10);
    expect(conditionOf(await bench.get<MeshObject>(Mesh, 'europe'), 'Planned')).toMatchObject({ status: 'True' });
    expect(conditionOf(await bench.get<MeshObject>(Mesh, 'europe'), 'RolledOut')).toMatchObject({ status: 'False', reason: 'InProgress' });
    expect(agents.berlin.holds('DesiredRevision')).toEqual(['berlin']);
    await bench.clock.advance(5000);
    expect(agents.oslo.holds('DesiredRevision')).toEqual([]);
    agents.berlin.apply();
    await bench.clock.advance(1000);
    expect(agents.oslo.holds('DesiredRevision')).toEqual([]);
    await bench.clock.advance(1500);
    expect(agents.oslo.holds('DesiredRevision')).toEqual(['oslo']);
    expect(agents.virginia.holds('DesiredRevision')).toEqual([]);
    await applyAll(bench, Object.values(agents));
    expect((await runOf(bench, 'europe-1'))?.status).toMatchObject({ phase: 'Completed', counts: { total: 3, done: 3, inFlight: 0, failed: 0, skipped: 0 } });
    expect(conditionOf(await runOf(bench, 'europe-1'), 'Progressing')).toMatchObject({ status: 'False', reason: 'Completed' });
    for (const [type, status] of [['Healthy', 'True'], ['StrategySound', 'True'], ['StrategyChanged', undefined]] as const) expect(conditionOf(await runOf(bench, 'europe-1'), type)?.status, type).toBe(status);
    expect(conditionOf(await bench.get<MeshObject>(Mesh, 'europe'), 'RolledOut')).toMatchObject({ status: 'True' });
    expect((await bench.get<ClusterObject>(Cluster, 'oslo'))?.status?.current?.by).toBe('run/europe-1');

    await bench.create(UpdateRun, 'back', { strategy: { name: 'careful', ...CAREFUL }, planDigest: 'x', reason: 'test', requestedBy: 'test', undoOf: 'europe-1' });
    await applyAll(bench, Object.values(agents));
    expect((await runOf(bench, 'back'))?.status?.phase).toBe('Completed');
    expect(agents.berlin.value<{ content: string }>('DesiredRevision', 'berlin')?.content).toContain('"mesh":null');
    expect((await bench.list(UpdateRun)).map(({ metadata }) => metadata.name).sort()).toEqual(['back', 'europe-1']);
    expect(conditionOf(await bench.get<MeshObject>(Mesh, 'europe'), 'RolledOut')).toMatchObject({ status: 'False', reason: 'Undone', message: expect.stringContaining('delete UpdateRun back') });

    await bench.kubernetes.delete(UpdateRun, { name: 'back' }, {}, new AbortController().signal);
    await bench.clock.advance(1000);
    expect((await bench.list(UpdateRun)).map(({ metadata }) => metadata.name).sort()).toEqual(['europe-1', 'europe-2']);
  });

  it('stops a run at a cluster that does not become healthy, leaves the rest alone, and does not try again by itself', async () => {
    const { bench, agents } = await threeClusters();
    await bench.create(Mesh, 'europe', { clusters: {}, strategy: 'careful' });
    await bench.clock.advance(10);
    agents.berlin.apply(false);
    await bench.clock.advance(61_000);
    expect((await runOf(bench, 'europe-1'))?.status).toMatchObject({ phase: 'Failed', counts: { failed: 1, skipped: 2 } });
    expect(agents.oslo.holds('DesiredRevision')).toEqual([]);
    await bench.clock.advance(600_000);
    expect(await bench.list(UpdateRun)).toHaveLength(1);
    expect(conditionOf(await bench.get<MeshObject>(Mesh, 'europe'), 'RolledOut')).toMatchObject({ status: 'False', reason: 'Failed' });
  });

  it('makes no run without its strategy, and says what to do', async () => {
    const { bench } = await threeClusters();
    await bench.create(Mesh, 'europe', { clusters: {}, strategy: 'missing' });
    await bench.clock.advance(1000);
    expect(await bench.list(UpdateRun)).toHaveLength(0);
    expect(conditionOf(await bench.get<MeshObject>(Mesh, 'europe'), 'RolledOut')).toMatchObject({ reason: 'StrategyMissing', message: expect.stringContaining('UpdateStrategy missing does not exist') });
  });

  it('lets a second run wait, and says for whom', async () => {
    const { bench } = await threeClusters();
    await bench.create(Mesh, 'europe', { clusters: {}, strategy: 'careful' });
    await bench.clock.advance(1000);
    const planDigest = (await bench.get<MeshObject>(Mesh, 'europe'))?.status?.planDigest;
    await bench.create(UpdateRun, 'a-second', { strategy: { name: 'careful', ...CAREFUL }, planDigest, reason: 'test', requestedBy: 'test' });
    await bench.clock.advance(1000);
    expect((await runOf(bench, 'a-second'))?.status).toMatchObject({ phase: 'Pending', message: expect.stringContaining('waits for run europe-1, which has oslo, virginia') });
  });

  it.each(['before', 'after'] as const)('goes on after a crash %s each durable step: no cluster is skipped and none is told twice', async (when) => {
    const { bench, agents } = await threeClusters();
    let deaths = 0;
    /** Dies at its `step`-th save, before or after it is durable. */
    const dying = (step: number): RecordStore => {
      let saves = 0;
      const maybeDie = async <T>(work: () => Promise<T>): Promise<T> => {
        saves += 1;
        if (saves !== step) return work();
        if (when === 'after') await work();
        deaths += 1;
        void bench.stopHub();
        throw new Error('killed');
      };
      return {
        ...bench.records,
        createRun: (...parameters) => maybeDie(() => bench.records.createRun(...parameters)),
        saveProgress: (progress) => maybeDie(() => bench.records.saveProgress(progress)),
      };
    };
    await bench.stopHub();
    await bench.create(Mesh, 'europe', { clusters: {}, strategy: 'careful' });
    for (let step = 1; (await runOf(bench, 'europe-1'))?.status?.phase !== 'Completed' && step < 40; step += 1) {
      for (const agent of Object.values(agents)) agent.disconnect();
      await bench.startHub(dying(1 + step % 3));
      for (const agent of Object.values(agents)) agent.connect(bench);
      await applyAll(bench, Object.values(agents), 20);
      await bench.stopHub();
    }
    expect((await runOf(bench, 'europe-1'))?.status).toMatchObject({ phase: 'Completed', counts: { done: 3 } });
    expect(deaths).toBeGreaterThan(2);
    const journal = await bench.records.listJournal('europe-1', 1000);
    for (const name of NAMES) {
      expect(journal.filter(({ cluster }) => cluster === name).map(({ event }) => event)).toEqual(['Assigned', 'Soaking', 'Done']);
      expect(agents[name].holds('DesiredRevision')).toEqual([name]);
    }
    expect(await bench.list(UpdateRun)).toHaveLength(1);
  });
});
