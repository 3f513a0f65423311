/** What the agents say they have done about each revocation, as `Cluster.status.revocation` shows it. */
import type { ClusterObject } from '../../../mesh/api/resources/cluster.ts';
import type { StatusRevocation } from '../../../mesh/model/cluster-status.ts';
import { type Instant, toRfc3339 } from '../../../mesh/model/instant.ts';
import { MAX_SHOWN_PEERS, type RevocationEffect } from '../../../mesh/model/revocation.ts';
import type { Cache } from '../../runtime/cache.ts';
import type { Fleet } from '../gateway/fleet.ts';

type Peer = NonNullable<StatusRevocation['peers']>[number];

export interface ProgressParts {
  readonly fleet: Fleet;
  readonly clusters: Cache<ClusterObject>;
  readonly isCutOff: (cluster: string) => boolean;
  /** undefined: it was not revoked. */
  readonly atOf: (cluster: string) => Instant | undefined;
  /** More is known of that revocation. */
  readonly changed: (cluster: string) => void;
}

export interface Progress {
  of(revocation: { readonly cluster: string; readonly at: Instant; readonly reason: string; readonly streamsCutAt: Instant | null }, shown: StatusRevocation | undefined): StatusRevocation;
}

const LONGEST_PROBLEM = 1024;
const SILENT = 'its agent has not told of this yet; one of an older version never does: there an update run removes the user, and the pods of clustermesh-apiserver must be restarted by hand';
const AWAY = 'its agent is not connected; it acts as soon as it is';

const same = (one: RevocationEffect | undefined, other: RevocationEffect): boolean =>
  one !== undefined && one.at === other.at && one.stranger === other.stranger && one.userRemovedAt === other.userRemovedAt && one.podsReplacedAt === other.podsReplacedAt && one.problem === other.problem;

export function createProgress({ fleet, clusters, isCutOff, atOf, changed }: ProgressParts): Progress {
  /** Revoked cluster → other cluster → what its agent says. */
  const heard = new Map<string, Map<string, RevocationEffect>>();

  fleet.subscribe(({ cluster, type }) => {
    if (type === 'Connection') for (const name of heard.keys()) changed(name);
    if (type !== 'AppliedReport') return;
    for (const effect of fleet.value(cluster, 'AppliedReport', cluster)?.value.revocations ?? []) {
      const others = heard.get(effect.cluster) ?? new Map<string, RevocationEffect>();
      if (effect.cluster === cluster || effect.at !== atOf(effect.cluster) || same(others.get(cluster), effect)) continue;
      heard.set(effect.cluster, others.set(cluster, effect));
      changed(effect.cluster);
    }
  });

  /** What was shown before this hub started still holds: agents do not take it back. */
  function peerOf(revoked: string, at: Instant, cluster: string, shown: StatusRevocation | undefined): Peer | 'stranger' {
    const effect = heard.get(revoked)?.get(cluster);
    if (effect?.at === at) {
      if (effect.stranger) return 'stranger';
      return {
        cluster,
        ...(effect.userRemovedAt === null ? {} : { userRemovedAt: toRfc3339(effect.userRemovedAt) }),
        ...(effect.podsReplacedAt === null ? {} : { podsReplacedAt: toRfc3339(effect.podsReplacedAt) }),
        ...(effect.problem === '' ? {} : { problem: effect.problem.slice(0, LONGEST_PROBLEM) }),
      };
    }
    const before = shown?.peers?.find((peer) => peer.cluster === cluster);
    const problem = fleet.connection(cluster)?.connected === true ? SILENT : AWAY;
    return before?.userRemovedAt === undefined ? { cluster, problem } : before;
  }

  const latest = (times: readonly (string | undefined)[], or: string): string => times.reduce<string>((last, time) => (time !== undefined && time > last ? time : last), or);

  return {
    of({ cluster, at, reason, streamsCutAt }, before) {
      const shown = before?.at === toRfc3339(at) ? before : undefined;
      // All was done: what joins or is restarted later changes nothing of that.
      if (shown?.lastWatchGoneAt !== undefined) return shown.reason === reason ? shown : { ...shown, reason };
      const others = clusters.list().filter(({ metadata, status }) => metadata.name !== cluster && status?.identity !== undefined && !isCutOff(metadata.name)).map(({ metadata }) => metadata.name);
      const found = others.map((other) => peerOf(cluster, at, other, shown));
      const peers = found.filter((peer) => peer !== 'stranger');
      const removed = peers.filter(({ userRemovedAt }) => userRemovedAt !== undefined);
      const replaced = peers.filter(({ podsReplacedAt }) => podsReplacedAt !== undefined);
      const strangers = found.length - peers.length;
      const sorted = [...peers].sort((a, b) => Number(a.podsReplacedAt !== undefined) - Number(b.podsReplacedAt !== undefined) || (a.cluster < b.cluster ? -1 : 1));
      // Where nobody had it as a peer, the last watch was gone when its streams were.
      const from = toRfc3339(streamsCutAt ?? at);
      return {
        at: toRfc3339(at), reason, ...(streamsCutAt === null ? {} : { streamsCutAt: toRfc3339(streamsCutAt) }),
        clusters: others.length, usersRemoved: removed.length + strangers, podsReplaced: replaced.length + strangers,
        ...(removed.length < peers.length ? {} : { lastUserRemovedAt: latest(removed.map(({ userRemovedAt }) => userRemovedAt), from) }),
        ...(replaced.length < peers.length ? {} : { lastWatchGoneAt: latest(replaced.map(({ podsReplacedAt }) => podsReplacedAt), from) }),
        ...(sorted.length === 0 ? {} : { peers: sorted.slice(0, MAX_SHOWN_PEERS) }),
      };
    },
  };
}
