/** Runs the parts of a process: started in order, the first failure stops all, stopped in the reverse order. */
import type { CancelSignal } from '../../mesh/ports/cancel.ts';
import type { Clock } from '../../mesh/ports/clock.ts';
import type { Log } from '../../mesh/ports/log.ts';
import { cancelled, cancelWithin } from './cancel.ts';
import { messageOf } from './errors.ts';

export interface Part {
  readonly name: string;
  /** Runs until `signal` aborts, then resolves once the part has stopped. Resolving earlier means that the part had an end of its own. */
  start(signal: CancelSignal): Promise<void>;
}

/**
 * Resolves when `signal` aborts or every part has ended, and each part has stopped. Rejects with the first failure, after the others have stopped.
 * A part that does not stop within `stopSeconds` of being asked is named in the log and left behind: the process is about to end.
 */
export async function runParts(parts: readonly Part[], signal: CancelSignal, { clock, log, stopSeconds = 5 }: { readonly clock: Clock; readonly log: Log; readonly stopSeconds?: number }): Promise<void> {
  const all = cancelWithin(signal);
  const failures: { readonly part: string; readonly error: unknown }[] = [];
  const running = parts.map((part) => {
    const cancel = new AbortController();
    const ended = Promise.resolve()
      .then(() => (cancel.signal.aborted ? undefined : part.start(cancel.signal)))
      .catch((error: unknown) => {
        if (all.signal.aborted) {
          log.debug({ part: part.name, error: messageOf(error) }, 'failed while stopping');
          return;
        }
        failures.push({ part: part.name, error });
        log.error({ part: part.name, error: messageOf(error) }, 'failed: stopping every other part');
        all.abort();
      });
    return { name: part.name, cancel, ended };
  });

  await Promise.race([cancelled(all.signal), Promise.all(running.map((part) => part.ended))]);
  for (const part of running.toReversed()) {
    part.cancel.abort();
    const patience = new AbortController();
    const late = clock.sleepUntil(clock.now() + stopSeconds * 1000, patience.signal).then(() => 'late' as const);
    if (await Promise.race([part.ended, late]) === 'late') log.error({ part: part.name, stopSeconds }, 'did not stop in time: left behind');
    patience.abort();
  }
  all.release();
  if (failures[0] !== undefined) throw failures[0].error;
}
