import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fieldsOf } from '../model/cluster-fields.ts';
import type { ResourceAmounts } from '../model/cluster.ts';
import { type ClusterFigures, figuresOf, GIBIBYTE } from './figures.ts';
import { type FleetReport, IDLE, reportFleet } from './report.ts';

const amounts = (cores: number, gibibytes = 0, pods = 0, gpus: Record<string, number> = {}): ResourceAmounts => ({ cpuMilli: cores * 1000, memoryBytes: gibibytes * GIBIBYTE, pods, gpus });
const cluster = (name: string, more: Partial<ClusterFigures> = {}): ClusterFigures => ({
  name, labels: {}, declared: {}, properties: {}, capabilities: {}, capacity: amounts(10, 40), allocatable: amounts(8, 32), requested: amounts(6, 8), requestedBy: [],
  asOf: null, connected: true, frozen: null, doubt: null, price: null, ...more,
});
const group = (report: ReturnType<typeof reportFleet>, value: string): FleetReport['total'] => report.groups.find((one) => one.value === value)!;

describe('by clusters', () => {
  test('sums by a label, else a property; what is neither is none', () => {
    const report = reportFleet([cluster('a', { labels: { team: 'net' } }), cluster('b', { properties: { team: 'net' } }), cluster('c')], { cluster: 'team' });
    expect(report.groups.map(({ value, clusters }) => [value, clusters])).toEqual([['(none)', ['c']], ['net', ['a', 'b']]]);
    expect(group(report, 'net')).toMatchObject({ capacity: amounts(20, 80), allocatable: amounts(16, 64), requested: amounts(12, 16), idle: amounts(4, 48), cost: null, unpriced: 2, asOf: null });
  });

  test('what is unknown is said, and is not zero: nothing known, or requests only', () => {
    const silent = cluster('silent', { capacity: null, allocatable: null, requested: null, requestedBy: null, connected: false, asOf: 0 });
    const report = reportFleet([cluster('a'), silent, cluster('blind', { requested: null, requestedBy: null })], { cluster: 'name' });
    expect(report.unknown).toEqual([{ cluster: 'blind', value: 'blind', what: 'requests: its agent cannot read pods' }, { cluster: 'silent', value: 'silent', what: 'capacity and requests: no agent has joined' }]);
    expect(group(report, 'silent')).toMatchObject({ clusters: [], capacity: null, requested: null, idle: null });
    expect(group(report, 'blind')).toMatchObject({ allocatable: amounts(8, 32), requested: null, idle: null });
    expect(report.total).toMatchObject({ clusters: ['a', 'blind'], allocatable: amounts(16, 64), idle: amounts(2, 24) });
  });

  test('says how old its oldest figure is', () => {
    expect(reportFleet([cluster('a'), cluster('b', { connected: false, asOf: 5000 }), cluster('c', { connected: false, asOf: 7000 })], { cluster: 'name' }).total.asOf).toBe(5000);
  });

  test('costs what people declare, and says of how many clusters nobody did', () => {
    const priced = cluster('a', { price: { perCpu: 1, perGibibyte: 0.5 } });
    expect(reportFleet([priced, cluster('b')], { cluster: 'name' }).total).toMatchObject({ cost: { whole: 30, requested: 10, idle: 14 }, unpriced: 1 });
  });
});

describe('by workloads', () => {
  const asked = (value: string, cores: number) => ({ label: 'team', value, ...amounts(cores, 1, 1) });
  test('sums each value over clusters, then what nobody asked for; clusters that do not sum by the label are unknown', () => {
    const report = reportFleet([
      cluster('a', { requestedBy: [asked('net', 2), asked('(none)', 4)], price: { perCpu: 1, perGibibyte: 0 } }), cluster('b', { requestedBy: [asked('net', 6)] }), cluster('c', { requested: amounts(6, 8, 3), requestedBy: [{ ...asked('x', 1), label: 'app' }] }),
    ], { workload: 'team' });
    expect(report.groups.map(({ value, clusters, requested, cost }) => [value, clusters.length, requested?.cpuMilli ?? null, cost?.requested ?? null])).toEqual([['net', 2, 8000, 2], ['(none)', 1, 4000, 4], [IDLE, 2, null, 0]]);
    expect(group(report, IDLE)).toMatchObject({ idle: amounts(4, 48), cost: { idle: 2 } });
    expect(report.unknown).toEqual([{ cluster: 'c', value: '', what: expect.stringContaining('add it to the agent chart\'s reportLabels') as string }]);
  });
});

describe('a Cluster object', () => {
  const object = (properties: Record<string, string>, status: object = {}) => figuresOf('a', fieldsOf({ metadata: { name: 'a' }, spec: { properties }, status: { resources: { capacity: amounts(10, 20), allocatable: amounts(8, 16) }, ...status } }));
  test.each<[Record<string, string>, ClusterFigures['price']]>([
    [{}, null],
    [{ 'cost-per-cpu-hour': '0.04', 'cost-per-memory-gib-hour': '0.005' }, { perCpu: 0.04, perGibibyte: 0.005 }],
    [{ 'cost-per-cpu-hour': '0.04', 'cost-per-hour': '100' }, { perCpu: 0.04, perGibibyte: 0 }],
    [{ 'cost-per-hour': '100' }, { perCpu: 5, perGibibyte: 2.5 }],
    [{ 'cost-per-hour': '-1' }, null],
    [{ 'cost-per-hour': 'much' }, null],
  ])('with %j costs %j', (properties, price) => { expect(object(properties).price).toEqual(price); });

  test('has no price by its agent\'s word', () => {
    expect(object({}, { properties: [{ name: 'cost-per-hour', value: '1', source: 'observed', observedAt: '2030-01-01T00:00:00Z' }] }).price).toBeNull();
  });

  test('that was never connected, is away, or is there', () => {
    const at = (condition: object) => object({}, { conditions: [{ type: 'Connected', message: '', lastTransitionTime: '2030-01-01T00:00:00Z', ...condition }] }).asOf;
    expect(at({ status: 'False', reason: 'NeverConnected' })).toBe(0);
    expect(at({ status: 'False', reason: 'Disconnected' })).toBe(Date.UTC(2030, 0));
    expect(at({ status: 'True', reason: 'Connected' })).toBeNull();
  });
});

test('any fleet, by any key: groups sum to the total, every cluster is in one of them, and is unknown or summed', () => {
  const known = fc.record({ cpuMilli: fc.nat({ max: 1e6 }), memoryBytes: fc.nat({ max: 1e9 }), pods: fc.nat({ max: 100 }), gpus: fc.dictionary(fc.constantFrom('a/gpu', 'b/gpu'), fc.nat({ max: 8 }), { noNullPrototype: true }) });
  const clusters = fc.array(fc.record({
    labels: fc.dictionary(fc.constant('team'), fc.constantFrom('x', 'y'), { noNullPrototype: true }), resources: fc.option(fc.record({ capacity: known, allocatable: known })), requested: fc.option(known), asOf: fc.option(fc.nat()),
    price: fc.option(fc.constant({ perCpu: 0.25, perGibibyte: 0.5 })),
  }), { maxLength: 20 }).map((all) => all.map(({ resources, requested, ...rest }, index) => cluster(`c${index}`, { ...rest, capacity: resources?.capacity ?? null, allocatable: resources?.allocatable ?? null, requested: resources === null ? null : requested })));
  fc.assert(fc.property(clusters, fc.constantFrom('team', 'name'), (fleet, key) => {
    const { groups, total, unknown } = reportFleet(fleet, { cluster: key });
    for (const what of ['capacity', 'allocatable', 'requested', 'idle'] as const) {
      for (const unit of ['cpuMilli', 'memoryBytes', 'pods'] as const) expect(groups.reduce((sum, one) => sum + (one[what]?.[unit] ?? 0), 0)).toBe(total[what]?.[unit] ?? 0);
      // The dumb twin: add up what is known.
      const twin = fleet.reduce((sum, one) => sum + (what === 'idle' ? (one.allocatable === null || one.requested === null ? 0 : Math.max(0, one.allocatable.cpuMilli - one.requested.cpuMilli)) : one[what]?.cpuMilli ?? 0), 0);
      expect(total[what]?.cpuMilli ?? 0).toBe(twin);
    }
    expect(groups.reduce((sum, { cost }) => sum + (cost?.whole ?? 0), 0)).toBeCloseTo(total.cost?.whole ?? 0);
    const summed = groups.flatMap((one) => one.clusters);
    expect(new Set(summed).size).toBe(summed.length);
    for (const one of fleet) expect(summed.includes(one.name) && one.requested !== null).toBe(!unknown.some(({ cluster: name }) => name === one.name));
  }));
});
