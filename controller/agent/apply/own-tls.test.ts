/** Peers that are read with credentials for them alone: from the Secret that the desired state names into Cilium's, and what happens where it is missing, wrong, or changed. The whole agent. */
import { expect, test } from 'vitest';
import { Secret, type SecretObject } from '../../../mesh/api/resources/core.ts';
import type { AppliedReport, PeeringState } from '../../../mesh/model/desired.ts';
import { EtcdError } from '../../../mesh/ports/etcd.ts';
import { assign, base64, edit, make, peering, peersSecret, read } from '../testing/scene.ts';
import type { World } from '../testing/world.ts';
import { testWorlds } from '../testing/worlds.ts';

const { started } = testWorlds();
const own = { namespace: 'kube-system', name: 'oslo-client' };
const remote = { ...peersSecret, name: 'cilium-kvstoremesh' };
const FILES = ['oslo.etcd-client-ca.crt', 'oslo.etcd-client.crt', 'oslo.etcd-client.key'];
const report = (world: World): AppliedReport | undefined => world.heard('AppliedReport', 'berlin');
const data = async (world: World): Promise<Record<string, string>> => Object.fromEntries(Object.entries((await read<SecretObject>(world, Secret, remote))?.data ?? {}).map(([key, text]) => [key, Buffer.from(text, 'base64').toString()]));

function owning(trust: 'Secret' | 'Mesh' = 'Secret'): PeeringState {
  const state = peering(['oslo', 'rome']);
  return { ...state, peers: state.peers.map((peer) => (peer.name === 'oslo' ? { ...peer, endpoint: { ...peer.endpoint, tls: { secretName: own.name, trust } } } : peer)) };
}

/** A certificate that is one: the agent's own for its peers. */
async function given(world: World): Promise<Record<string, string>> {
  const secret = await read<SecretObject>(world, Secret, { ...peersSecret, name: 'clustermesh-apiserver-remote-cert' });
  return { ...secret?.data };
}
async function withMesh(): Promise<World> {
  const world = await started();
  await assign(world, { peering: peering(['rome']) });
  await world.clock.advance(3000);
  return world;
}
const give = async (world: World, change: Record<string, string | undefined> = {}): Promise<void> => { await make(world, Secret, { apiVersion: 'v1', kind: 'Secret', metadata: own, data: { ...await given(world), ...change } }); };

test('the peer waits for its Secret by name, then has its files, and a line that names the roots beside it', async () => {
  const world = await withMesh();
  const id = await assign(world, { peering: { ...owning(), connect: 'Always' } });
  await world.clock.advance(3000);
  expect(Object.keys(await data(world))).toEqual(['rome']);
  expect(report(world)).toMatchObject({ id, healthy: true, peering: { reads: ['rome'], waiting: [{ peer: 'oslo', reason: 'Secret kube-system/oslo-client, with which it is to be read, is not there' }] } });
  await give(world);
  await world.clock.advance(8000);
  const stands = await data(world);
  expect(Object.keys(stands).sort()).toEqual(['oslo', ...FILES, 'rome']);
  const secret = await given(world);
  expect(FILES.map((file) => base64(stands[file] ?? ''))).toEqual(['ca.crt', 'tls.crt', 'tls.key'].map((part) => secret[part]));
  expect(stands['oslo']).toMatch(/^# own roots [0-9a-f]{16}\nendpoints:\n[^]*oslo\.etcd-client-ca\.crt/);
  expect(report(world)).toMatchObject({ id, healthy: true, message: '', drift: [], peering: { reads: ['oslo', 'rome'], waiting: [] } });
  expect(JSON.stringify(world.log.lines) + (world.snapshot ?? '')).not.toMatch(/PRIVATE KEY/);
});

test.each([
  ['without a key', { 'tls.key': undefined }, 'Secret kube-system/oslo-client, with which it is to be read: tls.key is missing or no PEM'],
  ['with rubbish', { 'tls.crt': base64('rubbish'), 'ca.crt': base64('rubbish') }, 'Secret kube-system/oslo-client, with which it is to be read: tls.crt, ca.crt are missing or no PEM'],
  ['without roots', { 'ca.crt': undefined }, 'Secret kube-system/oslo-client, with which it is to be read: ca.crt is missing'],
] as const)('a Secret %s is said, and nothing of it is written', async (_, change, reason) => {
  const world = await withMesh();
  await give(world, change);
  await assign(world, { peering: owning() });
  await world.clock.advance(3000);
  expect(Object.keys(await data(world))).toEqual(['rome']);
  expect(report(world)?.peering?.waiting).toEqual([{ peer: 'oslo', reason }]);
});

test('with the roots of the mesh only the certificate is its own, and a probe that fails is a reason like any other', async () => {
  const world = await withMesh();
  await give(world, { 'ca.crt': undefined });
  world.closed.set('oslo', new EtcdError('Unreachable', 'no route'));
  await assign(world, { peering: owning('Mesh') });
  await world.clock.advance(3000);
  expect(report(world)?.peering?.waiting).toEqual([{ peer: 'oslo', reason: 'no route' }]);
  world.closed.delete('oslo');
  await world.clock.advance(5000);
  const stands = await data(world);
  expect(Object.keys(stands).sort()).toEqual(['oslo', 'oslo.etcd-client.crt', 'oslo.etcd-client.key', 'rome']);
  expect(stands['oslo']).toContain('/common-etcd-client-ca.crt');
});

test('new roots and certificates are written when the Secret has them; where it is gone, also over a restart, what stands stays and is said', async () => {
  const world = await withMesh();
  await give(world);
  const id = await assign(world, { peering: owning() });
  await world.clock.advance(5000);
  const before = await data(world);
  expect(Object.keys(before)).toContain('oslo.etcd-client.key');
  const twice = Buffer.from(Buffer.concat([Buffer.from((await given(world))['ca.crt'] ?? '', 'base64'), Buffer.from((await given(world))['ca.crt'] ?? '', 'base64')])).toString('base64');
  await edit(world, Secret, own, { data: { 'ca.crt': twice } });
  await world.clock.advance(35_000);
  const after = await data(world);
  expect(base64(after['oslo.etcd-client-ca.crt'] ?? '')).toBe(twice);
  expect(after['oslo']).not.toBe(before['oslo']);
  expect(after['rome']).toBe(before['rome']);
  await world.kubernetes.delete(Secret, own, {}, new AbortController().signal);
  await world.clock.advance(35_000);
  expect(report(world)).toMatchObject({ id, healthy: true, message: 'oslo: Secret kube-system/oslo-client, with which it is to be read, is not there, so its entry stays with the credentials that it has' });
  await world.stop();
  world.writes.length = 0;
  await world.start();
  await world.clock.advance(35_000);
  expect(await data(world)).toEqual(after);
  expect(world.writes.filter((write) => write.includes('cilium-'))).toEqual([]);
});

test('what the Secret has anew is written when the peer has opened itself to it: until then what stands stays, and that is said', async () => {
  const world = await withMesh();
  await give(world);
  const id = await assign(world, { peering: owning() });
  await world.clock.advance(5000);
  const before = await data(world);
  const twice = (text = ''): string => Buffer.from(Buffer.from(text, 'base64').toString().repeat(2)).toString('base64');
  const { 'ca.crt': roots, 'tls.crt': leaf } = await given(world);
  world.closed.set('oslo', new EtcdError('UntrustedServer', 'certificate signed by unknown authority'));
  await edit(world, Secret, own, { data: { 'ca.crt': twice(roots) } });
  await world.clock.advance(60_000);
  expect(await data(world)).toEqual(before);
  const reason = 'its entry stays as it is until the peer opens itself to the new one: certificate signed by unknown authority';
  expect(report(world)).toMatchObject({ id, healthy: true, drift: [], message: `waiting for peer oslo: ${reason}`, peering: { reads: ['rome'], waiting: [{ peer: 'oslo', reason }] } });
  // What it opened itself to a moment ago says nothing of what is asked with now.
  world.closed.delete('oslo');
  await world.clock.advance(20_000);
  expect(base64((await data(world))['oslo.etcd-client-ca.crt'] ?? '')).toBe(twice(roots));
  expect(report(world)).toMatchObject({ id, message: '', drift: [], peering: { reads: ['oslo', 'rome'], waiting: [] } });
  world.closed.set('oslo', new EtcdError('PermissionDenied', 'x'));
  await edit(world, Secret, own, { data: { 'tls.crt': twice(leaf) } });
  await world.clock.advance(60_000);
  expect(base64((await data(world))['oslo.etcd-client.crt'] ?? '')).toBe(leaf);
  // Somebody sets the Secret back.
  await edit(world, Secret, own, { data: { 'tls.crt': leaf } });
  await world.clock.advance(35_000);
  expect(report(world)).toMatchObject({ id, message: '', peering: { reads: ['oslo', 'rome'], waiting: [] } });
});

test('a peer that is read with the common certificate stays so until its Secret is there, and goes back to it', async () => {
  const world = await withMesh();
  await assign(world, { peering: peering(['oslo', 'rome']) });
  await world.clock.advance(5000);
  const common = await data(world);
  await assign(world, { peering: owning() });
  await world.clock.advance(5000);
  expect(await data(world)).toEqual(common);
  await give(world);
  await world.clock.advance(8000);
  expect(Object.keys(await data(world)).sort()).toEqual(['oslo', ...FILES, 'rome']);
  await assign(world, { peering: peering(['oslo', 'rome']) });
  await world.clock.advance(8000);
  expect(await data(world)).toEqual(common);
});
