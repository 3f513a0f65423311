/** How an agent keeps its identity: renewed in time, when it is called for, and after the hub was away. */
import { expect, test } from 'vitest';
import { readCertificate } from '../../../certs/index.ts';
import { Cluster } from '../../../mesh/api/resources/cluster.ts';
import type { IdentityMaterial } from '../../../mesh/ports/transport.ts';
import { p256Signer } from '../../adapters/signer.ts';
import { seededRandom } from '../../runtime/testing/fakes.ts';
import { createAgentIdentity } from './identity.ts';
import { agent, setting, stored } from './testing/setting.ts';

const HOUR = 3_600_000;
const signal = new AbortController().signal;

test('renews for a week with new keys, each time between 40 % and 60 % of the life, and tells who listens', async () => {
  const world = await setting();
  const identity = agent(world, await world.hub.token('berlin'));
  await identity.obtain(signal);
  const seen: IdentityMaterial[] = [];
  identity.subscribe((material) => seen.push(material));
  const stop = new AbortController();
  const running = identity.keepFresh(() => world.hub.connection(identity.current), stop.signal);
  for (let hour = 0; hour < 168; hour++) {
    await world.clock.advance(HOUR);
    const left = readCertificate(identity.current().chainPem).notAfter - world.clock.now();
    expect(left).toBeGreaterThan(9 * HOUR);
  }
  stop.abort();
  await running;
  expect(seen.length).toBeGreaterThanOrEqual(11);
  expect(seen.length).toBeLessThanOrEqual(18);
  expect(new Set(seen.map((material) => material.keyPem)).size).toBe(seen.length);
  expect(Buffer.from((await stored(world))['tls.crt'] ?? '', 'base64').toString()).toBe(identity.current().chainPem);
});

test('renews at once where it is asked to, and again after five seconds, no sooner, where that changed nothing', async () => {
  const world = await setting();
  const identity = agent(world, await world.hub.token('berlin'));
  await identity.obtain(signal);
  const at: number[] = [];
  identity.subscribe(() => at.push(world.clock.now()));
  const stop = new AbortController();
  const running = identity.keepFresh(() => world.hub.connection(identity.current), stop.signal);
  await world.clock.advance(HOUR);
  expect(at).toEqual([]);
  const asked = world.clock.now();
  identity.avoid([identity.issuer() ?? '']);
  await world.clock.advance(12_000);
  expect(at.map((time) => Math.floor((time - asked) / 1000))).toEqual([0, 5, 10]);
  identity.avoid([]);
  await world.clock.advance(HOUR);
  expect(at.length).toBeLessThanOrEqual(4);
  stop.abort();
  await running;
});

test('what the hub called for is renewed next at a time of its own, which new roots do not change', async () => {
  const hours = await Promise.all([1, 2, 3, 4, 5, 6].map(async (seed) => {
    const world = await setting();
    const { clock, hub, kubernetes, log } = world;
    const identity = createAgentIdentity({ kubernetes, hub: hub.connector, signer: p256Signer, clock, random: seededRandom(seed), log }, { cluster: 'berlin', namespace: 'isthmus-system', hubAddress: '', joinToken: await hub.token('berlin') });
    await identity.obtain(signal);
    const stop = new AbortController();
    const running = identity.keepFresh(() => hub.connection(identity.current), stop.signal);
    await clock.advance(HOUR);
    identity.avoid([identity.issuer() ?? '']);
    await clock.advance(1000);
    identity.avoid([]);
    await clock.advance(10_000);
    const [called, chain] = [clock.now(), identity.current().chainPem];
    await identity.adoptTrust(`${identity.current().bundlePem}\n`, signal);
    while (identity.current().chainPem === chain) await clock.advance(HOUR / 4);
    const after = (clock.now() - called) / HOUR;
    stop.abort();
    await running;
    return after;
  }));
  expect(Math.min(...hours)).toBeLessThan(8);
  expect(Math.max(...hours)).toBeLessThan(15);
  expect(Math.max(...hours) - Math.min(...hours)).toBeGreaterThan(5);
});

test('while the hub is away the identity stays, and is renewed when it is back', async () => {
  const world = await setting();
  const identity = agent(world, await world.hub.token('berlin'));
  const first = await identity.obtain(signal);
  let away = true;
  const stop = new AbortController();
  const running = identity.keepFresh(() => (away ? undefined : world.hub.connection(identity.current)), stop.signal);
  await world.clock.advance(20 * HOUR);
  expect(identity.current()).toEqual(first);
  expect(identity.problem()).toMatch(/no connection/);
  away = false;
  await world.clock.advance(120_000);
  expect(identity.current()).not.toEqual(first);
  expect(identity.problem()).toBeUndefined();
  stop.abort();
  await running;
});

test('an expired identity still starts the agent, names the way out, and a new token replaces it', async () => {
  const world = await setting();
  const spent = await world.hub.token('berlin');
  const first = await agent(world, spent).obtain(signal);
  await world.clock.advance(25 * HOUR);
  const late = agent(world, spent);
  expect(await late.obtain(signal)).toEqual(first);
  expect(late.problem()).toMatch(/expired at 2030-01-02T00:00:00.000Z.*isthmus join berlin.*token does not help/);
  const again = agent(world, await world.hub.token('berlin'));
  expect(await again.obtain(signal)).not.toEqual(first);
  expect(again.problem()).toBeUndefined();
});

test('a cluster that was removed from the hub keeps its identity and says why it cannot renew', async () => {
  const world = await setting();
  const identity = agent(world, await world.hub.token('berlin'));
  await identity.obtain(signal);
  await world.hub.kubernetes.delete(Cluster, { name: 'berlin' }, {}, signal);
  const stop = new AbortController();
  const running = identity.keepFresh(() => world.hub.connection(identity.current), stop.signal);
  await world.clock.advance(16 * HOUR);
  expect(identity.problem()).toMatch(/cluster "berlin": was removed from this hub/);
  stop.abort();
  await running;
});
