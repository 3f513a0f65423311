/** An agent over a long time: what it costs when nothing happens, and what many small losses leave behind. */
import { expect, test, vi } from 'vitest';
import { assign, authorise, edit, exportCheckout, peering, slices } from './testing/scene.ts';
import { checkoutFact, type World } from './testing/world.ts';
import { testWorlds } from './testing/worlds.ts';
import { EndpointSlice } from '../../mesh/api/resources/core.ts';

const HOUR = 3_600_000;
const { started } = testWorlds();

/** Everything at once: peering, a policy, an export, an import from a peer that answers. */
async function busy(): Promise<World> {
  const world = await started();
  await exportCheckout(world);
  authorise(world);
  world.hub.set('ImportedFact', 'oslo/shop/checkout', checkoutFact('oslo', ['10.20.0.21']));
  world.hub.set('PeerAddress', 'oslo', { cluster: 'oslo', address: '10.20.0.1:4001' });
  world.peers.set('oslo', { cluster: 'oslo', exports: [checkoutFact('oslo', ['10.20.0.21'])], reachability: [] });
  await assign(world, {
    peering: peering(['oslo']),
    failover: [{ name: 'checkout', service: { namespace: 'shop', name: 'checkout' }, priority: ['berlin', 'oslo'], minimumReady: 1, unhealthyAfterSeconds: 5, healthyAfterSeconds: 5, failbackDelaySeconds: 10 }],
  });
  await world.clock.advance(60_000);
  return world;
}

test('an idle agent writes nothing for an hour: no object, no status, no message to the hub, no snapshot', async () => {
  const world = await busy();
  const { snapshot } = world;
  world.writes.length = 0;
  const messages = world.messages;
  await world.clock.advance(HOUR);
  expect([world.writes, world.messages - messages, world.snapshot === snapshot]).toEqual([[], 0, true]);
});

test('a hundred lost streams leave no listener, no sleeper and no stream behind', async () => {
  /** Listeners that wait on a signal which has not aborted: on a long-lived one they are kept for ever. */
  const waiting = new Map<EventTarget, Set<unknown>>();
  const { addEventListener, removeEventListener } = EventTarget.prototype;
  vi.spyOn(AbortSignal.prototype, 'addEventListener').mockImplementation(function add(this: AbortSignal, type, listener, options) {
    if (!waiting.has(this)) waiting.set(this, new Set());
    waiting.get(this)!.add(listener);
    addEventListener.call(this, type, listener as EventListener, options);
  });
  vi.spyOn(AbortSignal.prototype, 'removeEventListener').mockImplementation(function remove(this: AbortSignal, type, listener, options) {
    waiting.get(this)?.delete(listener);
    removeEventListener.call(this, type, listener as EventListener, options);
  });
  const listeners = (): number => [...waiting].reduce((sum, [signal, own]) => sum + ((signal as AbortSignal).aborted ? 0 : own.size), 0);
  try {
    const world = await busy();
    const lose = async (): Promise<void> => {
      world.setHub(false);
      await world.clock.advance(6000);
      world.setHub(true);
      await world.clock.advance(20_000);
    };
    await lose();
    const before = [world.streams, world.clock.sleeping, listeners()];
    expect(before[2]).toBeGreaterThan(10);
    for (let round = 0; round < 100; round += 1) await lose();
    expect([world.streams, world.clock.sleeping, listeners()]).toEqual(before);
  } finally {
    vi.restoreAllMocks();
  }
});

test('thousands of changes of one export leave a snapshot of the same size and no queue', async () => {
  const world = await busy();
  const change = async (index: number): Promise<void> => {
    await edit(world, EndpointSlice, { namespace: 'shop', name: 'checkout-1' }, { endpoints: [{ addresses: [`10.10.1.${100 + (index % 100)}`], conditions: { ready: index % 2 === 0 } }] });
    await world.clock.advance(20);
  };
  for (let index = 0; index < 100; index += 1) await change(index);
  await world.clock.advance(60_000);
  const before = world.snapshot!.length;
  for (let index = 0; index < 2000; index += 1) await change(index);
  await world.clock.advance(60_000);
  expect(Math.abs(world.snapshot!.length - before)).toBeLessThan(200);
  expect(world.snapshot).not.toContain('PRIVATE');
});

test('an agent that is told to stop does so within two seconds, with its newest state saved', async () => {
  const world = await busy();
  await edit(world, EndpointSlice, { namespace: 'shop', name: 'checkout-1' }, { endpoints: [{ addresses: ['10.10.1.77'], conditions: { ready: true } }] });
  await world.clock.advance(20);
  authorise(world);
  await world.clock.advance(20);
  expect(world.snapshot).not.toContain('10.10.1.77');
  const stopped = world.stop().then(() => world.clock.now());
  const asked = world.clock.now();
  await world.clock.advance(2000);
  expect(await stopped - asked).toBeLessThanOrEqual(2000);
  expect(world.snapshot).toContain('10.10.1.77');
});

test('a cluster cut off from hub and all peers serves what it has, steadily, and a service that only others have as it last knew it', async () => {
  const world = await busy();
  world.hub.set('ImportedFact', 'oslo/shop/ledger', { ...checkoutFact('oslo', ['10.20.0.30']), name: 'ledger' });
  await world.clock.advance(5000);
  world.setHub(false);
  world.peers.clear();
  await world.clock.advance(60_000);
  world.writes.length = 0;
  const answers = (): unknown => ['checkout', 'ledger'].map((name) => world.dig(`${name}.shop.svc.clusterset.local`));
  const before = answers();
  await world.clock.advance(HOUR);
  expect([answers(), world.writes]).toEqual([before, []]);
  expect(before).toMatchObject([{ rcode: 'NOERROR' }, { rcode: 'NOERROR' }]);
  // Nobody is known to have the ledger in health: it fails open, to where it was.
  const held = await slices(world);
  expect([...new Set(held.map(({ metadata }) => metadata.labels?.['multicluster.kubernetes.io/source-cluster']))].sort()).toEqual(['berlin', 'oslo']);
});

test('an agent that restarts in the middle of an evacuation, without the hub, keeps it until its end', async () => {
  const world = await busy();
  const sources = async (): Promise<unknown> => (await slices(world)).map(({ metadata }) => metadata.labels?.['multicluster.kubernetes.io/source-cluster']);
  world.hub.set('Evacuation', 'drill-1', { id: 'drill-1', service: { namespace: 'shop', name: 'checkout' }, cluster: 'berlin', until: world.clock.now() + 120_000, active: true });
  await world.clock.advance(3000);
  expect(await sources()).toEqual(['oslo']);
  world.setHub(false);
  await world.stop();
  await world.start();
  await world.clock.advance(60_000);
  expect(await sources()).toEqual(['oslo']);
  await world.clock.advance(60_000);
  expect(await sources()).toEqual(['berlin']);
});
