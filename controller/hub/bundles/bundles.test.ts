/** Bundles and channels through a whole hub: judged, brought by runs, told to those that have them, promoted by digest. */
import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { signBundle } from '../../../certs/index.ts';
import { publicKeyPem, readPrivateKey } from '../../../certs/dsse/keys.ts';
import type { BundleObject, ChannelObject } from '../../../mesh/api/resources/bundle.ts';
import type { ClusterObject } from '../../../mesh/api/resources/cluster.ts';
import { Bundle, Channel, Cluster, Mesh, UpdateRun, UpdateStrategy } from '../../../mesh/api/resources/index.ts';
import type { UpdateRunObject } from '../../../mesh/api/resources/updates.ts';
import { bundleDigest, bundleText } from '../../../mesh/bundle/digest.ts';
import type { BundleContent, BundleDelivery, DsseSignature, SigningPolicy } from '../../../mesh/model/bundle.ts';
import { toRfc3339 } from '../../../mesh/model/instant.ts';
import { type Bench, createBench, digest, scriptedAgent, type ScriptedAgent } from '../testing/bench.ts';
import { applyAll, conditionOf } from '../testing/three-clusters.ts';

const never = new AbortController().signal;
const QUICK = { stages: [{ name: 'all', clusters: {}, maxConcurrency: 10, soakSeconds: 0 }], progressDeadlineSeconds: 60 };
const parts = (text: string) => [{ name: 'settings', manifests: [{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'settings', namespace: 'shop' }, data: { text } }] }];
const contentOf = (version: string, text = version): BundleContent => ({ schema: 1, package: 'shop', version, parts: parts(text), health: [] });
const digestOf = (version: string, text = version): string => bundleDigest(contentOf(version, text), digest);
const specOf = (version: string, signatures: readonly DsseSignature[] = [], text = version) => ({ package: 'shop', version, parts: parts(text), signatures });

async function fleet(policy?: () => SigningPolicy, names = ['berlin', 'oslo', 'virginia']): Promise<{ bench: Bench; agents: Record<string, ScriptedAgent>; settle: (seconds?: number) => Promise<void> }> {
  const bench = await createBench();
  for (const name of names) await bench.join(name, { ring: name === 'berlin' ? 'staging' : 'production' });
  await bench.create(UpdateStrategy, 'quick', QUICK);
  await bench.startHub(undefined, undefined, policy);
  const agents = Object.fromEntries(names.map((name, index) => [name, scriptedAgent(name, index + 1)]));
  for (const agent of Object.values(agents)) agent.connect(bench);
  await bench.clock.advance(2000);
  return { bench, agents, settle: (seconds = 10) => applyAll(bench, Object.values(agents), seconds) };
}

const bundleOf = (bench: Bench, name: string) => bench.get<BundleObject>(Bundle, name);
const channelOf = (bench: Bench, name: string) => bench.get<ChannelObject>(Channel, name);
const runs = async (bench: Bench): Promise<string[]> => (await bench.list<UpdateRunObject>(UpdateRun)).map(({ metadata, status }) => `${metadata.name} ${status?.phase}`).sort();
const bring = (bench: Bench, run: string, bundle: object) => bench.create(UpdateRun, run, { strategyName: 'quick', bundle: 'clusters' in bundle ? bundle : { ...bundle, clusters: {}, all: true }, reason: 'test', requestedBy: 'test' });
const held = (agent: ScriptedAgent | undefined): string[] => agent?.holds('Bundle') ?? [];

describe('a bundle', () => {
  it('goes by a run to the clusters that are selected, and its content to no others', async () => {
    const { bench, agents, settle } = await fleet();
    await bench.create(Bundle, 'shop-1', specOf('1.0.0'));
    await settle(1);
    expect((await bundleOf(bench, 'shop-1'))?.status).toMatchObject({ digest: digestOf('1.0.0') });
    expect(conditionOf(await bundleOf(bench, 'shop-1'), 'Valid')).toMatchObject({ status: 'True' });
    expect(conditionOf(await bundleOf(bench, 'shop-1'), 'Verified')).toMatchObject({ status: 'Unknown', reason: 'NotAskedFor' });
    await bring(bench, 'bring', { name: 'shop-1', clusters: { names: ['oslo', 'virginia'] } });
    await settle();
    expect(await runs(bench)).toEqual(['bring Completed']);
    expect([held(agents['berlin']), held(agents['oslo']), held(agents['virginia'])]).toEqual([[], [digestOf('1.0.0')], [digestOf('1.0.0')]]);
    expect(agents['oslo']?.value<BundleDelivery>('Bundle', digestOf('1.0.0'))).toEqual({ digest: digestOf('1.0.0'), content: bundleText(contentOf('1.0.0')), signatures: [] });
  });

  it('that is deleted breaks neither a restart nor the way back; one that nobody has any more is told to nobody', async () => {
    const { bench, agents, settle } = await fleet(undefined, ['oslo']);
    await bench.create(Bundle, 'shop-1', specOf('1.0.0'));
    await bench.create(Bundle, 'shop-2', specOf('2.0.0'));
    await bring(bench, 'first', { name: 'shop-1' });
    await settle();
    await bring(bench, 'second', { name: 'shop-2' });
    await settle();
    expect(held(agents['oslo'])).toEqual([digestOf('2.0.0')]);
    for (const name of ['shop-1', 'shop-2']) await bench.kubernetes.delete(Bundle, { name }, {}, never);
    await bench.stopHub();
    agents['oslo']!.disconnect();
    await bench.startHub();
    agents['oslo']!.removals.length = 0;
    agents['oslo']!.connect(bench);
    await settle();
    expect([held(agents['oslo']), agents['oslo']!.removals]).toEqual([[digestOf('2.0.0')], []]);
    await bench.create(UpdateRun, 'back', { undoOf: 'second', reason: 'test', requestedBy: 'test', strategyName: 'quick' });
    await settle(20);
    expect(held(agents['oslo'])).toEqual([digestOf('1.0.0')]);
    await bench.create(UpdateRun, 'away', { removePackage: { name: 'shop', clusters: {}, all: true }, reason: 'test', requestedBy: 'test', strategyName: 'quick' });
    await settle(20);
    expect(held(agents['oslo'])).toEqual([]);
  });

  it('stays where it is through a new plan of the mesh', async () => {
    const { bench, agents, settle } = await fleet();
    await bench.create(Bundle, 'shop-1', specOf('1.0.0'));
    await bring(bench, 'bring', { name: 'shop-1' });
    await settle();
    await bench.create(Mesh, 'europe', { clusters: {}, strategy: 'quick' });
    await settle(20);
    expect(await runs(bench)).toEqual(['bring Completed', 'europe-1 Completed']);
    for (const agent of Object.values(agents)) {
      expect(agent.value<{ content: string }>('DesiredRevision', agent.cluster)?.content).toContain(`"bundles":[{"digest":"${digestOf('1.0.0')}","package":"shop","version":"1.0.0"}]`);
      expect(held(agent)).toEqual([digestOf('1.0.0')]);
    }
  });

  it('with a digest that is not its own is refused by name', async () => {
    const { bench, agents, settle } = await fleet(undefined, ['oslo']);
    await bench.create(Bundle, 'shop-1', specOf('1.0.0'));
    await bring(bench, 'wrong', { name: 'shop-1', digest: digestOf('9.9.9') });
    await bring(bench, 'unknown', { name: 'shop-9', digest: digestOf('9.9.9') });
    await settle();
    expect((await bench.get<UpdateRunObject>(UpdateRun, 'wrong'))?.status).toMatchObject({ phase: 'Pending', message: expect.stringContaining(`Bundle shop-1 has the digest ${digestOf('1.0.0')}, not ${digestOf('9.9.9')}`) });
    expect((await bench.get<UpdateRunObject>(UpdateRun, 'unknown'))?.status?.message).toContain('there is no Bundle "shop-9", and no run has kept a content');
    expect(held(agents['oslo'])).toEqual([]);
  });

  it('has its version for itself', async () => {
    const { bench, settle } = await fleet(undefined, ['oslo']);
    await bench.create(Bundle, 'shop-1', specOf('1.0.0'));
    await settle(2);
    await bench.create(Bundle, 'shop-1-again', specOf('1.0.0'));
    await bench.create(Bundle, 'shop-1-other', specOf('1.0.0', [], 'other'));
    await settle(1);
    expect(conditionOf(await bundleOf(bench, 'shop-1-again'), 'Valid')).toMatchObject({ status: 'True' });
    expect(conditionOf(await bundleOf(bench, 'shop-1-other'), 'Valid')).toMatchObject({ status: 'False', reason: 'VersionTaken', message: expect.stringContaining('Bundle shop-1 is shop 1.0.0 already') });
    await bring(bench, 'first', { name: 'shop-1' });
    await settle();
    // Also when the Bundle is gone, as long as a cluster has that version.
    for (const name of ['shop-1', 'shop-1-again']) await bench.kubernetes.delete(Bundle, { name }, {}, never);
    await settle(1);
    expect(conditionOf(await bundleOf(bench, 'shop-1-other'), 'Valid')).toMatchObject({ status: 'False', message: expect.stringContaining('cluster oslo was given another content as shop 1.0.0') });
  });

  it('over its bounds, or with what no bundle may write, says so and is brought nowhere', async () => {
    const { bench, settle } = await fleet(undefined, ['oslo']);
    await bench.create(Bundle, 'own', { package: 'shop', version: '1.0.0', parts: [{ name: 'own', manifests: [{ apiVersion: 'isthmus.dev/v1alpha1', kind: 'Approval', metadata: { name: 'mine' } }] }] });
    await bring(bench, 'bring', { name: 'own' });
    await settle(2);
    expect(conditionOf(await bundleOf(bench, 'own'), 'Valid')).toMatchObject({ status: 'False', message: expect.stringContaining('bundles do not write Isthmus\' own objects') });
    expect((await bench.get<UpdateRunObject>(UpdateRun, 'bring'))?.status?.phase).toBe('Pending');
  });
});

describe('signatures', () => {
  const key = (): string => generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const keys = { ann: key(), ben: key() };
  const pinned = (keyid: keyof typeof keys, more: object = {}): SigningPolicy['keys'][number] => ({ keyid, publicKeyPem: publicKeyPem(readPrivateKey(keys[keyid])), ...more });
  const by = (keyid: keyof typeof keys, version: string): DsseSignature => signBundle(bundleText(contentOf(version)), keys[keyid], keyid);

  it('are waited for; what is revoked later is brought and told no more', async () => {
    let policy: SigningPolicy = { threshold: 2, keys: [pinned('ann'), pinned('ben')] };
    const { bench, agents, settle } = await fleet(() => policy, ['oslo']);
    await bench.create(Bundle, 'shop-1', specOf('1.0.0', [by('ann', '1.0.0')]));
    await bring(bench, 'bring', { name: 'shop-1' });
    await settle(3);
    expect(conditionOf(await bundleOf(bench, 'shop-1'), 'Verified')).toMatchObject({ status: 'False', message: '1 of 2 signatures that are needed count (ann); until then no run brings it' });
    expect((await bench.get<UpdateRunObject>(UpdateRun, 'bring'))?.status).toMatchObject({ phase: 'Pending', message: expect.stringContaining('1 of 2 signatures that are needed count') });

    const object = await bundleOf(bench, 'shop-1');
    await bench.kubernetes.update(Bundle, { ...object!, spec: { ...object!.spec, signatures: [by('ann', '1.0.0'), by('ben', '1.0.0')] } }, { fieldManager: 'test' }, never);
    await settle();
    expect((await bundleOf(bench, 'shop-1'))?.status?.verifiedBy).toEqual(['ann', 'ben']);
    expect(await runs(bench)).toEqual(['bring Completed']);
    expect(held(agents['oslo'])).toEqual([digestOf('1.0.0')]);

    const expired = { notAfter: toRfc3339(bench.clock.now() + 1000) };
    policy = { threshold: 2, keys: [pinned('ann', expired), pinned('ben', expired)] };
    await settle(130);
    expect(conditionOf(await bundleOf(bench, 'shop-1'), 'Verified')).toMatchObject({ status: 'False', message: expect.stringContaining('key "ann" expired') });
    expect(held(agents['oslo']), 'what is in place stays told').toEqual([digestOf('1.0.0')]);

    policy = { threshold: 2, keys: [pinned('ann'), pinned('ben', { revoked: true })] };
    await settle(130);
    expect(conditionOf(await bundleOf(bench, 'shop-1'), 'Verified')).toMatchObject({ status: 'False', message: expect.stringContaining('key "ben" is revoked') });
    expect(held(agents['oslo'])).toEqual([]);
    expect(bench.log.lines.filter(({ message }) => message === 'a bundle that is assigned is not told to agents')).toHaveLength(1);
  });

  it('of one content do not do for another: a Bundle cannot change under its signatures', async () => {
    const { bench } = await fleet(() => ({ threshold: 1, keys: [pinned('ann')] }), ['oslo']);
    await bench.create(Bundle, 'shop-1', specOf('1.0.0', [by('ann', '1.0.0')]));
    const object = await bundleOf(bench, 'shop-1');
    await expect(bench.kubernetes.update(Bundle, { ...object!, spec: { ...object!.spec, version: '1.0.1' } }, { fieldManager: 'test' }, never)).rejects.toThrow('a bundle does not change');
    await bench.create(Bundle, 'shop-2', specOf('2.0.0', [by('ann', '1.0.0')]));
    await bench.clock.advance(1000);
    expect(conditionOf(await bundleOf(bench, 'shop-2'), 'Verified')).toMatchObject({ status: 'False', message: expect.stringContaining('the signature by "ann" is not of this content') });
  });
});

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
