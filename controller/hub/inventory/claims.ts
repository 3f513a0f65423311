/** Who else says that it is a cluster with this uid, now or before it was deleted. */
import type { ClusterObject } from '../../../mesh/api/resources/cluster.ts';
import type { ClusterClaims } from '../../../mesh/inventory/claims.ts';
import { findCondition } from '../../../mesh/model/condition.ts';
import type { RecordStore } from '../../../mesh/ports/records.ts';
import type { Cache } from '../../runtime/cache.ts';
import type { Fleet } from '../gateway/fleet.ts';
import { conditionsOf } from '../views.ts';

/** Deleted clusters that are remembered, the newest. */
const MOST_FORMER = 1000;

/** For the cache of clusters. */
export const CLUSTER_INDEXES = { uid: ({ status }: ClusterObject): readonly string[] => (status?.uid === undefined ? [] : [status.uid]) };

export interface Claims {
  /** Reads from the records which clusters were deleted. */
  load(): Promise<void>;
  of(cluster: string, uid: string | undefined): ClusterClaims;
  /** Calls back with the clusters whose claims a change of another one touches. */
  subscribe(touched: (cluster: string) => void): void;
}

export function createClaims({ clusters, fleet, records }: { readonly clusters: Cache<ClusterObject>; readonly fleet: Fleet; readonly records: Pick<RecordStore, 'listGone'> }): Claims {
  /** Name → uid; the newest last. */
  const former = new Map<string, string>();
  const remember = (name: string, uid: string): void => {
    former.delete(name);
    former.set(name, uid);
    const [oldest] = former.keys();
    if (former.size > MOST_FORMER && oldest !== undefined) former.delete(oldest);
  };
  const named = (uid: string): readonly ClusterObject[] => clusters.byIndex('uid', uid);

  return {
    async load() {
      for (const { cluster, uid } of (await records.listGone(MOST_FORMER)).toReversed()) remember(cluster, uidOf(uid));
    },
    of(cluster, uid) {
      const refused = fleet.refusal(cluster) ?? null;
      if (uid === undefined) return { sameUid: [], formerNames: [], refused };
      return {
        sameUid: named(uid).filter(({ metadata }) => metadata.name !== cluster)
          .map((object) => ({ name: object.metadata.name, connected: findCondition(conditionsOf(object), 'Connected')?.status === 'True' })),
        formerNames: [...former].flatMap(([name, last]) => (last === uid && name !== cluster && clusters.get({ name }) === undefined ? [name] : [])).sort(),
        refused,
      };
    },
    subscribe(touched) {
      clusters.subscribe(({ type, object, previous }) => {
        const { name } = object.metadata;
        const uids = new Set([object.status?.uid, previous?.status?.uid].filter((uid) => uid !== undefined));
        for (const uid of uids) {
          if (type === 'deleted') remember(name, uid);
          for (const other of named(uid)) if (other.metadata.name !== name) touched(other.metadata.name);
        }
      });
    },
  };
}

/** A field of the history is JSON text. */
function uidOf(text: string): string {
  const value: unknown = JSON.parse(text);
  return typeof value === 'string' ? value : text;
}
