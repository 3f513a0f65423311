/** Looks again and again whether the records can be written: nothing is decided that cannot be saved. */
import type { CancelSignal } from '../../mesh/ports/cancel.ts';
import { messageOf } from '../runtime/errors.ts';
import type { HubPorts } from './ports.ts';
import type { Readiness } from './readiness.ts';

const CHECK_MILLISECONDS = 10_000;

export async function checkRecords({ clock, records, log, metrics }: Pick<HubPorts, 'clock' | 'records' | 'log' | 'metrics'>, readiness: Readiness, signal: CancelSignal): Promise<void> {
  const refuses = metrics.gauge('isthmus_hub_records_problem', '1 while the records cannot be written, else 0.');
  const say = readiness.about();
  for (let before: string | undefined; !signal.aborted;) {
    const problem = await records.check().then(() => undefined, messageOf);
    say(problem);
    refuses.set({}, problem === undefined ? 0 : 1);
    if (problem !== before && problem !== undefined) log.error({ problem }, 'records cannot be written');
    before = problem;
    await clock.sleepUntil(clock.now() + CHECK_MILLISECONDS, signal);
  }
}
