/** What the hub hears of bundles from a whole agent, and what stays without the hub. */
import { expect, test } from 'vitest';
import { ConfigMap, type ConfigMapObject, Secret } from '../../../mesh/api/resources/core.ts';
import { content } from '../../../mesh/bundle/testing/contents.ts';
import type { BundleContent } from '../../../mesh/model/bundle.ts';
import { peering, peersSecret, read, trusted } from '../testing/scene.ts';
import type { World } from '../testing/world.ts';
import { testWorlds } from '../testing/worlds.ts';
import { delivery } from './testing/scene.ts';

const { started } = testWorlds();
const settings = { namespace: 'shop', name: 'settings' };
const brought = async (world: World) => (await read<ConfigMapObject>(world, ConfigMap, settings))?.data;
const heard = (world: World) => world.heard('AppliedReport', 'berlin');

async function assign(world: World, bundles: readonly BundleContent[], generation: number, { tell = true, peers = ['oslo'] } = {}): Promise<string> {
  const references = bundles.map((one) => ({ package: one.package, version: one.version, digest: delivery(one).digest }));
  const desired = await trusted(world, { peering: peering(peers), ...(references.length === 0 ? {} : { bundles: references }) });
  if (tell) for (const one of bundles) world.hub.set('Bundle', delivery(one).digest, delivery(one));
  world.hub.set('DesiredRevision', 'berlin', { ...desired, generation });
  await world.clock.advance(1000);
  return desired.id;
}

test('a state counts as applied when peering and bundles are in place, for its generation', async () => {
  const world = await started();
  const planned = await assign(world, [], 1);
  expect(heard(world)).toMatchObject({ id: planned, healthy: true, generation: 1 });
  const id = await assign(world, [content()], 2, { tell: false });
  expect(heard(world)).toMatchObject({ id: planned, healthy: false, generation: 2, message: expect.stringMatching(/^package shop 1\.0\.0: its content \(sha256-[0-9a-f]{64}\) has not come from the hub yet$/) });
  world.hub.set('Bundle', delivery(content()).digest, delivery(content()));
  await world.clock.advance(1000);
  expect(heard(world)).toMatchObject({ id, healthy: true, generation: 2, message: '', drift: [] });
  expect(await brought(world)).toEqual({ a: 'b' });

  // A new plan keeps the bundles: nothing of them is written again, and their health counts anew.
  world.writes.length = 0;
  const third = await assign(world, [content()], 3, { peers: ['oslo', 'lima'] });
  expect(heard(world)).toMatchObject({ id: third, healthy: true, generation: 3 });
  expect(world.writes.filter((write) => /settings|isthmus-bundle/.test(write))).toEqual([]);

  await world.kubernetes.patch(ConfigMap, settings, { data: { a: 'mine' } }, { type: 'merge', fieldManager: 'kubectl-edit' }, new AbortController().signal);
  await world.clock.advance(31_000);
  expect(heard(world)).toMatchObject({ id: third, healthy: false, inPlaceButDrift: third, drift: [{ object: 'ConfigMap shop/settings', path: '.data.a', actual: 'mine', manager: 'kubectl-edit' }] });
});

test('without the hub everything stays, over a restart as well; the hub\'s return changes nothing', async () => {
  const world = await started();
  const id = await assign(world, [content()], 1);
  await world.clock.advance(2000);
  world.setHub(false);
  await world.stop();
  world.writes.length = 0;
  await world.start();
  await world.clock.advance(60_000);
  expect(await brought(world)).toEqual({ a: 'b' });
  expect(await read(world, Secret, peersSecret)).toBeDefined();
  world.setHub(true);
  await world.clock.advance(60_000);
  expect(heard(world)).toMatchObject({ id, healthy: true, generation: 1 });
  expect(world.writes.filter((write) => /settings|isthmus-bundle/.test(write))).toEqual([]);
});

test('an inventory that somebody takes away is written again; without assignment and disk nothing is taken away', async () => {
  const world = await started();
  await assign(world, [content()], 1);
  await world.kubernetes.delete(ConfigMap, { namespace: 'isthmus-system', name: 'isthmus-bundle-shop' }, {}, new AbortController().signal);
  await world.clock.advance(31_000);
  expect(await read(world, ConfigMap, { namespace: 'isthmus-system', name: 'isthmus-bundle-shop' })).toBeDefined();
  world.setHub(false);
  await world.stop();
  world.snapshot = undefined;
  await world.start();
  await world.clock.advance(60_000);
  expect(await brought(world)).toEqual({ a: 'b' });
});
