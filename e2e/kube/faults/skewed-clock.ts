/** A clock that runs at another rate than the machine's, and jumps. */
import type { Instant } from '../../../mesh/model/instant.ts';
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import type { Clock } from '../../../mesh/ports/clock.ts';

export interface SkewedClock extends Clock {
  /** Negative: back. Sleepers notice at once where it goes forward, and sleep no longer where it goes back, as on the machine's clock. */
  jump(milliseconds: number): void;
}

/** Above this, setTimeout fires at once. */
const LONGEST_NAP_MILLISECONDS = 60_000;

export function skewedClock(rate: number): SkewedClock {
  const epoch = Date.now();
  const origin = performance.now();
  let offset = 0;
  const wakers = new Set<() => void>();
  const elapsed = (): number => (performance.now() - origin) * rate;
  const now = (): Instant => Math.floor(epoch + elapsed() + offset);
  return {
    now,
    sleepUntil(at: Instant, signal: CancelSignal) {
      return new Promise((resolve) => {
        const end = elapsed() + (at - now());
        let timer: NodeJS.Timeout | undefined;
        const finish = (): void => {
          clearTimeout(timer);
          wakers.delete(look);
          signal.removeEventListener('abort', finish);
          resolve();
        };
        const look = (): void => {
          clearTimeout(timer);
          const left = Math.min(at - now(), end - elapsed());
          if (left <= 0 || signal.aborted) finish();
          else timer = setTimeout(look, Math.min(Math.ceil(left / rate), LONGEST_NAP_MILLISECONDS));
        };
        wakers.add(look);
        signal.addEventListener('abort', finish, { once: true });
        look();
      });
    },
    jump(milliseconds) {
      offset += milliseconds;
      for (const wake of [...wakers]) wake();
    },
  };
}
