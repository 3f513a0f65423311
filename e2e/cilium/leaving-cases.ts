/** A cluster leaves the mesh, and comes back. */
import { expect, test } from 'vitest';
import { ALL, EVERYBODY, othersOf, type Scene } from './scene.ts';
import { connectedOf, PATIENCE } from './world.ts';

const LEAVING = 'virginia';
const STAYING = othersOf(LEAVING);

export function leavingCases(scene: () => Scene): void {
  test('lets a cluster go: peers forget its configuration at once, and keep the rest for Cilium\'s grace', async () => {
    const { select, member, text, cluster, mesh } = scene();
    const begun = performance.now();
    await select(STAYING);
    for (const name of STAYING) await expect.poll(() => connectedOf(member(name)), PATIENCE).toEqual(STAYING.filter((each) => each !== name));
    await expect.poll(async () => (await member(LEAVING).pods.peers()).length, PATIENCE).toBe(0);
    for (const name of STAYING) {
      const { pods } = member(name);
      await expect.poll(() => pods.keys(`cilium/cluster-config/${LEAVING}`), PATIENCE).toEqual([]);
      expect(await pods.keys(`cilium/cache/services/v1/${LEAVING}/`)).toEqual([`cilium/cache/services/v1/${LEAVING}/shop/checkout`]);
      expect(pods.log()).toContain('Waiting before removing cached data from kvstore, to allow Cilium agents to disconnect');
      expect(await text(name, 'cilium-kvstoremesh', LEAVING)).toBeUndefined();
      expect(await text(name, 'cilium-clustermesh', LEAVING)).toBeUndefined();
    }
    for (const name of STAYING) {
      await expect.poll(async () => (await cluster(name))?.status?.peering?.keeps, PATIENCE).toEqual([LEAVING]);
      expect(await text(name, 'clustermesh-remote-users', 'users.yaml')).toContain(`- name: remote-${LEAVING}\n`);
    }
    await expect.poll(async () => (await mesh())?.status?.heldIds?.map(({ id, cluster: of }) => `${id} ${of}`), PATIENCE).toEqual([`3 ${LEAVING}`]);
    console.log(`left by the others after ${((performance.now() - begun) / 1000).toFixed(1)} s`);
  });

  test('takes it back: Cilium waits until its grace is over, or its pod is another one', async () => {
    const { select, member, restart, connected, cluster, mesh, world } = scene();
    await select(ALL);
    for (const name of STAYING) await expect.poll(() => member(name).pods.log(), PATIENCE).toContain('Delaying configuration of remote cluster, which is still being removed');
    // The agent knows what Cilium does, and says until when.
    for (const name of STAYING) await expect.poll(async () => (await cluster(name))?.status?.peering, PATIENCE).toMatchObject({ reads: 1, waiting: 1, waitsFor: [{ peer: LEAVING, reason: expect.stringContaining('was away and is back') }] });
    await Promise.all(ALL.map(restart));
    await expect.poll(connected, PATIENCE).toEqual(EVERYBODY);
    await world.allReady();
    await expect.poll(async () => (await mesh())?.status?.heldIds ?? [], PATIENCE).toEqual([]);
  });
}
