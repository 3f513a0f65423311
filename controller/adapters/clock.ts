/** The machine's clock. */
import type { Clock } from '../../mesh/ports/clock.ts';
import type { CancelSignal } from '../../mesh/ports/cancel.ts';
import type { Instant } from '../../mesh/model/instant.ts';

/** setTimeout overflows above 2^31-1 ms and would fire at once; longer sleeps are taken in parts. */
const LONGEST_TIMEOUT_MILLISECONDS = 2_000_000_000;

export const systemClock: Clock = {
  now: () => Date.now(),
  sleepUntil(at: Instant, signal: CancelSignal): Promise<void> {
    return new Promise((resolve) => {
      let timer: NodeJS.Timeout | undefined;
      const finish = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', finish);
        resolve();
      };
      const wait = (): void => {
        const left = at - Date.now();
        if (left <= 0 || signal.aborted) finish();
        else timer = setTimeout(wait, Math.min(left, LONGEST_TIMEOUT_MILLISECONDS));
      };
      signal.addEventListener('abort', finish, { once: true });
      wait();
    });
  },
};
