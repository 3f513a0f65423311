/** One run, one durable step after the other: freeze → decide → records → agents → status. Killed at any point, a restart goes on from the records: nothing is skipped and nothing done twice. */
import type { UpdateRunObject } from '../../../mesh/api/resources/updates.ts';
import { UpdateRun } from '../../../mesh/api/resources/index.ts';
import type { Digest } from '../../../mesh/model/canonical.ts';
import type { ClusterView } from '../../../mesh/model/cluster.ts';
import type { JournalEntry } from '../../../mesh/model/history.ts';
import { fromRfc3339, type Instant } from '../../../mesh/model/instant.ts';
import { FINAL_RUN_PHASES, NEW_RUN_STATE, type RunTarget, type RunValue, type StrategyValue, type TargetObservation } from '../../../mesh/model/rollout.ts';
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import { decideWithGates } from '../../../mesh/rollout/decide-with-gates.ts';
import type { RunStep } from '../../../mesh/rollout/step.ts';
import { matchesSelector } from '../../../mesh/model/selector.ts';
import { clusterView, meshValues, strategyValue } from '../views.ts';
import { writeStatus } from '../write-status.ts';
import type { OpenRun, RunBook } from './book.ts';
import { holdObject, releaseObject } from './finalizer.ts';
import { strategyDigestOf } from './freeze.ts';
import type { Contents, Intent, IntentWorld, RunSpec } from './intent-world.ts';
import { joinedLater } from './joined-later.ts';
import { createOrigins, editorsText } from './origins.ts';
import type { RolloutParts } from './parts.ts';
import { heardPause } from './person-paused.ts';
import { type Beside, statusBefore, statusOf, statusOfNothing } from './status.ts';
import type { RolloutWorld } from './world.ts';

export interface Conductor {
  /** Freezes a run whose turn has come; `hindrance`: that it cannot do anything, and why. */
  begin(object: UpdateRunObject, spec: RunSpec, intent: Intent | { readonly hindrance: string }, world: IntentWorld, signal: CancelSignal): Promise<UpdateRunObject>;
  /** When time alone brings it on; null: never. */
  advance(object: UpdateRunObject, spec: RunSpec, open: OpenRun, signal: CancelSignal): Promise<Instant | null>;
  /** Tells agents what is durable and may not have been sent: the answer of a save may be lost, and reading back may fail. */
  resend(): Promise<void>;
  /** The run cannot begin, or is not to any more. */
  endBefore(object: UpdateRunObject, phase: 'Failed' | 'Stopped', message: string, signal: CancelSignal): Promise<void>;
}

const saidBy = ({ stoppedBy, pausedBy, resumedBy }: RunSpec): Pick<RunValue, 'stoppedBy' | 'pausedBy' | 'resumedBy'> =>
  ({ ...(stoppedBy === undefined ? {} : { stoppedBy }), ...(pausedBy === undefined ? {} : { pausedBy }), ...(resumedBy === undefined ? {} : { resumedBy }) });

export function createConductor({ ports, sources, fleet, gates, windows, strategies, runs, editors, onProgress }: RolloutParts, around: RolloutWorld, book: RunBook, digest: Digest): Conductor {
  const { clock, log, kubernetes, records } = ports;
  const { assignments, clusters, meshes } = sources;
  const transitions = ports.metrics.counter('isthmus_hub_run_transitions_total', 'Transitions of clusters in update runs, by the phase they came to.', ['phase']);

  const origins = editors === undefined ? undefined : createOrigins({ editors, sources, runs });

  let unsent = false;

  const observe = (run: string, { cluster, phase }: RunTarget): TargetObservation => ({ ...around.observe(cluster), ...(phase === 'Pending' ? { window: windows.windowOf(cluster, run) } : {}) });

  function beside({ record }: OpenRun): Beside {
    const { strategy, strategyDigest } = record;
    const { warnings } = record;
    if (strategy === null) return { warnings, strategyChanged: undefined };
    const object = strategies.get({ name: strategy.name });
    const now = object === undefined ? undefined : strategyValue(object);
    const same = now === undefined || strategyDigestOf(now, digest) === strategyDigest;
    return {
      warnings, strategyChanged: same ? undefined : `UpdateStrategy ${strategy.name} is not what this run has frozen (${strategyDigest}); the run goes on by what it has frozen, and the edit counts for later runs`,
    };
  }

  async function begin(object: UpdateRunObject, spec: RunSpec, intent: Intent | { readonly hindrance: string }, world: IntentWorld, signal: CancelSignal): Promise<UpdateRunObject> {
    const held = await holdObject(kubernetes, object, signal);
    const run = object.metadata.name;
    const at = clock.now();
    const strategy = 'hindrance' in intent ? spec.strategy as StrategyValue | undefined ?? null : intent.strategy;
    const contents: Contents = 'hindrance' in intent ? { changes: [], message: intent.hindrance } : await intent.contents();
    const { targets, revisions, message, warnings } = 'hindrance' in intent ? { targets: [], revisions: [], message: intent.hindrance, warnings: [] } : await around.freeze(intent, contents, world, at);
    const phase = targets.length > 0 ? 'Running' : 'hindrance' in intent ? 'Failed' : 'Completed';
    const changedBy = 'hindrance' in intent || targets.length === 0 ? undefined : await origins?.of(object, spec, intent, targets.map(({ cluster }) => cluster), world);
    const entry = (event: JournalEntry['event']): JournalEntry => ({ run, at, cluster: '', event, message: event === 'Created' ? `${message}${editorsText(changedBy)}` : message });
    await records.putRevisions(revisions);
    await records.createRun(run, {
      uid: object.metadata.uid ?? '', createdAt: at, author: spec.requestedBy, changes: 'hindrance' in intent ? 'Plan' : intent.changes,
      strategy, strategyDigest: strategy === null ? '' : strategyDigestOf(strategy, digest), undoOf: 'hindrance' in intent ? spec.undoOf ?? null : intent.undoOf, message, warnings, state: changedBy === undefined ? NEW_RUN_STATE : { ...NEW_RUN_STATE, changedBy }, phase,
      finishedAt: targets.length === 0 ? at : null, joinedLater: [], targets, revisions, journal: targets.length === 0 ? [entry('Created'), entry(phase)] : [entry('Created')],
    });
    log.info({ run, clusters: targets.length }, 'update run started');
    return held;
  }

  async function save(object: UpdateRunObject, spec: RunSpec, open: OpenRun, decided: RunStep, late: readonly string[]): Promise<OpenRun> {
    const { record } = open;
    const run = record.run;
    const now = clock.now();
    const heard = heardPause(run, decided.state, spec, now);
    const step = { ...decided, state: heard.state, journal: [...heard.journal, ...decided.journal] };
    const newcomers = late.filter((cluster) => !record.joinedLater.includes(cluster));
    const journal = newcomers.map((cluster): JournalEntry => ({ run, at: now, cluster, event: 'ClusterJoinedLater', message: 'joined after the run was frozen: left to the next run' }));
    if (step.changed.length === 0 && step.journal.length === 0 && step.state === record.state && step.phase === record.phase && newcomers.length === 0) return open;
    const before = unsent;
    unsent = true;
    const saved = await book.save(open, step, { finishedAt: FINAL_RUN_PHASES.includes(step.phase) ? record.finishedAt ?? now : null, joinedLater: late, journal });
    for (const { cluster, event, message } of [...step.journal, ...journal]) {
      if (cluster !== '') transitions.inc({ phase: event });
      log.info({ run, cluster, event }, message);
    }
    await assignments.accept(saved.assignments);
    unsent = before;
    onProgress?.(object, [...step.journal, ...journal]);
    return saved.open;
  }

  async function finish(object: UpdateRunObject, value: RunValue, signal: CancelSignal): Promise<void> {
    gates.observe(value, []);
    await releaseObject(kubernetes, object, signal);
    book.forget(object.metadata.name);
  }

  async function advance(object: UpdateRunObject, spec: RunSpec, open: OpenRun, signal: CancelSignal): Promise<Instant | null> {
    const { record, targets } = open;
    const run = record.run;
    const strategy = record.strategy ?? spec.strategy as StrategyValue | undefined;
    const resumedAt = fromRfc3339(spec.resumedAt);
    if (targets.length === 0 || strategy === undefined) {
      await writeStatus(kubernetes, UpdateRun, object, statusOfNothing(object, record, beside(open), record.createdAt), signal);
      await releaseObject(kubernetes, object, signal);
      book.forget(run);
      return null;
    }
    const value: RunValue = {
      name: run, phase: record.phase, strategy, stopRequested: spec.stop || object.metadata.deletionTimestamp !== undefined, pauseRequested: spec.pause ?? false,
      ...(resumedAt === undefined ? {} : { resumedAt }), ...saidBy(spec), author: spec.requestedBy, watchedSince: fleet.listeningSince(), state: record.state, targets,
    };
    const step = decideWithGates(value, targets.map((target) => observe(run, target)), clock.now(), gates.observe);
    const late = record.finishedAt !== null ? record.joinedLater : joinedLater(open, spec, clusters.list(), (one) => clusterView(one, assignments.get(one.metadata.name)), (view: ClusterView) => meshValues(meshes.list()).some((mesh) => matchesSelector(mesh.clusters, view)));
    const saved = record.finishedAt !== null ? open : await save(object, spec, open, step, late);
    await writeStatus(kubernetes, UpdateRun, object, statusOf(object, saved.record, step, beside(open), clock.now()), signal);
    if (saved.record.finishedAt !== null) await finish(object, value, signal);
    return saved.record.finishedAt === null ? step.wakeAt : null;
  }

  return {
    begin, advance,
    async resend() {
      if (unsent) await assignments.load();
      unsent = false;
    },
    async endBefore(object, phase, message, signal) {
      await writeStatus(kubernetes, UpdateRun, object, statusBefore(object, phase, message, 0, clock.now()), signal);
      await releaseObject(kubernetes, object, signal);
    },
  };
}
