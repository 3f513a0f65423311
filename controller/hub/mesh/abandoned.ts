/** Clusters whose UpdateRun a person deleted while they were in flight. Nobody watches them any more, and a next run would go past them as if they were done. */
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
  const abandoned: { readonly run: string; readonly cluster: string }[] = [];
  for (const { cluster, id } of plan.desired) {
    const assignment = assignments.get(cluster);
    if (assignment?.desiredId !== id || runs.get({ name: assignment.run }) !== undefined) continue;
    const object = clusters.get({ name: cluster });
    const healthy = object?.status?.desired?.id === id && object.status.current?.id === id && findCondition(conditionsOf(object), 'Applied')?.status === 'True';
    if (object === undefined || healthy) continue;
    const { run } = assignment;
    const targets = rows.get(run) ?? await records.listTargets(run);
    rows.set(run, targets);
    if (targets.some((target) => target.cluster === cluster && target.assignedAt !== null && target.finishedAt === null)) abandoned.push({ run, cluster });
  }
  return abandoned;
}
