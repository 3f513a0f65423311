/** A mesh that others made, and that is as we want it: taken over with nothing changed that Cilium reads. */
import { expect, test } from 'vitest';
import { ConfigMap, type ConfigMapObject, Secret, type SecretObject } from '../../../mesh/api/resources/core.ts';
import { renderPeering } from '../../../mesh/cilium/peering.ts';
import { peering, peersSecret, read, trusted } from '../testing/scene.ts';
import type { World } from '../testing/world.ts';
import { testWorlds } from '../testing/worlds.ts';

const signal = new AbortController().signal;
const { started } = testWorlds();

const HELM = { labels: { 'app.kubernetes.io/managed-by': 'Helm', 'app.kubernetes.io/part-of': 'cilium' }, annotations: { 'meta.helm.sh/release-name': 'cilium', 'meta.helm.sh/release-namespace': 'kube-system' } };
const encoded = (data: Readonly<Record<string, string>>): Record<string, string> => Object.fromEntries(Object.entries(data).map(([key, text]) => [key, Buffer.from(text).toString('base64')]));

/** As Helm made them; `change` is what somebody else writes otherwise. */
async function standing(world: World, change: (text: string) => string, metadata: object = HELM): Promise<void> {
  for (const { kind, namespace, name, data } of renderPeering(peering(['oslo']))) {
    const changed = Object.fromEntries(Object.entries(data).map(([key, text]) => [key, change(text)]));
    const body = { apiVersion: 'v1', kind, metadata: { namespace, name, ...metadata }, data: kind === 'Secret' ? encoded(changed) : changed } as unknown as SecretObject;
    await world.kubernetes.create(kind === 'Secret' ? Secret : ConfigMap, body, { fieldManager: 'helm' }, signal);
  }
}

async function data(world: World): Promise<unknown> {
  const [secret, mesh] = [await read<SecretObject>(world, Secret, peersSecret), await read<SecretObject>(world, Secret, { ...peersSecret, name: 'cilium-kvstoremesh' })];
  return [secret?.data, mesh?.data, (await read<ConfigMapObject>(world, ConfigMap, { ...peersSecret, name: 'clustermesh-remote-users' }))?.data];
}

test.each<[string, (text: string) => string]>([
  ['byte for byte ours', (text) => text],
  ['the same in other words', (text) => (text.startsWith('users') ? 'users:\n  - role: remote\n    name: remote-oslo\n' : `---\n${text.replace(/key-file: (.*)/, "key-file: '$1'")}\n`)],
])('what Helm wrote and is %s stays as it is, is ours as well, and outlives the release', async (_, change) => {
  const world = await started();
  await standing(world, change);
  const before = await data(world);
  const desired = await trusted(world, { peering: peering(['oslo']) });
  world.hub.set('DesiredRevision', 'berlin', desired);
  await world.clock.advance(50);
  expect(world.heard('AppliedReport', 'berlin')).toMatchObject({ id: desired.id, healthy: true, drift: [] });
  expect(await data(world)).toEqual(before);
  const secret = await read<SecretObject>(world, Secret, peersSecret);
  expect(secret?.metadata.labels).toEqual(HELM.labels);
  expect(secret?.metadata.annotations).toMatchObject({ ...HELM.annotations, 'helm.sh/resource-policy': 'keep', 'isthmus.dev/desired': desired.id });

  await world.clock.advance(120_000);
  expect(await data(world)).toEqual(before);
  const more = await trusted(world, { peering: peering(['oslo', 'paris']) });
  world.hub.set('DesiredRevision', 'berlin', more);
  await world.clock.advance(1000);
  expect(world.heard('AppliedReport', 'berlin')).toMatchObject({ id: more.id, drift: [] });
  const after = (await read<SecretObject>(world, Secret, peersSecret))?.data;
  expect([Object.keys(after ?? {}), after?.['oslo']]).toEqual([['oslo', 'paris'], secret?.data?.['oslo']]);
});

test('a peer that leaves goes from what was taken over, though Helm still owns it as well', async () => {
  const world = await started();
  await standing(world, (text) => text);
  world.hub.set('DesiredRevision', 'berlin', await trusted(world, { peering: peering(['oslo']) }));
  await world.clock.advance(1000);
  const without = await trusted(world, { peering: peering([]) });
  world.hub.set('DesiredRevision', 'berlin', without);
  await world.clock.advance(1000);
  expect((await read<SecretObject>(world, Secret, peersSecret))?.data?.['oslo']).toBeUndefined();
  expect((await read<SecretObject>(world, Secret, { ...peersSecret, name: 'cilium-kvstoremesh' }))?.data?.['oslo']).toBeUndefined();
  expect(world.heard('AppliedReport', 'berlin')).toMatchObject({ id: without.id, healthy: true, drift: [] });
});

test('certificates that others made stay, and are all that is left to be tolerated or decided', async () => {
  const world = await started();
  await standing(world, (text) => text);
  for (const role of ['server', 'admin', 'remote', 'local']) {
    await world.kubernetes.create(Secret, { apiVersion: 'v1', kind: 'Secret', type: 'kubernetes.io/tls', metadata: { namespace: 'kube-system', name: `clustermesh-apiserver-${role}-cert`, ...HELM }, data: encoded({ 'ca.crt': 'theirs', 'tls.crt': 'theirs', 'tls.key': 'theirs' }) } as SecretObject, { fieldManager: 'helm' }, signal);
  }
  const before = await data(world);
  const desired = await trusted(world, { peering: peering(['oslo']) });
  world.hub.set('DesiredRevision', 'berlin', desired);
  await world.clock.advance(1000);
  const report = world.heard('AppliedReport', 'berlin');
  expect(report).toMatchObject({ healthy: false, inPlaceButDrift: desired.id, message: expect.stringContaining('clustermesh-apiserver-server-cert: was made by someone else') });
  expect(report?.drift.map(({ object }) => object).sort()).toEqual(['admin', 'local', 'remote', 'server'].map((role) => `Secret kube-system/clustermesh-apiserver-${role}-cert`));
  expect(await data(world)).toEqual(before);
  expect((await read<SecretObject>(world, Secret, { namespace: 'kube-system', name: 'clustermesh-apiserver-remote-cert' }))?.data).toEqual(encoded({ 'ca.crt': 'theirs', 'tls.crt': 'theirs', 'tls.key': 'theirs' }));
});

test('what means something else is left alone, for a person to decide', async () => {
  const world = await started();
  await standing(world, (text) => text.replace(':2379', ':2380'));
  const before = await data(world);
  world.hub.set('DesiredRevision', 'berlin', await trusted(world, { peering: peering(['oslo']) }));
  await world.clock.advance(50);
  expect(world.heard('AppliedReport', 'berlin')).toMatchObject({ healthy: false, drift: [{ object: 'Secret kube-system/cilium-clustermesh', path: '', manager: 'helm' }, { object: 'Secret kube-system/cilium-kvstoremesh', path: '', manager: 'helm' }] });
  expect(await data(world)).toEqual(before);
  expect((await read<SecretObject>(world, Secret, peersSecret))?.metadata.annotations).toEqual(HELM.annotations);
});
