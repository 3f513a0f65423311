/** Keeps bounded what staged updates leave behind: once an hour, objects first, then contents. */
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import { messageOf } from '../../runtime/errors.ts';
import { type DecidingParts, decidingRuns } from '../bundles/deciding-runs.ts';
import { createExpiry, type ExpiryParts } from './expiry.ts';
import { createKeptContents, type KeptContentsParts } from './kept-contents.ts';
import { createLooseWords, type LooseWordsParts } from './loose-words.ts';

const ROUND_MILLISECONDS = 3_600_000;

type BoundsParts = Omit<ExpiryParts, 'deciding'> & KeptContentsParts & DecidingParts & LooseWordsParts;

/** Until `signal` aborts. The first round is an hour after the start. A pass that fails is tried again an hour later: nothing waits for it. */
export function keepBounded(parts: BoundsParts): (signal: CancelSignal) => Promise<void> {
  const { clock, log } = parts.ports;
  const passes = [createExpiry({ ...parts, deciding: () => decidingRuns(parts) }), createKeptContents(parts), createLooseWords(parts)];
  return async (signal) => {
    for (;;) {
      await clock.sleepUntil(clock.now() + ROUND_MILLISECONDS, signal);
      for (const pass of passes) {
        if (signal.aborted) return;
        try {
          await pass(signal);
        } catch (error) {
          if (!signal.aborted) log.warn({ problem: messageOf(error) }, 'what staged updates leave behind could not be dropped; tried again in an hour');
        }
      }
    }
  };
}
