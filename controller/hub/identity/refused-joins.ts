/** A join that was refused leaves a trace at the hub: a count by reason, and a line for people. A token that somebody else has redeemed is how a theft shows. */
import { clusterNameProblem } from '../../../mesh/model/names.ts';
import { TransportError } from '../../../mesh/ports/transport.ts';
import type { HubPorts } from '../ports.ts';
import type { IdentityService } from './service.ts';

/** Others mean "not yet", and come again and again. */
const TOLD: readonly TransportError['reason'][] = ['TokenUsed', 'TokenInvalid', 'TokenExpired', 'PermissionDenied', 'InvalidRequest'];
/** Strangers may ask: they fill no log. */
const MOST_LINES = 20;
const LINES_MILLISECONDS = 60_000;
const LONGEST_PROBLEM = 512;

export function tellingRefusedJoins({ clock, log, metrics }: Pick<HubPorts, 'clock' | 'log' | 'metrics'>, service: IdentityService): IdentityService {
  const refused = metrics.counter('isthmus_hub_refused_joins_total', 'Joins that were refused, by why.', ['reason']);
  for (const reason of TOLD) refused.inc({ reason }, 0);
  let since = 0;
  let lines = 0;

  function tell(cluster: string, { reason, message }: TransportError): void {
    refused.inc({ reason });
    if (clock.now() - since >= LINES_MILLISECONDS) [since, lines] = [clock.now(), 0];
    lines += 1;
    if (lines > MOST_LINES) return;
    const named = clusterNameProblem('cluster', cluster) === undefined ? { cluster } : {};
    log.warn({ ...named, reason, problem: message.slice(0, LONGEST_PROBLEM) }, lines === MOST_LINES ? 'refused a join; more of this minute are counted and not told' : 'refused a join');
  }

  return {
    ...service,
    async join(request, signal) {
      try {
        return await service.join(request, signal);
      } catch (error) {
        if (error instanceof TransportError && TOLD.includes(error.reason)) tell(request.cluster, error);
        throw error;
      }
    },
  };
}
