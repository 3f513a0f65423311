/** Plans a mesh as one, or, where it is to be divided, as a mesh per cell. Clusters of different cells are no peers; what has a conflict in one cell leaves that cell as it is, and the others go on. */
import type { ClusterView } from '../model/cluster.ts';
import { type IdLedger, NO_IDS } from '../model/mesh-ids.ts';
import { compareText } from '../model/order.ts';
import type { CellsValue, MeshValue } from '../model/policy.ts';
import { valueOf } from '../model/selector.ts';
import { type CellMember, type CellPlan, planCells } from './cells.ts';
import { isPlannable, membershipOf } from './members.ts';
import { createMeshPlanner, type MeshPlanner, type PlannedMesh } from './mesh-planner.ts';
import type { CellMove, MeshPlan } from './planned.ts';
import type { PreflightInput } from './preflight.ts';
import type { Selection, Selections } from './selection.ts';

const cellName = (mesh: string, number: number): string => `${mesh}/${number}`;

/** Books of ids of the cells of a mesh, by number. One from before it was divided is that of the first: whoever is in it stays there. */
function ledgersOf(mesh: string, ledgers: PreflightInput['ledgers'] = new Map()): ReadonlyMap<number, IdLedger> {
  const found = new Map<number, IdLedger>();
  const whole = ledgers.get(mesh);
  if (whole !== undefined) found.set(1, whole);
  for (const [name, ledger] of ledgers) {
    const number = name.startsWith(`${mesh}/`) ? Number(name.slice(mesh.length + 1)) : Number.NaN;
    if (Number.isSafeInteger(number) && number >= 1) found.set(number, ledger);
  }
  return found;
}

export function createCellsPlanner(): MeshPlanner {
  const whole = createMeshPlanner();
  const cells = new Map<number, { readonly planner: MeshPlanner; mesh: MeshValue; of: MeshValue; selected: readonly ClusterView[]; ledgers: ReadonlyMap<string, IdLedger> }>();
  const divide = createDivision();
  let before: { readonly parts: readonly unknown[]; readonly planned: PlannedMesh } | undefined;

  return function* (input) {
    const { selection } = input;
    const { mesh } = selection;
    // A selector that cannot be read divides nobody, and is said as that of any mesh.
    if (mesh.cells === undefined || selection.reach.problem !== undefined) {
      cells.clear();
      return yield* whole(input);
    }
    const ledgers = ledgersOf(mesh.name, input.input.ledgers);
    const division = divide(selection, mesh.cells, ledgers);
    for (const number of cells.keys()) if (!division.members.has(number)) cells.delete(number);
    const planned: PlannedMesh[] = [];
    for (const [number, views] of [...division.members].sort(([a], [b]) => a - b)) {
      const known = cells.get(number) ?? { planner: createMeshPlanner(), mesh, of: mesh, selected: [], ledgers: new Map<string, IdLedger>() };
      const name = cellName(mesh.name, number);
      const ledger = ledgers.get(number) ?? NO_IDS;
      if (known.of !== mesh || known.mesh === mesh) known.mesh = { ...mesh, name };
      if (!isSame(known.selected, views)) known.selected = views;
      if (known.ledgers.get(name) !== ledger) known.ledgers = new Map([[name, ledger]]);
      known.of = mesh;
      cells.set(number, known);
      planned.push(yield* known.planner({ ...input, told: mesh.name, selection: { mesh: known.mesh, reach: selection.reach, selected: known.selected }, input: { ...input.input, ledgers: known.ledgers } }));
    }
    const { unplaced } = division;
    const parts = [selection.reach, division.moves, ...planned, ...(unplaced.length === 0 ? [] : [mesh, input.contested, ...unplaced])];
    if (before === undefined || !isSame(before.parts, parts)) before = { parts, planned: gathered(mesh.name, selection, planned, division.moves, outside(mesh, selection, unplaced, input.contested)) };
    return before.planned;
  };
}

/** What is said of those without a cell: they keep nobody from being planned, however many they are. */
function outside(mesh: MeshValue, { reach }: Selection, selected: readonly ClusterView[], contested: Selections['contested']): Outside {
  const { waiting, conflicts } = membershipOf({ mesh, reach, selected }, contested);
  return { selected, waiting, conflicts: conflicts.filter(({ reason }) => reason !== 'TooManyClusters') };
}

interface Outside extends Pick<MeshPlan, 'waiting' | 'conflicts'> {
  readonly selected: readonly ClusterView[];
}

function gathered(mesh: string, { reach }: Selection, planned: readonly PlannedMesh[], moves: readonly CellMove[], without: Outside): PlannedMesh {
  const cells = planned.map(({ plan }) => plan);
  const all = <T>(of: (plan: MeshPlan) => readonly T[]): T[] => cells.flatMap(of);
  return {
    plan: {
      mesh, reach, cells, moves,
      conflicts: [...without.conflicts, ...all(({ conflicts }) => conflicts)],
      members: all(({ members }) => members).sort((a, b) => compareText(a.name, b.name)),
      waiting: [...without.waiting, ...all(({ waiting }) => waiting)].sort(compareText),
      selected: new Map([...all((plan) => [...plan.selected]), ...without.selected.map(({ name, report }) => [name, report?.cilium?.clusterId ?? 0] as const)]),
      notes: {
        postponed: all(({ notes }) => notes.postponed), warnings: all(({ notes }) => notes.warnings), skipped: all(({ notes }) => notes.skipped), idleSkips: all(({ notes }) => notes.idleSkips),
      },
    },
    revisions: planned.flatMap(({ revisions }) => revisions).sort((a, b) => compareText(a.cluster, b.cluster)),
  };
}

const NOBODY: readonly ClusterView[] = [];

interface Division {
  /** Sorted by cluster; also the cells of which only a book of ids is left. */
  readonly members: ReadonlyMap<number, readonly ClusterView[]>;
  /** Those that never had a place and cannot be planned yet: they get one when they can. Otherwise they would be here now and there the next time, and what is wrong with them would hold up one cell after another. */
  readonly unplaced: readonly ClusterView[];
  readonly moves: readonly CellMove[];
}

interface Given {
  readonly number: number;
  readonly id: number;
}

/** Divides anew only where somebody came, left, or belongs elsewhere by now. */
function createDivision(): (selection: Selection, cells: CellsValue, ledgers: ReadonlyMap<number, IdLedger>) => Division {
  let known: { readonly members: readonly CellMember[]; readonly limit: number; readonly ledgers: ReadonlyMap<number, IdLedger>; readonly given: ReadonlyMap<string, Given>; readonly plan: CellPlan; readonly moves: readonly CellMove[] } | undefined;
  return ({ mesh, selected }, { maxClusters = mesh.maxConnectedClusters, region, affinity }, ledgers) => {
    const limit = Math.min(maxClusters, mesh.maxConnectedClusters);
    const isSameBooks = known !== undefined && isSame([...known.ledgers.values()], [...ledgers.values()]) && isSame([...known.ledgers.keys()], [...ledgers.keys()]);
    const given = isSameBooks && known !== undefined ? known.given : new Map([...ledgers].flatMap(([number, ledger]) => ledger.given.map(({ cluster, id }): [string, Given] => [cluster, { number, id }])));
    const placed = selected.filter((view) => given.has(view.name) || isPlannable(view));
    const members = placed.map((view): CellMember => {
      const id = (view.report?.cilium?.clusterId ?? 0) || (given.get(view.name)?.id ?? 0);
      return { name: view.name, region: valueOf(view, region) ?? '', affinity: affinity === undefined ? '' : valueOf(view, affinity) ?? '', ...(id === 0 ? {} : { id }) };
    });
    const isKnown = known !== undefined && known.limit === limit && isSameBooks && known.members.length === members.length && known.members.every((one, index) => isSameMember(one, members[index]!));
    if (!isKnown || known === undefined) {
      const previous = Object.fromEntries([...given].map(([cluster, { number }]) => [cluster, number]));
      const plan = planCells(members, limit, previous);
      known = { members, limit, ledgers, given, plan, moves: plan.moved.map((cluster) => ({ cluster, from: previous[cluster]!, to: plan.cells.get(cluster)! })) };
    }
    const byCell = new Map<number, ClusterView[]>([...ledgers.keys()].map((number) => [number, []]));
    for (const view of placed) {
      const number = known.plan.cells.get(view.name)!;
      const views = byCell.get(number);
      if (views === undefined) byCell.set(number, [view]);
      else views.push(view);
    }
    return { members: byCell, moves: known.moves, unplaced: placed.length === selected.length ? NOBODY : selected.filter((view) => !known!.plan.cells.has(view.name)) };
  };
}

const isSameMember = (a: CellMember, b: CellMember): boolean => a.name === b.name && a.region === b.region && a.affinity === b.affinity && a.id === b.id;
const isSame = (a: readonly unknown[], b: readonly unknown[]): boolean => a.length === b.length && a.every((one, index) => one === b[index]);
