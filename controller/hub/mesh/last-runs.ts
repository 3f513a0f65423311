/** The newest run that touched each cluster, among the runs whose UpdateRun objects still exist. */
import type { UpdateRunObject } from '../../../mesh/api/resources/updates.ts';
import type { RunTarget } from '../../../mesh/model/rollout.ts';
import type { RecordStore } from '../../../mesh/ports/records.ts';
import { runPhase } from '../views.ts';
import type { LastRun } from './next-run.ts';

/** Runs go one at a time, so their starts are their order; those that have not started have touched nothing. */
function newestFirst(runs: readonly UpdateRunObject[]): UpdateRunObject[] {
  return runs.filter(({ status }) => status?.startedAt !== undefined)
    .sort((a, b) => ((a.status?.startedAt ?? '') > (b.status?.startedAt ?? '') ? -1 : 1));
}

/** Reads rows of older and older runs only until every one of `clusters` has been met. */
export async function lastRuns(clusters: readonly string[], runs: readonly UpdateRunObject[], records: RecordStore): Promise<ReadonlyMap<string, LastRun>> {
  const found = new Map<string, LastRun>();
  const missing = new Set(clusters);
  for (const run of newestFirst(runs)) {
    if (missing.size === 0) break;
    const touched = (await records.listTargets(run.metadata.name)).filter(({ cluster }) => missing.has(cluster));
    if (touched.length === 0) continue;
    const undoOf = run.spec.undoOf ?? null;
    const wanted: readonly RunTarget[] = undoOf === null ? touched : await records.listTargets(undoOf);
    const wantedIds = new Map(wanted.map(({ cluster, toId }) => [cluster, toId]));
    for (const target of touched) {
      missing.delete(target.cluster);
      found.set(target.cluster, { name: run.metadata.name, phase: runPhase(run), undoOf, wantedId: wantedIds.get(target.cluster) ?? '', target });
    }
  }
  return found;
}
