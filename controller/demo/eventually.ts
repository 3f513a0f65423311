/** Waiting for something to become true, with the last thing seen in the error. */
import { setTimeout as sleep } from 'node:timers/promises';

const INTERVAL_MILLISECONDS = 20;

/** Calls `probe` until it gives a value that is neither undefined nor false; a probe that throws is asked again. */
export async function eventually<T>(what: string, timeoutMilliseconds: number, probe: () => Promise<T | undefined | false>, seen?: () => unknown): Promise<T> {
  const giveUpAt = performance.now() + timeoutMilliseconds;
  let problem = '';
  for (;;) {
    try {
      const value = await probe();
      if (value !== undefined && value !== false) return value;
      problem = '';
    } catch (error) {
      problem = error instanceof Error ? error.message : String(error);
    }
    if (performance.now() >= giveUpAt) {
      const last = seen === undefined ? '' : `; last seen: ${JSON.stringify(seen())}`;
      throw new Error(`not within ${timeoutMilliseconds / 1000} s: ${what}${last}${problem === '' ? '' : `; last error: ${problem}`}`);
    }
    await sleep(INTERVAL_MILLISECONDS);
  }
}

export function expect(holds: boolean, what: string, seen?: unknown): asserts holds {
  if (!holds) throw new Error(`${what}${seen === undefined ? '' : `; seen: ${JSON.stringify(seen)}`}`);
}
