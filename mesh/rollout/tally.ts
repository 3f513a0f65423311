/** How many clusters of a group, a stage or a run are where: kept as rows move, never counted anew. */
import type { RunTarget, TargetObservation } from '../model/rollout.ts';
import { isBackInHealth, isFailingStill } from './health.ts';
import { isGone } from './skipped.ts';
import { isInFlight } from './stage.ts';

export interface Tally {
  total: number;
  /** Pending and connected. */
  pending: number;
  /** Pending and not connected: has no turn until it is back, and leaves the number that percentages are of. */
  away: number;
  inFlight: number;
  rollingBack: number;
  done: number;
  failed: number;
  skipped: number;
  rolledBack: number;
  /** Skipped, for it left the fleet: leaves the number that percentages are of. */
  gone: number;
  /** Failures that nobody has accepted. */
  counted: number;
  /** Failures that a person accepted by resuming. */
  accepted: number;
  /** In flight, failed and not back, or failing before the run and not yet on its turn. */
  disturbed: number;
}

export const newTally = (): Tally => ({ total: 0, pending: 0, away: 0, inFlight: 0, rollingBack: 0, done: 0, failed: 0, skipped: 0, rolledBack: 0, gone: 0, counted: 0, accepted: 0, disturbed: 0 });

/** What percentages are of. */
export const basis = ({ total, gone, away }: Tally): number => total - gone - away;

export const isAway = (target: RunTarget, observed: TargetObservation | undefined): boolean => target.phase === 'Pending' && (observed?.connected !== true || observed.returning === true);

/** What makes a row count as a failure of the run. */
export interface FailureRule {
  /** A failed cluster that goes back by itself has failed nonetheless. */
  readonly withThoseBack: boolean;
  readonly accepted: ReadonlySet<string>;
}

const hasFailed = ({ phase }: RunTarget, { withThoseBack }: FailureRule): boolean =>
  phase === 'Failed' || (withThoseBack && (phase === 'RollingBack' || phase === 'RolledBack' || phase === 'RollbackFailed'));

function isDisturbed(target: RunTarget, observed: TargetObservation | undefined): boolean {
  switch (target.phase) {
    case 'Pending': return isFailingStill(target, observed);
    case 'Failed': case 'RollbackFailed': return observed?.gone !== true && !isBackInHealth(target, observed);
    default: return isInFlight(target);
  }
}

/** Adds (1) or takes away (-1) one row at one level, if there is such a level. */
export function count(tally: Tally | undefined, target: RunTarget, observed: TargetObservation | undefined, rule: FailureRule, by: 1 | -1): void {
  if (tally === undefined) return;
  tally.total += by;
  switch (target.phase) {
    case 'Pending': if (isAway(target, observed)) tally.away += by; else tally.pending += by; break;
    case 'Done': tally.done += by; return;
    case 'Skipped': tally.skipped += by; if (isGone(target)) tally.gone += by; return;
    case 'RolledBack': tally.rolledBack += by; break;
    case 'Failed': case 'RollbackFailed': tally.failed += by; break;
    case 'RollingBack': tally.rollingBack += by; tally.inFlight += by; break;
    default: tally.inFlight += by;
  }
  if (isDisturbed(target, observed)) tally.disturbed += by;
  if (!hasFailed(target, rule)) return;
  if (rule.accepted.has(target.cluster)) tally.accepted += by;
  else tally.counted += by;
}
