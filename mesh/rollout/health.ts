/** What an agent's word means for a row: health counts for the id that the cluster was given, by the assignment that gave it. */
import type { RunTarget, TargetObservation } from '../model/rollout.ts';

/** `unknown`: not connected, not heard of yet (after a restart of the hub), or on a later assignment than the run's. It is never taken for bad health, nor for good. */
export type Seen = 'healthy' | 'unhealthy' | 'unknown';

/** Stands for the number that an assignment gets when it is saved: no report can speak of it yet. */
export const NOT_YET_GIVEN = Number.POSITIVE_INFINITY;

const isEarlier = (observed: TargetObservation, generation: number | undefined): boolean => generation !== undefined && observed.generation !== undefined && observed.generation < generation;

export function seenOf(wantedId: string, observed: TargetObservation | undefined, generation: number | undefined): Seen {
  if (observed === undefined || !observed.connected || observed.appliedId === null) return 'unknown';
  if (generation !== undefined && observed.generation !== undefined && observed.generation > generation) return 'unknown';
  return observed.appliedId === wantedId && observed.healthy && !isEarlier(observed, generation) ? 'healthy' : 'unhealthy';
}

/** Of an agent that says of which assignment it speaks. */
export const isRefused = (observed: TargetObservation | undefined, generation: number | undefined): boolean =>
  observed !== undefined && observed.connected && observed.refused === true && generation !== undefined && observed.generation === generation;

/** A change by others that keeps the cluster from what this assignment gave it until somebody decides, in words; undefined: there is none. */
export const hindranceOf = (observed: TargetObservation | undefined, generation: number | undefined): string | undefined =>
  (observed !== undefined && observed.connected && generation !== undefined && observed.generation === generation ? observed.hindered : undefined);

/** Of a cluster that has what it was given, healthy or not. */
export const hasApplied = (wantedId: string, observed: TargetObservation | undefined, generation: number | undefined): boolean =>
  observed !== undefined && observed.connected && observed.appliedId === wantedId && !isEarlier(observed, generation) && seenOf(wantedId, observed, generation) !== 'unknown';

/** Of a row that is finished: by what it was given last, by this run or after it. */
export function isBackInHealth(target: RunTarget, observed: TargetObservation | undefined): boolean {
  if (observed !== undefined && observed.generation !== undefined && target.generation !== undefined && observed.generation > target.generation) return observed.connected && observed.healthy;
  return seenOf(target.rolledBackAt === undefined ? target.toId : target.backId ?? target.toId, observed, target.generation) === 'healthy';
}

/** Has not had its turn, was not healthy when the run was frozen, and is not by now. */
export const isFailingStill = ({ phase, failingBefore }: RunTarget, observed: TargetObservation | undefined): boolean =>
  phase === 'Pending' && failingBefore === true && observed !== undefined && observed.connected && observed.returning !== true && !observed.healthy;

/** What is missing for health, for people. */
export function waitMessage(wantedId: string, observed: TargetObservation | undefined, generation: number | undefined): string {
  if (observed === undefined || !observed.connected) return 'its agent is not connected';
  const word = observed.message === '' ? '' : ` (${observed.message})`;
  if (observed.appliedId === null) return `its agent has not said what it applied${word}`;
  if (generation !== undefined && observed.generation !== undefined && observed.generation > generation) return 'it was given something else since';
  if (observed.appliedId !== wantedId) return `its agent still has ${observed.appliedId}${word}`;
  return isEarlier(observed, generation) ? `its agent speaks of an earlier assignment${word}` : `applied, but unhealthy${word}`;
}
