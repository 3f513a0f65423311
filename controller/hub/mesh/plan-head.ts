/** What a plan says of its meshes, as an answer has it: bounded, and put together a step at a time. */
import type { MeshPlanHead } from '../../../mesh/api/resources/inquiry-answers.ts';
import { type ExportFact, serviceKey } from '../../../mesh/model/service.ts';
import type { MeshPlan } from '../../../mesh/plan/plan.ts';
import type { Steps } from '../../../mesh/plan/steps.ts';
import { crossingOf } from '../../../mesh/services/crossing.ts';

const MOST_CONFLICTS = 100;
const MOST_LISTED = 500;
/** In all meshes and cells of one answer: where many have some, each names its share. */
const MOST_CROSSINGS = 500;
/** Exports that are looked at in one step. */
const AT_ONCE = 500;

type Head = MeshPlanHead['meshes'][number];
type Cell = NonNullable<Head['cells']>[number];
type Crossings = Omit<NonNullable<Head['notReadByAll']>, 'clusters'>;
/** What a cluster's agent tells. */
type ExportsOf = (cluster: string) => readonly ExportFact[];

export function* headsOf(plans: readonly MeshPlan[], exportsOf: ExportsOf): Steps<readonly Head[]> {
  const places = plans.reduce((sum, plan) => sum + (cellsOf(plan)?.length ?? (plan.notReadByAll === undefined ? 0 : 1)), 0);
  const most = Math.min(MOST_CONFLICTS, Math.max(1, Math.floor(MOST_CROSSINGS / places)));
  const heads: Head[] = [];
  for (const plan of plans) heads.push(yield* headOf(plan, exportsOf, most));
  return heads;
}

const cellsOf = ({ cells }: MeshPlan): readonly MeshPlan[] | undefined => cells?.filter(({ selected }) => selected.size > 0).slice(0, MOST_LISTED);

function* headOf(plan: MeshPlan, exportsOf: ExportsOf, most: number): Steps<Head> {
  const { mesh, members, waiting, conflicts, notes, moves = [], notReadByAll } = plan;
  const inhabited = cellsOf(plan);
  const cells: Cell[] = [];
  for (const cell of inhabited ?? []) cells.push(yield* cellOf(cell, exportsOf, most));
  return {
    mesh, clusters: members.length, waiting: waiting.slice(0, MOST_CONFLICTS), waitingCount: waiting.length,
    conflicts: conflicts.slice(0, MOST_CONFLICTS).map(({ reason, message }) => ({ reason, message })), conflictCount: conflicts.length,
    warnings: [...notes.postponed, ...notes.warnings].slice(0, MOST_CONFLICTS).map(({ reason, message }) => ({ reason, message })),
    ...(notReadByAll === undefined ? {} : { notReadByAll: { clusters: notReadByAll.length, ...(yield* crossingsOf(notReadByAll, exportsOf, most)) } }),
    ...(inhabited === undefined ? {} : { cells, moves: moves.slice(0, MOST_LISTED), moveCount: moves.length }),
  };
}

/** What a cell exports is no peer's business in any other cell: it is reached there by a gateway, or not at all. */
function* cellOf({ mesh, members, conflicts, notReadByAll }: MeshPlan, exportsOf: ExportsOf, most: number): Steps<Cell> {
  const crossings = yield* crossingsOf(members.map(({ name }) => name), exportsOf, most);
  return { name: mesh, clusters: members.length, conflictCount: conflicts.length, ...(notReadByAll === undefined ? {} : { notReadByAllCount: notReadByAll.length }), ...crossings };
}

/** Those without a way first. */
function* crossingsOf(clusters: readonly string[], exportsOf: ExportsOf, most: number): Steps<Crossings> {
  const services = new Set<string>();
  const shut: Crossings['crossings'][number][] = [];
  const open: typeof shut = [];
  let looked = 0;
  for (const cluster of clusters) {
    for (const fact of exportsOf(cluster)) {
      const service = serviceKey(fact);
      const { reason, message } = crossingOf(fact);
      services.add(service);
      (reason === 'Gateway' ? open : shut).push({ service, cluster, reason, message });
      looked += 1;
      if (looked % AT_ONCE === 0) yield;
    }
  }
  if (looked > 0) yield;
  return { exports: [...services].sort().slice(0, most), exportCount: services.size, crossings: [...shut, ...open].slice(0, most), crossingCount: shut.length + open.length, shutCount: shut.length };
}
