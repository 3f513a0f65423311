import { expect, test } from 'vitest';
import { ConfigMap, type ConfigMapObject } from '../../../mesh/api/resources/core.ts';
import { assign, edit, peering, read, trusted } from '../testing/scene.ts';
import { revision } from '../testing/world.ts';
import { testWorlds } from '../testing/worlds.ts';

const signal = new AbortController().signal;
const { started } = testWorlds();
const BUNDLE = { namespace: 'isthmus-system', name: 'isthmus-trust-bundle' };

test('the roots that the agent believes stand in its cluster as PEM and as SPIFFE has them, and come back within the hour', async () => {
  const world = await started();
  const published = async () => (await read<ConfigMapObject>(world, ConfigMap, BUNDLE))?.data;
  expect(await published()).toBeUndefined();
  await assign(world, { peering: peering(['oslo']) });
  const first = await published();
  const { trust: { bundlePem } } = JSON.parse((await trusted(world, {})).content) as { trust: { bundlePem: string } };
  expect(first).toMatchObject({ 'bundle.pem': bundlePem, sequence: '1', trustDomain: 'mesh.example' });
  expect(JSON.parse(first!['bundle.json']!)).toMatchObject({ spiffe_sequence: 1, keys: [{ use: 'x509-svid', kty: 'EC', x5c: [bundlePem.replace(/-----[A-Z ]+-----|\n/g, '')] }] });

  await world.kubernetes.delete(ConfigMap, BUNDLE, {}, signal);
  await world.clock.advance(3_600_000);
  expect(await published()).toEqual(first);
  await edit(world, ConfigMap, BUNDLE, { data: { 'bundle.pem': 'somebody else\'s root' } });
  await world.clock.advance(3_600_000);
  expect(await published()).toEqual(first);
  expect(world.writes.filter((write) => write.includes('isthmus-trust-bundle'))).toHaveLength(3);
});

test('roots that the agent refuses are not published', async () => {
  const world = await started();
  await assign(world, { peering: peering(['oslo']) });
  const before = (await read<ConfigMapObject>(world, ConfigMap, BUNDLE))?.data;
  world.hub.set('DesiredRevision', 'berlin', revision({ trust: { trustDomain: 'mesh.example', sequence: 2, bundlePem: 'no root at all' } }));
  await world.clock.advance(1000);
  expect((await read<ConfigMapObject>(world, ConfigMap, BUNDLE))?.data).toEqual(before);
});
