/** How an agent gets its identity, and what stops it. */
import { describe, expect, test } from 'vitest';
import { readCertificate } from '../../../certs/index.ts';
import { Secret } from '../../../mesh/api/resources/core.ts';
import { KubernetesError } from '../../../mesh/ports/kubernetes.ts';
import { p256Signer } from '../../adapters/signer.ts';
import { testHub } from './testing/hub.ts';
import { agent, type Setting, setting, stored } from './testing/setting.ts';

const signal = new AbortController().signal;

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
