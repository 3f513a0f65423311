/** What each step of a rotation changes, and which are refused. */
import { describe, expect, test } from 'vitest';
import { ROTATION_PHASES } from '../../mesh/model/trust.ts';
import { hub, hubs, order, refusal, seen } from '../../e2e/identity/rotating.ts';

const DAY = 86_400_000;
const signal = new AbortController().signal;

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
