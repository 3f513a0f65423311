/** What is wrong beside the drill. A cluster that this hub has not heard since it started is no evidence of anything. */
import type { DrillValue } from '../../../mesh/model/drill.ts';
import { serviceKey } from '../../../mesh/model/service.ts';
import type { Fleet } from '../gateway/fleet.ts';

/** A sentence, or null. Looks at the clusters that export the service, the evacuated one apart: they carry it during the drill. */
export function realFailure(drill: DrillValue, fleet: Fleet): string | null {
  const key = serviceKey(drill.service);
  for (const cluster of fleet.clusters()) {
    const fact = fleet.value(cluster, 'ExportFact', key)?.value;
    if (cluster === drill.evacuate || fact === undefined) continue;
    if (fleet.connection(cluster)?.connected !== true) return `cluster ${cluster}, which exports ${key} too, is not connected to the hub`;
    if (!fact.endpoints.some(({ ready }) => ready)) return `cluster ${cluster} has no ready endpoint of ${key}`;
  }
  return null;
}
