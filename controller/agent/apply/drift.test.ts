/** What a person or another controller may do to the objects that we write for Cilium. */
import { describe, expect, test } from 'vitest';
import { ConfigMap, Secret, type SecretObject } from '../../../mesh/api/resources/core.ts';
import type { KubernetesObject } from '../../../mesh/ports/kubernetes.ts';
import { KubernetesError, KubernetesUnreachable } from '../../../mesh/ports/kubernetes.ts';
import { seededRandom } from '../../runtime/testing/fakes.ts';
import { assign, base64, edit, make, peering, peersSecret, read } from '../testing/scene.ts';
import type { World } from '../testing/world.ts';
import { testWorlds } from '../testing/worlds.ts';

const signal = new AbortController().signal;
const { made, started } = testWorlds();

async function peered(): Promise<World & { readonly first: string }> {
  const world = await started();
  const first = await assign(world, { peering: peering(['oslo']) });
  expect(world.heard('AppliedReport', 'berlin')).toMatchObject({ id: first, healthy: true });
  return Object.assign(world, { first });
}
const secret = (world: World): Promise<SecretObject | undefined> => read<SecretObject>(world, Secret, peersSecret);
const keys = async (world: World): Promise<string[]> => Object.keys((await secret(world))?.data ?? {}).sort();
const report = (world: World) => world.heard('AppliedReport', 'berlin');
const revert = (world: World) => edit(world, Secret, peersSecret, { metadata: { annotations: { 'isthmus.dev/drift': 'revert' } } }, 'kubectl-annotate');
const replace = async (world: World, change: (object: SecretObject) => object): Promise<KubernetesObject> => {
  const object = (await secret(world))!;
  const { managedFields: _, ...metadata } = object.metadata;
  return world.kubernetes.update(Secret, { ...object, metadata, ...change(object) } as SecretObject, { fieldManager: 'kubectl-replace' }, signal);
};

test('a cluster whose mesh certificates are another\'s is not healthy, says why, and becomes healthy when they are ours', async () => {
  const world = await made();
  const theirs = { namespace: 'kube-system', name: 'clustermesh-apiserver-remote-cert' };
  await make(world, Secret, { apiVersion: 'v1', kind: 'Secret', type: 'kubernetes.io/tls', metadata: theirs, data: { 'tls.crt': base64('x'), 'tls.key': base64('y') } }, 'helm');
  await world.start();
  const id = await assign(world, { peering: peering(['oslo']) });
  expect(report(world)).toMatchObject({ id, healthy: false, message: expect.stringContaining('Secret kube-system/clustermesh-apiserver-remote-cert: was made by someone else') });
  await world.kubernetes.delete(Secret, theirs, {}, signal);
  await world.clock.advance(61_000);
  expect(report(world)).toMatchObject({ id, healthy: true, message: '' });
});

test.each([300, 20_000])('what only we wrote is no change by others, though we hear of it up to %i ms later', async (late) => {
  const world = await started();
  const random = seededRandom(5);
  const some = (names: readonly string[]): string[] => names.filter(() => random.uniform() < 0.5);
  world.watchesLateMilliseconds = late;
  for (let round = 0; round < 30; round += 1) {
    const peers = some(['oslo', 'rome', 'virginia']);
    await assign(world, { peering: random.uniform() < 0.3 ? null : { ...peering(peers), kvstoreMesh: random.uniform() < 0.5 } });
    for (const name of ['oslo', 'rome', 'virginia']) world.hub.set('Reader', name, { cluster: name, reads: random.uniform() < 0.2 });
    await world.clock.advance(Math.floor(random.uniform() * (random.uniform() < 0.2 ? 200_000 : 1000)));
    expect(report(world)?.drift, `round ${round}`).toEqual([]);
  }
  world.watchesLateMilliseconds = 0;
  for (const name of ['rome', 'virginia']) world.hub.set('Reader', name, { cluster: name, reads: false });
  const id = await assign(world, { peering: peering(['oslo']) });
  await world.clock.advance(400_000);
  expect(report(world)).toMatchObject({ id, healthy: true, drift: [], message: '' });
});

test.each([150, 300, 3000])('what we took away and are to make again, before we hear up to %i ms later that it is gone, is made again', async (late) => {
  const world = await peered();
  const kvstoremesh = { namespace: 'kube-system', name: 'cilium-kvstoremesh' };
  world.watchesLateMilliseconds = late;
  for (let round = 0; round < 6; round += 1) {
    const without = await assign(world, { peering: { ...peering(['oslo']), kvstoreMesh: false } });
    await assign(world, { peering: peering(['oslo']) });
    await world.clock.advance(400_000);
    expect(without).not.toBe(world.first);
    expect(report(world), `round ${round}`).toMatchObject({ id: world.first, healthy: true, drift: [] });
    expect(await read(world, Secret, kvstoremesh)).toBeDefined();
  }
});

describe('a person', () => {
  test('who sets a value back, as told, does not stand in the way of the next desired state', async () => {
    const world = await peered();
    const ours = (await secret(world))!.data!['oslo'];
    await edit(world, Secret, peersSecret, { data: { oslo: base64('mine') } });
    await world.clock.advance(100);
    expect(report(world)?.drift).toHaveLength(1);
    await edit(world, Secret, peersSecret, { data: { oslo: ours } });
    await world.clock.advance(31_000);
    expect(report(world)).toMatchObject({ id: world.first, healthy: true, drift: [] });
    const moved = { ...peering(['oslo']), peers: [{ name: 'oslo', clusterId: 2, endpoint: { address: 'elsewhere.example', port: 2379 } }] };
    const second = await assign(world, { peering: { ...moved, kvstoreMesh: false } });
    await world.clock.advance(31_000);
    expect(report(world)).toMatchObject({ id: second, healthy: true, drift: [] });
  });

  test('who replaces an object, our annotations and all, by an older copy of it, is not written over', async () => {
    const world = await peered();
    const older = (await secret(world))!;
    await assign(world, { peering: peering(['oslo', 'rome']) });
    expect(await keys(world)).toEqual(['oslo', 'rome']);
    world.writes.length = 0;
    for (let second = 0; second < 60; second += 1) {
      await replace(world, ({ metadata }) => ({ metadata: { ...metadata, managedFields: undefined, labels: { second: String(second) }, annotations: older.metadata.annotations }, data: older.data }));
      await world.clock.advance(1000);
    }
    expect(world.writes.filter((write) => write.includes('cilium-clustermesh')).length).toBeLessThanOrEqual(3);
    expect(await keys(world)).toEqual(['oslo']);
    expect(report(world)?.drift).toMatchObject([{ path: '.data.rome', actual: 'absent' }]);
    await revert(world);
    await world.clock.advance(31_000);
    expect(await keys(world)).toEqual(['oslo', 'rome']);
    expect(report(world)).toMatchObject({ healthy: true, drift: [] });
  });

  test('who takes our annotations away, or changes labels, changes nothing; a controller that does so every second brings no storm', async () => {
    const world = await peered();
    world.writes.length = 0;
    for (let second = 0; second < 120; second += 1) {
      await edit(world, Secret, peersSecret, { metadata: { labels: { team: `t${second}` }, annotations: { 'isthmus.dev/written': null, 'isthmus.dev/desired': null } } }, 'a-controller');
      await world.clock.advance(1000);
    }
    expect(world.writes.length).toBeLessThanOrEqual(6);
    await world.clock.advance(61_000);
    expect((await secret(world))?.metadata.annotations?.['isthmus.dev/desired']).toBe(world.first);
    expect((await secret(world))?.metadata.annotations?.['isthmus.dev/written']).toBeDefined();
    expect(report(world)).toMatchObject({ id: world.first, healthy: true, drift: [] });
  });

  test('who adds a key, deletes one, or lets a controller rewrite a value every second, is not written over', async () => {
    const world = await peered();
    world.writes.length = 0;
    for (let second = 0; second < 60; second += 1) {
      await edit(world, Secret, peersSecret, { data: { extra: base64(`x${second}`), oslo: null } }, 'a-controller');
      await world.clock.advance(1000);
    }
    expect(world.writes).toEqual([]);
    expect(report(world)?.drift.map(({ path, actual }) => [path, actual === 'absent'])).toEqual([['.data.extra', false], ['.data.oslo', true]]);
    const firstSeen = report(world)!.drift[0]!.firstSeen;
    await world.stop();
    await world.start();
    await world.clock.advance(1000);
    expect([world.writes, report(world)?.drift[0]?.firstSeen]).toEqual([[], firstSeen]);
  });

  test('who deletes an object is told how to have it again, and that way works', async () => {
    const world = await peered();
    await world.kubernetes.delete(Secret, peersSecret, {}, signal);
    await world.clock.advance(61_000);
    expect(await secret(world)).toBeUndefined();
    expect(report(world)).toMatchObject({ healthy: false, drift: [{ path: '', actual: 'absent' }] });
    await make(world, Secret, { apiVersion: 'v1', kind: 'Secret', metadata: peersSecret, type: 'Opaque' });
    await world.clock.advance(100);
    await revert(world);
    await world.clock.advance(31_000);
    expect(await keys(world)).toEqual(['oslo']);
    expect((await secret(world))?.metadata.annotations?.['isthmus.dev/drift']).toBeUndefined();
    expect(report(world)).toMatchObject({ healthy: true, drift: [] });
  });

  test('who makes a deleted object again with other content is not written over; with our content it is ours again', async () => {
    const world = await peered();
    const ours = (await secret(world))!;
    await world.kubernetes.delete(Secret, peersSecret, {}, signal);
    await make(world, Secret, { apiVersion: 'v1', kind: 'Secret', metadata: peersSecret, type: 'Opaque', data: { paris: 'eA==' } });
    await world.clock.advance(31_000);
    expect(await keys(world)).toEqual(['paris']);
    await world.kubernetes.delete(Secret, peersSecret, {}, signal);
    await make(world, Secret, { apiVersion: 'v1', kind: 'Secret', metadata: peersSecret, type: 'Opaque', data: ours.data });
    await world.clock.advance(61_000);
    expect(report(world)).toMatchObject({ id: world.first, healthy: true, drift: [] });
    expect((await secret(world))?.metadata.annotations?.['isthmus.dev/desired']).toBe(world.first);
  });
});

describe('an API that refuses', () => {
  const refusals = [new KubernetesError(400, 'BadRequest', 'admission webhook denied the request'), new KubernetesError(403, 'Forbidden', 'not allowed'), new KubernetesUnreachable('gone'), new KubernetesError(422, 'Invalid', 'x'.repeat(20_000))];
  test.each(refusals)('half way is tried again until all is written: $name $code', async (refusal) => {
    const world = await peered();
    world.refuse = (write) => { if (write.includes('Secret cilium-')) throw refusal; };
    const second = await assign(world, { peering: peering(['oslo', 'rome']) });
    await world.clock.advance(200_000);
    expect(report(world)).toMatchObject({ id: world.first, healthy: false, drift: [] });
    expect(report(world)?.message.length).toBeLessThanOrEqual(4096);
    world.refuse = () => {};
    await world.clock.advance(120_000);
    expect(report(world)).toMatchObject({ id: second, healthy: true, drift: [] });
    expect(await keys(world)).toEqual(['oslo', 'rome']);
  });
});

test('the users are written before the peers, and without peering only what we wrote goes', async () => {
  const world = await started();
  await make(world, Secret, { apiVersion: 'v1', kind: 'Secret', metadata: { namespace: 'kube-system', name: 'other' }, type: 'Opaque', data: { a: 'eA==' } });
  await assign(world, { peering: peering(['oslo']) });
  const peeringWrites = (): string[] => world.writes.filter((write) => /cilium-|remote-users/.test(write));
  // Once: an entry comes when its peer's etcd has opened itself, and no Secret is made for none.
  expect(peeringWrites()).toEqual(['patch ConfigMap clustermesh-remote-users', 'patch Secret cilium-clustermesh', 'patch Secret cilium-kvstoremesh']);
  await edit(world, Secret, { ...peersSecret, name: 'cilium-kvstoremesh' }, { data: { mine: 'eA==' } });
  await world.clock.advance(100);
  world.writes.length = 0;
  const alone = await assign(world, { peering: null });
  expect(await secret(world)).toBeUndefined();
  world.hub.set('Reader', 'oslo', { cluster: 'oslo', reads: false });
  await world.clock.advance(181_000);
  expect(await read(world, ConfigMap, { namespace: 'kube-system', name: 'clustermesh-remote-users' })).toBeUndefined();
  // A person's key is in it: held, shown, and given up only by that person.
  expect(await read(world, Secret, { ...peersSecret, name: 'cilium-kvstoremesh' })).toBeDefined();
  expect(report(world)).toMatchObject({ healthy: false, drift: [{ path: '.data.mine' }] });
  await edit(world, Secret, { ...peersSecret, name: 'cilium-kvstoremesh' }, { metadata: { annotations: { 'isthmus.dev/drift': 'revert' } } });
  await world.clock.advance(31_000);
  expect(await read(world, Secret, { ...peersSecret, name: 'cilium-kvstoremesh' })).toBeUndefined();
  expect(report(world)).toMatchObject({ id: alone, healthy: true, drift: [] });
  expect(world.writes.filter((write) => write.includes(' other'))).toEqual([]);
});
