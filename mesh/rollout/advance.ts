/** One cluster's next step in a run. */
import { type Instant, seconds, toRfc3339 } from '../model/instant.ts';
import type { RunTarget, StageValue, TargetObservation, WindowVerdict } from '../model/rollout.ts';
import { hindranceOf, isRefused, seenOf, waitMessage } from './health.ts';
import { heldMessage, LEFT } from './skipped.ts';
import { soakSecondsOf } from './stage.ts';

export interface TargetClock {
  readonly now: Instant;
  readonly progressDeadlineSeconds: number;
  /** A hub that was away for long gives every cluster in flight its full deadline from when it is back: neither could an agent be told of its state then, nor say that it has it. */
  readonly watchedSince: Instant;
}

/**
 * The target after at most one transition, the same object where nothing changes. `generation`: of the assignment whose health counts.
 *
 *     Assigned → Soaking   healthy on the run's state, however late
 *     Pending  → Skipped   left the fleet, or is held; one that is held when it is assigned already goes on
 *     Assigned → Failed    refused by the cluster for good; a change by others is held for a person's decision; progressDeadlineSeconds after it was assigned, connected or not; or left the fleet
 *     Soaking  → Done      healthy, and soakSeconds after it first was
 *     Soaking  → Assigned  unhealthy: soak begins anew when it recovers, but the deadline still counts from the assignment, so that
 *                          a cluster that turns unhealthy later than that fails at once
 *     Soaking  → Failed    unknown until progressDeadlineSeconds after the end of soak; or left the fleet
 */
export function advance(target: RunTarget, stage: StageValue, observed: TargetObservation | undefined, clock: TargetClock, generation: number | undefined): RunTarget {
  switch (target.phase) {
    case 'Pending': return beforeItsTurn(target, observed, clock.now);
    case 'Assigned': return observed?.gone === true ? left(target, clock.now) : assigned(target, stage, observed, clock, generation);
    case 'Soaking': return observed?.gone === true ? left(target, clock.now) : soaking(target, stage, observed, clock, generation);
    default: return target;
  }
}

function beforeItsTurn(target: RunTarget, observed: TargetObservation | undefined, now: Instant): RunTarget {
  if (observed?.gone === true) return { ...target, phase: 'Skipped', finishedAt: now, message: LEFT };
  if (typeof observed?.held === 'string') return { ...target, phase: 'Skipped', finishedAt: now, message: heldMessage(observed.held) };
  // A reason that no longer holds does not stay; one that does is written when the cluster is passed over. Of one that is away nothing new is known.
  return target.message === '' || observed?.connected !== true || observed.returning === true ? target : withMessage(target, blockMessage(observed) ?? '');
}

const left = (target: RunTarget, now: Instant): RunTarget => ({ ...target, phase: 'Failed', finishedAt: now, message: 'left the fleet before it was done' });

function assigned(target: RunTarget, stage: StageValue, observed: TargetObservation | undefined, { now, progressDeadlineSeconds, watchedSince }: TargetClock, generation: number | undefined): RunTarget {
  const failsAt = Math.max(target.assignedAt ?? now, watchedSince) + seconds(progressDeadlineSeconds);
  if (seenOf(target.toId, observed, generation) === 'healthy') return { ...target, phase: 'Soaking', healthyAt: now, message: soakMessage(target, now, stage) };
  const message = waitMessage(target.toId, observed, generation);
  const hindrance = hindranceOf(observed, generation);
  if (hindrance !== undefined) return { ...target, phase: 'Failed', finishedAt: now, message: `others changed what it was given, and nobody writes over it: ${hindrance}` };
  if (isRefused(observed, generation)) return { ...target, phase: 'Failed', finishedAt: now, message: `refused, and waiting does not cure it: ${message}` };
  if (now >= failsAt) return { ...target, phase: 'Failed', finishedAt: now, message: `not healthy within progressDeadlineSeconds (${progressDeadlineSeconds}): ${message}` };
  return withMessage(target, `${message}; fails at ${toRfc3339(failsAt)}`);
}

function soaking(target: RunTarget, stage: StageValue, observed: TargetObservation | undefined, { now, progressDeadlineSeconds, watchedSince }: TargetClock, generation: number | undefined): RunTarget {
  const healthyAt = target.healthyAt ?? now;
  const soakedAt = healthyAt + seconds(soakSecondsOf(stage, target));
  const seen = seenOf(target.toId, observed, generation);
  if (seen === 'unhealthy') return { ...target, phase: 'Assigned', healthyAt: null, message: `turned unhealthy while soaking: ${waitMessage(target.toId, observed, generation)}` };
  if (seen === 'healthy') return now >= soakedAt ? { ...target, phase: 'Done', finishedAt: now, message: 'healthy' } : withMessage(target, soakMessage(target, healthyAt, stage));
  const failsAt = Math.max(soakedAt, watchedSince) + seconds(progressDeadlineSeconds);
  const message = `was healthy, but ${waitMessage(target.toId, observed, generation)}`;
  if (now >= failsAt) return { ...target, phase: 'Failed', finishedAt: now, message: `health not confirmed within progressDeadlineSeconds (${progressDeadlineSeconds}) after soak: ${message}` };
  return withMessage(target, `${message}; fails at ${toRfc3339(failsAt)}`);
}

/** When time alone changes this target next; null: never. Takes a target that `advance` leaves as it is. */
export function wakeAtOf(target: RunTarget, stage: StageValue, observed: TargetObservation | undefined, { progressDeadlineSeconds, watchedSince }: TargetClock, generation: number | undefined): Instant | null {
  const deadline = seconds(progressDeadlineSeconds);
  if (target.phase === 'Assigned' && target.assignedAt !== null) return Math.max(target.assignedAt, watchedSince) + deadline;
  if (target.phase !== 'Soaking' || target.healthyAt === null) return null;
  const soakedAt = target.healthyAt + seconds(soakSecondsOf(stage, target));
  return seenOf(target.toId, observed, generation) === 'healthy' ? soakedAt : Math.max(soakedAt, watchedSince) + deadline;
}

export const isBlocked = (observed: TargetObservation | undefined): boolean => observed !== undefined && (observed.busyWith !== undefined || observed.window?.open === false);

/** Why a cluster that is there cannot have its turn now; undefined: it can. */
export function blockMessage(observed: TargetObservation | undefined): string | undefined {
  if (observed?.busyWith !== undefined) return `waits for run ${observed.busyWith}, which has it in flight`;
  if (observed?.window === undefined || observed.window.open) return undefined;
  const known = sentences.get(observed.window);
  if (known !== undefined) return known;
  const { reason, opensAt } = observed.window;
  const sentence = `waits: ${reason === '' ? 'its window is closed' : reason}; ${opensAt === null ? 'it does not open within the time that was looked at' : `opens at ${toRfc3339(opensAt)}`}`;
  sentences.set(observed.window, sentence);
  return sentence;
}

/** One verdict is that of thousands of clusters. */
const sentences = new WeakMap<WindowVerdict, string>();

const withMessage = (target: RunTarget, message: string): RunTarget => (target.message === message ? target : { ...target, message });

const soakMessage = (target: RunTarget, healthyAt: Instant, stage: StageValue): string => `healthy; soaks until ${toRfc3339(healthyAt + seconds(soakSecondsOf(stage, target)))}`;
