/** Which clusters go back to what they had, and how many at once. */
import type { RunTarget } from '../model/rollout.ts';
import { amountOf } from './amount.ts';
import { roomOf } from './budget.ts';
import type { Desk } from './desk.ts';
import { beginBack, cannotGoBack } from './go-back.ts';
import { isInFlight } from './stage.ts';
import { basis, type Tally } from './tally.ts';

const NOTHING_BEFORE = 'nothing is known that it had before the run';

/** A person who stops wants nothing new at all. */
const isStopped = ({ run, state }: Desk): boolean => run.stopRequested || state.stopped?.by === 'Person';

/** Whether a row is to go back, now or when there is room. */
function isToGoBack(desk: Desk, index: number, target: RunTarget): boolean {
  const { phase } = target;
  if (phase !== 'Failed' && phase !== 'Done' && phase !== 'Assigned' && phase !== 'Soaking') return false;
  if (desk.observed(index)?.gone === true) return false;
  const { rollback } = desk.state;
  const scope = rollback?.scope ?? 'Cluster';
  if (scope === 'Run') return true;
  if (scope === 'Stage') return desk.stageOf(target) === rollback?.stage;
  return phase === 'Failed' && desk.run.strategy.onFailure === 'RollBackCluster';
}

/** Why it stays as it is though it should go back. What is in flight without a way back finishes first. */
function obstacle(desk: Desk, index: number, target: RunTarget): string | undefined {
  if (target.backId === undefined) return isInFlight(target) ? undefined : NOTHING_BEFORE;
  return desk.observed(index)?.held ?? undefined;
}

/** How many more of a stage may set out: by the strategy's own rule for rollbacks, or else by the stage's. */
function paceOf(desk: Desk): (target: RunTarget) => boolean {
  const { run, state, whole, byStage, stages } = desk;
  const rule = run.strategy.rollback;
  const scope = state.rollback?.scope ?? 'Cluster';
  const rooms = stages.map((_, number) => roomOf(desk, number));
  const byStages = (target: RunTarget): boolean => isInFlight(target) || (!rooms[desk.stageOf(target)]!.isFull() && !rooms[desk.stageOf(target)]!.groupIsFull(target.group));
  if (rule === undefined) return byStages;
  const within = (target: RunTarget, tally: Tally): boolean => {
    const most = amountOf(rule.maxConcurrency, basis(tally), 1);
    return isInFlight(target) ? tally.rollingBack < most : tally.inFlight < most;
  };
  if (scope === 'Run') return (target) => within(target, whole);
  if (scope === 'Stage') return (target) => within(target, byStage[desk.stageOf(target)]!);
  return (target) => byStage[desk.stageOf(target)]!.rollingBack < amountOf(rule.maxConcurrency, basis(byStage[desk.stageOf(target)]!), 1) && byStages(target);
}

/** Rows that wait for their way back, as numbers: those that are disturbed already first, then the last that were changed; those not connected at the end. */
function waiting(desk: Desk): number[] {
  const [disturbed, done, away]: [number[], number[], number[]] = [[], [], []];
  for (let index = 0; index < desk.targets.length; index++) {
    const target = desk.targets[index]!;
    if (!isToGoBack(desk, index, target)) continue;
    if (desk.observed(index)?.connected !== true) away.push(index);
    else if (target.phase === 'Done') done.push(index);
    else disturbed.push(index);
  }
  return [...disturbed, ...done.reverse(), ...away];
}

/** Whether any cluster waits for its way back, whoever holds it up. */
export const isGoingBack = (desk: Desk): boolean => desk.state.rollback !== null && waiting(desk).length > 0;

/** One look at every row that waits. */
function sendBack(desk: Desk, rows: readonly number[]): { readonly moved: boolean; readonly left: boolean } {
  let [moved, left] = [false, false];
  const mayBegin = paceOf(desk);
  for (const index of rows) {
    const target = desk.targets[index]!;
    const hindered = obstacle(desk, index, target);
    if (hindered === undefined && (target.backId === undefined || desk.observed(index)?.busyWith !== undefined || !mayBegin(target))) {
      left = true;
      continue;
    }
    moved = true;
    if (hindered !== undefined || target.backId === undefined) {
      desk.move(index, cannotGoBack(target, `${hindered ?? NOTHING_BEFORE}; ${target.message}`, desk.now));
      continue;
    }
    if (desk.state.rollback === null) desk.state = { ...desk.state, rollback: { scope: 'Cluster', at: desk.now, reason: `cluster ${target.cluster} failed: ${target.message}` } };
    desk.give(index, beginBack(target, target.phase === 'Failed' ? target.message : desk.state.rollback!.reason, desk.now), target.backId);
  }
  return { moved, left };
}

/** Sends back what there is room for, and nothing while a person pauses the run; true: some still wait for it. */
export function goBack(desk: Desk): boolean {
  if (isStopped(desk) || (desk.state.rollback === null && desk.run.strategy.onFailure !== 'RollBackCluster')) return false;
  for (;;) {
    const rows = waiting(desk);
    if (rows.length === 0 || desk.run.pauseRequested === true) return rows.length > 0;
    const { moved, left } = sendBack(desk, rows);
    if (!moved || !left) return left;
  }
}
