import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ClusterView } from '../model/cluster.ts';
import type { DesiredState } from '../model/desired.ts';
import { type IdLedger, NO_IDS } from '../model/mesh-ids.ts';
import type { MeshValue } from '../model/policy.ts';
import { nextLedger } from './id-ledger.ts';
import { type MeshPlan, type Plan, type PlanInput, planMesh } from './plan.ts';

const digest = (text: string): string => String(text.length);
const cluster = (name: string, region: string, clusterId = 0, number = 0): ClusterView => ({
  name, labels: { region }, properties: [], joined: true, assignedId: null,
  report: {
    properties: {}, kubernetesVersion: '1.33.0', agentVersion: '0.1.0', nodes: { total: 1, ready: 1 }, peerAddress: '',
    cilium: { version: '1.20.0', clusterName: name, clusterId, maxConnectedClusters: 255, podCidrs: [`10.${number >> 8}.${number & 255}.0/24`], namespace: 'kube-system', kvstoreMesh: true, authMode: 'cluster', endpoint: { ips: ['192.0.2.1'], port: 2379 } },
  },
});
const world: MeshValue = { name: 'world', generation: 1, clusters: {}, maxConnectedClusters: 255, strategy: 'default', allowVersionSkewMinors: 1, cells: { region: 'region' } };
const input = (clusters: readonly ClusterView[], ledgers: ReadonlyMap<string, IdLedger> = new Map(), mesh: Partial<MeshValue> = {}): PlanInput => ({
  meshes: [{ ...world, ...mesh }], clusters, failover: [], globalServices: [], trust: { trustDomain: 'example.org', sequence: 1, bundlePem: 'PEM' }, endpointOverrides: {}, ledgers,
});
const fleet = (counts: Readonly<Record<string, number>>): ClusterView[] => Object.entries(counts).flatMap(([region, count], at) => Array.from({ length: count }, (_, index) => cluster(`${region}-${String(index).padStart(4, '0')}`, region, 0, at * 4096 + index)));
/** As the hub does it: a book for each cell. */
function booksOf(plan: Plan, before: ReadonlyMap<string, IdLedger> = new Map()): ReadonlyMap<string, IdLedger> {
  return new Map((plan.meshes[0]?.cells ?? []).map((cell) => [cell.mesh, nextLedger(before.get(cell.mesh) ?? NO_IDS, { selected: cell.selected, planned: cell.members, namedBy: () => ['somebody'], asked: [] }, 1000)]));
}
const sizes = ({ cells = [] }: MeshPlan): Record<string, number> => Object.fromEntries(cells.map(({ mesh, members }) => [mesh, members.length]));

test('a mesh that has more than fit is told how it can be divided', () => {
  const plan = planMesh({ ...input(fleet({ europe: 256 })), meshes: [{ ...world, cells: undefined } as unknown as MeshValue] }, digest);
  expect(plan.meshes[0]?.conflicts).toMatchObject([{ reason: 'TooManyClusters', message: expect.stringContaining('spec.cells') }, { reason: 'TooManyClusters' }]);
});

test('each cell is a mesh of its own: peers are of one cell, and one id may be in two', () => {
  const plan = planMesh(input(fleet({ europe: 200, asia: 100 })), digest);
  const [mesh] = plan.meshes;
  expect(mesh).toMatchObject({ mesh: 'world', conflicts: [], moves: [] });
  expect(sizes(mesh!)).toEqual({ 'world/1': 200, 'world/2': 100 });
  expect(mesh!.members).toHaveLength(300);
  expect(plan.desired).toHaveLength(300);
  const state = JSON.parse(plan.desired[0]!.content) as DesiredState;
  expect(state).toMatchObject({ cluster: 'asia-0000', mesh: 'world' });
  expect(state.peering?.peers).toHaveLength(99);
  expect(state.peering?.peers.every(({ name }) => name.startsWith('asia-'))).toBe(true);
  for (const { members } of mesh!.cells!) expect(new Set(members.map(({ clusterId }) => clusterId)).size).toBe(members.length);
});

test('a conflict in one cell leaves that cell as it is, and the others are planned', () => {
  const both = fleet({ europe: 5, asia: 4 }).map((one) => ({ ...one, assignedId: `before-${one.name}` }));
  const cells = { cells: { region: 'region', maxClusters: 5 } };
  const whole = planMesh(input(both, new Map(), cells), digest);
  const clashing = both.map((one) => (one.name === 'asia-0001' ? { ...one, report: { ...one.report!, cilium: { ...one.report!.cilium!, podCidrs: both.find(({ name }) => name === 'asia-0000')!.report!.cilium!.podCidrs } } } : one));
  const plan = planMesh(input(clashing, booksOf(whole), cells), digest);
  const [mesh] = plan.meshes;
  expect(mesh?.conflicts.map(({ reason, clusters }) => [reason, clusters])).toEqual([['CidrOverlap', ['asia-0000', 'asia-0001']]]);
  expect(mesh?.cells?.map(({ mesh: name, conflicts }) => [name, conflicts.length])).toEqual([['world/1', 0], ['world/2', 1]]);
  expect(plan.desired).toEqual(whole.desired.filter(({ cluster: name }) => name.startsWith('europe-')));
  expect(mesh?.members.filter(({ desiredId }) => desiredId.startsWith('before-')).map(({ name }) => name)).toEqual(['asia-0000', 'asia-0001', 'asia-0002', 'asia-0003']);
});

test('who cannot be planned yet and never had a place is in no cell, and keeps nobody', () => {
  const [first, second, ...others] = fleet({ europe: 6 });
  const bare: ClusterView = { ...first!, report: { ...first!.report!, cilium: null } };
  const absent: ClusterView = { ...second!, joined: false, report: null };
  const cells = { cells: { region: 'region', maxClusters: 5 } };
  const [mesh] = planMesh(input([bare, absent, ...others], new Map(), cells), digest).meshes;
  expect(mesh).toMatchObject({ waiting: ['europe-0001'], conflicts: [{ reason: 'CiliumMissing', clusters: ['europe-0000'] }], cells: [{ mesh: 'world/1', conflicts: [], waiting: [] }] });
  expect(mesh?.members).toHaveLength(4);
  // With a place it keeps its cell from changing without it.
  const whole = planMesh(input(fleet({ europe: 6 }), new Map(), cells), digest);
  const next = planMesh(input([bare, second!, ...others], booksOf(whole), cells), digest);
  expect(next.meshes[0]?.cells?.map(({ conflicts }) => conflicts.map(({ reason }) => reason))).toEqual([['CiliumMissing'], []]);
  expect(next.desired.map(({ cluster: name }) => name)).toEqual(['europe-0005']);
});

describe('when the fleet changes', () => {
  const first = planMesh(input(fleet({ europe: 255, asia: 100 })), digest);
  const books = booksOf(first);

  test('a cluster more in a full region goes elsewhere, and nobody is moved or gets another id', () => {
    const next = planMesh(input([...fleet({ europe: 255, asia: 100 }), cluster('europe-new', 'europe', 0, 20_000)], books), digest);
    expect(next.meshes[0]).toMatchObject({ conflicts: [], moves: [] });
    expect(sizes(next.meshes[0]!)).toEqual({ 'world/1': 255, 'world/2': 101 });
    const ids = new Map(next.meshes[0]!.members.map(({ name, clusterId }) => [name, clusterId]));
    expect(first.meshes[0]!.members.filter(({ name, clusterId }) => ids.get(name) !== clusterId)).toEqual([]);
  });

  test('a smaller limit moves only those that do not fit, and says from where to where', () => {
    const next = planMesh(input(fleet({ europe: 255, asia: 100 }), books, { cells: { region: 'region', maxClusters: 250 } }), digest);
    expect(next.meshes[0]?.moves?.map(({ cluster: name, from, to }) => `${name} ${from} ${to}`)).toEqual([250, 251, 252, 253, 254].map((number) => `europe-0${number} 1 2`));
  });

  test('a mesh that is divided later keeps whom it has together', () => {
    const whole = planMesh(input(fleet({ europe: 120, asia: 120 })), digest);
    const ledger: IdLedger = { ...NO_IDS, given: whole.meshes[0]!.members.map(({ name, clusterId }) => ({ cluster: name, id: clusterId, since: 1 })) };
    const next = planMesh(input(fleet({ europe: 200, asia: 120 }), new Map([['world', ledger]])), digest);
    expect(next.meshes[0]).toMatchObject({ conflicts: [], moves: [] });
    expect(next.meshes[0]!.cells![0]!.members.filter(({ name }) => ledger.given.some((one) => one.cluster === name))).toHaveLength(240);
  });

  test('a cell that nobody is in any more is told, so that its ids become free', () => {
    const next = planMesh(input(fleet({ europe: 255 }), books), digest);
    expect(sizes(next.meshes[0]!)).toEqual({ 'world/1': 255, 'world/2': 0 });
    expect(booksOf(next, books).get('world/2')).toMatchObject({ given: [], held: expect.arrayContaining([expect.objectContaining({ cluster: 'asia-0000' })]) as unknown });
  });
});

/** Dumb: a cluster must move only where its cell is over the limit. */
test('any fleet has a valid plan or a named reason, and one cluster more moves nobody', () => {
  const member = fc.record({ region: fc.constantFrom('europe', 'asia', 'america', ''), id: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, fc.integer({ min: 1, max: 9 })) });
  fc.assert(fc.property(fc.array(member, { minLength: 1, maxLength: 40 }), member, fc.integer({ min: 2, max: 9 }), (members, more, maxClusters) => {
    const clusters = members.map(({ region, id }, index) => cluster(`c${String(index).padStart(3, '0')}`, region, id, index));
    const cells = { region: 'region', maxClusters };
    const plan = planMesh(input(clusters, new Map(), { cells }), digest);
    const [mesh] = plan.meshes;
    expect(mesh!.conflicts).toEqual([]);
    for (const cell of mesh!.cells!) {
      expect(cell.members.length).toBeLessThanOrEqual(maxClusters);
      expect(new Set(cell.members.map(({ clusterId }) => clusterId)).size).toBe(cell.members.length);
    }
    expect(mesh!.cells!.flatMap((cell) => cell.members.map(({ name }) => name)).sort()).toEqual(clusters.map(({ name }) => name));
    const next = planMesh(input([...clusters, cluster('new', more.region, more.id, 99)], booksOf(plan), { cells }), digest);
    const ids = new Map(next.meshes[0]!.members.map(({ name, clusterId }) => [name, clusterId]));
    expect(next.meshes[0]!.moves).toEqual([]);
    expect(next.meshes[0]!.conflicts).toEqual([]);
    expect(mesh!.members.filter(({ name, clusterId }) => ids.get(name) !== clusterId)).toEqual([]);
  }), { numRuns: 200 });
});
