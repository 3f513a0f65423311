/** The rows of one run while a step of it is decided: moved one by one, counted as they move, everything else follows. */
import type { JournalEntry } from '../model/history.ts';
import type { Instant } from '../model/instant.ts';
import { NEW_RUN_STATE, type RunState, type RunTarget, type RunValue, type StageValue, type TargetObservation } from '../model/rollout.ts';
import { advance, type TargetClock, wakeAtOf } from './advance.ts';
import { type Counted, countRows, recount, stageOfRow } from './counted.ts';
import { advanceBack, backDeadline } from './go-back.ts';
import { NOT_YET_GIVEN } from './health.ts';
import { backDeadlineSecondsOf, deadlineSecondsOf, isInFlight, stagesOf } from './stage.ts';
import type { RunAssignment } from './step.ts';
import type { Tally } from './tally.ts';

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
  /** Rows that are other objects than when the step began. */
  readonly moved: Set<number>;
  observed(index: number): TargetObservation | undefined;
  stageOf(target: RunTarget): number;
  groupOf(target: RunTarget): Tally | undefined;
  note(cluster: string, event: JournalEntry['event'], message: string): void;
  /** Moves a row, and on as far as it goes by itself. */
  move(index: number, next: RunTarget): void;
  /** Moves a row and gives its cluster `desiredId`. */
  give(index: number, next: RunTarget, desiredId: string): void;
  /** When time alone changes a row in flight; null and infinity: never. */
  wakes(): Iterable<Instant | null>;
  /** What the next decision on this run may go on from. */
  readonly counted: Counted;
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

export function createDesk(run: RunValue, observations: readonly TargetObservation[], now: Instant, state: RunState = run.state ?? NEW_RUN_STATE, before?: Counted): Desk {
  const stages = stagesOf(run.strategy);
  const watchedSince = run.watchedSince ?? 0;
  const observed = finder(run.targets, observations);
  const { counted, unsettled } = countRows(run, observed, observations, now, state, before);
  const { targets, whole, byStage, byGroup, pending, live } = counted;
  const ahead = stages.map((stage): TargetClock => ({ now, watchedSince, progressDeadlineSeconds: deadlineSecondsOf(run.strategy, stage) }));
  const back = stages.map((stage): TargetClock => ({ now, watchedSince, progressDeadlineSeconds: backDeadlineSecondsOf(run.strategy, stage) }));
  const given = new Set<number>();
  const stageOf = (target: RunTarget): number => stageOfRow(counted, target);
  const groupOf = (target: RunTarget): Tally | undefined => (target.group === undefined ? undefined : byGroup[stageOf(target)]![target.group]);
  const generationOf = (index: number): number | undefined => (given.has(index) ? NOT_YET_GIVEN : targets[index]!.generation);

  function put(index: number, next: RunTarget): void {
    const before = targets[index]!;
    targets[index] = next;
    desk.moved.add(index);
    if (isInFlight(next)) live.set(index, Number.NaN);
    else live.delete(index);
    if (next.phase === before.phase) return;
    recount(counted, before, observed(index), -1);
    recount(counted, next, observed(index), 1);
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
    counted, run, now, stages, targets, state, journal: [], assign: new Map(), whole, byStage, byGroup, pending, begun: -1, fresh: [], moved: new Set(), observed, stageOf, groupOf,
    note(cluster, event, message) { desk.journal.push({ run: run.name, at: now, cluster, event, message }); },
    move(index, next) { put(index, next); settle(index); },
    give(index, next, desiredId) {
      given.add(index);
      desk.assign.set(next.cluster, { cluster: next.cluster, desiredId, stage: stages[stageOf(next)]!.name, at: now, back: next.phase === 'RollingBack' });
      desk.move(index, next);
    },
    *wakes() {
      for (const [index, known] of live) {
        // One that was given something in this step is looked at in the next: its row will have a generation by then.
        const at = Number.isNaN(known) ? wakeAt(index) : known;
        if (!given.has(index)) live.set(index, at ?? Number.POSITIVE_INFINITY);
        yield at;
      }
    },
  };
  function wakeAt(index: number): Instant | null {
    const target = targets[index]!;
    const stage = stageOf(target);
    return target.phase === 'RollingBack' ? backDeadline(target, back[stage]!) : wakeAtOf(target, stages[stage]!, observed(index), ahead[stage]!, generationOf(index));
  }
  for (const key of Object.keys(state.stageStartedAt)) desk.begun = Math.max(desk.begun, Number(key));
  desk.begun = Math.max(desk.begun, counted.begun);
  for (const index of unsettled) settle(index);
  return desk;
}
