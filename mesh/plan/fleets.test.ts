/** Fleets of any size up to 10,000 clusters, with whatever is wrong in them: each cluster is planned, or it is named why not. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { CiliumFacts, ClusterView } from '../model/cluster.ts';
import type { DesiredState } from '../model/desired.ts';
import { type IdLedger, NO_IDS } from '../model/mesh-ids.ts';
import type { MeshValue } from '../model/policy.ts';
import { CHECK_NAMES } from './checks.ts';
import { nextLedger } from './id-ledger.ts';
import { createPlanner, type MeshPlan, type Plan, type PlanInput } from './plan.ts';

const digest = (text: string): string => String(text.length);
const REASONS = new Set<string>(CHECK_NAMES);

/** What may be wrong with a cluster, most often nothing. */
const FLAWS: readonly ((facts: CiliumFacts) => Partial<CiliumFacts> | null | undefined)[] = [
  () => ({ version: '1.15.9' }), () => ({ podCidrs: ['10.0.0.0/24'] }), () => ({ clusterName: 'another' }), () => ({ maxConnectedClusters: 511 }), () => ({ endpoint: { port: 2379 } }),
  () => ({ authMode: 'legacy' }), () => ({ clusterId: 7 }), () => null, () => undefined,
];

/** The same for the same numbers. `flawedOf`: of so many clusters about one has something wrong. */
function cluster(number: number, regions: number, flawedOf: number, seed: number): ClusterView {
  const name = `c${String(number).padStart(5, '0')}`;
  const drawn = (salt: number): number => Math.imul(number + 1 + salt * 7919, 2_654_435_761 ^ seed) >>> 8;
  const facts: CiliumFacts = {
    version: '1.20.0', clusterName: name, clusterId: 0, maxConnectedClusters: 255, podCidrs: [`10.${(number + 1) >> 8}.${(number + 1) & 255}.0/24`], namespace: 'kube-system', kvstoreMesh: true, authMode: 'cluster', endpoint: { ips: ['192.0.2.1'], port: 2379 },
  };
  const flaw = drawn(1) % flawedOf === 0 ? FLAWS[drawn(2) % FLAWS.length]!(facts) : {};
  return {
    name, labels: { region: `r${drawn(3) % regions}`, team: `t${drawn(4) % 5}` }, properties: [], joined: flaw !== undefined, assignedId: null,
    report: flaw === undefined ? null : { properties: {}, kubernetesVersion: '1.33.0', agentVersion: '0.1.0', nodes: { total: 1, ready: 1 }, peerAddress: '', cilium: flaw === null ? null : { ...facts, ...flaw } },
  };
}

const world = (maxClusters: number): MeshValue => ({ name: 'world', generation: 1, clusters: {}, maxConnectedClusters: 255, strategy: 'default', allowVersionSkewMinors: 1, cells: { region: 'region', affinity: 'team', maxClusters } });
const input = (mesh: MeshValue, clusters: readonly ClusterView[], ledgers: ReadonlyMap<string, IdLedger> = new Map()): PlanInput =>
  ({ meshes: [mesh], clusters, failover: [], globalServices: [], trust: { trustDomain: 'example.org', sequence: 1, bundlePem: 'PEM' }, endpointOverrides: {}, ledgers });
/** As the hub keeps them. */
const booksOf = ({ cells = [] }: MeshPlan): ReadonlyMap<string, IdLedger> => new Map(cells.map((cell) => [cell.mesh, nextLedger(NO_IDS, { selected: cell.selected, planned: cell.members, namedBy: () => [], asked: [] }, 1)]));
const cellsOf = ({ cells = [] }: MeshPlan): Map<string, string> => new Map(cells.flatMap((cell) => [...cell.selected.keys()].map((name) => [name, cell.mesh] as const)));

/** Dumb: looks at each cluster by itself. `every`: of the states so many are read. */
function problemsOf({ desired, meshes: [mesh] }: Plan, clusters: readonly ClusterView[], limit: number, every = 1): string[] {
  const problems: string[] = [];
  const states = new Map(desired.map((revision) => [revision.cluster, revision]));
  if (states.size !== desired.length) problems.push('a cluster has two states');
  const homes = new Map<string, MeshPlan[]>();
  for (const cell of mesh!.cells!) {
    if (cell.selected.size > limit) problems.push(`${cell.mesh} has ${cell.selected.size}`);
    for (const name of cell.selected.keys()) homes.set(name, [...homes.get(name) ?? [], cell]);
    for (const { reason, message } of cell.conflicts) if (!REASONS.has(reason) || message.length < 20) problems.push(`${cell.mesh}: nobody knows ${reason}: ${message}`);
    const ids = cell.members.map(({ clusterId }) => clusterId);
    if (cell.conflicts.length === 0 && (new Set(ids).size !== ids.length || ids.some((id) => id < 1 || id > 255))) problems.push(`${cell.mesh}: ids ${ids.join()}`);
  }
  for (const [index, { name, joined, report }] of clusters.entries()) {
    const [cell, ...more] = homes.get(name) ?? [];
    const revision = states.get(name);
    if (more.length > 0) { problems.push(`${name} is in ${1 + more.length} cells`); continue; }
    if (cell === undefined) {
      const isNamed = mesh!.waiting.includes(name) || mesh!.conflicts.some(({ clusters: named, message }) => named.includes(name) && message.includes(name));
      if (!isNamed || revision !== undefined) problems.push(`${name} is in no cell, and nobody says why`);
      continue;
    }
    const waits = cell.waiting.includes(name);
    if (waits !== (!joined || report === null) && !cell.notes.postponed.some(({ clusters: named }) => named.includes(name))) problems.push(`${name} waits, and nobody says why`);
    if (waits || cell.conflicts.length > 0) { if (revision !== undefined && joined) problems.push(`${name} gets a state though ${cell.mesh} is not planned`); continue; }
    if (revision === undefined) { problems.push(`${name} has neither a state nor a reason`); continue; }
    if (index % every > 0) continue;
    const { peering, mesh: told } = JSON.parse(revision.content) as DesiredState;
    const wanted = cell.members.filter((member) => member.name !== name).map((member) => `${member.name} ${member.clusterId}`);
    if (told !== 'world' || peering?.peers.map((peer) => `${peer.name} ${peer.clusterId}`).sort().join() !== wanted.sort().join()) problems.push(`${name} has other peers than its cell has members`);
  }
  return problems;
}

/** What changes though nothing asked for it. */
function movedBy(newcomer: string, before: Plan, after: Plan, books: ReadonlyMap<string, IdLedger>): string[] {
  const [old, now] = [before.meshes[0]!, after.meshes[0]!];
  const [wasIn, isIn] = [cellsOf(old), cellsOf(now)];
  const home = isIn.get(newcomer);
  // Who has no id yet has no place yet.
  const settled = new Set([...books.values()].flatMap(({ given }) => given.map((one) => one.cluster)));
  const ids = new Map(now.members.map(({ name, clusterId }) => [name, clusterId]));
  const contents = new Map(before.desired.map(({ cluster: name, content }) => [name, content]));
  return [
    ...now.moves!.map(({ cluster: name }) => `${name} moves`), ...[...wasIn].filter(([name, cell]) => settled.has(name) && isIn.get(name) !== cell).map(([name]) => `${name} is in another cell`),
    ...old.cells!.filter(({ conflicts }) => conflicts.length === 0).flatMap(({ members }) => members).filter(({ name, clusterId }) => ids.get(name) !== clusterId).map(({ name }) => `${name} has another id`),
    ...after.desired.filter(({ cluster: name, content }) => isIn.get(name) !== home && contents.get(name) !== content).map(({ cluster: name }) => `${name} has another state`),
  ];
}

function check({ size, regions, limit, flawedOf, seed, every }: { readonly size: number; readonly regions: number; readonly limit: number; readonly flawedOf: number; readonly seed: number; readonly every: number }): void {
  const planner = createPlanner(digest);
  const mesh = world(limit);
  const clusters = Array.from({ length: size }, (_, number) => cluster(number, regions, flawedOf, seed));
  const books = booksOf(planner(input(mesh, clusters)).meshes[0]!);
  const before = planner(input(mesh, clusters, books));
  expect(problemsOf(before, clusters, limit, every)).toEqual([]);
  const newcomer = cluster(size, regions, flawedOf, seed);
  const after = planner(input(mesh, [...clusters, newcomer], books));
  expect(problemsOf(after, [...clusters, newcomer], limit, every)).toEqual([]);
  expect(movedBy(newcomer.name, before, after, books)).toEqual([]);
}

test('any fleet gets a valid plan or a named reason, and one cluster more moves nobody', () => {
  const size = fc.oneof({ weight: 8, arbitrary: fc.integer({ min: 0, max: 40 }) }, { weight: 1, arbitrary: fc.integer({ min: 41, max: 400 }) });
  fc.assert(fc.property(fc.record({ size, regions: fc.integer({ min: 1, max: 6 }), limit: fc.integer({ min: 2, max: 60 }), flawedOf: fc.constantFrom(4, 30, 1000), seed: fc.nat(), every: fc.constant(1) }), check), { numRuns: 60 });
});

test('so does one of 10,000, with a flaw here and there and without any', () => {
  check({ size: 9999, regions: 9, limit: 255, flawedOf: 900, seed: 1, every: 400 });
});
