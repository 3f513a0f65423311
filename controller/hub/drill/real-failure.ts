/** What is wrong beside the drill. A cluster that this hub has not heard since it started is no evidence of anything. */
import type { DrillValue } from '../../../mesh/model/drill.ts';
import type { Instant } from '../../../mesh/model/instant.ts';
import { serviceKey } from '../../../mesh/model/service.ts';
import type { Fleet } from '../gateway/fleet.ts';

/** An agent that restarts, or a broken connection, is back by then. */
const SILENCE_SECONDS = 10;

/** When the silence of a cluster becomes a failure; null: nobody is silent, or it is one already. */
export function nextFailureAt(fleet: Fleet, now: Instant): Instant | null {
  const ends = fleet.clusters().flatMap((cluster) => {
    const connection = fleet.connection(cluster);
    return connection === undefined || connection.connected ? [] : [connection.since + SILENCE_SECONDS * 1000];
  }).filter((at) => at > now);
  return ends.length === 0 ? null : Math.min(...ends);
}

/** A sentence, or null. Looks at the clusters that export the service, the evacuated one apart: they carry it during the drill. */
export function realFailure(drill: DrillValue, fleet: Fleet, now: Instant): string | null {
  const key = serviceKey(drill.service);
  for (const cluster of fleet.clusters()) {
    const fact = fleet.value(cluster, 'ExportFact', key)?.value;
    if (cluster === drill.evacuate || fact === undefined) continue;
    const connection = fleet.connection(cluster);
    if (connection?.connected === false && now >= connection.since + SILENCE_SECONDS * 1000) return `cluster ${cluster}, which exports ${key} too, has not been connected to the hub for ${SILENCE_SECONDS} s`;
    if (!fact.endpoints.some(({ ready }) => ready)) return `cluster ${cluster} has no ready endpoint of ${key}`;
  }
  return null;
}
