/** Bundles through a whole hub: judged, brought by runs, told to those that have them, trusted by their signatures. */
import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { signBundle } from '../../../certs/index.ts';
import { publicKeyPem, readPrivateKey } from '../../../certs/dsse/keys.ts';
import { Bundle, Mesh, UpdateRun } from '../../../mesh/api/resources/index.ts';
import type { UpdateRunObject } from '../../../mesh/api/resources/updates.ts';
import { bundleText } from '../../../mesh/bundle/digest.ts';
import type { BundleDelivery, DsseSignature, SigningPolicy } from '../../../mesh/model/bundle.ts';
import { toRfc3339 } from '../../../mesh/model/instant.ts';
import { conditionOf } from '../testing/three-clusters.ts';
import { bring, bundleOf, contentOf, digestOf, fleet, held, runs, specOf } from './testing/fleet.ts';

const never = new AbortController().signal;

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
