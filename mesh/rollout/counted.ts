/** A run's rows as they are counted: by run, stage and group. What was counted for one decision serves the next: only rows and observations that are other objects by then are counted anew. */
import type { Instant } from '../model/instant.ts';
import type { RunState, RunTarget, RunValue, TargetObservation } from '../model/rollout.ts';
import { isInFlight, stagesOf } from './stage.ts';
import { count, type FailureRule, newTally, type Tally } from './tally.ts';

/** Kept by one decider, and changed in place as rows move. */
export interface Counted {
  readonly strategy: RunValue['strategy'];
  readonly watchedSince: Instant;
  readonly rule: FailureRule;
  readonly accepted: RunState['acceptedFailures'];
  readonly targets: RunTarget[];
  readonly observations: TargetObservation[];
  readonly whole: Tally;
  readonly byStage: readonly Tally[];
  readonly byGroup: readonly (readonly Tally[])[];
  /** By stage, in the run's order; some of them may have left since. */
  readonly pending: number[][];
  /** In flight, with when time alone changes it next; NaN: to be looked at whatever the time is. */
  readonly live: Map<number, Instant>;
  /** The highest stage of which a row was assigned; -1: none. */
  begun: number;
}

export const stageOfRow = (counted: Pick<Counted, 'byStage'>, target: RunTarget): number => Math.min(target.stage, counted.byStage.length - 1);

export function recount(counted: Counted, target: RunTarget, observed: TargetObservation | undefined, by: 1 | -1): void {
  const { whole, byStage, byGroup, rule } = counted;
  const stage = stageOfRow(counted, target);
  count(whole, target, observed, rule, by);
  count(byStage[stage], target, observed, rule, by);
  if (target.group !== undefined) count(byGroup[stage]![target.group], target, observed, rule, by);
}

function follow(counted: Counted, index: number, target: RunTarget): void {
  if (isInFlight(target)) counted.live.set(index, Number.NaN);
  else counted.live.delete(index);
  // Of a run that was saved before it had a state.
  if (target.assignedAt !== null) counted.begun = Math.max(counted.begun, stageOfRow(counted, target));
}

function all(run: RunValue, observed: (index: number) => TargetObservation | undefined, observations: readonly TargetObservation[], state: RunState): Counted {
  const stages = stagesOf(run.strategy);
  const counted: Counted = {
    strategy: run.strategy, watchedSince: run.watchedSince ?? 0, accepted: state.acceptedFailures,
    rule: { withThoseBack: run.strategy.onFailure === 'RollBackCluster', accepted: new Set(state.acceptedFailures) },
    targets: [...run.targets], observations: [...observations], whole: newTally(), byStage: stages.map(newTally), byGroup: stages.map((stage) => (stage.groups ?? []).map(newTally)), pending: stages.map(() => []), live: new Map(), begun: -1,
  };
  for (const [index, target] of counted.targets.entries()) {
    recount(counted, target, observed(index), 1);
    if (target.phase === 'Pending') counted.pending[stageOfRow(counted, target)]!.push(index);
    follow(counted, index, target);
  }
  return counted;
}

/** Rows that are not what they were; undefined: too much is not. */
function update(before: Counted, run: RunValue, observations: readonly TargetObservation[], state: RunState): number[] | undefined {
  const same = before.strategy === run.strategy && before.watchedSince === (run.watchedSince ?? 0) && before.accepted === state.acceptedFailures && before.targets.length === run.targets.length
    && observations.length === run.targets.length && before.observations.length === run.targets.length;
  if (!same) return undefined;
  const changed: number[] = [];
  for (let index = 0; index < run.targets.length; index++) if (run.targets[index] !== before.targets[index] || observations[index] !== before.observations[index]) changed.push(index);
  for (const index of changed) {
    const [was, is] = [before.targets[index]!, run.targets[index]!];
    const aligned = is.cluster === was.cluster && observations[index]!.cluster === is.cluster && before.observations[index]!.cluster === is.cluster;
    // It was decided on rows that were not saved then.
    if (!aligned || (is.phase === 'Pending' && was.phase !== 'Pending') || (is.assignedAt === null && was.assignedAt !== null) || is.stage !== was.stage || is.group !== was.group) return undefined;
  }
  for (const index of changed) {
    recount(before, before.targets[index]!, before.observations[index], -1);
    recount(before, run.targets[index]!, observations[index], 1);
    before.targets[index] = run.targets[index]!;
    before.observations[index] = observations[index]!;
    follow(before, index, run.targets[index]!);
  }
  for (const [stage, rows] of before.pending.entries()) {
    const { pending, away } = before.byStage[stage]!;
    if (rows.length !== pending + away) before.pending[stage] = rows.filter((index) => before.targets[index]!.phase === 'Pending');
  }
  return changed;
}

/** `unsettled`: rows that may move by themselves now, in the run's order. */
export function countRows(run: RunValue, observed: (index: number) => TargetObservation | undefined, observations: readonly TargetObservation[], now: Instant, state: RunState, before: Counted | undefined): { readonly counted: Counted; readonly unsettled: Iterable<number> } {
  const changed = before === undefined ? undefined : update(before, run, observations, state);
  if (before === undefined || changed === undefined) {
    const counted = all(run, observed, observations, state);
    return { counted, unsettled: counted.targets.keys() };
  }
  const due = [...before.live].flatMap(([index, wakeAt]) => (wakeAt > now ? [] : [index]));
  return { counted: before, unsettled: due.length === 0 ? changed : [...new Set([...changed, ...due])].sort((a, b) => a - b) };
}
