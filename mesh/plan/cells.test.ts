import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type CellMember, planCells } from './cells.ts';

const fleet = (counts: Readonly<Record<string, number>>, affinity = (_index: number): string => ''): CellMember[] =>
  Object.entries(counts).flatMap(([region, count]) => Array.from({ length: count }, (_, index) => ({ name: `${region}-${String(index).padStart(4, '0')}`, region, affinity: affinity(index) })));
const asRecord = (cells: ReadonlyMap<string, number>): Record<string, number> => Object.fromEntries(cells);
/** `region: how many` of each cell. */
const filled = (members: readonly CellMember[], cells: ReadonlyMap<string, number>): Record<number, Record<string, number>> => {
  const found: Record<number, Record<string, number>> = {};
  for (const { name, region } of members) { const cell = (found[cells.get(name)!] ??= {}); cell[region] = (cell[region] ?? 0) + 1; }
  return found;
};

test('what fits into one stays one', () => {
  const members = fleet({ europe: 300, asia: 200, america: 11 });
  expect(filled(members, planCells(members, 511, {}).cells)).toEqual({ 1: { europe: 300, asia: 200, america: 11 } });
});

test('regions stay whole where they fit, and a region that is too large is divided by affinity', () => {
  const members = fleet({ europe: 700, asia: 400, america: 100 }, (index) => (index % 2 === 0 ? 'bank' : 'shop'));
  const { cells } = planCells(members, 511, {});
  expect(filled(members, cells)).toEqual({ 1: { europe: 511 }, 2: { asia: 400, america: 100 }, 3: { europe: 189 } });
  expect(members.filter(({ region, affinity, name }) => region === 'europe' && affinity === 'bank' && cells.get(name) !== 1)).toEqual([]);
});

describe('when the fleet changes', () => {
  const members = fleet({ europe: 500, asia: 300 });
  const { cells } = planCells(members, 511, {});

  test('who joins moves nobody, and goes where its region is', () => {
    const joined = [...members, { name: 'asia-new', region: 'asia', affinity: '' }];
    const next = planCells(joined, 511, asRecord(cells));
    expect(next.moved).toEqual([]);
    expect(next.cells.get('asia-new')).toBe(cells.get('asia-0000'));
  });

  test('who leaves moves nobody, and a place that is free is taken again', () => {
    const left = planCells(members.slice(1), 511, asRecord(cells));
    expect(left.moved).toEqual([]);
    expect(planCells(members, 511, asRecord(left.cells)).cells).toEqual(cells);
  });

  test('a lower limit moves as many as are too many, and none that is most at home', () => {
    const mixed = fleet({ europe: 6, asia: 3 });
    const one = Object.fromEntries(mixed.map(({ name }) => [name, 1]));
    expect(planCells(mixed, 7, one).moved).toEqual(['asia-0001', 'asia-0002']);
    expect(planCells(mixed, 9, one).moved).toEqual([]);
  });
});

const member = fc.record({ name: fc.integer({ min: 0, max: 60 }).map((number) => `c${number}`), region: fc.constantFrom('a', 'b', 'c', ''), affinity: fc.constantFrom('x', 'y', '') });
const members = fc.uniqueArray(member, { maxLength: 40, selector: ({ name }) => name });

test('any fleet: each cluster in one cell, none over its limit, only those move that must, whatever the order', () => {
  fc.assert(fc.property(members, fc.integer({ min: 1, max: 12 }), fc.dictionary(fc.integer({ min: 0, max: 60 }).map((number) => `c${number}`), fc.integer({ min: -1, max: 5 })), (some, limit, previous) => {
    const plan = planCells(some, limit, previous);
    expect([...plan.cells.keys()].sort()).toEqual(some.map(({ name }) => name).sort());
    const sizes = new Map<number, number>();
    for (const cell of plan.cells.values()) sizes.set(cell, (sizes.get(cell) ?? 0) + 1);
    expect(Math.max(0, ...sizes.values())).toBeLessThanOrEqual(limit);
    const residents = new Map<number, number>();
    for (const { name } of some) { const cell = previous[name]; if (cell !== undefined && cell >= 1) residents.set(cell, (residents.get(cell) ?? 0) + 1); }
    expect(plan.moved).toHaveLength([...residents.values()].reduce((sum, count) => sum + Math.max(0, count - limit), 0));
    expect(planCells([...some].reverse(), limit, previous)).toEqual(plan);
    const again = planCells(some, limit, asRecord(plan.cells));
    expect(again).toEqual({ cells: plan.cells, moved: [] });
  }));
});

test('a fleet without cells gets fewer than twice as many of them as would hold it, so that regions stay whole', () => {
  fc.assert(fc.property(members, fc.integer({ min: 1, max: 12 }), (some, limit) => {
    expect(new Set(planCells(some, limit, {}).cells.values()).size).toBeLessThan(2 * (some.length / limit) + 1);
  }));
});

test('10,000 clusters, and one more', () => {
  const large = fleet({ europe: 4000, asia: 3500, america: 2000, africa: 500 }, (index) => `team-${index % 40}`);
  const first = planCells(large, 511, {});
  expect(new Set(first.cells.values()).size).toBeLessThanOrEqual(22);
  expect(planCells([...large, { name: 'new', region: 'asia', affinity: 'team-1' }], 511, asRecord(first.cells)).moved).toEqual([]);
});

test('clusters that come with one id are put into different cells, and whoever has a cell keeps it', () => {
  const meshes = (count: number): CellMember[] => Array.from({ length: count }, (_, mesh) => Array.from({ length: 20 }, (_member, index) => ({ name: `m${mesh}-${String(index).padStart(2, '0')}`, region: 'europe', affinity: '', id: index + 1 }))).flat();
  const { cells } = planCells(meshes(3), 511, {});
  const ids = new Map<number, number[]>();
  for (const { name, id } of meshes(3)) ids.set(cells.get(name)!, [...ids.get(cells.get(name)!) ?? [], id!]);
  expect([...ids.values()].map((one) => [one.length, new Set(one).size])).toEqual([[20, 20], [20, 20], [20, 20]]);
  expect(planCells(meshes(4), 511, asRecord(cells)).moved).toEqual([]);
});
