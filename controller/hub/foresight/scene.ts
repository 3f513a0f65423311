/** A run that is looked at ahead: one that there is, as far as it is, or one that nobody has made, frozen as it would be if it began now. */
import type { InquiryObject } from '../../../mesh/api/resources/inquiry.ts';
import type { LookedAtRun } from '../../../mesh/api/resources/inquiry-answers.ts';
import type { UpdateRunObject } from '../../../mesh/api/resources/updates.ts';
import type { WindowRun } from '../../../mesh/model/change-window.ts';
import type { DesiredRevision } from '../../../mesh/model/desired.ts';
import type { Instant } from '../../../mesh/model/instant.ts';
import { FINAL_RUN_PHASES, type RunValue, type StrategyValue } from '../../../mesh/model/rollout.ts';
import { type ClusterSelector, isEmptySelector } from '../../../mesh/model/selector.ts';
import type { RecordStore } from '../../../mesh/ports/records.ts';
import type { Cache } from '../../runtime/cache.ts';
import { AdvisedError } from '../../runtime/errors.ts';
import { intentOf } from '../rollout/intent.ts';
import { type IntentWorld, isHindrance, type RunSpec } from '../rollout/intent-world.ts';
import { strategyProblem } from '../../../mesh/rollout/targets.ts';
import { stagesOf } from '../../../mesh/rollout/stage.ts';
import type { RolloutWorld } from '../rollout/world.ts';
import { runPhase, runSpec } from '../views.ts';

type Question = NonNullable<InquiryObject['spec']['changes']>;

export interface Scene {
  readonly about: LookedAtRun;
  readonly value: RunValue;
  readonly world: IntentWorld;
  readonly windowRun: WindowRun;
  /** What it would write into the records, by id. */
  readonly revisions: ReadonlyMap<string, DesiredRevision>;
  /** Final: nothing of it happens any more. */
  readonly ended: boolean;
}

export interface SceneParts {
  readonly records: Pick<RecordStore, 'getRun' | 'listTargets'>;
  readonly runs: Pick<Cache<UpdateRunObject>, 'get'>;
  readonly around: RolloutWorld;
  /** What windows ask of a run that there is. */
  readonly factsOf: (run: string) => WindowRun;
  readonly packageOf: (bundle: string) => string | undefined;
}

/** Whoever only asks need not say that all are meant. */
const saidAll = <T extends { readonly clusters: unknown }>(selects: T): T => (isEmptySelector(selects.clusters as ClusterSelector) ? { ...selects, all: true } : selects);

/** A spec as the API server would take it, but for who asks and why. */
function specOf({ strategyName, plan, bundle, removePackage, undoOf, retryOf }: Question, world: IntentWorld): RunSpec {
  return {
    ...(strategyName === undefined ? {} : { strategyName }), ...(plan === true ? { planDigest: world.plan().planDigest } : {}), ...(bundle === undefined ? {} : { bundle: saidAll(bundle) }),
    ...(removePackage === undefined ? {} : { removePackage: saidAll(removePackage) }), ...(undoOf === undefined ? {} : { undoOf }), ...(retryOf === undefined ? {} : { retryOf }), reason: '', requestedBy: '', stop: false,
  };
}

export function createScenes({ records, runs, around, factsOf, packageOf }: SceneParts): (question: Question, now: Instant) => Promise<Scene> {
  async function begun(run: string, object: UpdateRunObject | undefined): Promise<Scene | undefined> {
    const record = await records.getRun(run);
    if (record === undefined) return undefined;
    const spec = object === undefined ? undefined : runSpec(object);
    const strategy = record.strategy ?? spec?.strategy as StrategyValue | undefined;
    if (strategy === undefined) throw new AdvisedError('user', `run "${run}": the strategy that it went by is not kept any more`);
    const isPaused = record.finishedAt === null && (record.state.paused !== null || spec?.pause === true);
    const value: RunValue = { name: run, phase: record.phase, strategy, stopRequested: spec?.stop ?? false, author: record.author, state: record.state, targets: await records.listTargets(run) };
    const notes = isPaused ? ['it is paused: looked at as if it were resumed'] : [];
    return {
      about: { run, strategy: strategy.name, brings: record.message, warnings: record.warnings, notes }, value, world: around.now(), windowRun: factsOf(run), revisions: new Map(),
      ended: FINAL_RUN_PHASES.includes(record.phase) || record.finishedAt !== null,
    };
  }

  async function imagined(name: string | null, spec: RunSpec, world: IntentWorld, now: Instant, notes: readonly string[]): Promise<Scene> {
    const intent = await intentOf(name ?? '', spec, world);
    if (isHindrance(intent)) throw new AdvisedError('user', intent.problem.replace(/^waits for (UpdateStrategy|Bundle) /, '$1 '));
    const wrong = strategyProblem(intent.strategy);
    if (wrong !== undefined) throw new AdvisedError('user', `strategy ${intent.strategy.name}: ${wrong}`);
    const frozen = await around.freeze(intent, await intent.contents(), world, now);
    const earlier = spec.undoOf ?? spec.retryOf;
    const brought = spec.removePackage?.name ?? (spec.bundle === undefined ? undefined : packageOf(spec.bundle.name)) ?? (earlier === undefined ? undefined : factsOf(earlier).package);
    return {
      about: { run: name, strategy: intent.strategy.name, ...(spec.planDigest === undefined ? {} : { planDigest: spec.planDigest }), brings: frozen.message, warnings: frozen.warnings, notes },
      value: { name: name ?? '', phase: 'Pending', strategy: intent.strategy, stopRequested: false, targets: frozen.targets },
      world, windowRun: name === null ? { name: '', strategy: intent.strategy.name, ...(brought === undefined ? {} : { package: brought }) } : factsOf(name),
      revisions: new Map(frozen.revisions.map((revision) => [revision.id, revision])), ended: false,
    };
  }

  return async (question, now) => {
    const { run } = question;
    if ([run, question.bundle, question.removePackage, question.undoOf, question.retryOf].every((given) => given === undefined) && question.plan !== true) throw new AdvisedError('user', 'say of which run: give one of run, plan, bundle, removePackage, undoOf and retryOf');
    const world = around.now();
    if (run === undefined) return imagined(null, specOf(question, world), world, now, []);
    const object = runs.get({ name: run });
    const found = await begun(run, object);
    if (found !== undefined) return found;
    if (object === undefined) throw new AdvisedError('user', `run "${run}": there is no such run; "kubectl get updateruns" lists them`);
    const spec = runSpec(object);
    if (spec === undefined) throw new AdvisedError('user', `run "${run}": its spec is not as the schema has it`);
    if (FINAL_RUN_PHASES.includes(runPhase(object))) throw new AdvisedError('user', `run "${run}" ended before it began: ${object.status?.message ?? ''}`);
    const says = object.status?.message ?? '';
    const notes = ['it has not begun: looked at as if it began at once, and what it froze were what there is now', ...(says === '' ? [] : [`it says of itself: ${says}`])];
    return imagined(run, spec, world, now, notes);
  };
}

/** Names, in the order of their numbers. */
export const stageNamesOf = ({ value: { strategy } }: Scene): readonly string[] => stagesOf(strategy).map(({ name }) => name);
