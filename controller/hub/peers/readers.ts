/** Tells agents that keep users of former readers whether those still read them. Nothing is told of a cluster that has not said yet whom it reads. */
import type { Fleet } from '../gateway/fleet.ts';
import type { Publishers } from '../gateway/publishers.ts';

/** Whom the hub knows as clusters of the fleet. */
interface Members {
  readonly synced: boolean;
  get(ref: { readonly name: string }): object | undefined;
  subscribe(listener: () => void): void;
}

export function publishReaders(fleet: Fleet, publishers: Publishers, members: Members): void {
  /** By the agent that keeps them: former readers. */
  const kept = new Map<string, ReadonlySet<string>>();
  /** The same by former reader. */
  const keepers = new Map<string, Set<string>>();

  const peeringOf = (cluster: string) => fleet.value(cluster, 'AppliedReport', cluster)?.value.peering;

  /** undefined: not known. */
  function reads(reader: string, cluster: string): boolean | undefined {
    const peering = peeringOf(reader);
    if (peering !== undefined) return peering.reads.includes(cluster) || peering.waiting.some(({ peer }) => peer === cluster);
    // Of a cluster that has left the fleet nobody will ever say anything.
    return members.synced && members.get({ name: reader }) === undefined ? false : undefined;
  }

  function tell(cluster: string, reader: string): void {
    const known = reads(reader, cluster);
    if (known === undefined) publishers.untell(cluster, 'Reader', reader);
    else publishers.tell(cluster, 'Reader', reader, { cluster: reader, reads: known });
  }

  function keep(cluster: string): void {
    const before = kept.get(cluster) ?? new Set<string>();
    const now = new Set(peeringOf(cluster)?.keeps ?? []);
    if (now.size === 0) kept.delete(cluster);
    else kept.set(cluster, now);
    for (const reader of before) {
      if (now.has(reader)) continue;
      const others = keepers.get(reader);
      others?.delete(cluster);
      if (others?.size === 0) keepers.delete(reader);
      publishers.untell(cluster, 'Reader', reader);
    }
    for (const reader of now) {
      if (before.has(reader)) continue;
      const others = keepers.get(reader) ?? new Set();
      keepers.set(reader, others.add(cluster));
      tell(cluster, reader);
    }
  }

  fleet.subscribe(({ cluster, type }) => {
    if (type !== 'AppliedReport' && type !== 'Connection') return;
    keep(cluster);
    for (const keeper of keepers.get(cluster) ?? []) tell(keeper, cluster);
  });
  members.subscribe(() => {
    for (const [reader, clusters] of keepers) if (peeringOf(reader) === undefined) for (const cluster of clusters) tell(cluster, reader);
  });
}
