/** The machine's clock. */
import type { Clock } from '../../mesh/ports/clock.ts';
import type { CancelSignal } from '../../mesh/ports/cancel.ts';
import type { Instant } from '../../mesh/model/instant.ts';

/** How late a clock that was set forward is noticed. Also far below 2^31-1 ms, above which setTimeout fires at once. */
const LONGEST_NAP_MILLISECONDS = 30_000;

function clockOf(now: () => Instant): Clock {
  return {
    now,
    sleepUntil: (at: Instant, signal: CancelSignal) => new Promise((resolve) => {
      let timer: NodeJS.Timeout | undefined;
      const end = performance.now() + (at - now());
      const finish = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', finish);
        resolve();
      };
      const wait = (): void => {
        const left = Math.min(at - now(), end - performance.now());
        if (left <= 0 || signal.aborted) finish();
        else timer = setTimeout(wait, Math.min(Math.ceil(left), LONGEST_NAP_MILLISECONDS));
      };
      signal.addEventListener('abort', finish, { once: true });
      wait();
    }),
  };
}

/** A sleep lasts as long as it looked when it began, also where the clock is set back meanwhile: a step of an hour must not stop a cluster's probes for an hour. */
export const systemClock: Clock = clockOf(() => Date.now());

/** Counts on evenly from the time at which the process started, whatever the machine's clock is set to. */
export const steadyClock: Clock = clockOf(() => performance.timeOrigin + performance.now());
