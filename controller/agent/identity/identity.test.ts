import { describe, expect, test } from 'vitest';
import { readCertificate } from '../../../certs/index.ts';
import { Cluster } from '../../../mesh/api/resources/cluster.ts';
import { Secret, type SecretObject } from '../../../mesh/api/resources/core.ts';
import { KubernetesError } from '../../../mesh/ports/kubernetes.ts';
import type { IdentityMaterial } from '../../../mesh/ports/transport.ts';
import { p256Signer } from '../../adapters/signer.ts';
import { recordingLog, seededRandom } from '../../runtime/testing/fakes.ts';
import { manualClock } from '../../runtime/testing/manual-clock.ts';
import { memoryKubernetes } from '../../runtime/testing/memory-kubernetes.ts';
import { createAgentIdentity } from './identity.ts';
import { testHub, type TestHub } from './testing/hub.ts';

const HOUR = 3_600_000;
const signal = new AbortController().signal;

async function setting() {
  const clock = manualClock();
  return { clock, hub: await testHub(clock), kubernetes: memoryKubernetes(), log: recordingLog() };
}
type Setting = Awaited<ReturnType<typeof setting>>;
const agent = ({ clock, hub, kubernetes, log }: Setting, joinToken: string | undefined, overrides: { cluster?: string; hub?: TestHub } = {}) =>
  createAgentIdentity(
    { kubernetes, hub: (overrides.hub ?? hub).connector, signer: p256Signer, clock, random: seededRandom(3), log },
    { cluster: overrides.cluster ?? 'berlin', namespace: 'isthmus-system', hubAddress: '', joinToken },
  );
const stored = async ({ kubernetes }: Setting) =>
  (await kubernetes.get<SecretObject>(Secret, { namespace: 'isthmus-system', name: 'isthmus-agent-identity' }, signal))?.data ?? {};

test('joins once; a restarted agent needs neither token nor hub', async () => {
  const world = await setting();
  const first = await agent(world, await world.hub.token('berlin')).obtain(signal);
  expect(readCertificate(first.chainPem).uris).toEqual(['spiffe://mesh.example/cluster/berlin']);
  expect(Object.keys(await stored(world)).sort()).toEqual(['ca.crt', 'tls.crt', 'tls.key', 'trustDomain']);
  world.hub.lose = { request: true };
  expect(await agent(world, undefined).obtain(signal)).toEqual(first);
  expect(world.hub.calls).toEqual(['join hub:7443']);
  expect(JSON.stringify(world.log.lines)).not.toMatch(/PRIVATE|isthmus-join/);
});

describe('an answer that gets lost', () => {
  test('on the way is asked for again, by the same key', async () => {
    const world = await setting();
    world.hub.lose = { answer: true };
    const identity = agent(world, await world.hub.token('berlin'));
    const obtained = identity.obtain(signal);
    await world.clock.advance(20_000);
    expect(identity.problem()).toBe('connection reset');
    world.hub.lose = {};
    await world.clock.advance(60_000);
    expect((await obtained).cluster).toBe('berlin');
    expect(identity.problem()).toBeUndefined();
    expect(world.hub.calls.length).toBeGreaterThan(3);
  });
  test('with the whole agent, between redemption and storing, too', async () => {
    const world = await setting();
    const token = await world.hub.token('berlin');
    const crash = new AbortController();
    world.hub.lose = { answer: true };
    const dying = agent(world, token).obtain(crash.signal);
    await world.clock.advance(10);
    crash.abort();
    await expect(dying).rejects.toMatchObject({ reason: 'Cancelled' });
    expect(Object.keys(await stored(world))).toEqual(['joining.key']);
    world.hub.lose = {};
    expect((await agent(world, token).obtain(signal)).cluster).toBe('berlin');
  });
  test('an agent that lost its Secret, too, is told that the token was used and what to do', async () => {
    const world = await setting();
    const token = await world.hub.token('berlin');
    await agent(world, token).obtain(signal);
    await world.kubernetes.delete(Secret, { namespace: 'isthmus-system', name: 'isthmus-agent-identity' }, {}, signal);
    await expect(agent(world, token).obtain(signal)).rejects.toMatchObject({ reason: 'TokenUsed', message: expect.stringContaining('isthmus join berlin') as string });
  });
});

describe('stops with a sentence for a person', () => {
  const problemOf = async (token: (world: Setting) => Promise<string | undefined>, overrides: { cluster?: string } = {}) => {
    const world = await setting();
    const error: unknown = await agent(world, await token(world), overrides).obtain(signal).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ advice: 'user' });
    return (error as Error).message;
  };
  test('without a token', async () => {
    expect(await problemOf(() => Promise.resolve(undefined))).toMatch(/neither a valid identity nor a join token.*isthmus join berlin/);
  });
  test('with a damaged token', async () => {
    expect(await problemOf(async ({ hub }) => (await hub.token('berlin')).slice(0, -30))).toMatch(/damaged or cut short/);
  });
  test('with a token for another name', async () => {
    expect(await problemOf(({ hub }) => hub.token('oslo'))).toMatch(/is for cluster "oslo", this agent is set to cluster "berlin"/);
  });
  test('with an expired token', async () => {
    expect(await problemOf(async ({ hub, clock }) => {
      const token = await hub.token('berlin');
      await clock.advance(600_000);
      return token;
    })).toMatch(/expired at/);
  });
  test('with a token of another hub', async () => {
    expect(await problemOf(async ({ clock }) => (await testHub(clock, 'other.example')).token('berlin'))).toMatch(/not of the join token's authority/);
  });
});

test('a stored identity of another cluster, or a damaged one, is not used', async () => {
  const world = await setting();
  await agent(world, await world.hub.token('berlin')).obtain(signal);
  await expect(agent(world, undefined, { cluster: 'oslo' }).obtain(signal)).rejects.toThrow(/is the identity of spiffe:\/\/mesh.example\/cluster\/berlin/);
  const reference = { namespace: 'isthmus-system', name: 'isthmus-agent-identity' };
  const data = await stored(world);
  const other = Buffer.from(p256Signer.generate().exportPem()).toString('base64');
  await world.kubernetes.patch(Secret, reference, { data: { ...data, 'tls.key': other } }, { type: 'merge', fieldManager: 'test' }, signal);
  await expect(agent(world, undefined).obtain(signal)).rejects.toThrow(/tls.key is not the key of tls.crt/);
  await world.kubernetes.patch(Secret, reference, { data: { ...data, 'tls.crt': 'bm9pc2U=' } }, { type: 'merge', fieldManager: 'test' }, signal);
  await expect(agent(world, undefined).obtain(signal)).rejects.toThrow(/damaged/);
});

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

test('new roots are stored and announced, and survive a renewal', async () => {
  const world = await setting();
  const identity = agent(world, await world.hub.token('berlin'));
  const { bundlePem } = await identity.obtain(signal);
  const roots = bundlePem + (await testHub(world.clock, 'other.example')).authority.trust().bundlePem;
  await identity.adoptTrust(roots, signal);
  expect(identity.current().bundlePem).toBe(roots);
  const stop = new AbortController();
  const running = identity.keepFresh(() => world.hub.connection(identity.current), stop.signal);
  await world.clock.advance(15 * HOUR);
  stop.abort();
  await running;
  expect(world.hub.calls.at(-1)).toBe('renew');
  expect(identity.current().bundlePem).toBe(roots);
});

test('roots of somebody else, as they were meant for it before it joined anew, are not taken: it would show them a certificate that they refuse', async () => {
  const world = await setting();
  const identity = agent(world, await world.hub.token('berlin'));
  const first = await identity.obtain(signal);
  const others = (await testHub(world.clock, 'other.example')).authority.trust().bundlePem;
  for (const bundle of [others, '', 'damaged']) await identity.adoptTrust(bundle, signal);
  expect(identity.current()).toEqual(first);
  expect(Buffer.from((await stored(world))['ca.crt'] ?? '', 'base64').toString()).toBe(first.bundlePem);
  await identity.adoptTrust(others + first.bundlePem, signal);
  expect(identity.current().bundlePem).toBe(others + first.bundlePem);
});

test('an API server that grants nothing yet is waited for, two minutes', async () => {
  const world = await setting();
  const refused = new KubernetesError(403, 'Forbidden', 'get secrets isthmus-system/isthmus-agent-identity: secrets "isthmus-agent-identity" is forbidden: User "a" cannot get resource "secrets" in API group "" in the namespace "isthmus-system"');
  let refuses = true;
  const kubernetes: typeof world.kubernetes = { ...world.kubernetes, get: (kind, ref, within) => (refuses ? Promise.reject(refused) : world.kubernetes.get(kind, ref, within)) };
  const token = await world.hub.token('berlin');
  const identity = agent({ ...world, kubernetes }, token);
  const obtained = identity.obtain(signal);
  await world.clock.advance(5000);
  expect(identity.problem()).toContain('cannot get resource "secrets"');
  refuses = false;
  await world.clock.advance(30_000);
  expect((await obtained).cluster).toBe('berlin');
  refuses = true;
  const lost = agent({ ...world, kubernetes }, token).obtain(signal).then(() => 'obtained', (error: unknown) => error);
  await world.clock.advance(240_000);
  expect(await lost).toBe(refused);
});

test('roots that arrive while a renewal is under way are not lost', async () => {
  const world = await setting();
  const identity = agent(world, await world.hub.token('berlin'));
  const first = await identity.obtain(signal);
  const roots = first.bundlePem + first.bundlePem;
  const stop = new AbortController();
  const running = identity.keepFresh(() => {
    const { renew, ...rest } = world.hub.connection(identity.current);
    return {
      ...rest,
      async renew(csrDer, within) {
        const issued = await renew(csrDer, within);
        await identity.adoptTrust(roots, within);
        return issued;
      },
    };
  }, stop.signal);
  await world.clock.advance(15 * HOUR);
  stop.abort();
  await running;
  expect(identity.current().chainPem).not.toBe(first.chainPem);
  expect(identity.current().bundlePem).toBe(roots);
  expect(Buffer.from((await stored(world))['ca.crt'] ?? '', 'base64').toString()).toBe(roots);
});

describe('the Secret, touched by a person while the agent runs', () => {
  const secretRef = { namespace: 'isthmus-system', name: 'isthmus-agent-identity' };
  async function running() {
    const world = await setting();
    const identity = agent(world, await world.hub.token('berlin'));
    await identity.obtain(signal);
    // The token is used up; after the join nobody has another one.
    const restarted = agent(world, undefined);
    await restarted.obtain(signal);
    return { world, identity: restarted };
  }

  test('deleted: new roots are taken, and the identity in use is stored again with them', async () => {
    const { world, identity } = await running();
    const before = identity.current();
    await world.kubernetes.delete(Secret, secretRef, {}, signal);
    const roots = `${before.bundlePem}${before.bundlePem}`;
    await identity.adoptTrust(roots, signal);
    expect(identity.current()).toEqual({ ...before, bundlePem: roots });
    expect(Object.keys(await stored(world)).sort()).toEqual(['ca.crt', 'tls.crt', 'tls.key', 'trustDomain']);
  });

  test.each([
    ['deleted', async ({ kubernetes }: Setting) => kubernetes.delete(Secret, secretRef, {}, signal)],
    ['damaged', async ({ kubernetes }: Setting) => kubernetes.patch(Secret, secretRef, { data: { 'tls.crt': 'eA==' } }, { type: 'merge', fieldManager: 'kubectl-edit' }, signal)],
  ] as const)('%s: the identity in use is renewed in time and stored whole', async (_what, touch) => {
    const { world, identity } = await running();
    const before = identity.current();
    const stop = new AbortController();
    const fresh = identity.keepFresh(() => world.hub.connection(() => identity.current()), stop.signal);
    await touch(world);
    await world.clock.advance(20 * HOUR);
    expect(identity.current().chainPem).not.toBe(before.chainPem);
    expect(identity.problem()).toBeUndefined();
    expect(Object.keys(await stored(world)).sort()).toEqual(['ca.crt', 'tls.crt', 'tls.key', 'trustDomain']);
    expect((await agent(world, undefined).obtain(signal)).chainPem).toBe(identity.current().chainPem);
    stop.abort();
    await fresh;
  });
});
