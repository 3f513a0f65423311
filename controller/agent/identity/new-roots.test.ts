/** New roots, and what people do to the Secret while the agent runs. */
import { describe, expect, test } from 'vitest';
import { Secret } from '../../../mesh/api/resources/core.ts';
import { testHub } from './testing/hub.ts';
import { agent, type Setting, setting, stored } from './testing/setting.ts';

const HOUR = 3_600_000;
const signal = new AbortController().signal;

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
