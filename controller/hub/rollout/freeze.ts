/** A run's targets, decided once from the world as it is when the run's turn comes. */
import type { DesiredRevision } from '../../../mesh/model/desired.ts';
import type { ClusterView } from '../../../mesh/model/cluster.ts';
import type { RunTarget, StrategyValue } from '../../../mesh/model/rollout.ts';
import type { Plan } from '../../../mesh/plan/plan.ts';
import type { RecordStore } from '../../../mesh/ports/records.ts';
import { freezeTargets, strategyProblem, undoTargets } from '../../../mesh/rollout/targets.ts';
import { readChanges } from '../mesh/frozen-changes.ts';
import { type Change, changesOf } from '../mesh/next-run.ts';

export interface FreezeRequest {
  readonly run: string;
  readonly strategy: StrategyValue;
  readonly planDigest: string;
  readonly undoOf: string | undefined;
  readonly plan: Plan;
  readonly views: readonly ClusterView[];
  readonly assignedId: (cluster: string) => string | null;
  readonly records: RecordStore;
}

export interface Frozen {
  readonly targets: readonly RunTarget[];
  /** In the records before any target is: what may be assigned must be readable after a crash. */
  readonly revisions: readonly DesiredRevision[];
  /** Why there is nothing to do, for people. */
  readonly message: string;
}

export async function freeze(request: FreezeRequest): Promise<Frozen> {
  const { run, strategy, undoOf, plan, views, assignedId, records } = request;
  const frozen = (changes: readonly Change[], revisions: readonly DesiredRevision[], message: string): Frozen => ({
    targets: freezeTargets(strategy, views, changes.map(({ cluster, toId }) => ({ cluster, fromId: assignedId(cluster), toId }))), revisions, message,
  });
  if (undoOf !== undefined) {
    const changes = undoTargets(await records.listTargets(undoOf), Object.fromEntries(plan.baseline.map(({ cluster, id }) => [cluster, id])));
    const members = new Set(views.map(({ name }) => name));
    const known = (await records.listJournal(undoOf, 1)).length > 0;
    const nothing = known ? `run ${undoOf} changed nothing, so there is nothing to take back` : `there is no run "${undoOf}" to take back; "kubectl get updateruns" lists them`;
    return frozen(changes.filter(({ cluster }) => members.has(cluster)), plan.baseline, changes.length === 0 ? nothing : `takes back run ${undoOf}`);
  }
  const wrong = strategyProblem(strategy);
  if (wrong !== undefined) return frozen([], [], `nothing is changed: spec.strategy: ${wrong}; repair the UpdateStrategy and make another run`);
  const changes = await readChanges(records, run);
  if (changes !== undefined) return frozen(changes, [], 'created');
  if (plan.planDigest !== request.planDigest) return frozen([], [], `plan ${request.planDigest} is not the present plan, ${plan.planDigest}; make a run of that one`);
  return frozen(changesOf(plan, assignedId), plan.desired, 'created by hand');
}
