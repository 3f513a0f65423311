/** A clock that moves only when a test moves it. */
import type { Instant } from '../../../mesh/model/instant.ts';
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import type { Clock } from '../../../mesh/ports/clock.ts';

export interface ManualClock extends Clock {
  /** Wakes every sleeper due within the next `ms`, in order of (time, call), and lets everything that follows from each wake settle before the next one. */
  advance(ms: number): Promise<void>;
  /** Lets pending promises settle without moving time. */
  settle(): Promise<void>;
  /** When the earliest sleeper is due; undefined: nobody sleeps. */
  nextWake(): Instant | undefined;
  /** How many sleep now. */
  readonly sleeping: number;
}

interface Sleeper { readonly at: Instant; readonly sequence: number; readonly wake: () => void }

export function manualClock(start: Instant = Date.UTC(2030, 0, 1)): ManualClock {
  let now = start;
  let sequence = 0;
  const sleepers = new Set<Sleeper>();

  const earliest = (): Sleeper | undefined => {
    let first: Sleeper | undefined;
    for (const sleeper of sleepers) {
      if (first === undefined || sleeper.at < first.at || (sleeper.at === first.at && sleeper.sequence < first.sequence)) first = sleeper;
    }
    return first;
  };
  // A macrotask runs only when no microtask is left, however long their chain.
  const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

  return {
    now: () => now,
    sleepUntil: (at: Instant, signal: CancelSignal) => new Promise<void>((resolve) => {
      if (at <= now || signal.aborted) { resolve(); return; }
      const wake = (): void => {
        sleepers.delete(sleeper);
        signal.removeEventListener('abort', wake);
        resolve();
      };
      const sleeper: Sleeper = { at, sequence: sequence++, wake };
      sleepers.add(sleeper);
      signal.addEventListener('abort', wake, { once: true });
    }),
    async advance(ms) {
      const target = now + ms;
      await settle();
      for (let next = earliest(); next !== undefined && next.at <= target; next = earliest()) {
        now = Math.max(now, next.at);
        next.wake();
        await settle();
      }
      now = target;
      await settle();
    },
    settle,
    nextWake: () => earliest()?.at,
    get sleeping() { return sleepers.size; },
  };
}
