/** UpdateRun → one durable step after the other → assignments. Killed at any point, a restart goes on from the rows: nothing is skipped and nothing done twice. */
import { UpdateRun } from '../../../mesh/api/resources/index.ts';
import type { UpdateRunObject } from '../../../mesh/api/resources/updates.ts';
import type { JournalEntry } from '../../../mesh/model/history.ts';
import { toRfc3339 } from '../../../mesh/model/instant.ts';
import { FINAL_RUN_PHASES, NEW_RUN_STATE, type RunTarget, type StrategyValue, type TargetObservation } from '../../../mesh/model/rollout.ts';
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import type { RunRecord } from '../../../mesh/ports/records.ts';
import { decide } from '../../../mesh/rollout/decide.ts';
import type { RunStep } from '../../../mesh/rollout/step.ts';
import type { Cache } from '../../runtime/cache.ts';
import { createLoop, type Loop } from '../../runtime/loop.ts';
import type { Bundles } from '../bundles/types.ts';
import type { DriftJudge } from '../drift/judge.ts';
import type { Gates } from '../gates/types.ts';
import type { Fleet } from '../gateway/fleet.ts';
import { clusterViews, currentPlan, type PlanSources } from '../mesh/current-plan.ts';
import type { HubPorts } from '../ports.ts';
import { reportOn } from '../report.ts';
import { openRuns, runPhase, runSpec } from '../views.ts';
import type { Windows } from '../windows/types.ts';
import { writeStatus } from '../write-status.ts';
import { freeze } from './freeze.ts';

/** Agents need seconds to return to a restarted hub; who is connected, and so goes first, is judged after that. */
const GRACE_SECONDS = 15;
const ALL = 'runs';
type Spec = NonNullable<ReturnType<typeof runSpec>>;
type Status = NonNullable<UpdateRunObject['status']>;

export interface RolloutParts {
  readonly ports: Pick<HubPorts, 'clock' | 'random' | 'log' | 'metrics' | 'kubernetes' | 'records'>;
  readonly sources: PlanSources;
  readonly fleet: Fleet;
  readonly runs: Cache<UpdateRunObject>;
  readonly drift: DriftJudge;
  readonly gates: Gates;
  readonly windows: Windows;
  readonly bundles: Bundles;
}

const NOTHING = { total: 0, done: 0, inFlight: 0, failed: 0, skipped: 0 };

/** Follows from the rows alone, so that writing it again after a crash writes the same. */
function statusOf(object: UpdateRunObject, step: RunStep, created: JournalEntry | undefined): Status {
  const ended = FINAL_RUN_PHASES.includes(step.phase);
  const finishedAt = step.targets.reduce((latest, target) => Math.max(latest, target.finishedAt ?? 0), created?.at ?? 0);
  return {
    observedGeneration: object.metadata.generation ?? 0, phase: step.phase, ...(step.stage === null ? {} : { stage: step.stage }),
    message: step.targets.length === 0 ? created?.message ?? step.message : step.message,
    startedAt: toRfc3339(created?.at ?? 0), ...(ended ? { finishedAt: toRfc3339(finishedAt) } : {}), counts: step.counts,
  };
}

const oldestFirst = (a: UpdateRunObject, b: UpdateRunObject): number => {
  const [left, right] = [a, b].map(({ metadata }) => `${metadata.creationTimestamp ?? ''} ${metadata.name}`) as [string, string];
  return left < right ? -1 : left > right ? 1 : 0;
};

export function createRollout({ ports, sources, fleet, runs, drift }: RolloutParts): Loop {
  const { clock, log, kubernetes, records } = ports;
  const { assignments } = sources;
  const transitions = ports.metrics.counter('isthmus_hub_run_transitions_total', 'Transitions of clusters in update runs, by the phase they came to.', ['phase']);

  /** Of the run that the last reconcile took on. */
  let activeName: string | undefined;
  /** A step may be durable and its assignments not sent yet: a failed save may have been kept, and reading back may fail. */
  let unsent = false;

  function observe({ cluster }: RunTarget): TargetObservation {
    const applied = drift.applied(cluster);
    return { cluster, connected: fleet.connection(cluster)?.connected ?? false, appliedId: applied?.id ?? null, healthy: applied?.healthy ?? false, message: applied?.message ?? '', ...(applied?.generation === undefined ? {} : { generation: applied.generation }), gone: sources.clusters.get({ name: cluster }) === undefined, held: drift.held(cluster) };
  }

  /** The targets, frozen now where they were not. */
  async function targetsOf(run: string, uid: string, spec: Spec): Promise<readonly RunTarget[]> {
    if ((await records.listJournal(run, 1)).length > 0) return records.listTargets(run);
    const frozen = await freeze({
      run, strategy: spec.strategy as StrategyValue, planDigest: spec.planDigest ?? '', undoOf: spec.undoOf, plan: currentPlan(sources), views: clusterViews(sources),
      assignedId: (cluster) => assignments.get(cluster)?.desiredId ?? null, records,
    });
    await records.putRevisions(frozen.revisions);
    const at = clock.now();
    await records.createRun(run, {
      uid, createdAt: at, author: spec.requestedBy, changes: 'Plan', strategy: spec.strategy as StrategyValue, strategyDigest: '', undoOf: spec.undoOf ?? null, message: frozen.message,
      state: NEW_RUN_STATE, phase: 'Running', finishedAt: null, joinedLater: [], targets: frozen.targets, journal: [{ run, at, cluster: '', event: 'Created', message: frozen.message }],
    });
    log.info({ run, clusters: frozen.targets.length }, 'update run started');
    return records.listTargets(run);
  }

  async function save(run: string, { revision, state }: RunRecord, step: RunStep): Promise<void> {
    if (step.changed.length === 0 && step.journal.length === 0 && step.state === state) return;
    const assigned = step.assign.map(({ cluster, desiredId, stage, at }) => ({ cluster, desiredId, run, stage, assignedAt: at }));
    unsent = true;
    const given = await records.saveProgress({
      run, revision, targets: step.changed, assignments: assigned, journal: step.journal, state: step.state, phase: step.phase,
      finishedAt: FINAL_RUN_PHASES.includes(step.phase) ? clock.now() : null, joinedLater: [],
    });
    for (const { cluster, event, message } of step.journal) {
      if (cluster !== '') transitions.inc({ phase: event });
      log.info({ run, cluster, event }, message);
    }
    await assignments.accept(given);
    unsent = false;
  }

  async function advance(object: UpdateRunObject, spec: Spec, signal: CancelSignal): Promise<number | null> {
    const run = object.metadata.name;
    const strategy = spec.strategy as StrategyValue;
    const targets = await targetsOf(run, object.metadata.uid ?? '', spec);
    const graceEnds = fleet.listeningSince() + GRACE_SECONDS * 1000;
    const unheard = targets.some(({ cluster, finishedAt }) => finishedAt === null && sources.clusters.get({ name: cluster }) !== undefined && fleet.heard(cluster, 'AppliedReport') === undefined);
    if (unheard && !spec.stop && clock.now() < graceEnds) return graceEnds;
    const journal = await records.listJournal(run, 2);
    const record = await records.getRun(run);
    const phase = targets.length === 0 && journal.length > 1 ? 'Completed' : runPhase(object);
    const step = decide({ name: run, phase, strategy, stopRequested: spec.stop, watchedSince: fleet.listeningSince(), targets, ...(record === undefined ? {} : { state: record.state }) }, targets.map(observe), clock.now());
    if (record !== undefined) await save(run, record, step);
    await writeStatus(kubernetes, UpdateRun, object, statusOf(object, step, journal[0]), signal);
    return step.wakeAt;
  }

  /** Of several open runs the one that has begun goes on; else the oldest begins. */
  async function turnOf(open: readonly UpdateRunObject[]): Promise<UpdateRunObject | undefined> {
    for (const run of open) if ((await records.listJournal(run.metadata.name, 1)).length > 0) return run;
    return open[0];
  }

  async function reconcile(_key: string, signal: CancelSignal): Promise<{ requeueAt?: number }> {
    if (unsent) await assignments.load();
    unsent = false;
    const open = [...openRuns(runs)].sort(oldestFirst);
    const active = await turnOf(open);
    activeName = active?.metadata.name;
    if (active === undefined) return {};
    const spec = runSpec(active);
    const wakeAt = spec === undefined ? null : await advance(active, spec, signal);
    for (const waiting of open) {
      if (waiting === active) continue;
      const message = `waits for run ${active.metadata.name} to end; "isthmus run stop ${active.metadata.name}" ends it sooner`;
      await writeStatus(kubernetes, UpdateRun, waiting, { observedGeneration: waiting.metadata.generation ?? 0, phase: 'Pending', message, counts: NOTHING }, signal);
    }
    return wakeAt === null ? {} : { requeueAt: wakeAt };
  }

  const reportRun = reportOn<UpdateRunObject>(ports, UpdateRun, { phase: 'Pending', message: '', counts: NOTHING });
  const loop = createLoop({
    name: 'rollout', reconcile, ...ports,
    async report(_key, trouble, signal) {
      const run = activeName === undefined ? undefined : runs.get({ name: activeName });
      if (run !== undefined) await reportRun(run, trouble, signal);
    },
  });
  runs.subscribe(() => loop.add(ALL));
  fleet.subscribe(({ type }) => { if (type === 'AppliedReport' || type === 'Connection') loop.add(ALL); });
  return loop;
}
