import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ResourceAmounts } from '../model/cluster.ts';
import { type ClusterFigures, GIBIBYTE } from './figures.ts';
import { findClusters, type Wish } from './find.ts';

const amounts = (cores: number, gibibytes = 0, gpus: Record<string, number> = {}): ResourceAmounts => ({ cpuMilli: cores * 1000, memoryBytes: gibibytes * GIBIBYTE, pods: 0, gpus });
const cluster = (name: string, more: Partial<ClusterFigures> = {}): ClusterFigures => ({
  name, labels: {}, declared: {}, properties: {}, capabilities: {}, capacity: amounts(100), allocatable: amounts(100, 100), requested: amounts(50, 50), requestedBy: [],
  asOf: null, connected: true, frozen: null, doubt: null, price: null, ...more,
});
const nothing: Wish = { classes: [], regions: [], capabilities: [] };
const find = (clusters: readonly ClusterFigures[], wish: Partial<Wish>, now = 1000) => {
  const { chosen, others } = findClusters(clusters, { ...nothing, ...wish }, now);
  return { chosen: chosen.map(({ cluster: { name }, why }) => `${name}: ${why.join('; ')}`), others: others.map(({ name, reasons }) => `${name}: ${reasons.join('; ')}`) };
};

test('by class, region, certification and free capacity: who fits and why, who does not and why', () => {
  const gpus = { capabilities: { gpu: ['nvidia.com/gpu'], region: ['eu-west-1'] }, declared: { pci: 'true' } };
  expect(find([
    cluster('frankfurt', { ...gpus, allocatable: amounts(200, 400, { 'nvidia.com/gpu': 8 }) }),
    cluster('oslo', { ...gpus, declared: {} }),
    cluster('virginia', { ...gpus, capabilities: { gpu: [], region: ['us-east-1'] } }),
    cluster('paris', { ...gpus, requested: null }),
  ], { classes: ['gpu'], regions: ['eu'], capabilities: ['pci'], freeCpuMilli: 100_000, freeMemoryBytes: 200 * GIBIBYTE })).toEqual({
    chosen: ['frankfurt: gpu: nvidia.com/gpu; region eu-west-1; pci declared; 150 CPU free; 350Gi memory free'],
    others: [
      'oslo: pci: not declared; CPU: 50 free, 100 wanted; memory: 50Gi free, 200Gi wanted',
      'paris: CPU: unknown how much is free; memory: unknown how much is free',
      'virginia: class gpu: has none; region: is us-east-1; CPU: 50 free, 100 wanted; memory: 50Gi free, 200Gi wanted',
    ],
  });
});

describe('one wish', () => {
  test.each<[string, Partial<ClusterFigures>, Partial<Wish>, string | undefined]>([
    ['a class by a resource\'s name', { capabilities: { 'extended-resource': ['nvidia.com/mig-1g.5gb'] } }, { classes: ['*/mig-*'] }, undefined],
    ['an architecture', { capabilities: { architecture: ['amd64', 'arm64'] } }, { classes: ['arm64'] }, undefined],
    ['a class of a cluster that has told nothing', { capabilities: null }, { classes: ['gpu'] }, 'class gpu: unknown what it has'],
    ['a region by label', { labels: { region: 'eu' } }, { regions: ['us', 'eu'] }, undefined],
    ['the beginning of another region\'s name', { labels: { region: 'europe' } }, { regions: ['eu'] }, 'region: is europe'],
    ['a region that nobody names', {}, { regions: ['eu'] }, 'region: unknown'],
    ['a certification by label', { labels: { pci: 'yes' } }, { capabilities: ['pci'] }, undefined],
    ['a certification in a list', { declared: { certifications: 'iso27001, pci' } }, { capabilities: ['pci'] }, undefined],
    ['a certification that is denied', { declared: { pci: 'False' } }, { capabilities: ['pci'] }, 'pci: declared as False'],
    ['a certification by the agent\'s word alone', { properties: { pci: 'true' } }, { capabilities: ['pci'] }, 'pci: only its agent says so; declare it in spec.properties'],
    ['a storage class by glob', { capabilities: { 'storage-class': ['fast-ssd'] } }, { capabilities: ['storage-class=fast*'] }, undefined],
    ['another one', { capabilities: { 'storage-class': ['slow'] } }, { capabilities: ['storage-class=fast*'] }, 'storage-class: is slow'],
    ['anything of a cluster that is away', { connected: false, asOf: 500 }, {}, 'its agent is away since 1970-01-01T00:00:00.500Z'],
    ['anything of one that never came', { connected: false, asOf: 0 }, {}, 'no agent has told of it'],
    ['anything of a frozen one', { frozen: { reason: 'audit', until: null } }, {}, 'frozen: audit'],
    ['anything of one that was frozen', { frozen: { reason: 'audit', until: 900 } }, {}, undefined],
    ['anything of one in doubt', { doubt: 'has the uid of oslo' }, {}, 'in doubt: has the uid of oslo'],
  ])('%s', (_, more, wish, reason) => {
    const { chosen, others } = find([cluster('a', more)], wish);
    expect(others).toEqual(reason === undefined ? [] : [`a: ${reason}`]);
    expect(chosen).toHaveLength(reason === undefined ? 1 : 0);
  });
});

test('any fleet and wish: each cluster is chosen or told why not, and a smaller wish never loses one', () => {
  const names = fc.constantFrom('gpu', 'pci', 'arm64');
  const fleets = fc.array(fc.record({
    capabilities: fc.option(fc.dictionary(fc.constantFrom('gpu', 'region'), fc.subarray(['eu-1', 'us-1', 'x/gpu']), { noNullPrototype: true })), declared: fc.dictionary(names, fc.constantFrom('true', 'false'), { noNullPrototype: true }),
    connected: fc.boolean(), requested: fc.option(fc.nat({ max: 100 }).map((cores) => amounts(cores))),
  }), { maxLength: 12 }).map((all) => all.map((more, index) => cluster(`c${index}`, more)));
  const wishes = fc.record({ classes: fc.subarray(['gpu']), regions: fc.subarray(['eu', 'us']), capabilities: fc.subarray(['pci', 'arm64']), freeCpuMilli: fc.nat({ max: 100_000 }) });
  fc.assert(fc.property(fleets, wishes, (fleet, wish) => {
    const { chosen, others } = findClusters(fleet, wish, 0);
    expect([...chosen.map(({ cluster: { name } }) => name), ...others.map(({ name }) => name)].sort()).toEqual(fleet.map(({ name }) => name).sort());
    for (const { cluster: one } of chosen) {
      expect(one.connected && one.allocatable!.cpuMilli - one.requested!.cpuMilli >= wish.freeCpuMilli).toBe(true);
      if (wish.classes.length > 0) expect(one.capabilities?.['gpu']?.length ?? 0).toBeGreaterThan(0);
      for (const name of wish.capabilities) expect(one.declared[name]).toBe('true');
    }
    const smaller = new Set(findClusters(fleet, { ...wish, classes: [], freeCpuMilli: 0 }, 0).chosen.map(({ cluster: { name } }) => name));
    for (const { cluster: { name } } of chosen) expect(smaller.has(name)).toBe(true);
  }));
});
