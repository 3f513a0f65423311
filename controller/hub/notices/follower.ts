/** Reads the journal of all runs in order, from where it was left: nothing of it is passed over, whatever dies on the way. */
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import type { NumberedEntry } from '../../../mesh/ports/records.ts';
import { type BackoffLimits, backoffMilliseconds } from '../../runtime/backoff.ts';
import { cancelWithin } from '../../runtime/cancel.ts';
import { messageOf } from '../../runtime/errors.ts';
import type { HubPorts } from '../ports.ts';

export interface Follower {
  /** There is more to read. */
  wake(): void;
  /** Settles where it begins: before anything is written that it should read. */
  load(): Promise<void>;
  start(signal: CancelSignal): Promise<void>;
}

interface Parts {
  readonly ports: Pick<HubPorts, 'clock' | 'random' | 'log' | 'records'>;
  /** Of the place in the records where it keeps how far it is. One that is new begins with what comes. */
  readonly name: string;
  /** Waits so long after a wake: what comes together is taken together. */
  readonly gatherMilliseconds: number;
  /** Must do with what it had before: the same entries may come again after a crash. `done` keeps that all up to that number need not come again. */
  readonly take: (entries: readonly NumberedEntry[], done: (sequence: number) => Promise<void>, signal: CancelSignal) => Promise<void>;
}

const AT_ONCE = 200;
/** Another hub may have led meanwhile. */
const LOOK_MILLISECONDS = 60_000;
const RETRIES: BackoffLimits = { baseMilliseconds: 1000, maximumMilliseconds: 60_000, jitter: 0.1 };

export function createFollower({ ports: { clock, random, log, records }, name, gatherMilliseconds, take }: Parts): Follower {
  const place = `follower/${name}`;
  let woken = true;
  let rouse = (): void => {};
  let after: number | undefined;

  const keep = async (sequence: number): Promise<void> => {
    if (after !== undefined && sequence <= after) return;
    await records.putReport(place, JSON.stringify({ after: sequence }));
    after = sequence;
  };

  async function begin(): Promise<number> {
    const kept = await records.getReport(place);
    if (kept !== undefined) return (JSON.parse(kept) as { readonly after: number }).after;
    const last = await records.lastJournalSequence();
    await records.putReport(place, JSON.stringify({ after: last }));
    return last;
  }

  async function work(signal: CancelSignal): Promise<void> {
    after ??= await begin();
    for (;;) {
      const entries = await records.listJournalAfter(after, AT_ONCE);
      if (entries.length === 0 || signal.aborted) return;
      await take(entries, keep, signal);
      if (signal.aborted) return;
      await keep(entries.at(-1)!.sequence);
    }
  }

  return {
    async load() { after ??= await begin(); },
    wake() {
      woken = true;
      rouse();
    },
    async start(signal) {
      for (let failures = 0; !signal.aborted;) {
        woken = false;
        let pause = LOOK_MILLISECONDS;
        try {
          await work(signal);
          failures = 0;
        } catch (error) {
          if (signal.aborted) return;
          failures += 1;
          pause = backoffMilliseconds(failures, RETRIES, random);
          log.warn({ follower: name, error: messageOf(error) }, 'the journal could not be followed, trying again');
        }
        const nap = cancelWithin(signal);
        rouse = nap.abort;
        if (!woken || failures > 0) await clock.sleepUntil(clock.now() + pause, failures > 0 ? signal : nap.signal);
        nap.release();
        if (woken) await clock.sleepUntil(clock.now() + gatherMilliseconds, signal);
      }
    },
  };
}
