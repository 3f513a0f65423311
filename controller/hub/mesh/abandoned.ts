/** Clusters that were in flight when a person deleted their UpdateRun, and that are not healthy. Nobody watches them any more, and a next run would go past them as if they were done. */
import type { UpdateRunObject } from '../../../mesh/api/resources/updates.ts';
import { findCondition } from '../../../mesh/model/condition.ts';
import type { RunTarget } from '../../../mesh/model/rollout.ts';
import type { RecordStore } from '../../../mesh/ports/records.ts';
import type { Plan } from '../../../mesh/plan/plan.ts';
import type { Cache } from '../../runtime/cache.ts';
import { conditionsOf } from '../views.ts';
import type { PlanSources } from './current-plan.ts';

/** Those that have their planned state assigned and are not healthy on it, sorted. One that is to have another state is the next run's own business. */
export async function abandonedClusters(plan: Plan, { assignments, clusters }: Pick<PlanSources, 'assignments' | 'clusters'>, runs: Cache<UpdateRunObject>, records: RecordStore): Promise<{ readonly run: string; readonly cluster: string }[]> {
  const rows = new Map<string, readonly RunTarget[]>();
  /** An object that is deleted stays until what is in flight is finished; one that was taken away by force leaves rows that never are. */
  const rowsOf = async (run: string): Promise<readonly RunTarget[]> => {
    const stopped = (await records.getRun(run))?.state.stopped?.by === 'Person';
    return (await records.listTargets(run)).filter(({ assignedAt, finishedAt, phase }) => assignedAt !== null && (finishedAt === null || (stopped && phase === 'Failed')));
  };
  const abandoned: { readonly run: string; readonly cluster: string }[] = [];
  for (const { cluster, id } of plan.desired) {
    const assignment = assignments.get(cluster);
    if (assignment?.desiredId !== id || runs.get({ name: assignment.run }) !== undefined) continue;
    const object = clusters.get({ name: cluster });
    const healthy = object?.status?.desired?.id === id && object.status.current?.id === id && findCondition(conditionsOf(object), 'Applied')?.status === 'True';
    if (object === undefined || healthy) continue;
    const { run } = assignment;
    const targets = rows.get(run) ?? await rowsOf(run);
    rows.set(run, targets);
    if (targets.some((target) => target.cluster === cluster)) abandoned.push({ run, cluster });
  }
  return abandoned;
}
