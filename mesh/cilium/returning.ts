/** Peers that leave and come back before KVStoreMesh has forgotten them: it takes them up again only then (`pkg/clustermesh/common`, tombstones). Pure. */
import type { Instant } from '../model/instant.ts';
import { seconds } from '../model/instant.ts';
import { DRAIN_SECONDS } from '../model/mesh-ids.ts';
import { compareText } from '../model/order.ts';

/** By peer: since when its entry is gone. */
export type TookAway = Readonly<Record<string, Instant>>;

/** As long as it matters. `before` and `standing`: peers with an entry for KVStoreMesh at the look before and now. Sorted. */
export function tookAway(known: TookAway, before: ReadonlySet<string>, standing: ReadonlySet<string>, now: Instant): TookAway {
  const gone = [...before].filter((peer) => !standing.has(peer)).map((peer) => [peer, now] as const);
  return Object.fromEntries([...Object.entries(known), ...gone].filter(([, at]) => now < forgottenAt(at)).sort(([a], [b]) => compareText(a, b)));
}

/** When KVStoreMesh takes up again what it lost at that time. */
export const forgottenAt = (at: Instant): Instant => at + seconds(DRAIN_SECONDS);
