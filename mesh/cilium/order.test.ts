/** Joining and leaving in order: against a dumb twin, and in a small world whose agents are killed at every step. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { PeeringState } from '../model/desired.ts';
import { DRAIN_SECONDS, keepsText, type LetGo, orderPeering, type OrderInput, pauseSeconds, waitingText } from './order.ts';

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
    expect(order).toEqual({ entries: ['rome', 'virginia'], waiting: [{ peer: 'oslo', reason: 'takes no connection' }], keeps: [], letGo: {} });
    expect(orderPeering(input({ desired: desired(['oslo'], { connect: 'Always' }) }))).toMatchObject({ entries: ['oslo'], waiting: [] });
  });

  test('pauses grow from a second to fifteen', () => {
    expect([0, 1, 10, 12, 14, 20, 1000].map((tries) => pauseSeconds(tries, 510))).toEqual([1, 1, 1, 2.25, 5.0625, 15, 15]);
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

  test('who reads again begins anew, and a hub that is away ends nothing', () => {
    expect(orderPeering(former({ reads: () => true, letGo: { oslo: 5 }, now: 5 + DRAIN }))).toMatchObject({ keeps: [{ cluster: 'oslo', until: null }], letGo: { oslo: null } });
    expect(orderPeering(former({ letGo: { oslo: 5 }, now: 5 + DRAIN }))).toMatchObject({ keeps: [{ cluster: 'oslo', until: null }], letGo: { oslo: 5 } });
  });

  test('who was cut off has no user, and who shares one user needs none', () => {
    expect(orderPeering(former({ isCutOff: () => true }))).toMatchObject({ keeps: [], letGo: {} });
    expect(orderPeering(former({ desired: desired([], { authMode: 'legacy' }) }))).toMatchObject({ keeps: [], letGo: {} });
  });
});

/** Name by name, without a thought of speed. */
function twin(given: OrderInput): { readonly entries: string[]; readonly keeps: string[] } {
  const peers = NAMES.filter((name) => given.desired?.peers.some((one) => one.name === name));
  const readers = given.desired === null ? [] : given.desired.readers ?? peers;
  return {
    entries: peers.filter((name) => given.desired?.connect !== undefined || given.standing.has(name) || given.opened.has(name)),
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
    isCutOff: some.map((names) => (name: string) => names.includes(name)), now: fc.integer({ min: 0, max: 3 * DRAIN }),
  });
  fc.assert(fc.property(anything, (given) => {
    const { entries, keeps, waiting } = orderPeering(given as OrderInput);
    expect({ entries, keeps: keeps.map(({ cluster }) => cluster) }).toEqual(twin(given as OrderInput));
    expect([...entries, ...waiting.map((one) => one.peer)].sort()).toEqual((given.desired?.peers ?? []).map(({ name }) => name).sort());
  }), { numRuns: 500 });
});

/** Agents as they write: users, then each Secret. What is in `disk` outlives them, `memory` may be lost with them. */
interface Agent { desired: string[] | null; users: string[]; secrets: [string[], string[]]; opened: Set<string>; letGo: LetGo; saved: LetGo; emptySince: Map<string, number> }

class SmallWorld {
  now = 0;
  hub = true;
  readonly agents = new Map<string, Agent>();
  constructor() {
    for (const name of NAMES) this.agents.set(name, { desired: null, users: [], secrets: [[], []], opened: new Set(), letGo: {}, saved: {}, emptySince: new Map() });
  }

  at(name: string): Agent { return this.agents.get(name)!; }
  reads(reader: string, name: string): boolean { return this.at(reader).secrets.some((entries) => entries.includes(name)); }
  claims(reader: string, name: string): boolean { return this.reads(reader, name) || this.at(reader).desired?.includes(name) === true; }

  /** `steps`: so many writes, and then the agent is killed. True: it came to its end. */
  pass(name: string, steps: number): boolean {
    const agent = this.at(name);
    let left = steps;
    const write = (change: () => void): boolean => { if (left === 0) return false; left -= 1; change(); this.check(); return true; };
    const standing = new Set(agent.secrets.flat());
    for (const other of agent.desired ?? []) if (!standing.has(other) && this.at(other).users.includes(name)) agent.opened.add(other);
    const { entries, keeps, letGo } = orderPeering(input({
      desired: agent.desired === null ? null : desired(agent.desired), standing, opened: agent.opened, users: agent.users, letGo: agent.letGo, now: this.now,
      reads: (other) => (this.hub ? this.claims(other, name) : undefined),
    }));
    agent.letGo = letGo;
    const users = [...new Set([...agent.desired ?? [], ...keeps.map(({ cluster }) => cluster)])].sort();
    const alive = write(() => { agent.users = users; }) && write(() => { agent.secrets = [entries as string[], agent.secrets[1]]; }) && write(() => { agent.secrets = [agent.secrets[0], entries as string[]]; });
    if (alive) agent.saved = agent.letGo;
    else { agent.opened = new Set(); agent.letGo = agent.saved; }
    return alive;
  }

  /** Whoever has an entry has, or had all the time since, a user where it leads; and one that went has its user for as long as it drains. */
  check(): void {
    for (const [reader, agent] of this.agents) {
      for (const name of NAMES) {
        if (this.reads(reader, name)) agent.emptySince.delete(name);
        else if (!agent.emptySince.has(name)) agent.emptySince.set(name, this.now);
        const recently = agent.emptySince.get(name) ?? this.now;
        const had = this.reads(reader, name) || (this.everRead.has(`${reader} ${name}`) && this.now - recently < DRAIN);
        if (this.reads(reader, name)) this.everRead.add(`${reader} ${name}`);
        if (had && !this.at(name).users.includes(reader)) throw new Error(`at ${this.now} ${reader} reads ${name} without a user`);
      }
    }
  }
  private readonly everRead = new Set<string>();

  settle(): void {
    for (let round = 0; round < 8; round += 1) { for (const name of NAMES) this.pass(name, 9); this.now += DRAIN / 4; }
  }
}

test('whoever is killed at whatever step, nobody reads without a user, and in the end all is as it is to be', () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('pass' as const), name: fc.constantFrom(...NAMES), steps: fc.integer({ min: 0, max: 4 }) }),
    fc.record({ kind: fc.constant('desire' as const), members: fc.subarray(NAMES), whom: fc.subarray(NAMES) }),
    fc.record({ kind: fc.constant('time' as const), passes: fc.integer({ min: 1, max: DRAIN }) }),
    fc.record({ kind: fc.constant('hub' as const), there: fc.boolean() }),
  );
  fc.assert(fc.property(fc.array(step, { maxLength: 40 }), fc.subarray(NAMES), (steps, last) => {
    const world = new SmallWorld();
    // Stages: not everyone is told of a change at once.
    const desire = (members: readonly string[], whom: readonly string[]): void => {
      for (const name of whom) world.at(name).desired = members.includes(name) ? members.filter((other) => other !== name) : null;
    };
    for (const one of steps) {
      if (one.kind === 'pass') world.pass(one.name, one.steps);
      else if (one.kind === 'desire') desire(one.members, one.whom);
      else if (one.kind === 'time') world.now += one.passes;
      else world.hub = one.there;
    }
    world.hub = true;
    desire(last, NAMES);
    world.settle();
    for (const name of NAMES) {
      const others = last.includes(name) ? last.filter((other) => other !== name) : [];
      expect(world.at(name)).toMatchObject({ users: others, secrets: [others, others], letGo: {} });
    }
  }), { numRuns: 300 });
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
