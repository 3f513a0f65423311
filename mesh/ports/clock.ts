import type { Instant } from '../model/instant.ts';
import type { CancelSignal } from './cancel.ts';

/** All time in Isthmus comes from here; hub and agents run unchanged on a simulated one. */
export interface Clock {
  now(): Instant;
  /** Resolves at `at` or later, or as soon as `signal` aborts (it never rejects); at once where `at` has passed. */
  sleepUntil(at: Instant, signal: CancelSignal): Promise<void>;
}
