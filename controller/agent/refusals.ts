/** What an API refuses for good (400, 422: an admission webhook, a quota's rule) may pass once somebody changed that rule, which brings no event here. */
import type { Clock } from '../../mesh/ports/clock.ts';
import type { Log } from '../../mesh/ports/log.ts';
import type { Metrics } from '../../mesh/ports/metrics.ts';
import { adviceOf, messageOf } from '../runtime/errors.ts';
import type { Reconcile } from '../runtime/loop.ts';

const AGAIN_SECONDS = 60;

/** Tries what was refused again each minute; every other failure is the loop's business. */
export function outlivingRefusals({ clock, log, metrics }: { readonly clock: Clock; readonly log: Log; readonly metrics: Metrics }, loop: string, reconcile: Reconcile): Reconcile {
  const refused = metrics.counter('isthmus_agent_refused_writes_total', 'Reconciles that the Kubernetes API refused with an answer that trying again soon does not change.', ['loop']);
  return async (key, signal) => {
    try {
      return await reconcile(key, signal);
    } catch (error) {
      if (signal.aborted || adviceOf(error) !== 'never') throw error;
      refused.inc({ loop });
      log.error({ loop, key, error: messageOf(error) }, `refused by the API; it is tried again every ${AGAIN_SECONDS} s`);
      return { requeueAt: clock.now() + AGAIN_SECONDS * 1000 };
    }
  };
}
