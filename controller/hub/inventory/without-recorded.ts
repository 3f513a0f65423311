/** History is written before status: where the hub died or failed between the two, the same change is met again. */
import type { HistoryEntry } from '../../../mesh/model/history.ts';
import type { RecordStore } from '../../../mesh/ports/records.ts';

const NEWEST_ROWS = 1000;

/** The entries that are not what the cluster's newest row of the same field says already. */
export async function withoutRecorded(records: Pick<RecordStore, 'listHistory'>, cluster: string, entries: readonly HistoryEntry[]): Promise<readonly HistoryEntry[]> {
  if (entries.length === 0) return entries;
  const newest = new Map<string, HistoryEntry>();
  for (const row of await records.listHistory({ cluster, limit: NEWEST_ROWS })) if (!newest.has(row.field)) newest.set(row.field, row);
  return entries.filter(({ field, before, after }) => {
    const row = newest.get(field);
    return row === undefined || row.before !== before || row.after !== after;
  });
}
