/** The fleet as rows for queries: what the Cluster objects say, and who is connected just now, of which no status tells every moment. */
import type { ClusterObject } from '../../../mesh/api/resources/cluster.ts';
import { toldAt } from '../../../mesh/inventory/answer.ts';
import { createFleetIndex, type FleetIndex } from '../../../mesh/inventory/fleet-index.ts';
import { type FleetRow, rowOf } from '../../../mesh/inventory/row.ts';
import { fieldsOf } from '../../../mesh/model/cluster-fields.ts';
import { type Instant, toRfc3339 } from '../../../mesh/model/instant.ts';
import { AGENT_TYPES } from '../../../mesh/model/sync.ts';
import { LONGEST_SILENCE } from '../../../mesh/ports/transport.ts';
import type { Cache } from '../../runtime/cache.ts';
import type { Fleet } from '../gateway/fleet.ts';

/** A connection that is open was heard of since: the transport ends one that does not answer. */
const SILENCE_MILLISECONDS = (LONGEST_SILENCE.askedAfterSeconds + LONGEST_SILENCE.answeredWithinSeconds) * 1000;

export interface LiveRows {
  readonly index: FleetIndex;
  heardAt(row: FleetRow, now: Instant): Instant | null;
  /** Puts into the index when each cluster was last heard of, which moves without any event. */
  tellHeard(now: Instant): void;
}

export function createLiveRows({ clusters, fleet }: { readonly clusters: Cache<ClusterObject>; readonly fleet: Fleet }): LiveRows {
  const index = createFleetIndex();
  /** Cluster.status follows the connection a moment later, and slowly where an agent flaps. */
  function withConnection(row: FleetRow): FleetRow {
    const connection = fleet.connection(row.name);
    if (connection === undefined) return row;
    return { ...row, facts: { ...row.facts, connected: { value: connection.connected, source: 'hub', observedAt: connection.since } } };
  }
  const read = (object: ClusterObject): void => index.put(withConnection(rowOf(object.metadata.name, fieldsOf(object))));

  clusters.subscribe(({ type, object }) => {
    if (type === 'deleted') index.remove(object.metadata.name);
    else read(object);
  });
  fleet.subscribe(({ cluster, type }) => {
    const row = type === 'Connection' ? index.get(cluster) : undefined;
    if (row !== undefined) index.put(withConnection(row));
  });

  function heardAt(row: FleetRow, now: Instant): Instant | null {
    const connection = fleet.connection(row.name);
    // Not since this hub started: what the status says of the connection is all that there is, and since when it says so.
    if (connection === undefined) return row.facts['connected'] === undefined ? null : toldAt(row.facts['connected'].observedAt ?? now)(row);
    if (!connection.connected) return connection.since;
    const messages = AGENT_TYPES.map((type) => fleet.heard(row.name, type)?.lastAt ?? connection.since);
    return Math.min(now, Math.max(now - SILENCE_MILLISECONDS, connection.since, ...messages));
  }

  return {
    index, heardAt,
    tellHeard(now) {
      for (const { metadata: { name } } of clusters.list()) {
        const row = index.get(name);
        const at = row === undefined ? null : heardAt(row, now);
        if (row !== undefined && at !== null) index.put({ ...row, facts: { ...row.facts, 'last-heard': { value: toRfc3339(at), source: 'hub', observedAt: at } } });
      }
    },
  };
}
