/** What is there though it holds nothing, peers that move, and peers that leave and come back: the whole agent. */
import { describe, expect, test } from 'vitest';
import { ConfigMap, type ConfigMapObject, Deployment, Secret, type SecretObject } from '../../../mesh/api/resources/core.ts';
import type { AppliedReport, PeeringState } from '../../../mesh/model/desired.ts';
import { EtcdError } from '../../../mesh/ports/etcd.ts';
import { assign, base64, edit, make, peering, peersSecret, read, secretKeys } from '../testing/scene.ts';
import type { World } from '../testing/world.ts';
import { testWorlds } from '../testing/worlds.ts';

const { started } = testWorlds();
const usersRef = { ...peersSecret, name: 'clustermesh-remote-users' };
const remoteRef = { ...peersSecret, name: 'cilium-kvstoremesh' };
const report = (world: World): AppliedReport | undefined => world.heard('AppliedReport', 'berlin');
const users = async (world: World): Promise<string | undefined> => (await read<ConfigMapObject>(world, ConfigMap, usersRef))?.data?.['users.yaml'];
const entry = async (world: World, peer: string): Promise<string> => Buffer.from((await read<SecretObject>(world, Secret, remoteRef))?.data?.[peer] ?? '', 'base64').toString();
const refused = new EtcdError('Unreachable', 'https://new.example:2379: connect ECONNREFUSED');

/** Cilium's mesh server, with what it mounts. */
const server = (world: World, ...volumes: readonly object[]): Promise<unknown> => make(world, Deployment, {
  apiVersion: 'apps/v1', kind: 'Deployment', metadata: { ...peersSecret, name: 'clustermesh-apiserver' },
  spec: { selector: { matchLabels: { app: 'mesh' } }, template: { metadata: { labels: { app: 'mesh' } }, spec: { containers: [{ name: 'kvstoremesh', image: 'x' }], volumes } } },
}, 'helm');
const usersVolume = (optional?: boolean) => ({ name: 'etcd-users-config', configMap: { name: 'clustermesh-remote-users', ...(optional === undefined ? {} : { optional }) } });

async function left(world: World): Promise<string> {
  await world.clock.advance(31_000);
  await assign(world, { peering: peering(['oslo']) });
  await world.clock.advance(3000);
  const id = await assign(world, { peering: null });
  world.hub.set('Reader', 'oslo', { cluster: 'oslo', reads: false });
  await world.clock.advance(179_000);
  expect(await users(world)).toBe('users:\n- name: remote-oslo\n  role: remote\n');
  await world.clock.advance(3000);
  return id;
}

describe('a cluster that has left', () => {
  test('keeps its ConfigMap without users where its pods need it, as the chart renders it, for good', async () => {
    const world = await started();
    await server(world, usersVolume());
    const id = await left(world);
    expect(await users(world)).toBe('users:\n');
    expect(await read(world, Secret, peersSecret)).toBeUndefined();
    world.writes.length = 0;
    await world.clock.advance(200_000);
    expect(await users(world)).toBe('users:\n');
    expect(world.writes).toEqual([]);
    expect(report(world)).toMatchObject({ id, healthy: true, message: '', drift: [] });
    await assign(world, { peering: peering(['oslo']) });
    expect(await users(world)).toContain('remote-oslo');
  });

  test('gives it up where its pods start without it, once they have read that it is empty', async () => {
    const world = await started();
    await server(world, usersVolume(true));
    await left(world);
    expect(await users(world)).toBe('users:\n');
    await world.clock.advance(181_000);
    expect(await users(world)).toBeUndefined();
    expect(report(world)).toMatchObject({ healthy: true, message: '', drift: [] });
  });

  test('gives it up when its pods no longer mount it', async () => {
    const world = await started();
    await server(world, usersVolume());
    await left(world);
    await edit(world, Deployment, { ...peersSecret, name: 'clustermesh-apiserver' }, { spec: { template: { spec: { volumes: [{ name: 'etcd-data-dir', emptyDir: {} }] } } } }, 'helm');
    await world.clock.advance(31_000);
    expect(await users(world)).toBeUndefined();
  });

  test('leaves what a person has written into it, whoever mounts it', async () => {
    const world = await started();
    await server(world, usersVolume(true));
    await world.clock.advance(31_000);
    await assign(world, { peering: peering(['oslo']) });
    await world.clock.advance(3000);
    await edit(world, ConfigMap, usersRef, { data: { 'users.yaml': 'users:\n- name: remote-guest\n  role: remote\n' } });
    await assign(world, { peering: null });
    world.hub.set('Reader', 'oslo', { cluster: 'oslo', reads: false });
    await world.clock.advance(190_000);
    expect(await users(world)).toBe('users:\n- name: remote-guest\n  role: remote\n');
    expect(report(world)).toMatchObject({ healthy: false, drift: [{ path: '.data.users.yaml' }] });
  });

  test('touches nothing that others made before it was ever in a mesh', async () => {
    const world = await started();
    await server(world, usersVolume());
    await make(world, ConfigMap, { apiVersion: 'v1', kind: 'ConfigMap', metadata: usersRef, data: { 'users.yaml': 'users:\n- name: remote-guest\n  role: remote\n' } }, 'helm');
    await world.clock.advance(31_000);
    world.writes.length = 0;
    const id = await assign(world, { peering: null });
    await world.clock.advance(31_000);
    expect(world.writes.filter((write) => write.includes('remote-users'))).toEqual([]);
    expect(report(world)).toMatchObject({ id, healthy: true, drift: [] });
  });
});

test('a Secret that pods do not start without is there before any entry, and after the last', async () => {
  const world = await started();
  await server(world, { name: 'kvstoremesh-secrets', secret: { secretName: 'cilium-kvstoremesh' } });
  await world.clock.advance(31_000);
  world.closed.set('oslo', refused);
  await assign(world, { peering: peering(['oslo']) });
  expect((await read<SecretObject>(world, Secret, remoteRef))?.data ?? {}).toEqual({});
  expect(await read(world, Secret, remoteRef)).toBeDefined();
  expect(await read(world, Secret, peersSecret)).toBeUndefined();
  world.closed.delete('oslo');
  await world.clock.advance(3000);
  expect(await secretKeys(world)).toEqual(['oslo']);
  await assign(world, { peering: null });
  expect((await read<SecretObject>(world, Secret, remoteRef))?.data ?? {}).toEqual({});
  expect(await read(world, Secret, remoteRef)).toBeDefined();
  expect(await read(world, Secret, peersSecret)).toBeUndefined();
});

describe('a peer that moves', () => {
  const moved = (over: Partial<PeeringState> = {}): PeeringState => {
    const { peers, ...rest } = peering(['oslo', 'rome']);
    return { ...rest, peers: peers.map((peer) => (peer.name === 'rome' ? { ...peer, endpoint: { address: 'new.example', port: 2379 } } : peer)), ...over };
  };
  async function peered(): Promise<World> {
    const world = await started();
    await assign(world, { peering: peering(['oslo', 'rome']) });
    await world.clock.advance(3000);
    world.closed.set('new', refused);
    return world;
  }

  test('is read where it was until it opens itself where it is, and that is said', async () => {
    const world = await peered();
    const before = await entry(world, 'rome');
    const id = await assign(world, { peering: moved() });
    await world.clock.advance(60_000);
    expect(await entry(world, 'rome')).toBe(before);
    const reason = 'its entry stays as it is until the peer opens itself to the new one: https://new.example:2379: connect ECONNREFUSED';
    expect(report(world)).toMatchObject({ id, healthy: true, drift: [], message: `waiting for peer rome: ${reason}`, peering: { reads: ['oslo'], waiting: [{ peer: 'rome', reason }] } });
    // Killed meanwhile, it knows no less.
    await world.stop();
    await world.start();
    await world.clock.advance(10_000);
    expect(await entry(world, 'rome')).toBe(before);
    world.closed.delete('new');
    await world.clock.advance(20_000);
    expect(await entry(world, 'rome')).toContain('- https://new.example:2379');
    expect(report(world)).toMatchObject({ id, healthy: true, message: '', peering: { reads: ['oslo', 'rome'], waiting: [] } });
  });

  test('is led elsewhere at once where nobody is to be asked, and goes at once where it is cut off', async () => {
    const world = await peered();
    await assign(world, { peering: moved({ connect: 'Always' }) });
    expect(await entry(world, 'rome')).toContain('- https://new.example:2379');
    await assign(world, { peering: peering(['oslo', 'rome']) });
    await world.clock.advance(3000);
    await assign(world, { peering: moved() });
    world.hub.set('Revocation', 'rome', { cluster: 'rome', at: world.clock.now(), reason: 'stolen', rejoined: false });
    await world.clock.advance(100);
    expect([await secretKeys(world), await entry(world, 'rome')]).toEqual([['oslo'], '']);
  });

  test('with an entry that a person has changed is left to that person', async () => {
    const world = await peered();
    await edit(world, Secret, remoteRef, { data: { rome: base64('endpoints:\n- https://mine.example:2379\n') } });
    await world.clock.advance(1000);
    await assign(world, { peering: moved() });
    world.closed.delete('new');
    await world.clock.advance(60_000);
    expect(await entry(world, 'rome')).toBe('endpoints:\n- https://mine.example:2379\n');
    expect(report(world)).toMatchObject({ healthy: false, drift: [{ path: '.data.rome' }] });
  });

  test('while it is held, a person sets an older entry back: it is left as well', async () => {
    const world = await peered();
    const old = await read<SecretObject>(world, Secret, remoteRef);
    await assign(world, { peering: moved({ connect: 'Always' }) });
    await world.clock.advance(6000);
    await edit(world, Secret, remoteRef, { data: old!.data, metadata: { annotations: old!.metadata.annotations } });
    await world.clock.advance(1000);
    await assign(world, { peering: moved() });
    world.closed.delete('new');
    await world.clock.advance(60_000);
    expect(await entry(world, 'rome')).toContain('- https://rome.mesh.example:2379');
    expect(report(world)).toMatchObject({ healthy: false, drift: [{ path: '.data.rome' }] });
  });
});

test('a peer that was away for less than three minutes is waited for as long as Cilium makes it wait, also over a restart', async () => {
  const world = await started();
  await assign(world, { peering: peering(['oslo', 'rome']) });
  await world.clock.advance(3000);
  await assign(world, { peering: peering(['oslo']) });
  await world.clock.advance(60_000);
  await world.stop();
  await world.start();
  expect(report(world)).toMatchObject({ healthy: true, peering: { reads: ['oslo'], waiting: [] } });
  const id = await assign(world, { peering: peering(['oslo', 'rome']) });
  await world.clock.advance(3000);
  expect(await secretKeys(world)).toEqual(['oslo', 'rome']);
  expect(report(world)).toMatchObject({ id, healthy: true, peering: { reads: ['oslo'], waiting: [{ peer: 'rome', reason: expect.stringMatching(/^was away and is back: Cilium takes it up again when it has forgotten it, about /) }] } });
  await world.clock.advance(120_000);
  expect(report(world)).toMatchObject({ id, healthy: true, message: '', peering: { reads: ['oslo', 'rome'], waiting: [] } });
});
