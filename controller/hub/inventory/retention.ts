/** Lets old history go: rows after some months, daily states after longer, in steps between which others may write. */
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import { messageOf } from '../../runtime/errors.ts';
import type { HistoryRetention, HubPorts } from '../ports.ts';

export const USUAL_RETENTION: HistoryRetention = { changeDays: 90, stateDays: 400 };

const DAY_MILLISECONDS = 86_400_000;
const ROUND_MILLISECONDS = 3_600_000;
const STEP_PAUSE_MILLISECONDS = 200;

/** Until `signal` aborts. A step that fails is tried again an hour later: nothing waits for it. */
export function keepHistoryShort({ clock, records, log }: Pick<HubPorts, 'clock' | 'records' | 'log'>, { changeDays, stateDays }: HistoryRetention): (signal: CancelSignal) => Promise<void> {
  return async (signal) => {
    while (!signal.aborted) {
      const now = clock.now();
      const before = { rowsBefore: now - changeDays * DAY_MILLISECONDS, statesBefore: now - Math.max(changeDays, stateDays) * DAY_MILLISECONDS };
      try {
        while (!signal.aborted && await records.compactHistory(before)) await clock.sleepUntil(clock.now() + STEP_PAUSE_MILLISECONDS, signal);
      } catch (error) {
        log.warn({ problem: messageOf(error) }, 'old history could not be dropped; tried again in an hour');
      }
      await clock.sleepUntil(clock.now() + ROUND_MILLISECONDS, signal);
    }
  };
}
