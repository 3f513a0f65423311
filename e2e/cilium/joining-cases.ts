/** From nothing to a mesh in which a Service is known everywhere. */
import { expect, test } from 'vitest';
import { EndpointSlice } from '../../mesh/api/resources/core.ts';
import { Mesh } from '../../mesh/api/resources/index.ts';
import { ALL, backendOf, endpoint, EVERYBODY, othersOf, type Scene, SHOP } from './scene.ts';
import { connectedOf, PATIENCE } from './world.ts';

export function joiningCases(scene: () => Scene): void {
  /** Addresses that agents of `at` know behind the Service in `of`. */
  async function backends(at: string, of: string): Promise<readonly string[]> {
    const text = await scene().member(at).pods.read(`cilium/cache/services/v1/${of}/${SHOP.namespace}/${SHOP.name}`).catch(() => '');
    return text === '' ? [] : Object.keys((JSON.parse(text) as { readonly backends?: object }).backends ?? {}).sort();
  }

  test('is rolled out in stages, and Cilium connects every pair', async () => {
    const { world, members, connected, condition } = scene();
    const begun = performance.now();
    const seconds = (): string => ((performance.now() - begun) / 1000).toFixed(1);
    await world.make(Mesh, 'europe', { clusters: {}, strategy: 'canary-first' });
    const at = await Promise.all(members.map(async (each) => {
      await expect.poll(() => connectedOf(each), PATIENCE).toEqual(othersOf(each.name));
      return `${each.name} ${seconds()} s`;
    }));
    console.log(`Mesh edit to every kvstoremesh connected: ${seconds()} s, with each cluster's first pod in it (${at.join(', ')})`);
    expect(await connected()).toEqual(EVERYBODY);
    await world.allReady();
    await expect.poll(async () => (await condition('RolledOut'))?.status, PATIENCE).toBe('True');
    await expect.poll(async () => (await condition('Peered'))?.status, PATIENCE).toBe('True');
    expect(world.surprises).toEqual([]);
  });

  test('brings a global Service and its backends over, and every change of them', async () => {
    const { world, member, makeShop } = scene();
    await makeShop();
    for (const of of ALL) for (const at of othersOf(of)) await expect.poll(() => backends(at, of), PATIENCE).toEqual([backendOf(of)]);
    const changed = performance.now();
    await member('berlin').api.patch(EndpointSlice, SHOP, { endpoints: [endpoint('10.10.0.13')] }, { type: 'merge', fieldManager: 'test' }, world.signal);
    for (const at of othersOf('berlin')) await expect.poll(() => backends(at, 'berlin'), PATIENCE).toEqual(['10.10.0.13']);
    console.log(`a changed backend is in both peers' caches after ${((performance.now() - changed) / 1000).toFixed(1)} s`);
  });
}
