/** What is to be known of a run that has not begun: what it would do, and what that follows from. */
import type { UpdateRunObject, UpdateStrategyObject } from '../../../mesh/api/resources/updates.ts';
import type { Digest } from '../../../mesh/model/canonical.ts';
import type { ClusterView } from '../../../mesh/model/cluster.ts';
import type { DesiredRevision, DesiredState } from '../../../mesh/model/desired.ts';
import type { Assignment } from '../../../mesh/model/history.ts';
import type { RunTarget, StrategyValue } from '../../../mesh/model/rollout.ts';
import type { RecordStore, RunRecord } from '../../../mesh/ports/records.ts';
import type { Plan } from '../../../mesh/plan/plan.ts';
import type { Cache } from '../../runtime/cache.ts';
import type { Bundles } from '../bundles/types.ts';
import type { KnownEditors } from '../gates/editors.ts';
import type { HeldChange } from '../mesh/next-run.ts';
import type { runSpec } from '../views.ts';

export type RunSpec = NonNullable<ReturnType<typeof runSpec>>;

/** What decides on a run that has not begun. `plan` and `views` are of the same moment. */
export interface IntentWorld {
  readonly plan: () => Plan;
  readonly views: () => readonly ClusterView[];
  readonly assigned: (cluster: string) => Assignment | undefined;
  /** Changes of the plan that are not to be tried by themselves again. */
  readonly held: (plan: Plan) => Promise<readonly HeldChange[]>;
  readonly records: Pick<RecordStore, 'getReport' | 'getRevision' | 'getRun'>;
  /** Rows of a run that has ended: they never change. */
  readonly endedTargets: (run: string) => Promise<readonly RunTarget[]>;
  readonly runs: Pick<Cache<UpdateRunObject>, 'get'>;
  readonly strategies: Pick<Cache<UpdateStrategyObject>, 'get'>;
  readonly bundles: Bundles;
  readonly digest: Digest;
  /** Who had changed what, before any of this was looked at; absent: nobody asks. */
  readonly editors?: ReadonlyMap<string, KnownEditors>;
}

/** What it is to be brought to; `message` for people. */
export interface Contents {
  readonly changes: readonly { readonly to: DesiredRevision; /** What a rollback brings, where that is not what the cluster has now. */ readonly back?: DesiredRevision }[];
  readonly message: string;
}

/** What a run of its kind means, before its strategy is known. */
export interface Meaning {
  readonly changes: RunRecord['changes'];
  /** Name of the run that it takes back, or that the run which it tries again does; null: none. */
  readonly undoOf: string | null;
  /** That of the run that it repeats or takes back, for one that names none of its own. */
  readonly strategy?: StrategyValue;
  /** Whom it would touch, sorted: no other run may have them meanwhile. */
  readonly clusters: readonly string[];
  contents(): Promise<Contents>;
}

export interface Intent extends Meaning {
  readonly strategy: StrategyValue;
}

/** Why it cannot begin. `final`: it never can; else it waits until somebody repairs that. */
export interface Hindrance {
  readonly problem: string;
  readonly final: boolean;
}

/** How the message of a run begins that selects no cluster: its record says so and no more. */
export const NOTHING_SELECTED = 'nothing is selected: ';

export const isHindrance = (answer: object): answer is Hindrance => 'problem' in answer;

/** The state that a cluster is told to have; where it has none, the state without any mesh; undefined: it has not joined. */
export async function stateNow(world: IntentWorld, cluster: string): Promise<DesiredState | undefined> {
  const id = world.assigned(cluster)?.desiredId;
  const content = id === undefined ? world.plan().baseline.find((revision) => revision.cluster === cluster)?.content : (await world.records.getRevision(id))?.content;
  return content === undefined ? undefined : JSON.parse(content) as DesiredState;
}
