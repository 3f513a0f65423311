/** How many clusters can fail at most before the failure policy stops a run: those that it allows, and all that are in flight when one more fails. */
import type { RunTarget, StrategyValue } from '../model/rollout.ts';
import { amountOf } from './amount.ts';
import { concurrencyOf, failuresOf, unavailableOf } from './budget.ts';
import { stagesOf } from './stage.ts';
import { basis, newTally, type Tally } from './tally.ts';

export interface WorstCase {
  /** By stage number. */
  readonly stages: readonly number[];
  readonly run: number;
}

function tallyOf(targets: readonly RunTarget[], isAway: (target: RunTarget) => boolean): Tally {
  const away = targets.filter((target) => target.phase === 'Pending' && isAway(target)).length;
  return { ...newTally(), total: targets.length, away };
}

export function worstCase(strategy: StrategyValue, targets: readonly RunTarget[], isAway: (target: RunTarget) => boolean): WorstCase {
  const whole = tallyOf(targets, isAway);
  const inAll = strategy.maxConcurrency === undefined ? Number.POSITIVE_INFINITY : amountOf(strategy.maxConcurrency, basis(whole), 1);
  const bounds = stagesOf(strategy).map((stage, number) => {
    const tally = tallyOf(targets.filter((target) => target.stage === number), isAway);
    const clusters = basis(tally);
    const allowed = Math.min(failuresOf(stage, tally), clusters);
    const inFlight = Math.min(concurrencyOf(stage, tally), inAll);
    return { clusters, allowed, inFlight, worst: Math.min(allowed + inFlight, Math.max(unavailableOf(stage, tally), allowed), clusters) };
  });
  let [allowedBefore, run] = [0, 0];
  for (const { clusters, allowed, worst } of bounds) {
    if (clusters === 0) continue;
    run = Math.max(run, allowedBefore + worst);
    allowedBefore += allowed;
  }
  const most = Math.max(0, ...bounds.map(({ clusters, inFlight }) => Math.min(clusters, inFlight)));
  if (strategy.maxUnavailable !== undefined) run = Math.min(run, Math.max(amountOf(strategy.maxUnavailable, basis(whole), 1), allowedBefore));
  if (strategy.maxFailures !== undefined) run = Math.min(run, amountOf(strategy.maxFailures, basis(whole), 0) + most);
  return { stages: bounds.map(({ worst }) => worst), run };
}
