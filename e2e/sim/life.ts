/** One life of a process, from its start to its end or SIGKILL: after that nothing it still computes reaches the world, and every call it makes stays unanswered. */
import type { CancelSignal } from '../../mesh/ports/cancel.ts';
import type { Clock } from '../../mesh/ports/clock.ts';
import type { Log } from '../../mesh/ports/log.ts';
import type { Random } from '../../mesh/ports/random.ts';
import type { Trace } from './trace.ts';

export interface Life {
  readonly over: boolean;
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly log: Log;
  /** A call to something outside: the way there, the work at once, the way back. SIGKILL may hit between any two of them. */
  call<T>(work: () => T | Promise<T>): Promise<T>;
  /** One way of it. */
  pause(): Promise<void>;
  /** SIGKILL. `cut` breaks its connections: it is dead by then, so nothing that this makes it do reaches anyone. */
  kill(cut: () => void): void;
}

export interface LifeParts {
  readonly host: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly trace: Trace;
  /** Of calls to the own Kubernetes API, the own disk and the own records, each way. */
  readonly callMilliseconds: { readonly least: number; readonly most: number };
  /** How far the host's clock is ahead. */
  readonly skewMilliseconds: number;
}

const unanswered = <T>(): Promise<T> => new Promise<T>(() => {});
const never = new AbortController().signal;

export function beginLife({ host, clock, random, trace, callMilliseconds: { least, most }, skewMilliseconds }: LifeParts): Life {
  const stop = new AbortController();
  let over = false;

  async function pause(): Promise<void> {
    if (!over) await clock.sleepUntil(clock.now() + least + Math.floor(random.uniform() * (most - least + 1)), never);
    if (over) await unanswered();
  }

  const log = (bound: Readonly<Record<string, unknown>>): Log => {
    const write = (level: string) => (fields: Readonly<Record<string, unknown>>, message: string): void => {
      if (!over) trace.add(host, 'log', `${level} ${message} ${JSON.stringify({ ...bound, ...fields })}`);
    };
    return { debug() {}, info: write('info'), warn: write('warn'), error: write('error'), child: (fields) => log({ ...bound, ...fields }) };
  };

  return {
    get over() { return over; },
    signal: stop.signal,
    clock: {
      now: () => clock.now() + skewMilliseconds,
      async sleepUntil(at, signal: CancelSignal) {
        if (over) await unanswered();
        await clock.sleepUntil(at - skewMilliseconds, signal);
      },
    },
    log: log({}),
    pause,
    async call(work) {
      await pause();
      let failure: unknown;
      let failed = false;
      // What a call gives is given on the way back, an error, too.
      const answer = await Promise.resolve().then(work).catch((error: unknown) => {
        failed = true;
        failure = error;
      });
      await pause();
      if (failed) throw failure;
      return answer as Awaited<ReturnType<typeof work>>;
    },
    kill(cut) {
      over = true;
      cut();
      stop.abort();
    },
  };
}
