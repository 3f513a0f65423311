/** Keeps the book of a mesh's ids: what members have, what those that left still hold, and when that is free again. Pure. */
import { seconds, type Instant } from '../model/instant.ts';
import { type GivenId, type HeldId, DRAIN_SECONDS, type IdLedger, MAX_NAMED_BY, MAX_RELEASED_IDS, type ReleasedId } from '../model/mesh-ids.ts';
import { compareText } from '../model/order.ts';

export interface IdFacts {
  /** All clusters that the mesh selects, with the id that their Cilium has; 0: none, or not known. */
  readonly selected: ReadonlyMap<string, number>;
  /** What the plan gave its members. */
  readonly planned: readonly { readonly name: string; readonly clusterId: number }[];
  /** Clusters whose assigned or applied state names `cluster` with `id` as a peer. Sorted. */
  readonly namedBy: (cluster: string, id: number) => readonly string[];
  /** What people ask to be free. One that was obeyed once is not obeyed again. */
  readonly asked: readonly Omit<ReleasedId, 'at'>[];
}

/** The same object where nothing has changed. An id is free once nothing names it and `DRAIN_SECONDS` have passed, or once a person says so. */
export function nextLedger(ledger: IdLedger, { selected, planned, namedBy, asked }: IdFacts, now: Instant): IdLedger {
  if (ledger.held.length === 0 && isAsPlanned(ledger, selected, planned)) return ledger;
  const granted = asked.filter((one) => ledger.held.some((held) => isSame(held, one)) && !isObeyed(ledger, one));
  const plannedIds = uncontested(planned);
  const given: GivenId[] = [];
  const left: Pick<HeldId, 'cluster' | 'id' | 'since'>[] = [];
  for (const one of ledger.given) {
    const id = selected.get(one.cluster);
    if (id === undefined || (id !== 0 && id !== one.id)) left.push({ ...one, since: now });
    else given.push(one);
  }
  const held = [...ledger.held, ...left].flatMap((one): HeldId[] => {
    if (granted.some((release) => isSame(release, one))) return [];
    const names = namedBy(one.cluster, one.id);
    const before = 'quietSince' in one ? one.quietSince as Instant | null : null;
    const quietSince = names.length > 0 ? null : before ?? now;
    return quietSince !== null && now >= quietSince + seconds(DRAIN_SECONDS) ? [] : [{ cluster: one.cluster, id: one.id, since: one.since, quietSince, namedBy: names.slice(0, MAX_NAMED_BY) }];
  });
  const owner = new Map([...held, ...given].map(({ id, cluster }) => [id, cluster]));
  const known = new Set(given.map(({ cluster }) => cluster));
  for (const [cluster, id] of plannedIds) {
    if (known.has(cluster) || !selected.has(cluster) || (owner.get(id) ?? cluster) !== cluster) continue;
    given.push({ cluster, id, since: now });
  }
  const next: IdLedger = {
    given: given.sort(byId),
    // Whoever has come back to its id has let go of nothing.
    held: held.filter((one) => !given.some((other) => isSame(one, other))).sort(byId),
    released: [...ledger.released, ...granted.map((one) => ({ ...one, at: now }))].slice(-MAX_RELEASED_IDS),
  };
  return JSON.stringify(next) === JSON.stringify(ledger) ? ledger : next;
}

/** By far the most frequent: nobody came, left, or has another id. */
function isAsPlanned({ given }: IdLedger, selected: IdFacts['selected'], planned: IdFacts['planned']): boolean {
  const ids = new Map(given.map(({ cluster, id }) => [cluster, id]));
  return given.every(({ cluster, id }) => { const reported = selected.get(cluster); return reported === 0 || reported === id; })
    && planned.every(({ name, clusterId }) => clusterId === 0 || ids.get(name) === clusterId);
}

/** When the next held id is free by itself; undefined: none waits for time alone. */
export function nextFreeAt({ held }: IdLedger): Instant | undefined {
  const times = held.flatMap(({ quietSince }) => (quietSince === null ? [] : [quietSince + seconds(DRAIN_SECONDS)]));
  return times.length === 0 ? undefined : Math.min(...times);
}

export const isObeyed = ({ released }: IdLedger, asked: Omit<ReleasedId, 'at'>): boolean => released.some((one) => isSame(one, asked) && one.reason === asked.reason);

const isSame = (a: { readonly cluster: string; readonly id: number }, b: { readonly cluster: string; readonly id: number }): boolean => a.cluster === b.cluster && a.id === b.id;
const byId = (a: GivenId, b: GivenId): number => a.id - b.id || compareText(a.cluster, b.cluster);

/** Ids that one member alone has: two that claim one are in conflict, and neither is written down. */
function uncontested(planned: IdFacts['planned']): [string, number][] {
  const count = new Map<number, number>();
  for (const { clusterId } of planned) count.set(clusterId, (count.get(clusterId) ?? 0) + 1);
  return planned.flatMap(({ name, clusterId }) => (clusterId > 0 && count.get(clusterId) === 1 ? [[name, clusterId] as [string, number]] : []));
}
