import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ClusterTrust, TrustUse } from '../model/trust.ts';
import { ALARM_AFTER_MILLISECONDS, planRotation, type RotationView } from './rotation.ts';

const OLD = 'Isthmus issuing CA OLD';
const NEW = 'Isthmus issuing CA NEW';
const view = (over: Partial<RotationView> = {}): RotationView => ({ id: 'spring', phase: 'Init', since: 1000, sequence: 2, leaving: { clients: [], servers: [] }, ...over });
const use = (over: Partial<TrustUse> = {}): TrustUse => ({ sequence: 2, clientIssuers: [OLD], serverIssuers: [OLD], ...over });
const cluster = (name: string, over: Partial<ClusterTrust> = {}): ClusterTrust => ({ name, revoked: false, connected: true, since: 500, use: use(), ...over });

describe('a phase goes on', () => {
  test.each([
    ['Init', 'UpdateClients', {}, {}],
    ['UpdateClients', 'UpdateServers', { leaving: { clients: [OLD], servers: [] } }, { clientIssuers: [NEW] }],
    ['UpdateServers', 'Cleanup', { leaving: { clients: [OLD], servers: [OLD] } }, { clientIssuers: [NEW], serverIssuers: [NEW] }],
    ['Cleanup', 'Standby', { leaving: { clients: [OLD], servers: [OLD] } }, { clientIssuers: [NEW], serverIssuers: [NEW] }],
  ] as const)('%s → %s once every cluster uses what it brought', (phase, move, over, used) => {
    const now = { ...view({ ...over, phase }) };
    expect(planRotation(now, [cluster('oslo', { use: use(used) }), cluster('rome', { use: use(used) })], 2000)).toEqual({ move, waiting: [], why: '' });
    const behind = planRotation(now, [cluster('oslo', { use: use(used) }), cluster('rome', { use: use({ ...used, sequence: 1 }) })], 2000);
    expect(behind).toEqual({ why: 'waits for 1 cluster: rome (believes bundle 1, not yet 2)', waiting: [{ cluster: 'rome', why: 'believes bundle 1, not yet 2' }], nextAt: 1000 + ALARM_AFTER_MILLISECONDS });
  });

  test('without a cluster that was cut off', () => {
    expect(planRotation(view(), [cluster('oslo'), cluster('rome', { revoked: true, use: use({ sequence: 1 }) })], 2000).move).toBe('UpdateClients');
  });
});

test('whoever is waited for is told with what its agent says, unless that is an old word', () => {
  const settling = { use: use({ sequence: 1 }), said: 'trust: counts as in use from 10:03 on' };
  expect(planRotation(view(), [cluster('oslo', settling), cluster('rome', { ...settling, connected: false }), cluster('bern', { use: use({ sequence: 1 }), said: 'x'.repeat(500) })], 2000).waiting.map(({ why }) => why)).toEqual([
    `believes bundle 1, not yet 2: ${'x'.repeat(300)}…`, 'believes bundle 1, not yet 2: trust: counts as in use from 10:03 on', 'believes bundle 1, not yet 2; its agent is away since 1970-01-01T00:00:00.500Z',
  ]);
});

test('leaves count by who signed them: old client leaves hold UpdateClients, an old server leaf does not', () => {
  const phase = view({ phase: 'UpdateClients', leaving: { clients: [OLD], servers: [] } });
  expect(planRotation(phase, [cluster('oslo', { use: use({ clientIssuers: [NEW, OLD] }) })], 2000).waiting).toEqual([{ cluster: 'oslo', why: `has client certificates of ${OLD}` }]);
  expect(planRotation(phase, [cluster('oslo', { use: use({ clientIssuers: [NEW] }) })], 2000).move).toBe('UpdateServers');
});

test('who has said nothing believes the first bundle, by which it joined, and no other; what it shows it must say', () => {
  const silent = { name: 'oslo', revoked: false, connected: true, since: 500 };
  expect(planRotation(view({ sequence: 1 }), [silent], 2000).move).toBe('UpdateClients');
  const why = 'its agent has not said whom the cluster believes';
  expect(planRotation(view({ sequence: 2 }), [silent], 2000).waiting).toEqual([{ cluster: 'oslo', why }]);
  expect(planRotation(view({ sequence: 1, phase: 'UpdateClients', leaving: { clients: [OLD], servers: [] } }), [silent], 2000).waiting).toEqual([{ cluster: 'oslo', why }]);
});

test('nothing goes on while nobody can sign for what it leads to', () => {
  expect(planRotation(view({ blocked: 'root 2 is tainted' }), [cluster('oslo')], 2000)).toEqual({ waiting: [], why: 'root 2 is tainted', nextAt: 1000 + ALARM_AFTER_MILLISECONDS });
});

test('a cluster that is away holds the phase for ever; after 48 hours people are told of it', () => {
  const away = [cluster('oslo', { connected: false, use: use({ sequence: 1 }) }), cluster('rome'), { name: 'bern', revoked: false, connected: false }];
  const late = planRotation(view(), away, 1000 + 100 * ALARM_AFTER_MILLISECONDS);
  expect(late.move).toBeUndefined();
  expect(late.alarm).toBe('rotation "spring": has been in phase Init since 1970-01-01T00:00:01.000Z: waits for 2 clusters: bern (its agent has not said whom the cluster believes; its agent has not been seen since the hub started), oslo (believes bundle 1, not yet 2; its agent is away since 1970-01-01T00:00:00.500Z)');
});

test('agrees with the plainest reading of the rule, in any order of clusters', () => {
  const issuers = fc.subarray([OLD, NEW]);
  const clusters = fc.uniqueArray(fc.record({
    name: fc.stringMatching(/^[a-e]{1,2}$/), revoked: fc.boolean(), connected: fc.boolean(),
    use: fc.option(fc.record({ sequence: fc.nat({ max: 3 }), clientIssuers: issuers, serverIssuers: issuers }), { nil: undefined }),
  }), { selector: ({ name }) => name, maxLength: 6 }).map((list) => list.map(({ use: used, ...rest }) => ({ ...rest, ...(used === undefined ? {} : { use: used }) })));
  const phases = ['Init', 'UpdateClients', 'UpdateServers', 'Cleanup'] as const;
  fc.assert(fc.property(fc.constantFrom(...phases), clusters, fc.boolean(), fc.nat({ max: 3 }), (phase, fleet, signed, sequence) => {
    const late = phases.indexOf(phase);
    const leaving = { clients: late >= 1 ? [OLD] : [], servers: late >= 2 ? [OLD] : [] };
    const plan = planRotation(view({ phase, sequence, leaving, ...(signed ? {} : { blocked: 'waits' }) }), fleet, 2000);
    const waits = (one: ClusterTrust): boolean => !one.revoked && (one.use === undefined ? phase !== 'Init' || sequence > 1 : one.use.sequence < sequence
      || (late >= 1 && one.use.clientIssuers.includes(OLD)) || (late >= 2 && one.use.serverIssuers.includes(OLD)));
    const expected = fleet.filter(waits).map(({ name }) => name).sort();
    expect(plan.waiting.map(({ cluster: name }) => name)).toEqual(expected);
    expect(plan.move !== undefined).toBe(expected.length === 0 && signed);
    expect(planRotation(view({ phase, sequence, leaving, ...(signed ? {} : { blocked: 'waits' }) }), [...fleet].reverse(), 2000)).toEqual(plan);
  }));
});
