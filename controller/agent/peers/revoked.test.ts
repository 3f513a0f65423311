/** A revocation in the cluster of a peer: at once, over restarts, over other people's changes, and with the pods replaced when a run has left the peer out. */
import { expect, test } from 'vitest';
import { ConfigMap, type ConfigMapObject, Deployment, Secret, type SecretObject, type WorkloadObject } from '../../../mesh/api/resources/core.ts';
import { base64, edit, make, peering, peersSecret, read, secretKeys, trusted } from '../testing/scene.ts';
import { checkoutFact, type World } from '../testing/world.ts';
import { testWorlds } from '../testing/worlds.ts';

const { started } = testWorlds();
const users = { ...peersSecret, name: 'clustermesh-remote-users' };
const meshServer = { namespace: 'kube-system', name: 'clustermesh-apiserver' };
const usersOf = async (world: World): Promise<string | undefined> => (await read<ConfigMapObject>(world, ConfigMap, users))?.data?.['users.yaml'];
const deployment = (world: World): Promise<WorkloadObject | undefined> => read<WorkloadObject>(world, Deployment, meshServer);
const report = (world: World) => world.heard('AppliedReport', 'berlin');
const effectOf = (world: World, cluster: string) => report(world)?.revocations?.find((effect) => effect.cluster === cluster);

async function revoke(world: World, cluster: string, rejoined = false): Promise<number> {
  const at = world.clock.now();
  world.hub.set('Revocation', cluster, { cluster, at, reason: 'stolen laptop', rejoined });
  await world.clock.advance(50);
  return at;
}

async function bring(world: World, peers: readonly string[]): Promise<void> {
  world.hub.set('DesiredRevision', 'berlin', await trusted(world, { peering: peering(peers) }));
  await world.clock.advance(50);
}

/** As the Deployment's controller would, in as many steps as it takes. */
async function rollOut(world: World, status: WorkloadObject['status']): Promise<void> {
  await world.kubernetes.patch(Deployment, meshServer, { status }, { type: 'merge', fieldManager: 'controller', subresource: 'status' }, new AbortController().signal);
  await world.clock.advance(3000);
}

const withMeshServer = (world: World) => make(world, Deployment, {
  apiVersion: 'apps/v1', kind: 'Deployment', metadata: meshServer,
  spec: { replicas: 1, selector: { matchLabels: { app: 'mesh' } }, template: { metadata: { labels: { app: 'mesh' }, annotations: { 'isthmus.dev/trusts': 'a', theirs: 'b' } }, spec: { containers: [{ name: 'etcd', image: 'etcd' }] } } },
});

test('the user and the keys go at once, are no drift, and the pods are replaced when a run has left the peer out', async () => {
  const world = await started();
  await withMeshServer(world);
  await bring(world, ['oslo', 'virginia']);
  const at = await revoke(world, 'oslo');
  expect(await usersOf(world)).toBe('users:\n- name: remote-virginia\n  role: remote\n');
  expect(await secretKeys(world)).toEqual(['virginia']);
  expect(Object.keys((await read<SecretObject>(world, Secret, { ...peersSecret, name: 'cilium-kvstoremesh' }))?.data ?? {})).toEqual(['virginia']);
  expect(report(world)).toMatchObject({ healthy: true, message: '', drift: [], revocations: [{ cluster: 'oslo', at, stranger: false, userRemovedAt: expect.any(Number), podsReplacedAt: null, problem: '' }] });
  expect((await deployment(world))?.spec?.template?.metadata?.annotations).toEqual({ 'isthmus.dev/trusts': 'a', theirs: 'b' });

  await bring(world, ['virginia']);
  expect((await deployment(world))?.spec?.template?.metadata?.annotations).toEqual({ 'isthmus.dev/trusts': 'a', theirs: 'b', 'isthmus.dev/revoked': expect.stringMatching(/^[0-9a-f]{16}$/) });
  expect(report(world)).toMatchObject({ healthy: false, message: 'Deployment kube-system/clustermesh-apiserver: its pods are being replaced: not begun yet' });
  const generation = (await deployment(world))?.metadata.generation ?? 0;
  const steps: [WorkloadObject['status'], string][] = [
    [{ observedGeneration: generation, replicas: 1, updatedReplicas: 0, availableReplicas: 1 }, '0 of 1 are new'],
    [{ observedGeneration: generation, replicas: 2, updatedReplicas: 1, availableReplicas: 2 }, '1 of before are left'],
    [{ observedGeneration: generation, replicas: 1, updatedReplicas: 1, availableReplicas: 0 }, '0 of 1 are available'],
  ];
  for (const [status, why] of steps) {
    await rollOut(world, status);
    expect(report(world)).toMatchObject({ healthy: false, message: expect.stringContaining(why), revocations: [{ podsReplacedAt: null }] });
  }
  await rollOut(world, { observedGeneration: generation, replicas: 1, updatedReplicas: 1, availableReplicas: 1 });
  expect(report(world)).toMatchObject({ healthy: true, message: '', revocations: [{ cluster: 'oslo', podsReplacedAt: expect.any(Number) }] });
  const writes = world.writes.length;
  await world.clock.advance(600_000);
  expect(world.writes.slice(writes)).toEqual([]);
});

test('what it knows outlives a restart without the hub, and certificates that were issued before are refused also after the peer has joined anew', async () => {
  const world = await started();
  await bring(world, ['oslo', 'virginia']);
  const at = await revoke(world, 'oslo');
  await world.clock.advance(2000);
  await world.stop();
  world.setHub(false);
  await world.start();
  await world.clock.advance(5000);
  expect(await usersOf(world)).toBe('users:\n- name: remote-virginia\n  role: remote\n');
  await expect(world.askAsPeer()).rejects.toThrow(`cluster "oslo": was revoked at ${new Date(at).toISOString()} (stolen laptop), and its certificate was issued before; to let it in again, make a new token with "isthmus join oslo"`);
  world.setHub(true);
  world.hub.set('Revocation', 'oslo', { cluster: 'oslo', at, reason: 'stolen laptop', rejoined: true });
  await world.clock.advance(5000);
  await bring(world, ['oslo', 'virginia']);
  expect(await usersOf(world)).toContain('remote-oslo\n');
  expect(report(world)?.revocations).toBeUndefined();
  // The test's peer says nothing of when its certificate was issued.
  await expect(world.askAsPeer()).rejects.toThrow('was revoked');
});

test('what others have changed keeps their changes, but not the way in', async () => {
  const world = await started();
  await bring(world, ['oslo', 'virginia']);
  await edit(world, ConfigMap, users, { data: { 'users.yaml': 'users:\n  - name: remote-mine\n    role: remote\n  - name: remote-oslo\n    role: remote\n' } });
  await edit(world, Secret, peersSecret, { data: { oslo: base64('mine'), extra: base64('mine too') } });
  await world.clock.advance(100);
  expect(report(world)?.drift.map(({ path }) => path).sort()).toEqual(['.data.extra', '.data.oslo', '.data.users.yaml']);
  await revoke(world, 'oslo');
  await world.clock.advance(200);
  expect(await usersOf(world)).toBe('users:\n  - name: remote-mine\n    role: remote\n');
  expect(await secretKeys(world)).toEqual(['extra', 'virginia']);
  expect(effectOf(world, 'oslo')).toMatchObject({ userRemovedAt: expect.any(Number) });
  expect(report(world)?.drift.map(({ path }) => path).sort()).toEqual(['.data.extra', '.data.users.yaml']);
});

test('exports of a cluster that is cut off count no more, whoever still tells of them', async () => {
  const world = await started();
  world.hub.set('ImportedFact', 'oslo/shop/checkout', checkoutFact('oslo', ['10.20.0.1']));
  await world.clock.advance(2000);
  expect(world.dig('checkout.shop.svc.clusterset.local').rcode).toBe('NOERROR');
  await revoke(world, 'oslo');
  await world.clock.advance(1000);
  expect(world.dig('checkout.shop.svc.clusterset.local').rcode).toBe('NXDOMAIN');
  world.hub.set('Revocation', 'oslo', { cluster: 'oslo', at: 1, reason: 'stolen laptop', rejoined: true });
  await world.clock.advance(1000);
  expect(world.dig('checkout.shop.svc.clusterset.local').rcode).toBe('NOERROR');
});

test('who was no peer has left nothing to do; who had left the mesh before goes by a turn of this cluster\'s own', async () => {
  const world = await started();
  await withMeshServer(world);
  await bring(world, ['oslo', 'virginia']);
  await revoke(world, 'paris');
  expect(effectOf(world, 'paris')).toMatchObject({ stranger: true });
  await bring(world, ['virginia']);
  await revoke(world, 'oslo');
  expect(effectOf(world, 'oslo')).toMatchObject({ stranger: false, userRemovedAt: expect.any(Number), podsReplacedAt: null });
  expect((await deployment(world))?.spec?.template?.metadata?.annotations?.['isthmus.dev/revoked']).toBeUndefined();
  await world.clock.advance(5 * 60_000 + 5000);
  expect((await deployment(world))?.spec?.template?.metadata?.annotations?.['isthmus.dev/revoked']).toBeDefined();
});

test('where no clustermesh-apiserver runs, nothing is left to replace', async () => {
  const world = await started();
  await bring(world, ['oslo', 'virginia']);
  await revoke(world, 'oslo');
  await bring(world, ['virginia']);
  expect(effectOf(world, 'oslo')).toMatchObject({ podsReplacedAt: expect.any(Number), problem: '' });
});
