/** What the records say of each cluster, against which the next change is measured: each is recorded once, whenever the hub dies. */
import type { ClusterObject } from '../../../mesh/api/resources/cluster.ts';
import { changesOf, sameFields } from '../../../mesh/inventory/changes.ts';
import { type ClusterFields, fieldsOf, statusOf } from '../../../mesh/model/cluster-fields.ts';
import type { ClusterStatusValue } from '../../../mesh/model/cluster-status.ts';
import type { HistoryEntry } from '../../../mesh/model/history.ts';
import type { Instant } from '../../../mesh/model/instant.ts';
import type { RecordStore } from '../../../mesh/ports/records.ts';

const NOTHING: ClusterFields = {};

interface Believed {
  readonly fields: ClusterFields;
  /** The object's own where it shows what is recorded. */
  readonly status: ClusterStatusValue | undefined;
}

export interface Recorded {
  /** Names of all clusters that the records know to be there. */
  load(): Promise<readonly string[]>;
  /** The very object that was met last, and it shows what is recorded. */
  isShownBy(object: ClusterObject): boolean;
  believed(object: ClusterObject): Believed;
  /** Resolves once it is durable; `entries` empty: nothing to record. */
  record(cluster: string, at: Instant, fields: ClusterFields, entries: readonly HistoryEntry[]): Promise<void>;
  /** The Cluster object is gone: so is all that was known of it, from now on. */
  recordGone(cluster: string, at: Instant): Promise<void>;
}

export function createRecorded(records: Pick<RecordStore, 'listStates' | 'recordChange'>): Recorded {
  /** The object that shows what is recorded, which the cache holds anyway; or fields, while no object is known to show them. */
  const shown = new Map<string, ClusterObject>();
  const unshown = new Map<string, ClusterFields>();

  const fieldsRecorded = (name: string): ClusterFields => {
    const object = shown.get(name);
    return object === undefined ? unshown.get(name) ?? NOTHING : fieldsOf(object);
  };

  async function record(cluster: string, at: Instant, fields: ClusterFields, entries: readonly HistoryEntry[]): Promise<void> {
    if (entries.length === 0) return;
    await records.recordChange({ cluster, at, fields, entries });
    shown.delete(cluster);
    unshown.set(cluster, fields);
  }

  return {
    async load() {
      shown.clear();
      unshown.clear();
      for (const [name, fields] of await records.listStates()) if (Object.keys(fields).length > 0) unshown.set(name, fields);
      return [...unshown.keys()];
    },
    isShownBy: (object) => shown.get(object.metadata.name) === object,
    believed(object) {
      const { name } = object.metadata;
      const fields = fieldsRecorded(name);
      const status = object.status as ClusterStatusValue | undefined;
      const shows = fieldsOf(object);
      if (sameFields(fields, shows)) {
        shown.set(name, object);
        unshown.delete(name);
        return { fields, status };
      }
      // Of this object nothing is recorded yet: a new one, one made anew under the name, or records from before states were kept.
      if (fields['object'] !== shows['object']) return { fields, status };
      return { fields, status: statusOf(fields, status) };
    },
    record,
    async recordGone(cluster, at) {
      const before = fieldsRecorded(cluster);
      const gone = { by: 'hub', run: null, reason: 'the Cluster object was deleted', approvedBy: [] };
      await record(cluster, at, NOTHING, changesOf({ cluster, at, before, after: NOTHING, authorOf: () => gone }));
      shown.delete(cluster);
      unshown.delete(cluster);
    },
  };
}
