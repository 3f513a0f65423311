/** Growing pauses between failed attempts. */
import type { Random } from '../../mesh/ports/random.ts';

export interface BackoffLimits {
  readonly baseMilliseconds: number;
  readonly maximumMilliseconds: number;
  /** Up to this part of the pause is added at random, so that many clients do not return together. */
  readonly jitter: number;
}

/** `failures` counts from 1. */
export function backoffMilliseconds(failures: number, limits: BackoffLimits, random: Random): number {
  const pause = Math.min(limits.maximumMilliseconds, limits.baseMilliseconds * 2 ** Math.min(failures - 1, 30));
  return pause * (1 + limits.jitter * random.uniform());
}
