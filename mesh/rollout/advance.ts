/** One cluster's next step in a run. */
import { type Instant, seconds, toRfc3339 } from '../model/instant.ts';
import type { RunTarget, StageValue, TargetObservation } from '../model/rollout.ts';

export interface TargetClock {
  readonly now: Instant;
  readonly progressDeadlineSeconds: number;
  /** A hub that was away for long gives every cluster in flight its full deadline from when it is back: neither could an agent be told of its state then, nor say that it has it. */
  readonly watchedSince?: Instant;
}

/** The reasons for being skipped that do not stop the others. */
const LEFT = 'left the fleet before its turn';
const HELD = 'held back before its turn';
export const isPassedOver = ({ phase, message }: RunTarget): boolean => phase === 'Skipped' && (message === LEFT || message.startsWith(`${HELD}: `));

/** `unknown`: not connected, or connected and not heard of yet (after a restart of the hub). It is never taken for bad health, nor for good. */
type Seen = 'healthy' | 'unhealthy' | 'unknown';

function seenOf(target: RunTarget, observed: TargetObservation | undefined): Seen {
  if (observed === undefined || !observed.connected || observed.appliedId === null) return 'unknown';
  return observed.appliedId === target.toId && observed.healthy ? 'healthy' : 'unhealthy';
}

/**
 * The target after at most one transition, the same object where nothing changes.
 *
 *     Assigned → Soaking   healthy on the run's state, however late
 *     Pending  → Skipped   left the fleet, or is held; one that is held when it is assigned already goes on
 *     Assigned → Failed    progressDeadlineSeconds after it was assigned, connected or not; or left the fleet
 *     Soaking  → Done      healthy, and soakSeconds after it first was
 *     Soaking  → Assigned  unhealthy: soak begins anew when it recovers, but the deadline still counts from the assignment, so that
 *                          a cluster that turns unhealthy later than that fails at once
 *     Soaking  → Failed    unknown until progressDeadlineSeconds after the end of soak; or left the fleet
 */
export function advance(target: RunTarget, stage: StageValue, observed: TargetObservation | undefined, { now, progressDeadlineSeconds, watchedSince = 0 }: TargetClock): RunTarget {
  const { phase, assignedAt, healthyAt } = target;
  const seen = seenOf(target, observed);
  const deadline = seconds(progressDeadlineSeconds);
  if (observed?.gone === true) {
    if (phase === 'Pending') return { ...target, phase: 'Skipped', finishedAt: now, message: LEFT };
    if (phase === 'Assigned' || phase === 'Soaking') return { ...target, phase: 'Failed', finishedAt: now, message: 'left the fleet before it was done' };
  }
  if (phase === 'Pending' && typeof observed?.held === 'string') return { ...target, phase: 'Skipped', finishedAt: now, message: `${HELD}: ${observed.held}` };
  if (phase === 'Assigned' && assignedAt !== null) {
    const failsAt = Math.max(assignedAt, watchedSince) + deadline;
    if (seen === 'healthy') return { ...target, phase: 'Soaking', healthyAt: now, message: soakMessage(now, stage) };
    const message = waitMessage(target, observed);
    if (now >= failsAt) return { ...target, phase: 'Failed', finishedAt: now, message: `not healthy within progressDeadlineSeconds (${progressDeadlineSeconds}): ${message}` };
    return withMessage(target, `${message}; fails at ${toRfc3339(failsAt)}`);
  }
  if (phase === 'Soaking' && healthyAt !== null) {
    const soakedAt = healthyAt + seconds(stage.soakSeconds);
    const failsAt = Math.max(soakedAt, watchedSince) + deadline;
    if (seen === 'unhealthy') return { ...target, phase: 'Assigned', healthyAt: null, message: `turned unhealthy while soaking: ${waitMessage(target, observed)}` };
    if (seen === 'healthy') return now >= soakedAt ? { ...target, phase: 'Done', finishedAt: now, message: 'healthy' } : withMessage(target, soakMessage(healthyAt, stage));
    const message = `was healthy, but ${waitMessage(target, observed)}`;
    if (now >= failsAt) return { ...target, phase: 'Failed', finishedAt: now, message: `health not confirmed within progressDeadlineSeconds (${progressDeadlineSeconds}) after soak: ${message}` };
    return withMessage(target, `${message}; fails at ${toRfc3339(failsAt)}`);
  }
  return target;
}

/** When time alone changes this target next; null: never. Takes a target that `advance` leaves as it is. */
export function wakeAtOf(target: RunTarget, stage: StageValue, observed: TargetObservation | undefined, { progressDeadlineSeconds, watchedSince = 0 }: Omit<TargetClock, 'now'>): Instant | null {
  const deadline = seconds(progressDeadlineSeconds);
  if (target.phase === 'Assigned' && target.assignedAt !== null) return Math.max(target.assignedAt, watchedSince) + deadline;
  if (target.phase !== 'Soaking' || target.healthyAt === null) return null;
  const soakedAt = target.healthyAt + seconds(stage.soakSeconds);
  return seenOf(target, observed) === 'healthy' ? soakedAt : Math.max(soakedAt, watchedSince) + deadline;
}

const withMessage = (target: RunTarget, message: string): RunTarget => (target.message === message ? target : { ...target, message });

const soakMessage = (healthyAt: Instant, stage: StageValue): string => `healthy; soaks until ${toRfc3339(healthyAt + seconds(stage.soakSeconds))}`;

function waitMessage(target: RunTarget, observed: TargetObservation | undefined): string {
  if (observed === undefined || !observed.connected) return 'its agent is not connected';
  if (observed.appliedId === null) return `its agent has not said what it applied${observed.message === '' ? '' : ` (${observed.message})`}`;
  const word = observed.message === '' ? '' : ` (${observed.message})`;
  return observed.appliedId === target.toId ? `applied, but unhealthy${word}` : `its agent still has ${observed.appliedId}${word}`;
}
