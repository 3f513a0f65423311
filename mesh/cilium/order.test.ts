/** Joining and leaving in order, against a dumb twin. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { PeeringState } from '../model/desired.ts';
import { DRAIN_SECONDS } from '../model/mesh-ids.ts';
import { keepsText, orderPeering, type OrderInput, pauseSeconds, waitingText } from './order.ts';

const NAMES = ['berlin', 'oslo', 'rome', 'virginia'];
const DRAIN = DRAIN_SECONDS * 1000;
const peer = (name: string): PeeringState['peers'][number] => ({ name, clusterId: NAMES.indexOf(name) + 1, endpoint: { address: `${name}.example`, port: 2379 } });
const input = (over: Partial<OrderInput> = {}): OrderInput => ({
  desired: null, standing: new Set(), opened: new Set(), problems: new Map(), users: [], letGo: {}, reads: () => undefined, isCutOff: () => false, now: 1_000_000, ...over,
});
const desired = (peers: readonly string[], over: Partial<PeeringState> = {}): NonNullable<OrderInput['desired']> => ({ peers: peers.map(peer), authMode: 'cluster', ...over });

describe('whom a cluster reads', () => {
  test('an entry waits for its peer; one that stands does not, nor where nobody is to be asked', () => {
    const order = orderPeering(input({ desired: desired(['oslo', 'rome', 'virginia']), standing: new Set(['rome', 'gone']), opened: new Set(['virginia']), problems: new Map([['oslo', 'takes no connection']]) }));
    expect(order).toEqual({ entries: ['rome', 'virginia'], waiting: [{ peer: 'oslo', reason: 'takes no connection' }], held: [], keeps: [], letGo: {} });
    expect(orderPeering(input({ desired: desired(['oslo'], { connect: 'Always' }) }))).toMatchObject({ entries: ['oslo'], waiting: [] });
  });

  test('an entry that leads elsewhere stays until its peer opens itself there, or nobody is to be asked', () => {
    const moved = input({ desired: desired(['oslo', 'rome']), standing: new Set(['oslo', 'rome']), moved: new Set(['oslo']), problems: new Map([['oslo', 'https://new.example:2379: connect ECONNREFUSED']]) });
    expect(orderPeering(moved)).toMatchObject({ entries: ['oslo', 'rome'], held: ['oslo'], waiting: [{ peer: 'oslo', reason: 'its entry stays as it is until the peer opens itself to the new one: https://new.example:2379: connect ECONNREFUSED' }] });
    expect(orderPeering({ ...moved, opened: new Set(['oslo']) })).toMatchObject({ entries: ['oslo', 'rome'], held: [], waiting: [] });
    expect(orderPeering({ ...moved, desired: desired(['oslo', 'rome'], { connect: 'Always' }) })).toMatchObject({ held: [], waiting: [] });
    // Whom the plan no longer names goes, wherever it is.
    expect(orderPeering({ ...moved, desired: desired(['rome']) })).toMatchObject({ entries: ['rome'], held: [], waiting: [] });
    expect(orderPeering({ ...moved, desired: desired(['oslo', 'rome'], { connect: 'Always' }), unequipped: new Map([['oslo', 'no Secret']]) })).toMatchObject({ held: ['oslo'] });
  });

  test('who was away is waited for as long as Cilium makes it wait', () => {
    const back = input({ desired: desired(['oslo', 'rome']), standing: new Set(['oslo']), returned: new Map([['oslo', 1_060_000], ['rome', 1_060_000], ['virginia', 1_060_000]]) });
    expect(orderPeering(back)).toMatchObject({
      entries: ['oslo'], held: [], lookAt: 1_060_000,
      waiting: [{ peer: 'oslo', reason: 'was away and is back: Cilium takes it up again when it has forgotten it, about 1970-01-01T00:17:40.000Z' }, { peer: 'rome', reason: 'is being asked for the first time' }],
    });
    expect(orderPeering({ ...back, opened: new Set(['rome']), now: 1_060_000 })).toMatchObject({ entries: ['oslo', 'rome'], waiting: [] });
  });

  test('pauses grow from a second to fifteen', () => {
    expect([0, 1, 10, 12, 14, 20, 1000].map((tries) => pauseSeconds(tries, 510))).toEqual([1, 1, 1, 2.25, 5.0625, 15, 15]);
    expect([10, 60, 62, 70].map((tries) => pauseSeconds(tries, 33))).toEqual([1, 1, 2.25, 3]);
    expect([1, 100, 200, 510].map((peers) => pauseSeconds(1000, peers))).toEqual([3, 3, 6, 15]);
  });
});

describe('who reads a cluster', () => {
  const former = (over: Partial<OrderInput>): OrderInput => input({ desired: desired([]), users: ['oslo'], ...over });

  test('a user stays while its cluster reads, while nobody knows, and three minutes more', () => {
    expect(orderPeering(former({ reads: () => true })).keeps).toEqual([{ cluster: 'oslo', until: null }]);
    expect(orderPeering(former({})).keeps).toEqual([{ cluster: 'oslo', until: null }]);
    const first = orderPeering(former({ reads: () => false, now: 5 }));
    expect(first).toMatchObject({ keeps: [{ cluster: 'oslo', until: 5 + DRAIN }], letGo: { oslo: 5 }, lookAt: 5 + DRAIN });
    expect(orderPeering(former({ reads: () => false, letGo: first.letGo, now: 4 + DRAIN })).keeps).toHaveLength(1);
    // Remembered until the user is gone, or its time would begin anew.
    expect(orderPeering(former({ reads: () => false, letGo: first.letGo, now: 5 + DRAIN }))).toMatchObject({ keeps: [], letGo: { oslo: 5 } });
    expect(orderPeering(former({ users: [], reads: () => false, letGo: first.letGo, now: 5 + DRAIN }))).toMatchObject({ keeps: [], letGo: {} });
  });

  test('who reads again, or could have while nobody knew, begins anew', () => {
    expect(orderPeering(former({ reads: () => true, letGo: { oslo: 5 }, now: 5 + DRAIN }))).toMatchObject({ keeps: [{ cluster: 'oslo', until: null }], letGo: { oslo: null } });
    expect(orderPeering(former({ letGo: { oslo: 5 }, now: 5 + DRAIN }))).toMatchObject({ keeps: [{ cluster: 'oslo', until: null }], letGo: { oslo: null } });
  });

  test('who was cut off has no user, and who shares one user needs none', () => {
    expect(orderPeering(former({ isCutOff: () => true }))).toMatchObject({ keeps: [], letGo: {} });
    expect(orderPeering(former({ desired: desired([], { authMode: 'legacy' }) }))).toMatchObject({ keeps: [], letGo: {} });
  });
});

/** Name by name, without a thought of speed. */
function twin(given: OrderInput): { readonly entries: string[]; readonly held: string[]; readonly waits: string[]; readonly keeps: string[] } {
  const peers = NAMES.filter((name) => given.desired?.peers.some((one) => one.name === name));
  const readers = given.desired === null ? [] : given.desired.readers ?? peers;
  const entries = peers.filter((name) => given.desired?.connect !== undefined || given.standing.has(name) || given.opened.has(name));
  const held = peers.filter((name) => given.standing.has(name) && given.moved!.has(name) && given.desired?.connect === undefined && !given.opened.has(name));
  return {
    entries, held, waits: peers.filter((name) => !entries.includes(name) || held.includes(name) || (given.returned!.get(name) ?? 0) > given.now),
    keeps: NAMES.filter((name) => {
      if (given.desired?.authMode === 'legacy' || readers.includes(name) || given.isCutOff(name)) return false;
      if (!given.users.includes(name) && !(name in given.letGo)) return false;
      if (given.reads(name) !== false) return true;
      return given.now < (given.letGo[name] ?? given.now) + DRAIN;
    }),
  };
}

test('decides as a dumb twin does', () => {
  const some = fc.subarray(NAMES);
  const anything = fc.record({
    desired: fc.option(fc.record({ peers: some.map((names) => names.map(peer)), readers: some, connect: fc.constant('Always' as const), authMode: fc.constantFrom('legacy' as const, 'cluster' as const) }, { requiredKeys: ['peers', 'authMode'] })),
    standing: some.map((names) => new Set(names)), opened: some.map((names) => new Set(names)), problems: fc.constant(new Map<string, string>()), users: some,
    letGo: fc.dictionary(fc.constantFrom(...NAMES), fc.option(fc.integer({ min: 0, max: 2 * DRAIN })), { noNullPrototype: true }),
    reads: fc.dictionary(fc.constantFrom(...NAMES), fc.boolean(), { noNullPrototype: true }).map((known) => (name: string) => known[name]),
    moved: some.map((names) => new Set(names)), returned: fc.dictionary(fc.constantFrom(...NAMES), fc.integer({ min: 0, max: 4 * DRAIN }), { noNullPrototype: true }).map((times) => new Map(Object.entries(times))),
    isCutOff: some.map((names) => (name: string) => names.includes(name)), now: fc.integer({ min: 0, max: 3 * DRAIN }),
  });
  fc.assert(fc.property(anything, (given) => {
    const { entries, held, keeps, waiting } = orderPeering(given as OrderInput);
    expect({ entries, held, waits: waiting.map(({ peer: name }) => name), keeps: keeps.map(({ cluster }) => cluster) }).toEqual(twin(given as OrderInput));
  }), { numRuns: 500 });
});

test('people are told of a few by name', () => {
  const waiting = ['a', 'b', 'c', 'd', 'e'].map((one) => ({ peer: one, reason: 'takes no connection' }));
  expect(waitingText([])).toBe('');
  expect(waitingText(waiting.slice(0, 1))).toBe('waiting for peer a: takes no connection');
  expect(waitingText(waiting)).toBe('waiting for peers a: takes no connection; b: takes no connection; c: takes no connection; and 2 more');
  expect(keepsText([])).toBe('');
  expect(keepsText([{ cluster: 'oslo', until: null }])).toBe('the user of oslo (not known to have stopped reading) stays while they drain');
  expect(keepsText([{ cluster: 'a', until: 0 }, { cluster: 'b', until: null }])).toContain('the users of a (until 1970-01-01T00:00:00.000Z), b (');
});
