import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { manualClock } from '../../controller/runtime/testing/manual-clock.ts';
import { seededRandom, silentLog } from '../../controller/runtime/testing/fakes.ts';
import { fromPem } from '../pem.ts';
import { deterministicSigner } from '../testing/deterministic-signer.ts';
import { memoryKeyStore } from '../testing/memory-key-store.ts';
import { type Authority, createAuthority } from './authority.ts';
import { ROTATION_PHASES } from '../../mesh/model/trust.ts';
import type { KeyStore } from './document.ts';
import { createCertificateRequest } from './request.ts';

const DAY = 86_400_000;
const signal = new AbortController().signal;

function hubs(count: number, keys: KeyStore = memoryKeyStore()) {
  const clock = manualClock();
  const signers = Array.from({ length: count }, (_, index) => deterministicSigner(`hub ${index}`));
  const authorities = signers.map((signer, index) => createAuthority({ clock, random: seededRandom(index + 1), signer, keys, trustDomain: 'mesh.example', log: silentLog }));
  return { clock, keys, authorities, signer: signers[0]! };
}
async function hub(keys?: KeyStore) {
  const { authorities, ...rest } = hubs(1, keys);
  const authority = authorities[0]!;
  await authority.open(signal);
  return { authority, ...rest };
}
const order = (id: string, of: 'Issuing' | 'Root') => ({ id, of, reason: 'as planned', by: 'ann' });
const roots = (bundlePem: string): readonly string[] => fromPem('CERTIFICATE', bundlePem).map((der) => Buffer.from(der).toString('base64'));
const refusal = (work: Promise<unknown>): Promise<string> => work.then(() => 'done', (error: Error) => `${error.name}: ${error.message}`);

/** What a leaf would be signed by now: generations of issuing CA and root. */
function signs(authority: Authority, side: 'client' | 'server'): { readonly issuer: number; readonly root: number } {
  const issuer = authority.state().issuers.find((each) => each.signs.includes(side));
  return { issuer: issuer?.generation ?? 0, root: issuer?.root ?? 0 };
}
const seen = (authority: Authority) => {
  const { sequence, roots: all, rotation, renewClientsFrom, renewServersFrom } = authority.state();
  return {
    phase: `${rotation?.phase ?? 'Standby'}${rotation?.back === true ? ' back' : ''}`, sequence, trusted: all.filter(({ trusted }) => trusted).map(({ generation }) => generation),
    client: signs(authority, 'client'), server: signs(authority, 'server'), from: [renewClientsFrom, renewServersFrom],
  };
};

describe('a rotation of the root', () => {
  test('trusts both, then signs clients, then servers, then drops the old one', async () => {
    const { authority } = await hub();
    const states: unknown[] = [seen(authority)];
    await authority.begin(order('r1', 'Root'), signal);
    states.push(seen(authority));
    for (const phase of ['UpdateClients', 'UpdateServers', 'Cleanup', 'Standby'] as const) {
      await authority.move('r1', phase, signal);
      states.push(seen(authority));
    }
    const [one, two] = [{ issuer: 1, root: 1 }, { issuer: 2, root: 2 }];
    expect(states).toEqual([
      { phase: 'Standby', sequence: 1, trusted: [1], client: one, server: one, from: [1, 1] },
      { phase: 'Init', sequence: 2, trusted: [1, 2], client: one, server: one, from: [1, 1] },
      { phase: 'UpdateClients', sequence: 2, trusted: [1, 2], client: two, server: one, from: [2, 1] },
      { phase: 'UpdateServers', sequence: 2, trusted: [1, 2], client: two, server: two, from: [2, 2] },
      { phase: 'Cleanup', sequence: 3, trusted: [2], client: two, server: two, from: [2, 2] },
      { phase: 'Standby', sequence: 3, trusted: [2], client: two, server: two, from: [2, 2] },
    ]);
    expect(authority.state()).toMatchObject({ roots: [{ generation: 2, state: 'active' }], issuers: [{ generation: 2, root: 2, state: 'active' }], finished: { id: 'r1', of: 'Root' } });
  });

  test.each([
    ['Init', ['Cleanup', 'Standby'], { sequence: 3, client: { issuer: 1, root: 1 }, from: [1, 1] }],
    ['UpdateClients', ['UpdateClients', 'UpdateServers', 'Cleanup', 'Standby'], { sequence: 3, client: { issuer: 3, root: 1 }, from: [3, 3] }],
    ['UpdateServers', ['UpdateClients', 'UpdateServers', 'Cleanup', 'Standby'], { sequence: 3, client: { issuer: 3, root: 1 }, from: [3, 3] }],
  ] as const)('goes back from %s to the old root', async (phase, way, end) => {
    const { authority } = await hub();
    await authority.begin(order('r1', 'Root'), signal);
    for (const step of ROTATION_PHASES.slice(1, ROTATION_PHASES.indexOf(phase) + 1)) await authority.move('r1', step, signal);
    expect((await authority.rollBack('r1', signal)).rotation).toMatchObject({ phase: way[0], back: true });
    expect(await authority.rollBack('r1', signal)).toEqual(authority.state());
    for (const step of way.slice(1)) await authority.move('r1', step, signal);
    expect(seen(authority)).toEqual({ phase: 'Standby', trusted: [1], server: end.client, ...end });
    expect(authority.state().finished).toMatchObject({ id: 'r1', back: true });
    // The number of what was given up is not given again.
    await authority.begin(order('r2', 'Root'), signal);
    expect(authority.state().roots.map(({ generation }) => generation)).toEqual([1, 3]);
  });

  test('cannot go back once the old root is dropped, and forgets its key', async () => {
    const { authority, keys } = await hub();
    await authority.begin(order('r1', 'Root'), signal);
    for (const phase of ['UpdateClients', 'UpdateServers', 'Cleanup'] as const) await authority.move('r1', phase, signal);
    expect(await refusal(authority.rollBack('r1', signal))).toMatch(/AuthorityRefusal: .*the way back is closed/);
    const document = JSON.parse((await keys.load(signal))!.content) as { roots: { keyPem?: string }[]; issuers: { keyPem?: string }[] };
    expect(document.roots.map(({ keyPem }) => keyPem !== undefined)).toEqual([false, true]);
    expect(document.issuers.map(({ keyPem }) => keyPem !== undefined)).toEqual([false, true]);
  });
});

test('a rotation of the issuing CA leaves the bundle alone', async () => {
  const { authority } = await hub();
  await authority.begin(order('i1', 'Issuing'), signal);
  const states = [seen(authority)];
  for (const phase of ['UpdateClients', 'UpdateServers', 'Cleanup', 'Standby'] as const) {
    await authority.move('i1', phase, signal);
    states.push(seen(authority));
  }
  expect(states.map(({ client, server, sequence }) => [client.issuer, server.issuer, sequence])).toEqual([[1, 1, 1], [2, 1, 1], [2, 2, 1], [2, 2, 1], [2, 2, 1]]);
  expect(authority.state().issuers.map(({ generation }) => generation)).toEqual([2]);
});

test('an issuing CA that is tainted while it is rotated stays known as tainted until its root is left', async () => {
  const { authority, clock } = await hub();
  await authority.begin(order('i1', 'Issuing'), signal);
  await authority.move('i1', 'UpdateClients', signal);
  await authority.taint({ of: 'Issuing', generation: 1 }, clock.now(), signal);
  for (const phase of ['UpdateServers', 'Cleanup', 'Standby'] as const) await authority.move('i1', phase, signal);
  expect(authority.state().problems).toMatchObject([{ reason: 'TaintedTrusted' }]);
  expect(authority.state().issuers.map(({ generation, signs: sides }) => [generation, sides.length])).toEqual([[1, 0], [2, 2]]);
  await authority.begin(order('out', 'Root'), signal);
  for (const phase of ['UpdateClients', 'UpdateServers', 'Cleanup', 'Standby'] as const) await authority.move('out', phase, signal);
  expect(authority.state().problems).toEqual([]);
  expect(authority.state().issuers.map(({ generation }) => generation)).toEqual([3]);
});

describe('is refused with a sentence', () => {
  test('every step but the next one, from every phase', async () => {
    for (const what of ['Root', 'Issuing'] as const) {
      for (const [index, phase] of ROTATION_PHASES.entries()) {
        const { authority } = await hub();
        await authority.begin(order('x', what), signal);
        for (const step of ROTATION_PHASES.slice(1, index + 1)) await authority.move('x', step, signal);
        const before = authority.state();
        for (const target of [...ROTATION_PHASES, 'Standby'] as const) {
          if (target === phase) expect(await authority.move('x', target, signal)).toEqual(before);
          else if (target !== (ROTATION_PHASES[index + 1] ?? 'Standby')) expect(await refusal(authority.move('x', target, signal))).toMatch(/goes from/);
        }
        expect(await refusal(authority.move('y', 'Cleanup', signal))).toMatch(/is not running; "x" is/);
        expect(await refusal(authority.begin(order('y', what), signal))).toMatch(/wait until it is done, or roll it back/);
        expect(await authority.begin(order('x', what), signal)).toEqual(before);
        expect(authority.state()).toEqual(before);
      }
    }
  });
  test('one that ended is not begun again, a nameless one never', async () => {
    const { authority } = await hub();
    await authority.begin(order('x', 'Issuing'), signal);
    for (const step of ['UpdateClients', 'UpdateServers', 'Cleanup', 'Standby'] as const) await authority.move('x', step, signal);
    const before = authority.state();
    expect(await authority.begin(order('x', 'Issuing'), signal)).toEqual(before);
    expect(await authority.move('x', 'Standby', signal)).toEqual(before);
    expect(await refusal(authority.rollBack('x', signal))).toMatch(/nothing to roll back/);
    expect(await refusal(authority.begin(order('', 'Issuing'), signal))).toMatch(/id/);
  });
  test('forward to a tainted root, and back to one', async () => {
    const { authority } = await hub();
    await authority.begin(order('x', 'Root'), signal);
    await authority.taint({ of: 'Root', generation: 2 }, 5, signal);
    expect(await refusal(authority.move('x', 'UpdateClients', signal))).toMatch(/root 2 is tainted/);
    await authority.rollBack('x', signal);
    await authority.move('x', 'Standby', signal);
    await authority.begin(order('y', 'Root'), signal);
    await authority.move('y', 'UpdateClients', signal);
    await authority.taint({ of: 'Root', generation: 1 }, 5, signal);
    expect(await refusal(authority.rollBack('y', signal))).toMatch(/root 1 is tainted.*cannot be rolled back/);
  });
});

describe('a tainted issuing CA', () => {
  test('is replaced at once below the same root; its leaves are to be renewed now', async () => {
    const { authority, clock } = await hub();
    await clock.advance(50 * DAY);
    await authority.open(signal);
    expect(authority.state().issuers.map(({ generation, state }) => [generation, state])).toEqual([[1, 'active'], [2, 'prepared']]);
    const { serial } = authority.state().issuers[0]!;
    const after = await authority.taint({ serial: serial.toLowerCase() }, clock.now(), signal);
    // What lay prepared in the same store is not used either.
    expect(after.issuers.map(({ generation, state, signs: sides }) => [generation, state, sides.length])).toEqual([[1, 'old', 0], [3, 'active', 2]]);
    expect(after).toMatchObject({ renewClientsFrom: 2, renewServersFrom: 2, problems: [{ reason: 'TaintedTrusted' }] });
    expect(await refusal(authority.taint({ serial: 'AB' }, 1, signal))).toMatch(/no root or issuing CA has serial/);
    expect(await refusal(authority.taint({ of: 'Root', generation: 7 }, 1, signal))).toMatch(/there are 1/);
    await authority.begin(order('out', 'Root'), signal);
    for (const step of ['UpdateClients', 'UpdateServers', 'Cleanup'] as const) await authority.move('out', step, signal);
    expect(authority.state().problems).toEqual([]);
  });
});

/** A fleet in small: each cluster uses a bundle and two leaves; what a rotation must never do is make one refuse another. */
interface Member { bundle: readonly string[]; sequence: number; client: number; server: number; clientRoot: string; serverRoot: string }

test('no order of steps, of clusters, of renewals, taints and ways back, at two hubs, ever makes one cluster refuse another', async () => {
  const action = fc.oneof(
    { weight: 6, arbitrary: fc.record({ kind: fc.constant('use' as const), member: fc.nat(3) }) },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('renew' as const), member: fc.nat(3), side: fc.constantFrom('client' as const, 'server' as const) }) },
    { weight: 6, arbitrary: fc.record({ kind: fc.constant('move' as const), order: fc.shuffledSubarray([0, 1, 2, 3], { minLength: 4 }) }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('begin' as const), of: fc.constantFrom('Root' as const, 'Issuing' as const) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('back' as const) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('taint' as const) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('days' as const), days: fc.integer({ min: 1, max: 50 }) }) },
  );
  const ends = new Set<string>();
  await fc.assert(fc.asyncProperty(fc.array(fc.tuple(fc.nat(1), action), { minLength: 20, maxLength: 60 }), async (steps) => {
    const { clock, authorities, signer } = hubs(2);
    for (const authority of authorities) await authority.open(signal);
    const issue = (authority: Authority, side: 'client' | 'server') => {
      const [issued] = authority.issueMesh('berlin', [{ role: side === 'client' ? 'remote' : 'server', csrDer: createCertificateRequest(signer.generate()) }], 'kube-system');
      const issuer = authority.state().issuers.find(({ generation }) => generation === issued!.issuingCaGeneration)!;
      const root = authority.state().roots.find(({ generation }) => generation === issuer.root)!;
      return { generation: issuer.generation, root: roots(root.certificatePem)[0]! };
    };
    const use = (member: Member, authority: Authority): void => {
      const { renewClientsFrom, renewServersFrom } = authority.state();
      Object.assign(member, { bundle: roots(authority.trust().bundlePem), sequence: authority.trust().sequence });
      if (member.client < renewClientsFrom) renew(member, authority, 'client');
      if (member.server < renewServersFrom) renew(member, authority, 'server');
    };
    const renew = (member: Member, authority: Authority, side: 'client' | 'server'): void => {
      const { generation, root } = issue(authority, side);
      Object.assign(member, side === 'client' ? { client: generation, clientRoot: root } : { server: generation, serverRoot: root });
    };
    const holds = (authority: Authority): void => {
      const hub = { bundle: roots(authority.trust().bundlePem), serverRoot: issue(authority, 'server').root };
      const shown = [hub.serverRoot, ...members.flatMap(({ clientRoot, serverRoot }) => [clientRoot, serverRoot])];
      const { from: [clientsFrom, serversFrom], client, server } = seen(authority);
      // Whoever renews gets what was asked for.
      expect(client.issuer >= clientsFrom! && server.issuer >= serversFrom!, JSON.stringify(seen(authority))).toBe(true);
      expect(members.every(({ bundle }) => shown.every((root) => bundle.includes(root))) && members.every(({ clientRoot }) => hub.bundle.includes(clientRoot))).toBe(true);
    };
    const members: Member[] = Array.from({ length: 4 }, () => ({ bundle: [], sequence: 0, client: 0, server: 0, clientRoot: '', serverRoot: '' }));
    for (const member of members) use(member, authorities[0]!);
    let count = 0;
    for (const [at, step] of steps) {
      const authority = authorities[at]!;
      await authority.open(signal);
      const { rotation, renewClientsFrom, renewServersFrom, sequence, issuers } = authority.state();
      if (step.kind === 'use') use(members[step.member]!, authority);
      else if (step.kind === 'renew') renew(members[step.member]!, authority, step.side);
      else if (step.kind === 'begin') await refusal(authority.begin(order(`r${count++}`, step.of), signal));
      else if (step.kind === 'back' && rotation !== undefined) await refusal(authority.rollBack(rotation.id, signal));
      else if (step.kind === 'taint') await refusal(authority.taint({ of: 'Issuing', generation: issuers.at(-1)!.generation }, clock.now(), signal));
      else if (step.kind === 'days') {
        await clock.advance(step.days * DAY);
        await authority.open(signal);
        // Seven days: whoever lives has renewed.
        if (step.days >= 7) for (const member of members) for (const side of ['client', 'server'] as const) renew(member, authority, side);
      } else if (step.kind === 'move' && rotation !== undefined) {
        // What a rotation waits for: all but the last few steps of a phase are those of single members.
        for (const member of step.order) {
          use(members[member]!, authority);
          holds(authority);
        }
        expect(members.every((member) => member.sequence === sequence && member.client >= renewClientsFrom && member.server >= renewServersFrom)).toBe(true);
        const next = ROTATION_PHASES[ROTATION_PHASES.indexOf(rotation.phase) + 1] ?? 'Standby';
        const result = await refusal(authority.move(rotation.id, next, signal));
        if (result === 'done') ends.add(`${rotation.of} ${next}${rotation.back === true ? ' back' : ''}`);
        else expect(result).toMatch(/tainted/);
      }
      holds(authority);
    }
  }), { numRuns: 60, endOnFailure: true });
  for (const what of ['Root', 'Issuing']) expect([...ends]).toEqual(expect.arrayContaining(['UpdateClients', 'UpdateServers', 'Cleanup', 'Standby', 'Cleanup back'].map((end) => `${what} ${end}`)));
}, 60_000);

describe('a hub that dies', () => {
  /** Dies at a write: before it reached the store, or after. */
  function dying(keys: KeyStore, when: 'before' | 'after'): KeyStore & { armed: boolean } {
    const store = {
      armed: false,
      load: keys.load.bind(keys),
      async save(content: string, version: string | undefined, within: typeof signal) {
        if (!store.armed) return keys.save(content, version, within);
        if (when === 'after') await keys.save(content, version, within);
        throw new Error('killed');
      },
    };
    return store;
  }
  test.each(['before', 'after'] as const)('%s a write: the next hub goes on from a whole state, and the same orders lead to the same end', async (when) => {
    const orders: readonly ((authority: Authority) => Promise<unknown>)[] = [
      (authority) => authority.begin(order('r1', 'Root'), signal),
      ...(['UpdateClients', 'UpdateServers'] as const).map((phase) => (authority: Authority) => authority.move('r1', phase, signal)),
      (authority) => authority.rollBack('r1', signal),
      ...(['UpdateServers', 'Cleanup', 'Standby'] as const).map((phase) => (authority: Authority) => authority.move('r1', phase, signal)),
    ];
    const keys = memoryKeyStore();
    for (const [index, give] of orders.entries()) {
      const store = dying(keys, when);
      const [first, second] = [hubs(1, store).authorities[0]!, hubs(1, keys).authorities[0]!];
      await first.open(signal);
      const before = first.state();
      store.armed = true;
      expect(await refusal(give(first))).toBe('Error: killed');
      // Whoever died had promised nothing: what it holds is what was stored before.
      expect(first.state()).toEqual(before);
      await second.open(signal);
      if (when === 'before') expect(second.state()).toEqual(before);
      else expect(second.state(), `order ${index}`).not.toEqual(before);
      await give(second);
      const after = second.state();
      await give(second);
      expect(second.state()).toEqual(after);
    }
    const third = hubs(1, keys).authorities[0]!;
    await third.open(signal);
    expect(seen(third)).toMatchObject({ phase: 'Standby', trusted: [1], sequence: 3 });
  });

  test('of two that give different orders at once, one wins and the other is told', async () => {
    for (let round = 0; round < 20; round++) {
      const { authorities: [first, second], keys } = hubs(2);
      await Promise.all([first!.open(signal), second!.open(signal)]);
      const results = await Promise.all([refusal(first!.begin(order('a', 'Root'), signal)), refusal(second!.begin(order('b', 'Issuing'), signal)), refusal(first!.begin(order('a', 'Root'), signal))]);
      expect(results.filter((result) => result === 'done').length).toBeGreaterThan(0);
      expect(results.filter((result) => /wait until it is done/.test(result)).length).toBe(results.filter((result) => result !== 'done').length);
      await Promise.all([first!.open(signal), second!.open(signal)]);
      expect(first!.state()).toEqual(second!.state());
      expect(keys.load).toBeDefined();
    }
  });
});

test('listeners hear every change once, theirs and other hubs\'', async () => {
  const { authorities: [first, second] } = hubs(2);
  await first!.open(signal);
  await second!.open(signal);
  const heard: string[] = [];
  const stop = second!.onChange(({ rotation }) => { heard.push(rotation?.phase ?? 'Standby'); });
  await second!.open(signal);
  await first!.begin(order('a', 'Issuing'), signal);
  await second!.open(signal);
  await second!.open(signal);
  await second!.move('a', 'UpdateClients', signal);
  expect(heard).toEqual(['Init', 'UpdateClients']);
  stop();
  await second!.move('a', 'UpdateServers', signal);
  expect(heard).toHaveLength(2);
});
