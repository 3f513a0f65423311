/** The fields of a cluster after some of its changes. */
import type { ClusterFields } from '../model/cluster-fields.ts';
import type { HistoryEntry } from '../model/history.ts';

/** `entries` are of one cluster, oldest first. */
export function replay(before: ClusterFields, entries: readonly Pick<HistoryEntry, 'field' | 'after'>[]): ClusterFields {
  const fields = new Map(Object.entries(before));
  for (const { field, after } of entries) {
    if (after === null) fields.delete(field);
    else fields.set(field, after);
  }
  return Object.fromEntries(fields);
}
