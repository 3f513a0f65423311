/** The ranges that Services get their addresses from, where the API server has objects for them. */
import { ServiceCidr, type ServiceCidrObject } from '../../../mesh/api/resources/networking.ts';
import { MAX_SERVICE_CIDRS } from '../../../mesh/model/cluster.ts';
import { type Instant, seconds } from '../../../mesh/model/instant.ts';
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import { notServed } from '../../runtime/served.ts';
import type { AgentPorts } from '../ports.ts';

/** People add a range once in a cluster's life. One that is being deleted counts until it is gone. */
const LOOK_AGAIN_SECONDS = 300;
/** Upgraded, or granted the right. */
const REFUSED_AGAIN_SECONDS = 3600;

/** undefined: this API server has no such objects (before 1.33, where the feature is off), or the agent may not read them. Rejects where it gives no answer. Sorted. */
export function createServiceCidrs({ kubernetes, clock }: Pick<AgentPorts, 'kubernetes' | 'clock'>): (signal: CancelSignal) => Promise<readonly string[] | undefined> {
  let read: { readonly until: Instant; readonly cidrs: readonly string[] | undefined } | undefined;
  return async (signal) => {
    if (read !== undefined && clock.now() < read.until) return read.cidrs;
    try {
      const { items } = await kubernetes.list<ServiceCidrObject>(ServiceCidr, {}, signal);
      const cidrs = [...new Set(items.flatMap(({ spec }) => spec?.cidrs ?? []))].sort();
      read = { until: clock.now() + seconds(LOOK_AGAIN_SECONDS), cidrs: cidrs.length === 0 ? undefined : cidrs.slice(0, MAX_SERVICE_CIDRS) };
    } catch (error) {
      if (notServed(error) === undefined) throw error;
      read = { until: clock.now() + seconds(REFUSED_AGAIN_SECONDS), cidrs: undefined };
    }
    return read.cidrs;
  };
}
