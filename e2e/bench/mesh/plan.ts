/** What a plan costs: from nothing, and after one change, beside the same planner that knows nothing of the plan before. */
import { sha256Hex } from '../../../controller/adapters/digest.ts';
import type { ClusterView } from '../../../mesh/model/cluster.ts';
import type { Topology } from '../../../mesh/model/topology.ts';
import { createPlanner, type PlanInput, planMesh } from '../../../mesh/plan/plan.ts';
import { mebibytes, milliseconds, number, quantile, ratio, table } from '../kube/figures.ts';
import type { Print } from '../with-servers.ts';
import { timed, type Took } from './clocks.ts';
import { fleetOf, HUBS } from './fleet.ts';
import { heapBytes } from './heap.ts';

export interface PlanSizes {
  readonly clusters: number;
  readonly repeats: number;
}

const COLD_GOAL_MILLISECONDS = 1000;
const CHANGE_GOAL_MILLISECONDS = 5;
const replaced = (input: PlanInput, at: number, change: (view: ClusterView) => ClusterView): PlanInput => ({ ...input, clusters: input.clusters.map((view, index) => (index === at ? change(view) : view)) });
const CHANGES: Readonly<Record<string, (input: PlanInput, at: number, turn: number) => PlanInput>> = {
  'nothing': (input) => input,
  'a label': (input, at, turn) => replaced(input, at, (view) => ({ ...view, labels: { ...view.labels, turn: String(turn) } })),
  'what is assigned': (input, at, turn) => replaced(input, at, (view) => ({ ...view, assignedId: `sha256-${turn}` })),
  'a whole report, the same': (input, at) => replaced(input, at, (view) => structuredClone(view)),
  'its Cilium version': (input, at, turn) => replaced(input, at, (view) => ({ ...view, report: { ...view.report!, cilium: { ...view.report!.cilium!, version: `1.20.${turn}` } } })),
  'its address (all its readers change)': (input, at, turn) => replaced(input, at, (view) => ({ ...view, report: { ...view.report!, cilium: { ...view.report!.cilium!, endpoint: { address: `new-${turn}.mesh.cilium.io`, port: 2379 } } } })),
};

const median = (figures: readonly Took[], of: keyof Took): number => quantile(figures.map((one) => one[of]), 0.5);

function fleetFigures(title: string, input: PlanInput, { repeats }: PlanSizes, print: Print): void {
  const { length } = input.clusters;
  const before = heapBytes();
  const planner = createPlanner(sha256Hex);
  const first = timed(() => planner(input));
  const conflicts = first.result.meshes.flatMap((mesh) => mesh.conflicts);
  if (conflicts.length > 0) throw new Error(`bench: the fleet has conflicts: ${conflicts[0]!.message}`);
  const held = heapBytes() - before;
  // As when all are written down for the first time.
  for (const { content } of first.result.desired) Buffer.byteLength(content);
  const heldAfter = heapBytes() - before;
  const colds: readonly Took[] = [first, ...Array.from({ length: 2 }, () => timed(() => planMesh(input, sha256Hex)))];
  const cold = median(colds, 'processor');
  const texts = first.result.desired.reduce((sum, { content }) => sum + content.length, 0);
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
  print(`  memory that the planner keeps: ${mebibytes(held)}, ${number(held / texts)} of the texts of the states; once all of these were read: ${mebibytes(heldAfter)}`);
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
