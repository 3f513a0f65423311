/** The newest run that changed the planned part of each cluster's state, among the runs whose UpdateRun objects still exist. */
import type { UpdateRunObject } from '../../../mesh/api/resources/updates.ts';
import { plannedPart } from '../../../mesh/bundle/compose.ts';
import type { Digest } from '../../../mesh/model/canonical.ts';
import type { DesiredState } from '../../../mesh/model/desired.ts';
import { revisionOf } from '../../../mesh/model/revision.ts';
import type { RunTarget } from '../../../mesh/model/rollout.ts';
import type { RecordStore } from '../../../mesh/ports/records.ts';
import type { Plan } from '../../../mesh/plan/plan.ts';
import { runPhase } from '../views.ts';
import { type Change, type HeldChange, heldChange, type LastRun } from './next-run.ts';

type Records = Pick<RecordStore, 'getRun' | 'getRevision' | 'listTargets'>;

/** No two runs have a cluster at once, so their starts are their order on it; those that have not started have touched nothing. */
function newestFirst(runs: readonly UpdateRunObject[]): UpdateRunObject[] {
  return runs.filter(({ status }) => status?.startedAt !== undefined)
    .sort((a, b) => ((a.status?.startedAt ?? '') > (b.status?.startedAt ?? '') ? -1 : 1));
}

/** Whether a run rolls out the plan, or takes such a run back, or tries it again. */
export async function isPlanRun({ metadata, spec }: UpdateRunObject, records: Pick<RecordStore, 'getRun'>): Promise<boolean> {
  if (spec.bundle !== undefined || spec.removePackage !== undefined) return false;
  if (spec.undoOf === undefined && spec.retryOf === undefined) return true;
  const known = await records.getRun(metadata.name) ?? await records.getRun(spec.undoOf ?? spec.retryOf ?? '');
  return known?.changes !== 'Bundles';
}

export type PlannedIds = (id: string) => Promise<string>;
const MOST_KEPT = 50_000;

/** The id of a revision without what it has beside the plan. Contents never change, and are large: what was read once is kept. */
export function createPlannedIds(records: Pick<RecordStore, 'getRevision'>, digest: Digest): PlannedIds {
  const kept = new Map<string, string>();
  return async (id) => {
    const known = kept.get(id);
    if (known !== undefined) return known;
    const content = (await records.getRevision(id))?.content ?? '';
    const planned = content.includes('"bundles":') ? revisionOf(plannedPart(JSON.parse(content) as DesiredState), digest).id : id;
    if (kept.size >= MOST_KEPT) kept.clear();
    kept.set(id, planned);
    return planned;
  };
}

/** Reads rows of older and older runs only until every one of `clusters` has been met. */
export async function lastRuns(clusters: readonly string[], runs: readonly UpdateRunObject[], records: Records): Promise<ReadonlyMap<string, LastRun>> {
  const found = new Map<string, LastRun>();
  const missing = new Set(clusters);
  for (const run of newestFirst(runs)) {
    if (missing.size === 0) break;
    if (!await isPlanRun(run, records)) continue;
    const touched = (await records.listTargets(run.metadata.name)).filter(({ cluster }) => missing.has(cluster));
    if (touched.length === 0) continue;
    const undoOf = (await records.getRun(run.metadata.name))?.undoOf ?? run.spec.undoOf ?? null;
    const wanted: readonly RunTarget[] = undoOf === null ? touched : await records.listTargets(undoOf);
    const wantedIds = new Map(wanted.map(({ cluster, toId }) => [cluster, toId]));
    for (const target of touched) {
      missing.delete(target.cluster);
      found.set(target.cluster, { name: run.metadata.name, phase: runPhase(run), undoOf, wantedId: wantedIds.get(target.cluster) ?? '', target });
    }
  }
  return found;
}

/** Changes of the plan that are not to be tried by themselves again. */
export async function heldChanges(plan: Plan, changes: readonly Change[], last: ReadonlyMap<string, LastRun>, plannedIds: PlannedIds): Promise<readonly HeldChange[]> {
  const held: HeldChange[] = [];
  for (const change of changes) {
    const run = last.get(change.cluster);
    if (run === undefined) continue;
    const same = run.wantedId === change.toId || await plannedIds(run.wantedId) === (plan.plannedIds.get(change.cluster) ?? change.toId);
    const found = same ? heldChange(change, run) : undefined;
    if (found !== undefined) held.push(found);
  }
  return held;
}
