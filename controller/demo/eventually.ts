/** Waiting for something to become true, with the last thing seen in the error. */
import { setTimeout as sleep } from 'node:timers/promises';

const INTERVAL_MILLISECONDS = 20;
/** A request that is never answered takes as long as most wait: one of them is no proof. */
const LEAST_PROBES = 3;

/** Calls `probe` until it gives a value that is neither undefined nor false; a probe that throws is asked again. Gives up after that time, and three probes at the least. */
export async function eventually<T>(what: string, timeoutMilliseconds: number, probe: () => Promise<T | undefined | false>, seen?: () => unknown): Promise<T> {
  const giveUpAt = performance.now() + timeoutMilliseconds;
  let problem = '';
  for (let probes = 1; ; probes += 1) {
    try {
      const value = await probe();
      if (value !== undefined && value !== false) return value;
      problem = '';
    } catch (error) {
      problem = error instanceof Error ? error.message : String(error);
    }
    if (performance.now() >= giveUpAt && probes >= LEAST_PROBES) {
      const last = seen === undefined ? '' : `; last seen: ${JSON.stringify(seen())}`;
      throw new Error(`not within ${timeoutMilliseconds / 1000} s: ${what}${last}${problem === '' ? '' : `; last error: ${problem}`}`);
    }
    await sleep(INTERVAL_MILLISECONDS);
  }
}

export function expect(holds: boolean, what: string, seen?: unknown): asserts holds {
  if (!holds) throw new Error(`${what}${seen === undefined ? '' : `; seen: ${JSON.stringify(seen)}`}`);
}
