import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { SelectorSubject } from '../model/selector.ts';
import type { Topology } from '../model/topology.ts';
import { planTopology } from './topology.ts';

const member = (name: string, labels: Record<string, string> = {}): SelectorSubject => ({ name, labels, properties: [] });
const fleet = [
  member('berlin', { region: 'europe', gateway: 'yes', tier: 'hub' }), member('oslo', { region: 'europe' }), member('paris', { region: 'europe' }),
  member('tokyo', { region: 'asia', gateway: 'yes' }), member('virginia', { region: 'america' }),
];
/** `a>b`: a reads b. */
function drawn(topology: Topology, members: readonly SelectorSubject[] = fleet, selected = members.map(({ name }) => name)) {
  const { reads, conflicts } = planTopology('world', topology, members, selected);
  return { pairs: members.flatMap(({ name: a }) => members.flatMap(({ name: b }) => (reads(a, b) ? [`${a}>${b}`] : []))), conflicts };
}

test('a full mesh: everybody with everybody else', () => {
  expect(drawn({ type: 'FullMesh' }).pairs).toHaveLength(5 * 4);
});

describe('hub and spoke', () => {
  test('hubs with all, the others with hubs alone', () => {
    expect(drawn({ type: 'HubAndSpoke', hubs: { labels: { tier: 'hub' } } })).toEqual({ conflicts: [], pairs: ['berlin>oslo', 'berlin>paris', 'berlin>tokyo', 'berlin>virginia', 'oslo>berlin', 'paris>berlin', 'tokyo>berlin', 'virginia>berlin'] });
  });
  test('without a hub nobody would be peered: refused; alone there is nothing to peer', () => {
    expect(drawn({ type: 'HubAndSpoke', hubs: { labels: { tier: 'centre' } } })).toEqual({ pairs: [], conflicts: [{ reason: 'InvalidTopology', clusters: [], message: 'Mesh world: spec.topology.hubs matches none of 5 clusters, so nobody would be peered; widen it, or label the clusters that are to be hubs' }] });
    expect(drawn({ type: 'HubAndSpoke', hubs: { labels: { tier: 'centre' } } }, fleet.slice(0, 1)).conflicts).toEqual([]);
    expect(drawn({ type: 'HubAndSpoke', hubs: { cel: '1 +' } }).conflicts).toMatchObject([{ reason: 'InvalidTopology', message: expect.stringContaining('spec.topology.hubs: ') as string }]);
  });
});

describe('regional', () => {
  const regional: Topology = { type: 'Regional', groupBy: 'region', gateways: { labels: { gateway: 'yes' } } };
  test('full within a group, gateways between groups', () => {
    expect(drawn(regional, fleet.slice(0, 4))).toEqual({ conflicts: [], pairs: ['berlin>oslo', 'berlin>paris', 'berlin>tokyo', 'oslo>berlin', 'oslo>paris', 'paris>berlin', 'paris>oslo', 'tokyo>berlin'] });
  });
  test('a group without a gateway and a cluster without a group are named', () => {
    expect(drawn(regional, [...fleet, member('zurich')])).toEqual({ pairs: [], conflicts: [
      { reason: 'GroupUnknown', clusters: ['zurich'], message: 'cluster zurich: has no "region", by which Mesh world groups its clusters (spec.topology.groupBy); label it, or take it out of the mesh' },
      { reason: 'GroupWithoutGateway', clusters: ['virginia'], message: 'Mesh world: none of the 1 clusters of group "america" is a gateway (spec.topology.gateways), so it would be cut off from the other groups; make one of them a gateway: virginia' },
    ] });
  });
  test('one group alone needs no gateway', () => {
    expect(drawn({ ...regional, gateways: { names: ['nobody'] } }, fleet.slice(0, 3)).conflicts).toEqual([]);
  });
});

describe('explicit pairs', () => {
  test('both ways or one', () => {
    expect(drawn({ type: 'Pairs', pairs: [{ from: 'oslo', to: 'berlin', direction: 'Both' }, { from: 'paris', to: 'oslo', direction: 'OneWay' }] })).toEqual({ conflicts: [], pairs: ['berlin>oslo', 'oslo>berlin', 'paris>oslo'] });
  });
  test('with itself, or with somebody who is not of the mesh: named by place; with one still to come: not', () => {
    const pairs = [{ from: 'oslo', to: 'oslo', direction: 'Both' as const }, { from: 'atlantis', to: 'oslo', direction: 'Both' as const }, { from: 'oslo', to: 'zurich', direction: 'Both' as const }];
    expect(drawn({ type: 'Pairs', pairs }, fleet, [...fleet.map(({ name }) => name), 'zurich'])).toEqual({ pairs: [], conflicts: [
      { reason: 'InvalidTopology', clusters: ['oslo'], message: 'Mesh world: spec.topology.pairs[0]: peers oslo with itself; name two clusters' },
      { reason: 'InvalidTopology', clusters: ['atlantis'], message: 'Mesh world: spec.topology.pairs[1]: atlantis is not selected by spec.clusters; correct the name, or widen the selector' },
    ] });
  });
});

describe('any topology', () => {
  const names = ['a', 'b', 'c', 'd', 'e', 'f'];
  const members = fc.uniqueArray(fc.constantFrom(...names), { minLength: 1 }).chain((some) => fc.tuple(...some.map((name) => fc.record({ region: fc.constantFrom('x', 'y'), gateway: fc.constantFrom('yes', 'no') }).map((labels) => member(name, labels)))));
  const topologyOf = (direction: 'Both' | 'OneWay') => fc.oneof(
    fc.constant<Topology>({ type: 'FullMesh' }), fc.constant<Topology>({ type: 'HubAndSpoke', hubs: { labels: { gateway: 'yes' } } }), fc.constant<Topology>({ type: 'Regional', groupBy: 'region', gateways: { labels: { gateway: 'yes' } } }),
    fc.array(fc.record({ from: fc.constantFrom(...names), to: fc.constantFrom(...names), direction: fc.constantFrom('Both', direction) }), { minLength: 1 }).map<Topology>((pairs) => ({ type: 'Pairs', pairs })),
  );

  test('nobody reads itself, all but one-way pairs are mutual, and the order of the members does not count', () => {
    fc.assert(fc.property(members, topologyOf('Both'), (some, of) => {
      const forth = drawn(of, some);
      expect(forth.pairs.filter((pair) => pair.split('>')[0] === pair.split('>')[1])).toEqual([]);
      expect([...forth.pairs].sort()).toEqual(forth.pairs.map((pair) => pair.split('>').reverse().join('>')).sort());
      expect([...drawn(of, [...some].reverse()).pairs].sort()).toEqual([...forth.pairs].sort());
    }));
  });
  test('whom some other member does not read is said, unless there is no topology to be had', () => {
    fc.assert(fc.property(members, topologyOf('OneWay'), (some, of) => {
      const { reads, everybody, notReadByAll, conflicts } = planTopology('world', of, some, names);
      const missed = some.filter(({ name }) => some.some((other) => other.name !== name && !reads(other.name, name))).map(({ name }) => name);
      expect(notReadByAll).toEqual(conflicts.length > 0 && of.type !== 'Pairs' ? [] : missed);
      if (everybody) expect(missed).toEqual([]);
    }), { numRuns: 300 });
  });
});
