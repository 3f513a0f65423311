/** Entries come when their peers open themselves, users go when their clusters have long ceased to read: the whole agent, with peers that are late, killed and without a hub. */
import { expect, test } from 'vitest';
import { ConfigMap, type ConfigMapObject, Secret, type SecretObject } from '../../../mesh/api/resources/core.ts';
import { usersIn } from '../../../mesh/cilium/revoked.ts';
import type { AppliedReport } from '../../../mesh/model/desired.ts';
import { EtcdError } from '../../../mesh/ports/etcd.ts';
import { assign, edit, peering, peersSecret, read, secretKeys } from '../testing/scene.ts';
import type { World } from '../testing/world.ts';
import { testWorlds } from '../testing/worlds.ts';

const { made, started } = testWorlds();
const refused = new EtcdError('Unreachable', 'https://rome.mesh.example:2379: connect ECONNREFUSED');
const report = (world: World): AppliedReport | undefined => world.heard('AppliedReport', 'berlin');
const users = async (world: World): Promise<readonly string[]> => usersIn({ data: { ...(await read<ConfigMapObject>(world, ConfigMap, { ...peersSecret, name: 'clustermesh-remote-users' }))?.data } });
const kvstoreMeshKeys = async (world: World): Promise<string[]> => Object.keys((await read<SecretObject>(world, Secret, { ...peersSecret, name: 'cilium-kvstoremesh' }))?.data ?? {}).sort();
/** Every second for so long. */
async function unhealthy(world: World, seconds: number): Promise<number> {
  let count = 0;
  for (let second = 0; second < seconds; second += 1) {
    await world.clock.advance(1000);
    if (report(world)?.healthy !== true || report(world)?.drift.length !== 0) count += 1;
  }
  return count;
}

test('a peer that is not there yet is waited for by name, the cluster is well meanwhile, and its entry comes by itself', async () => {
  const world = await started();
  world.closed.set('rome', refused);
  const id = await assign(world, { peering: peering(['oslo', 'rome']) });
  await world.clock.advance(2000);
  expect(await users(world)).toEqual(['oslo', 'rome']);
  expect(await secretKeys(world)).toEqual(['oslo']);
  expect(report(world)).toMatchObject({
    id, healthy: true, drift: [], message: 'waiting for peer rome: https://rome.mesh.example:2379: connect ECONNREFUSED',
    peering: { reads: ['oslo'], waiting: [{ peer: 'rome', reason: 'https://rome.mesh.example:2379: connect ECONNREFUSED' }] },
  });
  world.writes.length = 0;
  expect(await unhealthy(world, 60)).toBe(0);
  expect(world.writes).toEqual([]);
  world.closed.delete('rome');
  expect(await unhealthy(world, 16)).toBe(0);
  expect([await secretKeys(world), await kvstoreMeshKeys(world)]).toEqual([['oslo', 'rome'], ['oslo', 'rome']]);
  expect(report(world)).toMatchObject({ id, healthy: true, message: '', peering: { reads: ['oslo', 'rome'], waiting: [] } });
});

test('an entry that stands stays: peers closed, the agent dead and back, the hub away', async () => {
  const world = await started();
  await assign(world, { peering: peering(['oslo', 'rome']) });
  await world.clock.advance(3000);
  for (const name of ['oslo', 'rome']) world.closed.set(name, refused);
  world.setHub(false);
  await world.stop();
  world.writes.length = 0;
  await world.start();
  await world.clock.advance(60_000);
  expect(await secretKeys(world)).toEqual(['oslo', 'rome']);
  expect(world.writes).toEqual([]);
});

test('where nobody is to be asked, entries are written at once', async () => {
  const world = await started();
  world.closed.set('rome', refused);
  const id = await assign(world, { peering: { ...peering(['rome']), connect: 'Always' } });
  expect(await secretKeys(world)).toEqual(['rome']);
  expect(report(world)).toMatchObject({ id, healthy: true, message: '' });
});

test('a key that somebody deleted is drift, not a peer that waits', async () => {
  const world = await started();
  await assign(world, { peering: peering(['oslo', 'rome']) });
  await world.clock.advance(3000);
  world.closed.set('rome', refused);
  await edit(world, Secret, peersSecret, { data: { rome: null } });
  await world.clock.advance(3000);
  expect(report(world)).toMatchObject({ healthy: false, drift: [{ path: '.data.rome', actual: 'absent' }], peering: { waiting: [] } });
  expect(await secretKeys(world)).toEqual(['oslo']);
});

test.each([1, 2, 3, 4, 5, 6, 7, 8])('killed at write %i of a change, it ends complete: one comes, one goes, one stays', async (last) => {
  const world = await started();
  world.closed.set('rome', refused);
  await assign(world, { peering: peering(['oslo', 'virginia']) });
  await world.clock.advance(3000);
  let left = last;
  // As a process that is gone: from that write on nothing of it arrives.
  world.refuse = (write) => { if (/cilium-|remote-users/.test(write) && (left -= 1) < 0) throw new Error('killed'); };
  await assign(world, { peering: peering(['oslo', 'rome']) });
  world.closed.delete('rome');
  world.hub.set('Reader', 'virginia', { cluster: 'virginia', reads: false });
  await world.clock.advance(20_000);
  await world.stop();
  world.refuse = () => {};
  await world.start();
  await world.clock.advance(20_000);
  expect([await secretKeys(world), await kvstoreMeshKeys(world)]).toEqual([['oslo', 'rome'], ['oslo', 'rome']]);
  expect(await users(world)).toEqual(['oslo', 'rome', 'virginia']);
  await world.clock.advance(181_000);
  expect(await users(world)).toEqual(['oslo', 'rome']);
  expect(report(world)).toMatchObject({ healthy: true, message: '', drift: [] });
});

test('a user stays while its cluster reads and three minutes more, in which the hub was heard all the time; a restart without memory ends nothing', async () => {
  const world = await made();
  await world.start();
  await assign(world, { peering: peering(['oslo', 'rome']) });
  await world.clock.advance(3000);
  world.hub.set('Reader', 'rome', { cluster: 'rome', reads: true });
  await assign(world, { peering: peering(['oslo']) });
  await world.clock.advance(400_000);
  expect([await secretKeys(world), await users(world)]).toEqual([['oslo'], ['oslo', 'rome']]);
  expect(report(world)).toMatchObject({ healthy: true, message: 'the user of rome (not known to have stopped reading) stays while they drain', peering: { keeps: ['rome'] } });
  await world.stop();
  world.snapshot = undefined;
  world.hub.remove('Reader', 'rome');
  await world.start();
  await world.clock.advance(400_000);
  expect(await users(world)).toEqual(['oslo', 'rome']);
  world.hub.set('Reader', 'rome', { cluster: 'rome', reads: false });
  await world.clock.advance(100_000);
  await world.stop();
  await world.start();
  await world.clock.advance(100_000);
  world.setHub(false);
  await world.clock.advance(200_000);
  world.setHub(true);
  await world.clock.advance(170_000);
  expect(await users(world)).toEqual(['oslo', 'rome']);
  expect(await unhealthy(world, 15)).toBe(0);
  expect(await users(world)).toEqual(['oslo']);
});
