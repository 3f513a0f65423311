/** The rows of one run while a step of it is decided: moved one by one, counted as they move, everything else follows. */
import type { JournalEntry } from '../model/history.ts';
import type { Instant } from '../model/instant.ts';
import { NEW_RUN_STATE, type RunState, type RunTarget, type RunValue, type StageValue, type TargetObservation } from '../model/rollout.ts';
import { advance, type TargetClock, wakeAtOf } from './advance.ts';
import { advanceBack, backDeadline } from './go-back.ts';
import { NOT_YET_GIVEN } from './health.ts';
import { backDeadlineSecondsOf, deadlineSecondsOf, stagesOf } from './stage.ts';
import type { RunAssignment } from './step.ts';
import { count, type FailureRule, newTally, type Tally } from './tally.ts';

export interface Desk {
  readonly run: RunValue;
  readonly now: Instant;
  readonly stages: readonly StageValue[];
  /** As they are by now. */
  readonly targets: RunTarget[];
  state: RunState;
  readonly journal: JournalEntry[];
  /** By cluster: what it is given last in this step. */
  readonly assign: Map<string, RunAssignment>;
  readonly whole: Tally;
  readonly byStage: readonly Tally[];
  readonly byGroup: readonly (readonly Tally[])[];
  /** Pending rows by stage, in the run's order, as they were when the step began. */
  readonly pending: readonly number[][];
  /** The highest stage that has begun; -1: none. */
  begun: number;
  /** Rows that failed since the failure policy last looked. */
  readonly fresh: number[];
  observed(index: number): TargetObservation | undefined;
  stageOf(target: RunTarget): number;
  groupOf(target: RunTarget): Tally | undefined;
  note(cluster: string, event: JournalEntry['event'], message: string): void;
  /** Moves a row, and on as far as it goes by itself. */
  move(index: number, next: RunTarget): void;
  /** Moves a row and gives its cluster `desiredId`. */
  give(index: number, next: RunTarget, desiredId: string): void;
  wakeAt(index: number): Instant | null;
}

/** Observations in the order of the rows are found at once; others by name. */
function finder(targets: readonly RunTarget[], observed: readonly TargetObservation[]): (index: number) => TargetObservation | undefined {
  let byName: Map<string, TargetObservation> | undefined;
  return (index) => {
    const { cluster } = targets[index]!;
    const there = observed[index];
    if (there?.cluster === cluster) return there;
    byName ??= new Map(observed.map((observation) => [observation.cluster, observation]));
    return byName.get(cluster);
  };
}

export function createDesk(run: RunValue, observations: readonly TargetObservation[], now: Instant, state: RunState = run.state ?? NEW_RUN_STATE): Desk {
  const stages = stagesOf(run.strategy);
  const targets = [...run.targets];
  const observed = finder(targets, observations);
  const watchedSince = run.watchedSince ?? 0;
  const ahead = stages.map((stage): TargetClock => ({ now, watchedSince, progressDeadlineSeconds: deadlineSecondsOf(run.strategy, stage) }));
  const back = stages.map((stage): TargetClock => ({ now, watchedSince, progressDeadlineSeconds: backDeadlineSecondsOf(run.strategy, stage) }));
  const rule: FailureRule = { withThoseBack: run.strategy.onFailure === 'RollBackCluster', accepted: new Set(state.acceptedFailures) };
  const whole = newTally();
  const byStage = stages.map(newTally);
  const byGroup = stages.map((stage) => (stage.groups ?? []).map(newTally));
  const pending: number[][] = stages.map(() => []);
  const given = new Set<number>();
  const stageOf = (target: RunTarget): number => Math.min(target.stage, stages.length - 1);
  const groupOf = (target: RunTarget): Tally | undefined => (target.group === undefined ? undefined : byGroup[stageOf(target)]![target.group]);
  const generationOf = (index: number): number | undefined => (given.has(index) ? NOT_YET_GIVEN : targets[index]!.generation);

  function put(index: number, next: RunTarget): void {
    const before = targets[index]!;
    targets[index] = next;
    if (next.phase === before.phase) return;
    const observation = observed(index);
    for (const tally of [whole, byStage[stageOf(next)], groupOf(next)]) {
      count(tally, before, observation, rule, -1);
      count(tally, next, observation, rule, 1);
    }
    desk.note(next.cluster, next.phase, next.message);
    if (next.phase === 'Failed') desk.fresh.push(index);
  }

  /** As far as it goes by itself now. */
  function settle(index: number): void {
    for (;;) {
      const target = targets[index]!;
      const stage = stageOf(target);
      const next = target.phase === 'RollingBack'
        ? advanceBack(target, observed(index), back[stage]!, generationOf(index))
        : advance(target, stages[stage]!, observed(index), ahead[stage]!, generationOf(index));
      if (next === target) return;
      put(index, next);
      if (next.phase === target.phase) return;
    }
  }

  const desk: Desk = {
    run, now, stages, targets, state, journal: [], assign: new Map(), whole, byStage, byGroup, pending, begun: -1, fresh: [], observed, stageOf, groupOf,
    note(cluster, event, message) { desk.journal.push({ run: run.name, at: now, cluster, event, message }); },
    move(index, next) { put(index, next); settle(index); },
    give(index, next, desiredId) {
      given.add(index);
      desk.assign.set(next.cluster, { cluster: next.cluster, desiredId, stage: stages[stageOf(next)]!.name, at: now, back: next.phase === 'RollingBack' });
      desk.move(index, next);
    },
    wakeAt(index) {
      const target = targets[index]!;
      const stage = stageOf(target);
      return target.phase === 'RollingBack' ? backDeadline(target, back[stage]!) : wakeAtOf(target, stages[stage]!, observed(index), ahead[stage]!, generationOf(index));
    },
  };
  for (const key of Object.keys(state.stageStartedAt)) desk.begun = Math.max(desk.begun, Number(key));
  for (let index = 0; index < targets.length; index++) {
    const target = targets[index]!;
    const stage = stageOf(target);
    const observation = observed(index);
    count(whole, target, observation, rule, 1);
    count(byStage[stage]!, target, observation, rule, 1);
    if (target.group !== undefined) count(groupOf(target), target, observation, rule, 1);
    if (target.phase === 'Pending') pending[stage]!.push(index);
    // A run that was saved before it had a state.
    if (target.assignedAt !== null && stage > desk.begun) desk.begun = stage;
    settle(index);
  }
  return desk;
}
