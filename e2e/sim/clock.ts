/** Virtual time: sleepers wake in order of (time, call), and everything that follows from one wake settles before the next. Nothing here waits for real time. */
import type { Instant } from '../../mesh/model/instant.ts';
import type { CancelSignal } from '../../mesh/ports/cancel.ts';
import type { Clock } from '../../mesh/ports/clock.ts';

export interface SimClock extends Clock {
  /** The same time; `owner` names its sleepers in reports. */
  ownedBy(owner: string): Clock;
  /** Wakes the earliest sleeper that is due at `until` or before; false: none is, and time now stands at `until`. */
  step(until: Instant): Promise<boolean>;
  /** Steps until `holds`, looked at after each wake, or until `withinMilliseconds` have passed: then false. */
  runUntil(holds: () => boolean, withinMilliseconds: number): Promise<boolean>;
  /** Called after each wake, once it has settled, and when time moves without one. Must not throw. */
  onStep(listener: () => void): void;
  /** Wakes so far. */
  readonly wakes: number;
}

export interface SimClockLimits {
  /** More wakes than this within one virtual second is a livelock, and so are more sleeps into the past between two wakes. */
  readonly mostWakesASecond?: number;
  /** More wakes than this in a whole simulation is one, too. */
  readonly mostWakes?: number;
}

/** Somebody sleeps over and over and gets nowhere. */
export class Livelock extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'Livelock';
  }
}

interface Sleeper { readonly at: Instant; readonly sequence: number; readonly owner: string; readonly where: string | undefined; wake: (() => void) | undefined }

const earlier = (a: Sleeper, b: Sleeper): boolean => a.at < b.at || (a.at === b.at && a.sequence < b.sequence);

/** A binary heap; who was woken by abort stays in it and is skipped. */
class Sleepers {
  readonly #heap: Sleeper[] = [];

  add(sleeper: Sleeper): void {
    const heap = this.#heap;
    let index = heap.push(sleeper) - 1;
    for (let parent = (index - 1) >> 1; index > 0 && earlier(sleeper, heap[parent]!); parent = (index - 1) >> 1) {
      heap[index] = heap[parent]!;
      index = parent;
    }
    heap[index] = sleeper;
  }

  /** The earliest that still sleeps. */
  first(): Sleeper | undefined {
    while (this.#heap[0] !== undefined && this.#heap[0].wake === undefined) this.#removeFirst();
    return this.#heap[0];
  }

  asleep(): Sleeper[] {
    return this.#heap.filter((sleeper) => sleeper.wake !== undefined).sort((a, b) => (earlier(a, b) ? -1 : 1));
  }

  #removeFirst(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && earlier(heap[child + 1]!, heap[child]!)) child += 1;
      if (!earlier(heap[child]!, last)) break;
      heap[index] = heap[child]!;
      index = child;
    }
    heap[index] = last;
  }
}

export function createSimClock(start: Instant = Date.UTC(2030, 0, 1), { mostWakesASecond = 20_000, mostWakes = 5_000_000 }: SimClockLimits = {}): SimClock {
  const sleepers = new Sleepers();
  const listeners: (() => void)[] = [];
  let now = start;
  let sequence = 0;
  let wakes = 0;
  /** The second that is counted. */
  let second = start;
  let wakesThisSecond = 0;
  let sleepsIntoThePast = 0;
  let stuck: Livelock | undefined;

  // A macrotask runs only when no microtask is left, however long their chain.
  const settle = (): Promise<void> => new Promise((resolve) => { setImmediate(resolve); });

  const sleepUntil = (owner: string) => (at: Instant, signal: CancelSignal): Promise<void> => new Promise((resolve) => {
    if (at <= now || signal.aborted) {
      sleepsIntoThePast += 1;
      if (sleepsIntoThePast <= mostWakesASecond) return resolve();
      // Left asleep for good: whoever turns without end would keep `settle` from ever returning.
      stuck ??= livelock(`livelock: ${owner} slept ${mostWakesASecond} times without waiting, here:\n${whereNow()}\n`);
      return;
    }
    const wake = (): void => {
      sleeper.wake = undefined;
      signal.removeEventListener('abort', wake);
      resolve();
    };
    // Stacks are dear: taken only where a livelock is near.
    const where = wakesThisSecond > mostWakesASecond / 2 ? whereNow() : undefined;
    // Machines count whole milliseconds; who asks for a part of one gets all of it.
    const sleeper: Sleeper = { at: Math.ceil(at), sequence: sequence++, owner, where, wake };
    sleepers.add(sleeper);
    signal.addEventListener('abort', wake, { once: true });
  });

  function whereNow(): string {
    return new Error('asleep').stack?.split('\n').slice(3, 9).join('\n') ?? '';
  }

  function livelock(problem: string): Livelock {
    const due = sleepers.asleep().slice(0, 10).map(({ at, owner, where }) => `  in ${at - now} ms: ${owner}${where === undefined ? '' : `\n${where}`}`);
    return new Livelock(`${problem} at t=${(now - start) / 1000} s. Due next:\n${due.join('\n')}`);
  }

  const told = async (): Promise<void> => {
    sleepsIntoThePast = 0;
    await settle();
    if (stuck !== undefined) throw stuck;
    for (const listener of listeners) listener();
  };

  async function step(until: Instant): Promise<boolean> {
    const next = sleepers.first();
    if (next === undefined || next.at > until) {
      if (until > now) {
        now = until;
        await told();
      }
      return false;
    }
    now = Math.max(now, next.at);
    if (now >= second + 1000) {
      second = now;
      wakesThisSecond = 0;
    }
    wakes += 1;
    wakesThisSecond += 1;
    if (wakesThisSecond > mostWakesASecond) throw livelock(`livelock: ${mostWakesASecond} wakes within one second`);
    if (wakes > mostWakes) throw livelock(`more than ${mostWakes} wakes`);
    next.wake?.();
    await told();
    return true;
  }

  return {
    now: () => now,
    sleepUntil: sleepUntil('test'),
    ownedBy: (owner) => ({ now: () => now, sleepUntil: sleepUntil(owner) }),
    step,
    async runUntil(holds, withinMilliseconds) {
      const until = now + withinMilliseconds;
      await told();
      for (let going = true; going && !holds();) going = await step(until);
      return holds();
    },
    onStep(listener) { listeners.push(listener); },
    get wakes() { return wakes; },
  };
}
