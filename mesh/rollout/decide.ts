/** A run's next step, from its rows and what is known of its clusters. */
import type { JournalEntry } from '../model/history.ts';
import type { Instant } from '../model/instant.ts';
import { compareText } from '../model/order.ts';
import { type GateObservations, NEW_RUN_STATE, type RunPhase, type RunTarget, type RunValue, type TargetObservation } from '../model/rollout.ts';
import { advance, isPassedOver, wakeAtOf } from './advance.ts';
import type { RunAssignment, RunCounts, RunStep } from './step.ts';
import { stagesOf } from './targets.ts';

/**
 * Stage after stage; a stage begins when every cluster of the earlier ones is Done. Within a stage at most `maxConcurrency` clusters are
 * Assigned or Soaking, connected ones first. A failure or a requested stop skips what is Pending, and what is in flight finishes; the run is
 * Running until then. In the end: Completed (all Done), CompletedWithFailures (some Failed, none left out), Stopped (some Skipped). A cluster that leaves
 * the fleet, or is held, before its turn is passed over; one that leaves in flight has failed, for it proved nothing.
 *
 * Everything follows from the rows, not from `run.phase`: deciding again on the rows of a step, with the same observations and time, changes
 * and journals nothing, so a restart between saving rows and writing the run's status repeats nothing.
 */
export function decide(run: RunValue, observed: readonly TargetObservation[], now: Instant, _gates: GateObservations = {}): RunStep {
  const stages = stagesOf(run.strategy);
  const observations = new Map(observed.map((observation) => [observation.cluster, observation]));
  const clock = { now, progressDeadlineSeconds: run.strategy.progressDeadlineSeconds, ...(run.watchedSince === undefined ? {} : { watchedSince: run.watchedSince }) };
  const stageOf = (target: RunTarget) => stages[Math.min(target.stage, stages.length - 1)]!;
  const targets = [...run.targets];
  const journal: JournalEntry[] = [];
  const assigned = new Set<number>();
  const note = (cluster: string, event: JournalEntry['event'], message: string): void => { journal.push({ run: run.name, at: now, cluster, event, message }); };
  const move = (index: number, next: RunTarget): void => {
    if (next.phase !== targets[index]?.phase) note(next.cluster, next.phase, next.message);
    targets[index] = next;
  };

  const advanceAll = (): void => {
    for (let index = 0; index < targets.length; index++) {
      for (;;) {
        const target = targets[index]!;
        const next = advance(target, stageOf(target), observations.get(target.cluster), clock);
        if (next === target) break;
        move(index, next);
        if (next.phase === target.phase) break;
      }
    }
  };

  /** Whether anything was assigned or skipped. */
  const fill = (): boolean => {
    const pending = [...targets.entries()].filter(([, target]) => target.phase === 'Pending');
    if (isStopping(run, targets)) {
      for (const [index, target] of pending) move(index, { ...target, phase: 'Skipped', finishedAt: now, message: 'the run was stopped before its turn' });
      return pending.length > 0;
    }
    const current = currentStage(targets);
    const stage = stages[Math.min(current ?? 0, stages.length - 1)]!;
    const free = Number(stage.maxConcurrency) - targets.filter((target) => target.stage === current && isInFlight(target)).length;
    const connectedFirst = ([, target]: [number, RunTarget]): number => (observations.get(target.cluster)?.connected === true ? 0 : 1);
    const next = pending.filter(([, target]) => target.stage === current)
      .sort((a, b) => connectedFirst(a) - connectedFirst(b) || compareText(a[1].cluster, b[1].cluster))
      .slice(0, Math.max(free, 0));
    if (next.length > 0 && !targets.some((target) => target.stage === current && target.assignedAt !== null)) note('', 'StageStarted', `stage ${stage.name}`);
    for (const [index, target] of next) {
      assigned.add(index);
      move(index, { ...target, phase: 'Assigned', assignedAt: now, message: 'assigned' });
    }
    return next.length > 0;
  };

  do advanceAll(); while (fill());

  const counts = countsOf(targets);
  const finished = targets.every(isTerminal);
  const phase: RunPhase = !finished ? 'Running' : targets.some(wasStopped) ? 'Stopped' : counts.failed > 0 ? 'CompletedWithFailures' : 'Completed';
  const current = currentStage(targets);
  const stage = current === null ? null : stages[Math.min(current, stages.length - 1)]!.name;
  const message = messageOf(run, targets, counts, stage);
  const justFinished = targets.length === 0 ? run.phase === 'Pending' || run.phase === 'Running' : !run.targets.every(isTerminal);
  if (finished && justFinished && phase !== 'Running') note('', phase, message);
  const wakes = targets.flatMap((target) => wakeAtOf(target, stageOf(target), observations.get(target.cluster), clock) ?? []);
  return {
    targets, phase, stage, message, counts, journal, state: run.state ?? NEW_RUN_STATE, gatesWanted: [], waitingUntil: null,
    changed: targets.filter((target, index) => target !== run.targets[index]),
    assign: targets.filter((_, index) => assigned.has(index)).map((target): RunAssignment => ({ cluster: target.cluster, desiredId: target.toId, stage: stageOf(target).name, at: now, back: false })),
    wakeAt: wakes.length === 0 ? null : wakes.reduce((a, b) => Math.min(a, b)),
  };
}

const isInFlight = (target: RunTarget): boolean => target.phase === 'Assigned' || target.phase === 'Soaking';
const isTerminal = (target: RunTarget): boolean => target.phase === 'Done' || target.phase === 'Failed' || target.phase === 'Skipped';
const wasStopped = (target: RunTarget): boolean => target.phase === 'Skipped' && !isPassedOver(target);
const isStopping = (run: RunValue, targets: readonly RunTarget[]): boolean =>
  run.stopRequested || targets.some((target) => target.phase === 'Failed' || wasStopped(target));

/** The earliest stage with a cluster that has not finished. */
const currentStage = (targets: readonly RunTarget[]): number | null =>
  targets.reduce<number | null>((earliest, target) => (isTerminal(target) || (earliest !== null && earliest <= target.stage) ? earliest : target.stage), null);

function countsOf(targets: readonly RunTarget[]): RunCounts {
  const count = (test: (target: RunTarget) => boolean): number => targets.filter(test).length;
  return {
    total: targets.length, done: count((target) => target.phase === 'Done'), inFlight: count(isInFlight),
    failed: count((target) => target.phase === 'Failed'), skipped: count((target) => target.phase === 'Skipped'), rolledBack: 0, away: 0, gone: 0,
  };
}

function messageOf(run: RunValue, targets: readonly RunTarget[], counts: RunCounts, stage: string | null): string {
  const tally = `${counts.done} of ${counts.total} clusters done`;
  const failed = targets.find((target) => target.phase === 'Failed');
  const why = failed !== undefined ? `cluster ${failed.cluster} failed: ${failed.message}` : run.stopRequested && counts.skipped > 0 ? 'stop was requested' : '';
  const reason = why === '' ? '' : `; ${why}`;
  if (stage === null) return `${tally}${counts.skipped > 0 ? `, ${counts.skipped} skipped` : ''}${reason}`;
  if (isStopping(run, targets)) return `stopping, ${counts.inFlight} in flight finish; ${tally}${reason}`;
  return `stage ${stage}: ${tally}, ${counts.inFlight} in flight`;
}
