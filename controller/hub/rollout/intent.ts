/** What a run that has not begun would do, as the world is now: with which strategy, to which clusters, and to what. Decided for good when its turn comes. */
import type { UpdateRunObject, UpdateStrategyObject } from '../../../mesh/api/resources/updates.ts';
import type { Digest } from '../../../mesh/model/canonical.ts';
import type { ClusterView } from '../../../mesh/model/cluster.ts';
import type { DesiredRevision, DesiredState } from '../../../mesh/model/desired.ts';
import type { Assignment } from '../../../mesh/model/history.ts';
import type { StrategyValue } from '../../../mesh/model/rollout.ts';
import type { RecordStore, RunRecord } from '../../../mesh/ports/records.ts';
import type { Plan } from '../../../mesh/plan/plan.ts';
import { strategyProblem } from '../../../mesh/rollout/targets.ts';
import type { Cache } from '../../runtime/cache.ts';
import type { Bundles } from '../bundles/types.ts';
import type { HeldChange } from '../mesh/next-run.ts';
import { type runSpec, strategyValue } from '../views.ts';
import { intentOfBundle, intentOfRemoval } from './intent-bundle.ts';
import { intentOfEarlier } from './intent-earlier.ts';
import { intentOfPlan } from './intent-plan.ts';

export type RunSpec = NonNullable<ReturnType<typeof runSpec>>;

/** What decides on a run that has not begun. `plan` and `views` are of the same moment. */
export interface IntentWorld {
  readonly plan: () => Plan;
  readonly views: () => readonly ClusterView[];
  readonly assigned: (cluster: string) => Assignment | undefined;
  /** Changes of the plan that are not to be tried by themselves again. */
  readonly held: (plan: Plan) => Promise<readonly HeldChange[]>;
  readonly records: Pick<RecordStore, 'getReport' | 'getRevision' | 'getRun' | 'listTargets'>;
  readonly runs: Pick<Cache<UpdateRunObject>, 'get'>;
  readonly strategies: Pick<Cache<UpdateStrategyObject>, 'get'>;
  readonly bundles: Bundles;
  readonly digest: Digest;
}

/** What it is to be brought to; `message` for people. */
export interface Contents {
  readonly changes: readonly { readonly to: DesiredRevision; /** What a rollback brings, where that is not what the cluster has now. */ readonly back?: DesiredRevision }[];
  readonly message: string;
}

/** What a run of its kind means, before its strategy is known. */
export interface Meaning {
  readonly changes: RunRecord['changes'];
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

export const isHindrance = (answer: object): answer is Hindrance => 'problem' in answer;

/** The state that a cluster is told to have; where it has none, the state without any mesh; undefined: it has not joined. */
export async function stateNow(world: IntentWorld, cluster: string): Promise<DesiredState | undefined> {
  const id = world.assigned(cluster)?.desiredId;
  const content = id === undefined ? world.plan().baseline.find((revision) => revision.cluster === cluster)?.content : (await world.records.getRevision(id))?.content;
  return content === undefined ? undefined : JSON.parse(content) as DesiredState;
}

export async function intentOf(run: string, spec: RunSpec, world: IntentWorld): Promise<Intent | Hindrance> {
  const own = ownStrategy(spec, world);
  if (own !== undefined && isHindrance(own)) return own;
  const meaning = await meaningOf(run, spec, world);
  if (isHindrance(meaning)) return meaning;
  const strategy = own ?? meaning.strategy;
  return strategy === undefined ? { final: true, problem: 'the run has no strategy; make another one with spec.strategyName' } : { ...meaning, strategy };
}

function meaningOf(run: string, spec: RunSpec, world: IntentWorld): Promise<Meaning | Hindrance> {
  const earlier = spec.undoOf ?? spec.retryOf;
  if (earlier !== undefined) return intentOfEarlier(earlier, spec.undoOf === undefined ? 'again' : 'back', world);
  if (spec.bundle !== undefined) return intentOfBundle(spec.bundle, world);
  if (spec.removePackage !== undefined) return intentOfRemoval(spec.removePackage, world);
  return intentOfPlan(run, spec.planDigest ?? '', world);
}

/** undefined: it names none. */
function ownStrategy(spec: RunSpec, { strategies }: IntentWorld): StrategyValue | Hindrance | undefined {
  if (spec.strategyName === undefined) {
    const strategy = spec.strategy as StrategyValue | undefined;
    const wrong = strategy === undefined ? undefined : strategyProblem(strategy);
    return wrong === undefined ? strategy : { final: true, problem: `nothing is changed: spec.strategy: ${wrong}; repair the UpdateStrategy and make another run` };
  }
  const object = strategies.get({ name: spec.strategyName });
  if (object === undefined) return { final: false, problem: `waits for UpdateStrategy ${spec.strategyName}, which does not exist; create it, or stop this run` };
  const strategy = strategyValue(object);
  const wrong = strategy === undefined ? 'its spec is not as the schema has it' : strategyProblem(strategy);
  return strategy !== undefined && wrong === undefined ? strategy : { final: false, problem: `waits for UpdateStrategy ${spec.strategyName} to be repaired: ${wrong}` };
}
