/** A bucket of tokens that fills at a steady rate. Who comes when it is empty is told how long to wait, and has the token of that moment. */
import type { Instant } from '../../mesh/model/instant.ts';

export interface Rate {
  readonly perSecond: number;
  /** At once, after a quiet time. */
  readonly burst: number;
}

export class RateLimit {
  readonly #rate: Rate;
  /** Negative: given away in advance. */
  #tokens: number;
  #at: Instant;

  constructor(rate: Rate, now: Instant) {
    this.#rate = rate;
    this.#tokens = rate.burst;
    this.#at = now;
  }

  /** Milliseconds until the token that was taken is there. */
  take(now: Instant): number {
    const { perSecond, burst } = this.#rate;
    // A clock that is set back neither fills nor empties it.
    this.#tokens = Math.min(burst, this.#tokens + Math.max(0, now - this.#at) * perSecond / 1000);
    this.#at = now;
    this.#tokens -= 1;
    return this.#tokens >= 0 ? 0 : -this.#tokens * 1000 / perSecond;
  }
}
