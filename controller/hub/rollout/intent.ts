/** What a run that has not begun would do, as the world is now: with which strategy, to which clusters, and to what. Decided for good when its turn comes. */
import type { StrategyValue } from '../../../mesh/model/rollout.ts';
import { strategyProblem } from '../../../mesh/rollout/targets.ts';
import { strategyValue } from '../views.ts';
import { intentOfBundle, intentOfRemoval } from './intent-bundle.ts';
import { intentOfEarlier } from './intent-earlier.ts';
import { intentOfPlan } from './intent-plan.ts';
import { type Hindrance, type Intent, type IntentWorld, isHindrance, type Meaning, type RunSpec } from './intent-world.ts';

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
