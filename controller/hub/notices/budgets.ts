/** How much of its budgets a run uses in the stage at work. Pure. */
import type { RunTarget, StrategyValue } from '../../../mesh/model/rollout.ts';
import { amountOf } from '../../../mesh/rollout/amount.ts';
import { isGone } from '../../../mesh/rollout/skipped.ts';
import { isInFlight, stagesOf } from '../../../mesh/rollout/stage.ts';

interface Budget {
  readonly used: number;
  readonly limit: number;
}

export interface Budgets {
  readonly concurrency: Budget;
  readonly failures: Budget;
}

/** `stage`: by name. undefined: the run has no such stage. */
export function budgetsOf(strategy: StrategyValue, targets: readonly RunTarget[], stage: string, isConnected: (cluster: string) => boolean): Budgets | undefined {
  const stages = stagesOf(strategy);
  const number = stages.findIndex(({ name }) => name === stage);
  if (number < 0) return undefined;
  const { maxConcurrency, maxFailures = 0 } = stages[number]!;
  const rows = targets.filter((target) => Math.min(target.stage, stages.length - 1) === number);
  // As the engine counts: who is gone or away leaves the number that percentages are of.
  const basis = rows.filter((target) => !isGone(target) && !(target.phase === 'Pending' && !isConnected(target.cluster))).length;
  return {
    concurrency: { used: rows.filter(isInFlight).length, limit: amountOf(maxConcurrency, basis, 1) },
    failures: { used: rows.filter(({ phase }) => phase === 'Failed').length, limit: amountOf(maxFailures, basis, 0) },
  };
}
