/** What the agent writes for Cilium, and what it leaves to those who made it. */
import { describe, expect, test } from 'vitest';
import { ConfigMap, type ConfigMapObject, Secret, type SecretObject } from '../../../mesh/api/resources/core.ts';
import { renderPeering } from '../../../mesh/cilium/peering.ts';
import { sha256Hex } from '../../adapters/digest.ts';
import { peering, peersSecret, read, secretKeys, trusted } from '../testing/scene.ts';
import type { World } from '../testing/world.ts';
import { testWorlds } from '../testing/worlds.ts';

const signal = new AbortController().signal;
const { started } = testWorlds();

describe('the desired state', () => {
  test('is written, read back and reported; a damaged or foreign one is refused', async () => {
    const world = await started();
    expect(world.heard('AppliedReport', 'berlin')).toMatchObject({ id: null });
    const good = await trusted(world, { peering: peering(['oslo']) });
    world.hub.set('DesiredRevision', 'berlin', good);
    await world.clock.advance(50);
    expect(world.heard('AppliedReport', 'berlin')).toEqual({
      id: good.id, appliedAt: expect.any(Number), healthy: true, message: '', drift: [],
      trust: { sequence: 1, clientIssuers: [expect.stringMatching(/^Isthmus issuing CA /)], serverIssuers: [expect.stringMatching(/^Isthmus issuing CA /)] },
      peering: { reads: ['oslo'], waiting: [] },
    });
    const secret = await read<SecretObject>(world, Secret, peersSecret);
    expect(await secretKeys(world)).toEqual(['oslo']);
    expect(secret?.metadata.annotations?.['isthmus.dev/desired']).toBe(good.id);
    expect(JSON.parse(secret?.metadata.annotations?.['isthmus.dev/written'] ?? '')).toEqual({ oslo: sha256Hex(Buffer.from(secret?.data?.['oslo'] ?? '', 'base64').toString()) });
    expect((await read<SecretObject>(world, Secret, { ...peersSecret, name: 'cilium-kvstoremesh' }))?.data?.['oslo']).toBeDefined();
    expect((await read<ConfigMapObject>(world, ConfigMap, { ...peersSecret, name: 'clustermesh-remote-users' }))?.data?.['users.yaml']).toContain('remote-oslo');

    world.hub.set('DesiredRevision', 'berlin', { ...good, content: good.content.replaceAll('oslo', 'evil') });
    await world.clock.advance(50);
    world.hub.set('DesiredRevision', 'berlin', { ...good, cluster: 'oslo' });
    await world.clock.advance(50);
    const refusals = world.log.lines.filter(({ message }) => message === 'the other side refused a change').map(({ fields }) => String(fields['error']));
    expect(refusals).toEqual([expect.stringContaining('changed on the way'), expect.stringContaining('is for cluster "oslo", this is "berlin"')]);
    expect(await secretKeys(world)).toEqual(['oslo']);
  });

  test('is reported with the generation of its assignment, also where nothing else is new', async () => {
    const world = await started();
    const good = await trusted(world, { peering: peering(['oslo']) });
    for (const generation of [4, 5]) {
      world.hub.set('DesiredRevision', 'berlin', { ...good, generation });
      await world.clock.advance(50);
      expect(world.heard('AppliedReport', 'berlin')).toMatchObject({ id: good.id, healthy: true, generation });
    }
  });

  test('without peering takes away what we wrote', async () => {
    const world = await started();
    world.hub.set('DesiredRevision', 'berlin', await trusted(world, { peering: peering(['oslo']) }));
    await world.clock.advance(50);
    const without = await trusted(world, { mesh: null });
    world.hub.set('DesiredRevision', 'berlin', without);
    await world.clock.advance(50);
    expect(await read(world, Secret, peersSecret)).toBeUndefined();
    expect(world.heard('AppliedReport', 'berlin')).toMatchObject({ id: without.id, healthy: true, peering: { reads: [], waiting: [], keeps: ['oslo'] } });
    world.hub.set('Reader', 'oslo', { cluster: 'oslo', reads: false });
    await world.clock.advance(181_000);
    expect(await read(world, ConfigMap, { ...peersSecret, name: 'clustermesh-remote-users' })).toBeUndefined();
    expect(world.heard('AppliedReport', 'berlin')).toMatchObject({ id: without.id, healthy: true, message: '' });
  });

  test('a change by another field manager is drift: reported with both digests, never overwritten, given back by an annotation', async () => {
    const world = await started();
    const first = await trusted(world, { peering: peering(['oslo']) });
    world.hub.set('DesiredRevision', 'berlin', first);
    await world.clock.advance(50);
    const ours = Buffer.from((await read<SecretObject>(world, Secret, peersSecret))?.data?.['oslo'] ?? '', 'base64').toString();
    await world.kubernetes.patch(Secret, peersSecret, { data: { oslo: Buffer.from('mine').toString('base64'), extra: 'eA==' } }, { type: 'merge', fieldManager: 'kubectl-edit' }, signal);
    const changedAt = world.clock.now();
    await world.clock.advance(50);
    const entry = { object: 'Secret kube-system/cilium-clustermesh', manager: 'kubectl-edit', firstSeen: changedAt };
    expect(world.heard('AppliedReport', 'berlin')).toMatchObject({
      id: first.id, healthy: false,
      drift: [{ ...entry, path: '.data.extra', expected: 'absent' }, { ...entry, path: '.data.oslo', expected: `sha256:${sha256Hex(ours)}`, actual: `sha256:${sha256Hex('mine')}` }],
    });
    expect(JSON.stringify(world.heard('AppliedReport', 'berlin'))).not.toContain('mine');
    expect(world.heard('AppliedReport', 'berlin')?.message).toContain('isthmus.dev/drift=revert');

    world.hub.set('DesiredRevision', 'berlin', await trusted(world, { peering: peering(['oslo', 'virginia']) }));
    await world.clock.advance(60_000);
    expect((await read<SecretObject>(world, Secret, peersSecret))?.data?.['oslo']).toBe(Buffer.from('mine').toString('base64'));
    expect(world.heard('AppliedReport', 'berlin')?.drift[0]?.firstSeen).toBe(changedAt);

    await world.kubernetes.patch(Secret, peersSecret, { metadata: { annotations: { 'isthmus.dev/drift': 'revert' } } }, { type: 'merge', fieldManager: 'kubectl-annotate' }, signal);
    await world.clock.advance(100);
    expect(await secretKeys(world)).toEqual(['oslo', 'virginia']);
    expect((await read<SecretObject>(world, Secret, peersSecret))?.metadata.annotations?.['isthmus.dev/drift']).toBeUndefined();
    expect(world.heard('AppliedReport', 'berlin')).toMatchObject({ healthy: true, drift: [] });
  });
});

describe('objects that others made first', () => {
  const others = (world: World, data: Record<string, string>, labels = {}) => world.kubernetes.create(Secret, {
    apiVersion: 'v1', kind: 'Secret', metadata: { ...peersSecret, labels }, type: 'Opaque', data,
  } as SecretObject, { fieldManager: 'helm' }, signal);

  test('with other data are held, by name of who made them', async () => {
    const world = await started();
    await others(world, { paris: 'eA==' });
    world.hub.set('DesiredRevision', 'berlin', await trusted(world, { peering: peering(['oslo']) }));
    await world.clock.advance(50);
    expect(world.heard('AppliedReport', 'berlin')).toMatchObject({ id: null, healthy: false, drift: [{ object: 'Secret kube-system/cilium-clustermesh', path: '', manager: 'helm' }] });
    expect(await secretKeys(world)).toEqual(['paris']);
  });

  test('with our data and a label of their own are held at that label; once it is gone they are ours', async () => {
    const world = await started();
    const data = renderPeering(peering(['oslo'])).find(({ name }) => name === peersSecret.name)!.data;
    await others(world, Object.fromEntries(Object.entries(data).map(([key, text]) => [key, Buffer.from(text).toString('base64')])), { 'app.kubernetes.io/managed-by': 'some-operator' });
    const wanted = await trusted(world, { peering: peering(['oslo']) });
    world.hub.set('DesiredRevision', 'berlin', wanted);
    await world.clock.advance(50);
    expect(world.heard('AppliedReport', 'berlin')).toMatchObject({ id: null, healthy: false, drift: [{ path: '.metadata.labels.app.kubernetes.io/managed-by', manager: 'helm' }] });
    await world.kubernetes.patch(Secret, peersSecret, { metadata: { labels: { 'app.kubernetes.io/managed-by': null } } }, { type: 'merge', fieldManager: 'helm' }, signal);
    await world.clock.advance(50);
    expect(world.heard('AppliedReport', 'berlin')).toMatchObject({ id: wanted.id, healthy: true, drift: [] });
  });
});
