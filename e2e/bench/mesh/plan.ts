/** What a plan costs: from nothing, and after one change, beside the same planner that knows nothing of the plan before. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { sha256Hex } from '../../../controller/adapters/digest.ts';
import type { ClusterView } from '../../../mesh/model/cluster.ts';
import type { MeshValue } from '../../../mesh/model/policy.ts';
import type { Topology } from '../../../mesh/model/topology.ts';
import { createPlanner, type Plan, type PlanInput, planMesh } from '../../../mesh/plan/plan.ts';
import { mebibytes, milliseconds, number, quantile, ratio, table } from '../kube/figures.ts';
import type { Print } from '../with-servers.ts';

export interface PlanSizes {
  readonly clusters: number;
  readonly repeats: number;
}

const COLD_GOAL_MILLISECONDS = 1000;
const CHANGE_GOAL_MILLISECONDS = 5;
const HUBS = 4;

function clusterOf(mesh: number, index: number): ClusterView {
  const name = `cluster-${String(mesh).padStart(3, '0')}-${String(index).padStart(3, '0')}`;
  return {
    name, labels: { mesh: `mesh-${mesh}`, role: index < HUBS ? 'hub' : 'spoke' }, properties: [], joined: true, assignedId: null,
    report: {
      properties: {}, kubernetesVersion: '1.36.0', agentVersion: '0.1.0', nodes: { total: 3, ready: 3 }, peerAddress: '',
      cilium: {
        version: '1.20.0', clusterName: name, clusterId: index + 1, maxConnectedClusters: 511, podCidrs: [`10.${mesh}.${index >> 1}.${(index & 1) * 128}/25`], namespace: 'kube-system', kvstoreMesh: true, authMode: 'cluster',
        endpoint: { address: `${name}.mesh.cilium.io`, port: 2379 }, serverNames: ['*.mesh.cilium.io'],
      },
    },
  };
}

const meshOf = (mesh: number, topology: Topology): MeshValue => ({ name: `mesh-${mesh}`, generation: 1, clusters: { labels: { mesh: `mesh-${mesh}` } }, maxConnectedClusters: 511, strategy: 'default', allowVersionSkewMinors: 1, topology });

function fleetOf(meshes: number, each: number, topology: Topology = { type: 'FullMesh' }): PlanInput {
  const numbers = Array.from({ length: meshes }, (_, mesh) => mesh);
  return {
    meshes: numbers.map((mesh) => meshOf(mesh, topology)), clusters: numbers.flatMap((mesh) => Array.from({ length: each }, (_, index) => clusterOf(mesh, index))),
    failover: [], globalServices: [], trust: { trustDomain: 'example.org', sequence: 1, bundlePem: 'PEM' }, endpointOverrides: {},
  };
}

const replaced = (input: PlanInput, at: number, change: (view: ClusterView) => ClusterView): PlanInput => ({ ...input, clusters: input.clusters.map((view, index) => (index === at ? change(view) : view)) });
const CHANGES: Readonly<Record<string, (input: PlanInput, at: number, turn: number) => PlanInput>> = {
  'nothing': (input) => input,
  'a label': (input, at, turn) => replaced(input, at, (view) => ({ ...view, labels: { ...view.labels, turn: String(turn) } })),
  'what is assigned': (input, at, turn) => replaced(input, at, (view) => ({ ...view, assignedId: `sha256-${turn}` })),
  'a whole report, the same': (input, at) => replaced(input, at, (view) => structuredClone(view)),
  'its Cilium version': (input, at, turn) => replaced(input, at, (view) => ({ ...view, report: { ...view.report!, cilium: { ...view.report!.cilium!, version: `1.20.${turn}` } } })),
  'its address (all its readers change)': (input, at, turn) => replaced(input, at, (view) => ({ ...view, report: { ...view.report!, cilium: { ...view.report!.cilium!, endpoint: { address: `new-${turn}.mesh.cilium.io`, port: 2379 } } } })),
};

/** Milliseconds. `processor`: of all threads, which other programs of a busy machine do not lengthen as they do the other. */
interface Took {
  readonly wall: number;
  readonly processor: number;
}

function timed(run: () => Plan): Took & { readonly plan: Plan } {
  const [start, used] = [performance.now(), process.cpuUsage()];
  const plan = run();
  const { user, system } = process.cpuUsage(used);
  return { wall: performance.now() - start, processor: (user + system) / 1000, plan };
}

const median = (figures: readonly Took[], of: keyof Took): number => quantile(figures.map((one) => one[of]), 0.5);

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

function heapBytes(): number {
  collect();
  return process.memoryUsage().heapUsed;
}

function fleetFigures(title: string, input: PlanInput, { repeats }: PlanSizes, print: Print): void {
  const { length } = input.clusters;
  const before = heapBytes();
  const planner = createPlanner(sha256Hex);
  const first = timed(() => planner(input));
  const conflicts = first.plan.meshes.flatMap((mesh) => mesh.conflicts);
  if (conflicts.length > 0) throw new Error(`bench: the fleet has conflicts: ${conflicts[0]!.message}`);
  const held = heapBytes() - before;
  const colds: readonly Took[] = [first, ...Array.from({ length: 2 }, () => timed(() => planMesh(input, sha256Hex)))];
  const cold = median(colds, 'processor');
  const texts = first.plan.desired.reduce((sum, { content }) => sum + content.length, 0);
  print(`\n== ${title}: ${length} clusters, ${mebibytes(texts)} of desired states; baseline: the same plan from nothing`);
  const rows = Object.entries(CHANGES).map(([name, change]) => {
    let present = input;
    planner(present);
    const figures = Array.from({ length: repeats }, (_, turn) => {
      present = change(present, (turn * 701) % length, turn);
      return timed(() => planner(present));
    });
    return { name, figures };
  });
  const row = (name: string, figures: readonly Took[], of: string): string[] => [`  ${name}`, milliseconds(median(figures, 'wall')), milliseconds(Math.max(...figures.map(({ wall }) => wall))), milliseconds(median(figures, 'processor')), of];
  print(table([
    ['', 'median', 'most', 'processor', 'of one from nothing'],
    row('from nothing', colds, '–'),
    ...rows.map(({ name, figures }) => row(`one cluster changes: ${name}`, figures, ratio(median(figures, 'processor'), cold))),
  ]));
  print(`  memory that the planner keeps: ${mebibytes(held)}, ${number(held / texts)} of the texts of the states`);
  print(`  goal: from nothing in ${COLD_GOAL_MILLISECONDS} ms of the processor: ${cold <= COLD_GOAL_MILLISECONDS ? 'met' : 'MISSED'}`);
  const small = rows.filter(({ name }) => !name.startsWith('its address'));
  print(`  goal: after one change of one cluster's own in ${CHANGE_GOAL_MILLISECONDS} ms of the processor: ${small.every(({ figures }) => median(figures, 'processor') <= CHANGE_GOAL_MILLISECONDS) ? 'met' : 'MISSED'}`);
}

export function planFigures(sizes: PlanSizes, print: Print): void {
  const fleet = (each: number, topology?: Topology): PlanInput => fleetOf(Math.max(1, Math.floor(sizes.clusters / each)), Math.min(each, sizes.clusters), topology);
  fleetFigures('full meshes of 500', fleet(500), sizes, print);
  fleetFigures('full meshes of 250', fleet(250), sizes, print);
  fleetFigures(`${HUBS} hubs and spokes, meshes of 500`, fleet(500, { type: 'HubAndSpoke', hubs: { labels: { role: 'hub' } } }), sizes, print);
}
