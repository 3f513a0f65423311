/** One cluster's way back to what it had before the run. */
import { type Instant, seconds } from '../model/instant.ts';
import type { RunTarget, TargetObservation } from '../model/rollout.ts';
import type { TargetClock } from './advance.ts';
import { hasApplied, seenOf, waitMessage } from './health.ts';

const GOES_BACK = 'goes back: ';

/** The row with its way back begun; the generation of its earlier assignment counts no more. */
export function beginBack({ generation: _earlier, ...target }: RunTarget, why: string, now: Instant): RunTarget {
  return { ...target, phase: 'RollingBack', healthyAt: null, finishedAt: null, rolledBackAt: now, message: `${GOES_BACK}${why}` };
}

export const cannotGoBack = (target: RunTarget, why: string, now: Instant): RunTarget => ({ ...target, phase: 'RollbackFailed', finishedAt: now, message: `cannot go back: ${why}` });

/**
 *     RollingBack → RolledBack      healthy on what it had before; one that was failing before the run need only have it
 *     RollingBack → RollbackFailed  not so within the deadline, or it left the fleet
 */
export function advanceBack(target: RunTarget, observed: TargetObservation | undefined, { now, progressDeadlineSeconds, watchedSince }: TargetClock, generation: number | undefined): RunTarget {
  const { backId } = target;
  if (target.phase !== 'RollingBack' || backId === undefined) return target;
  const why = target.message.slice(GOES_BACK.length);
  if (observed?.gone === true) return { ...target, phase: 'RollbackFailed', finishedAt: now, message: `${why}; and it left the fleet before it was back` };
  if (seenOf(backId, observed, generation) === 'healthy') return { ...target, phase: 'RolledBack', healthyAt: now, finishedAt: now, message: `went back: ${why}` };
  if (target.failingBefore === true && hasApplied(backId, observed, generation)) return { ...target, phase: 'RolledBack', finishedAt: now, message: `went back, and fails as before the run: ${why}` };
  if (now < backDeadline(target, { progressDeadlineSeconds, watchedSince })) return target;
  return { ...target, phase: 'RollbackFailed', finishedAt: now, message: `${why}; and not healthy on what it had before within ${progressDeadlineSeconds} seconds: ${waitMessage(backId, observed, generation)}` };
}

/** When a cluster that is on its way back has failed to get there. */
export const backDeadline = ({ rolledBackAt }: RunTarget, { progressDeadlineSeconds, watchedSince }: Pick<TargetClock, 'progressDeadlineSeconds' | 'watchedSince'>): Instant =>
  Math.max(rolledBackAt ?? 0, watchedSince) + seconds(progressDeadlineSeconds);
