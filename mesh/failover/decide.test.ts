import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ClusterEvidence, FailoverState } from '../model/failover.ts';
import type { FailoverPolicyValue } from '../model/policy.ts';
import { decideFailover } from './decide.ts';

const policy = (over: Partial<FailoverPolicyValue> = {}): FailoverPolicyValue => ({
  name: 'checkout', service: { namespace: 'shop', name: 'checkout' }, priority: ['berlin', 'oslo'], minimumReady: 1,
  unhealthyAfterSeconds: 5, healthyAfterSeconds: 10, failbackDelaySeconds: 60, ...over,
});
const see = (cluster: string, readyEndpoints: number | null, over: Partial<ClusterEvidence> = {}): ClusterEvidence =>
  ({ cluster, readyEndpoints, reachability: [], evacuatedUntil: null, ...over });
const at = (second: number): number => 1_700_000_000_000 + second * 1000;

describe('decideFailover', () => {
  test('walks from berlin to oslo and back, each after its own patience', () => {
    const up = [see('berlin', 2), see('oslo', 2)];
    const down = [see('berlin', 0), see('oslo', 2)];
    let state = decideFailover(policy(), up, null, at(0));
    expect(state).toMatchObject({ serving: ['berlin'], wakeAt: null });
    state = decideFailover(policy(), down, state, at(1));
    expect(state).toMatchObject({ serving: ['berlin'], wakeAt: at(6) });
    state = decideFailover(policy(), down, state, at(6));
    expect(state).toMatchObject({ serving: ['oslo'], wakeAt: null });
    state = decideFailover(policy(), up, state, at(20));
    expect(state).toMatchObject({ serving: ['oslo'], wakeAt: at(30) });
    state = decideFailover(policy(), up, state, at(30));
    expect(state).toMatchObject({ serving: ['oslo'], wakeAt: at(90) });
    expect(state.reason).toContain('berlin is healthy again and returns at');
    state = decideFailover(policy(), up, state, at(90));
    expect(state).toMatchObject({ serving: ['berlin'], wakeAt: null });
  });

  test('a clock that is set back an hour costs the patience once more, never the hour', () => {
    const up = [see('berlin', 2), see('oslo', 2)];
    const down = [see('berlin', 0), see('oslo', 2)];
    let state = decideFailover(policy(), up, null, at(0));
    state = decideFailover(policy(), down, state, at(4));
    state = decideFailover(policy(), down, state, at(4 - 3600));
    expect(state).toMatchObject({ serving: ['berlin'], wakeAt: at(9 - 3600) });
    state = decideFailover(policy(), down, state, at(9 - 3600));
    expect(state.serving).toEqual(['oslo']);
    state = decideFailover(policy(), up, state, at(20 - 3600));
    state = decideFailover(policy(), up, state, at(30 - 3600));
    state = decideFailover(policy(), up, state, at(30 - 7200));
    expect(state).toMatchObject({ serving: ['oslo'], wakeAt: at(90 - 7200) });
    expect(decideFailover(policy(), up, state, at(90 - 7200)).serving).toEqual(['berlin']);
  });

  test('an evacuation takes a cluster out and puts it back at once, even just after a start', () => {
    const up = [see('berlin', 2), see('oslo', 2)];
    const drilled = [see('berlin', 2, { evacuatedUntil: at(15) }), see('oslo', 2)];
    let state = decideFailover(policy(), up, null, at(0));
    state = decideFailover(policy(), drilled, state, at(5));
    expect(state).toMatchObject({ serving: ['oslo'], wakeAt: at(15) });
    state = decideFailover(policy(), drilled, state, at(15));
    expect(state).toMatchObject({ serving: ['berlin'], wakeAt: null });
  });

  test('an evacuation never takes the last healthy cluster out', () => {
    const state = decideFailover(policy(), [see('berlin', 2, { evacuatedUntil: at(15) }), see('oslo', 0)], null, at(0));
    expect(state.serving).toEqual(['berlin']);
    expect(state.reason).toContain('nobody else is healthy');
  });

  test('all unhealthy fails open, preferred first; nobody exporting serves nobody', () => {
    const state = decideFailover(policy({ priority: ['oslo'] }), [see('berlin', 0), see('oslo', 0), see('virginia', null)], null, at(0));
    expect(state.serving).toEqual(['oslo', 'berlin']);
    expect(state.reason).toContain('failing open');
    expect(decideFailover(null, [see('virginia', null)], null, at(0)).serving).toEqual([]);
  });

  test.each([
    ['own probe and majority', [['own', false], ['oslo', false]], false],
    ['own probe reaches it, all others do not', [['own', true], ['oslo', false], ['rome', false]], true],
    ['own probe alone against one other', [['own', false], ['oslo', true]], true],
    ['no own probe, a majority of others', [['oslo', false], ['rome', false], ['lima', true]], false],
    ['no own probe, a tie', [['oslo', false], ['rome', true]], true],
    ['nobody has an opinion', [], true],
    ['own probe, nobody else has an opinion', [['own', false]], false],
  ] as const)('reachability: %s', (_, votes, healthy) => {
    const reachability = votes.map(([observer, reachable]) => ({ observer, reachable, since: at(0), ...(observer === 'own' ? { own: true } : {}) }));
    expect(decideFailover(null, [see('berlin', 1, { reachability })], null, at(0)).health[0]!.healthy).toBe(healthy);
  });

  test('without policy or priority every healthy cluster serves', () => {
    const evidence = [see('oslo', 1), see('berlin', 3), see('virginia', 0)];
    expect(decideFailover(null, evidence, null, at(0)).serving).toEqual(['berlin', 'oslo']);
    expect(decideFailover(policy({ priority: [], minimumReady: 2 }), evidence, null, at(0)).serving).toEqual(['berlin']);
  });
});

const CLUSTERS = ['a', 'b', 'c'];

const worlds = fc.record({
  rules: fc.record({
    priority: fc.subarray(CLUSTERS, { minLength: 0 }).chain((list) => fc.shuffledSubarray(list, { minLength: list.length, maxLength: list.length })),
    minimumReady: fc.integer({ min: 1, max: 2 }),
    unhealthyAfterSeconds: fc.integer({ min: 0, max: 4 }),
    healthyAfterSeconds: fc.integer({ min: 0, max: 4 }),
    failbackDelaySeconds: fc.integer({ min: 0, max: 6 }),
  }),
  /** Spans of unchanged evidence. */
  spans: fc.array(fc.record({
    length: fc.integer({ min: 1, max: 8 }),
    ready: fc.array(fc.constantFrom(0, 0, 1, 2, 2, null), { minLength: 3, maxLength: 3 }),
    evacuate: fc.option(fc.record({ cluster: fc.integer({ min: 0, max: 2 }), seconds: fc.integer({ min: 0, max: 9 }) }), { freq: 3 }),
  }), { minLength: 1, maxLength: 12 }),
});

function evidenceBySecond(spans: readonly { length: number; ready: (number | null)[]; evacuate: { cluster: number; seconds: number } | null }[]): ClusterEvidence[][] {
  return spans.flatMap((span, index) => {
    const start = spans.slice(0, index).reduce((sum, earlier) => sum + earlier.length, 0);
    const evidence = CLUSTERS.map((cluster, position) => see(cluster, span.ready[position] ?? null, span.evacuate?.cluster === position ? { evacuatedUntil: at(start + span.evacuate.seconds) } : {}));
    return Array.from({ length: span.length }, () => evidence);
  });
}

/** The same rules told from whole histories, one second after the other, without timestamps kept or deadlines computed. */
function dumbTwin(rules: FailoverPolicyValue, world: readonly ClusterEvidence[][]): string[][] {
  const raw: Record<string, boolean>[] = [];
  const healthy: Record<string, boolean>[] = [];
  const evacuated: Record<string, boolean>[] = [];
  const served: string[][] = [];
  world.forEach((evidence, now) => {
    raw.push({}); healthy.push({}); evacuated.push({});
    const exporting = evidence.filter((entry) => entry.readyEndpoints !== null);
    for (const entry of exporting) {
      const name = entry.cluster;
      const value = (entry.readyEndpoints ?? 0) >= rules.minimumReady;
      raw[now]![name] = value;
      evacuated[now]![name] = entry.evacuatedUntil !== null && entry.evacuatedUntil > at(now);
      const before = healthy[now - 1]?.[name];
      let lasted = 0;
      while (raw[now - lasted - 1]?.[name] === value) lasted += 1;
      const needed = value ? rules.healthyAfterSeconds : rules.unhealthyAfterSeconds;
      healthy[now]![name] = before === undefined || lasted >= needed ? value : before;
    }
    const rank = (name: string): number => (rules.priority.includes(name) ? rules.priority.indexOf(name) : 99);
    const order = exporting.map((entry) => entry.cluster).sort((x, y) => rank(x) - rank(y) || (x < y ? -1 : 1));
    const well = order.filter((name) => healthy[now]![name]);
    const here = well.filter((name) => !evacuated[now]![name]);
    const able = here.length > 0 ? here : well;
    if (able.length === 0) served.push(order);
    else if (rules.priority.length === 0) served.push(able);
    else {
      const incumbent = served[now - 1]?.[0];
      let pick: string | undefined;
      for (const name of able) {
        let healthyFor = 0;
        while (healthy[now - healthyFor - 1]?.[name] === true) healthyFor += 1;
        const mayReturn = !able.includes(incumbent ?? '') || healthyFor >= rules.failbackDelaySeconds || evacuated[now - 1]?.[name] === true;
        if (pick === undefined && (name === incumbent || mayReturn || able.indexOf(name) > able.indexOf(incumbent ?? ''))) pick = name;
      }
      served.push([pick!]);
    }
  });
  return served;
}

test('equals a dumb twin second by second, and looking only when something changes or at wakeAt misses nothing', () => {
  fc.assert(fc.property(worlds, ({ rules, spans }) => {
    const full = policy(rules);
    const world = evidenceBySecond(spans);
    const expected = dumbTwin(full, world);
    let everySecond: FailoverState | null = null;
    let woken: FailoverState | null = null;
    world.forEach((evidence, now) => {
      const before: FailoverState | null = everySecond;
      everySecond = decideFailover(full, evidence, before, at(now));
      expect(everySecond.serving).toEqual(expected[now]);
      if (evidence !== world[now - 1] || (woken?.wakeAt ?? Infinity) <= at(now)) woken = decideFailover(full, evidence, woken, at(now));
      else expect(everySecond).toBe(before);
      expect(woken).toEqual(everySecond);
      if (before?.wakeAt === at(now)) expect(everySecond).not.toEqual(before);
    });
  }), { numRuns: 500 });
});
