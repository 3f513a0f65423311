/** One cluster's next step in a run. */
import { type Instant, seconds, toRfc3339 } from '../model/instant.ts';
import type { RunTarget, StageValue, TargetObservation } from '../model/rollout.ts';

export interface TargetClock {
  readonly now: Instant;
  readonly progressDeadlineSeconds: number;
}

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
 *     Assigned → Failed    progressDeadlineSeconds after it was assigned, connected or not
 *     Soaking  → Done      healthy, and soakSeconds after it first was
 *     Soaking  → Assigned  unhealthy: soak begins anew when it recovers, but the deadline still counts from the assignment, so that
 *                          a cluster that turns unhealthy later than that fails at once
 *     Soaking  → Failed    unknown until progressDeadlineSeconds after the end of soak
 */
export function advance(target: RunTarget, stage: StageValue, observed: TargetObservation | undefined, { now, progressDeadlineSeconds }: TargetClock): RunTarget {
  const { phase, assignedAt, healthyAt } = target;
  const seen = seenOf(target, observed);
  const deadline = seconds(progressDeadlineSeconds);
  if (phase === 'Assigned' && assignedAt !== null) {
    if (seen === 'healthy') return { ...target, phase: 'Soaking', healthyAt: now, message: soakMessage(now, stage) };
    const message = waitMessage(target, observed);
    if (now >= assignedAt + deadline) return { ...target, phase: 'Failed', finishedAt: now, message: `not healthy within progressDeadlineSeconds (${progressDeadlineSeconds}): ${message}` };
    return withMessage(target, `${message}; fails at ${toRfc3339(assignedAt + deadline)}`);
  }
  if (phase === 'Soaking' && healthyAt !== null) {
    const soakedAt = healthyAt + seconds(stage.soakSeconds);
    if (seen === 'unhealthy') return { ...target, phase: 'Assigned', healthyAt: null, message: `turned unhealthy while soaking: ${waitMessage(target, observed)}` };
    if (seen === 'healthy') return now >= soakedAt ? { ...target, phase: 'Done', finishedAt: now, message: 'healthy' } : withMessage(target, soakMessage(healthyAt, stage));
    const message = `was healthy, but ${waitMessage(target, observed)}`;
    if (now >= soakedAt + deadline) return { ...target, phase: 'Failed', finishedAt: now, message: `health not confirmed within progressDeadlineSeconds (${progressDeadlineSeconds}) after soak: ${message}` };
    return withMessage(target, `${message}; fails at ${toRfc3339(soakedAt + deadline)}`);
  }
  return target;
}

/** When time alone changes this target next; null: never. Takes a target that `advance` leaves as it is. */
export function wakeAtOf(target: RunTarget, stage: StageValue, observed: TargetObservation | undefined, progressDeadlineSeconds: number): Instant | null {
  const deadline = seconds(progressDeadlineSeconds);
  if (target.phase === 'Assigned' && target.assignedAt !== null) return target.assignedAt + deadline;
  if (target.phase !== 'Soaking' || target.healthyAt === null) return null;
  const soakedAt = target.healthyAt + seconds(stage.soakSeconds);
  return seenOf(target, observed) === 'healthy' ? soakedAt : soakedAt + deadline;
}

const withMessage = (target: RunTarget, message: string): RunTarget => (target.message === message ? target : { ...target, message });

const soakMessage = (healthyAt: Instant, stage: StageValue): string => `healthy; soaks until ${toRfc3339(healthyAt + seconds(stage.soakSeconds))}`;

function waitMessage(target: RunTarget, observed: TargetObservation | undefined): string {
  if (observed === undefined || !observed.connected) return 'its agent is not connected';
  if (observed.appliedId === null) return `its agent has not said what it applied${observed.message === '' ? '' : ` (${observed.message})`}`;
  const word = observed.message === '' ? '' : ` (${observed.message})`;
  return observed.appliedId === target.toId ? `applied, but unhealthy${word}` : `its agent still has ${observed.appliedId}${word}`;
}
