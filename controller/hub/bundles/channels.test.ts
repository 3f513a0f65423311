/** Channels through a whole hub: promoted by digest, tried once, left alone where a person took back. */
import { describe, expect, it } from 'vitest';
import type { ClusterObject } from '../../../mesh/api/resources/cluster.ts';
import { Bundle, Channel, Cluster, UpdateRun, UpdateStrategy } from '../../../mesh/api/resources/index.ts';
import type { UpdateRunObject } from '../../../mesh/api/resources/updates.ts';
import { scriptedAgent, type ScriptedAgent } from '../testing/bench.ts';
import { applyAll, conditionOf } from '../testing/three-clusters.ts';
import { bring, channelOf, digestOf, fleet, held, runs, specOf, QUICK } from './testing/fleet.ts';

const never = new AbortController().signal;

describe('channels', () => {
  const staging = { package: 'shop', strategyName: 'quick', clusters: { labels: { ring: 'staging' } }, autoUpdate: { range: '^1', from: 'Bundles' } };
  const production = { package: 'shop', strategyName: 'quick', clusters: { labels: { ring: 'production' } }, autoUpdate: { range: '*', from: 'staging' } };

  it('bring what there is to staging, and what passed staging to production, unchanged', async () => {
    const { bench, agents, settle } = await fleet();
    await bench.create(Channel, 'staging', staging);
    await bench.create(Channel, 'production', production);
    await settle(2);
    expect(conditionOf(await channelOf(bench, 'staging'), 'Blocked')).toMatchObject({ status: 'True', reason: 'NothingYet' });
    await bench.create(Bundle, 'shop-1', specOf('1.0.0'));
    await settle(15);
    expect(await runs(bench)).toEqual(['channel-production-1 Completed', 'channel-staging-1 Completed']);
    expect((await bench.get<UpdateRunObject>(UpdateRun, 'channel-production-1'))?.spec).toMatchObject({ requestedBy: 'isthmus-hub', bundle: { name: 'shop-1', digest: digestOf('1.0.0') }, reason: 'Channel production: shop 1.0.0, which passed Channel staging' });
    for (const agent of Object.values(agents)) expect(held(agent)).toEqual([digestOf('1.0.0')]);
    expect((await channelOf(bench, 'production'))?.status).toMatchObject({ version: '1.0.0', digest: digestOf('1.0.0'), run: 'channel-production-1', clusters: 2 });
    expect(conditionOf(await channelOf(bench, 'production'), 'Promoted')).toMatchObject({ status: 'True', message: 'all 2 clusters are on shop 1.0.0' });

    await bench.create(Bundle, 'shop-2', specOf('2.0.0'));
    await settle(5);
    expect((await runs(bench)).length).toBe(2);
  });

  it('what fails in staging is not tried again by itself and never reaches production; a newer version does', async () => {
    const { bench, agents, settle } = await fleet();
    await bench.create(Channel, 'staging', staging);
    await bench.create(Channel, 'production', production);
    await bench.create(Bundle, 'shop-1', specOf('1.0.0'));
    await bench.clock.advance(2000);
    agents['berlin']!.apply(false);
    await bench.clock.advance(400_000);
    expect(await runs(bench)).toEqual(['channel-staging-1 CompletedWithFailures']);
    expect(conditionOf(await channelOf(bench, 'staging'), 'Blocked')).toMatchObject({ status: 'True', reason: 'RunFailed', message: expect.stringContaining('isthmus run retry channel-staging-1') });
    expect(conditionOf(await channelOf(bench, 'production'), 'Blocked')).toMatchObject({ status: 'True', reason: 'NotPassed' });
    expect([held(agents['oslo']), held(agents['virginia'])]).toEqual([[], []]);
    await bench.create(Bundle, 'shop-1-1', specOf('1.0.1'));
    await settle(20);
    expect(await runs(bench)).toEqual(['channel-production-1 Completed', 'channel-staging-1 CompletedWithFailures', 'channel-staging-2 Completed']);
  });

  it('what fails on one cluster is not tried again there, also when others come later', async () => {
    const { bench, agents } = await fleet();
    const { virginia, ...good } = agents;
    await bench.create(UpdateStrategy, 'tolerant', { ...QUICK, stages: [{ ...QUICK.stages[0], maxFailures: 1 }], onFailure: 'RollBackCluster' });
    await bench.create(Bundle, 'shop-1', specOf('1.0.0'));
    await bench.create(Channel, 'production', { ...production, strategyName: 'tolerant', autoUpdate: { range: '*', from: 'Bundles' } });
    const pass = async (others: Iterable<ScriptedAgent>, seconds: number): Promise<void> => {
      for (let second = 0; second < seconds; second += 1) {
        for (const agent of others) agent.apply();
        virginia!.apply(held(virginia).length === 0);
        await bench.clock.advance(1000);
      }
    };
    await pass(Object.values(good), 100);
    expect(await runs(bench)).toEqual(['channel-production-1 CompletedWithFailures']);
    expect([held(agents['oslo']), held(virginia)]).toEqual([[digestOf('1.0.0')], []]);
    expect(conditionOf(await channelOf(bench, 'production'), 'Blocked')).toMatchObject({ status: 'True', reason: 'RunFailed', message: expect.stringContaining('did not bring shop 1.0.0 to virginia') });
    await bench.join('bergen', { ring: 'production' });
    const bergen = scriptedAgent('bergen', 9);
    bergen.connect(bench);
    await pass([...Object.values(good), bergen], 200);
    expect(await runs(bench)).toEqual(['channel-production-1 CompletedWithFailures', 'channel-production-2 Completed']);
    expect([held(bergen), held(virginia)]).toEqual([[digestOf('1.0.0')], []]);
    expect((await bench.get<UpdateRunObject>(UpdateRun, 'channel-production-2'))?.spec.bundle?.clusters).toMatchObject({ names: ['bergen'] });

    await bench.create(UpdateRun, 'again', { retryOf: 'channel-production-1', strategyName: 'quick', reason: 'test', requestedBy: 'test' });
    await applyAll(bench, [...Object.values(agents), bergen], 30);
    expect(held(virginia)).toEqual([digestOf('1.0.0')]);
    expect(conditionOf(await channelOf(bench, 'production'), 'Promoted')).toMatchObject({ status: 'True' });
  });

  it('a cluster that joins later gets what its channel is on', async () => {
    const { bench, agents, settle } = await fleet(undefined, ['berlin', 'oslo']);
    await bench.create(Channel, 'production', { ...production, autoUpdate: undefined, bundle: 'shop-1' });
    await bench.create(Bundle, 'shop-1', specOf('1.0.0'));
    await settle(15);
    expect([held(agents['berlin']), held(agents['oslo'])]).toEqual([[], [digestOf('1.0.0')]]);
    await bench.join('bergen', { ring: 'production' });
    const bergen = scriptedAgent('bergen', 9);
    bergen.connect(bench);
    await applyAll(bench, [...Object.values(agents), bergen], 90);
    expect(held(bergen)).toEqual([digestOf('1.0.0')]);
    expect(await runs(bench)).toEqual(['channel-production-1 Completed', 'channel-production-2 Completed']);
  });

  it('leaves alone who is frozen, and brings it to them when they are not any more', async () => {
    const { bench, agents, settle } = await fleet();
    const freeze = async (frozen: object | undefined): Promise<void> => {
      const { frozen: _before, ...rest } = (await bench.get<ClusterObject>(Cluster, 'oslo'))!.spec ?? {};
      await bench.kubernetes.update(Cluster, { ...(await bench.get<ClusterObject>(Cluster, 'oslo'))!, spec: { ...rest, ...(frozen === undefined ? {} : { frozen }) } } as ClusterObject, { fieldManager: 'test' }, never);
    };
    await freeze({ reason: 'summit' });
    await bench.create(Bundle, 'shop-1', specOf('1.0.0'));
    await bench.create(Channel, 'production', { ...production, autoUpdate: { range: '*', from: 'Bundles' } });
    await settle(100);
    expect([held(agents['oslo']), held(agents['virginia'])]).toEqual([[], [digestOf('1.0.0')]]);
    expect(conditionOf(await channelOf(bench, 'production'), 'Blocked')).toMatchObject({ status: 'True', reason: 'Held', message: 'oslo is held back: frozen: summit' });
    expect(await runs(bench)).toHaveLength(1);
    await freeze(undefined);
    await settle(30);
    expect(held(agents['oslo'])).toEqual([digestOf('1.0.0')]);
    expect(conditionOf(await channelOf(bench, 'production'), 'Promoted')).toMatchObject({ status: 'True' });
  });

  it('does not bring again what a person took back', async () => {
    const { bench, agents, settle } = await fleet();
    await bench.create(Bundle, 'shop-1', specOf('1.0.0'));
    await bench.create(Channel, 'production', { ...production, autoUpdate: { range: '*', from: 'Bundles' } });
    await settle(15);
    await bench.create(UpdateRun, 'back', { undoOf: 'channel-production-1', strategyName: 'quick', reason: 'test', requestedBy: 'test' });
    await settle(100);
    expect(held(agents['oslo'])).toEqual([]);
    expect(await runs(bench)).toEqual(['back Completed', 'channel-production-1 Completed']);
    expect(conditionOf(await channelOf(bench, 'production'), 'Blocked')).toMatchObject({ status: 'True', message: expect.stringContaining('run back took shop 1.0.0 back') });
    await bench.create(UpdateRun, 'redo', { undoOf: 'back', strategyName: 'quick', reason: 'test', requestedBy: 'test' });
    await settle(30);
    expect(held(agents['oslo'])).toEqual([digestOf('1.0.0')]);
    expect(conditionOf(await channelOf(bench, 'production'), 'Promoted')).toMatchObject({ status: 'True' });
  });

  it('leaves what a person took back that a person had brought, also while that waits', async () => {
    const { bench, agents, settle } = await fleet(undefined, ['berlin', 'oslo']);
    await bench.create(Bundle, 'shop-1', specOf('1.0.0'));
    await bring(bench, 'settings-1', { name: 'shop-1', clusters: { names: ['oslo'] } });
    await settle(10);
    await bench.create(Channel, 'production', { ...production, autoUpdate: { range: '*', from: 'Bundles' } });
    await settle(5);
    expect(conditionOf(await channelOf(bench, 'production'), 'Promoted')).toMatchObject({ status: 'True', message: 'its only cluster is on shop 1.0.0' });
    await bench.create(UpdateRun, 'back', { undoOf: 'settings-1', strategyName: 'quick', reason: 'test', requestedBy: 'test', pause: true });
    await settle(5);
    await bench.kubernetes.patch(UpdateRun, { name: 'back' }, { spec: { pause: false } }, { type: 'merge', fieldManager: 'test' }, never);
    await settle(100);
    expect([await runs(bench), held(agents['oslo'])]).toEqual([['back Completed', 'settings-1 Completed'], []]);
    expect((await channelOf(bench, 'production'))?.status).toMatchObject({ blocked: 'TakenBack' });
    await bench.kubernetes.delete(UpdateRun, { name: 'back' }, {}, never);
    await settle(30);
    expect(held(agents['oslo'])).toEqual([digestOf('1.0.0')]);
    expect((await channelOf(bench, 'production'))?.status).not.toHaveProperty('blocked');
  });

  it('a circle, and two channels of one cluster, do nothing and say why', async () => {
    const { bench, settle } = await fleet();
    await bench.create(Bundle, 'shop-1', specOf('1.0.0'));
    await bench.create(Channel, 'staging', { ...staging, autoUpdate: { from: 'production' } });
    await bench.create(Channel, 'production', production);
    await settle(2);
    expect(conditionOf(await channelOf(bench, 'production'), 'Valid')).toMatchObject({ status: 'False', reason: 'Circle', message: expect.stringContaining('production takes from staging takes from production') });
    await bench.create(Channel, 'both', { ...staging, clusters: {} });
    await settle(2);
    expect(conditionOf(await channelOf(bench, 'both'), 'Valid')).toMatchObject({ status: 'False', reason: 'Overlap' });
    expect(await runs(bench)).toEqual([]);
  });

  it('makes each run once, wherever the hub is killed', async () => {
    const { bench, agents, settle } = await fleet();
    await bench.create(Channel, 'staging', staging);
    await bench.create(Channel, 'production', production);
    await bench.create(Bundle, 'shop-1', specOf('1.0.0'));
    for (let turn = 0; turn < 12; turn += 1) {
      await bench.stopHub();
      for (const agent of Object.values(agents)) agent.disconnect();
      await bench.startHub();
      for (const agent of Object.values(agents)) agent.connect(bench);
      await settle(1 + turn % 3);
    }
    await settle(20);
    expect(await runs(bench)).toEqual(['channel-production-1 Completed', 'channel-staging-1 Completed']);
  });
});
