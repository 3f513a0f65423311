/**
 * In which order a cluster joins and leaves others. Joining: users of new readers at once, an entry for a peer as soon as the peer's etcd opens itself to our credentials, which
 * proves address, certificates and user in one go. Leaving: entries at once, users when their cluster has long ceased to read. Pure; total; sorted.
 */
import { LONGEST_WAITING_REASON, type PeeringState, readersOf, type WaitingPeer } from '../model/desired.ts';
import { type Instant, seconds, toRfc3339 } from '../model/instant.ts';
import { listed } from '../model/listed.ts';
import { DRAIN_SECONDS } from '../model/mesh-ids.ts';
import { compareText } from '../model/order.ts';

/** Former readers whose users stay. Since when it has been known without a break that they do not read; null: it is not, or they do. */
export type LetGo = Readonly<Record<string, Instant | null>>;

export interface OrderInput {
  /** Without clusters that were cut off; null: no peering. */
  readonly desired: Pick<PeeringState, 'peers' | 'readers' | 'connect' | 'authMode'> | null;
  /** Peers that have an entry which leads to them, or had one when we last wrote it. */
  readonly standing: ReadonlySet<string>;
  /** Waiting peers whose etcd has just opened itself, and why the others' did not. */
  readonly opened: ReadonlySet<string>;
  readonly problems: ReadonlyMap<string, string>;
  /** Peers that are to be read with credentials which are not there, and why: they have no entry before these come, whoever asks for it; absent: none. */
  readonly unequipped?: ReadonlyMap<string, string>;
  /** Peers whose entry as we wrote it is to lead elsewhere, or with other credentials: it stays until the peer has opened itself to the new ones; absent: none. */
  readonly moved?: ReadonlySet<string>;
  /** Peers with an entry that was away for a while, and until when Cilium does not take them up again; absent: none. */
  readonly returned?: ReadonlyMap<string, Instant>;
  /** Other clusters with a user that stands as we wrote it. */
  readonly users: readonly string[];
  /** As the last decision left them. */
  readonly letGo: LetGo;
  /** Whether a former reader reads us, or waits to; undefined: not known. */
  readonly reads: (cluster: string) => boolean | undefined;
  readonly isCutOff: (cluster: string) => boolean;
  readonly now: Instant;
}

export interface KeptUser {
  readonly cluster: string;
  /** null: not before it is known that it no longer reads. */
  readonly until: Instant | null;
}

export interface Order {
  /** Peers that are to have an entry now. */
  readonly entries: readonly string[];
  /** Of these, whose entries are to stay as they stand. */
  readonly held: readonly string[];
  /** Peers that are not, or are held, and are to be asked; and those that Cilium makes wait. */
  readonly waiting: readonly WaitingPeer[];
  /** Users that stay beside those of the desired readers. */
  readonly keeps: readonly KeptUser[];
  readonly letGo: LetGo;
  /** When time alone changes this; absent: never. */
  readonly lookAt?: Instant;
}

export function orderPeering({ desired, standing, opened, problems, unequipped, moved, returned, users, letGo, reads, isCutOff, now }: OrderInput): Order {
  const peers = (desired?.peers ?? []).map(({ name }) => name).sort(compareText);
  const ready = (peer: string): boolean => standing.has(peer) || (unequipped?.has(peer) !== true && (desired?.connect === 'Always' || opened.has(peer)));
  const isHeld = (peer: string): boolean => moved?.has(peer) === true && standing.has(peer) && (unequipped?.has(peer) === true || (desired?.connect !== 'Always' && !opened.has(peer)));
  const back = new Map([...returned ?? []].filter(([peer, until]) => now < until && peers.includes(peer) && ready(peer)));
  const kept = desired?.authMode === 'legacy' ? { keeps: [], letGo: {} } : keepUsers();
  const ends = [...kept.keeps.flatMap(({ until }) => until ?? []), ...back.values()];
  return {
    entries: peers.filter(ready),
    held: peers.filter(isHeld),
    waiting: peers.flatMap((peer) => { const reason = whyWaiting(peer); return reason === undefined ? [] : [{ peer, reason: reason.slice(0, LONGEST_WAITING_REASON) }]; }),
    ...kept, ...(ends.length === 0 ? {} : { lookAt: Math.min(...ends) }),
  };

  function whyWaiting(peer: string): string | undefined {
    const problem = unequipped?.get(peer) ?? problems.get(peer) ?? 'is being asked for the first time';
    if (!ready(peer)) return problem;
    if (isHeld(peer)) return `its entry stays as it is until the peer opens itself to the new one: ${problem}`;
    const until = back.get(peer);
    return until === undefined ? undefined : `was away and is back: Cilium takes it up again when it has forgotten it, about ${toRfc3339(until)}`;
  }

  function keepUsers(): Pick<Order, 'keeps' | 'letGo'> {
    const readers = new Set(desired === null ? [] : readersOf(desired));
    const former = [...new Set([...users, ...Object.keys(letGo)])].sort(compareText).filter((cluster) => !readers.has(cluster) && !isCutOff(cluster));
    const keeps: KeptUser[] = [];
    const remembered: Record<string, Instant | null> = {};
    for (const cluster of former) {
      const known = reads(cluster);
      // Nobody would have said here that it came and went while nothing was known.
      const since = known === false ? letGo[cluster] ?? now : null;
      const until = since === null ? null : since + seconds(DRAIN_SECONDS);
      const ended = until !== null && now >= until;
      if (!ended) keeps.push({ cluster, until });
      // Until the user is gone: a time that is forgotten would begin anew.
      if (!ended || users.includes(cluster)) remembered[cluster] = since;
    }
    return { keeps, letGo: remembered };
  }
}

const SHORT_PAUSE_SECONDS = 1;
const SHORT_PAUSES = 10;
/** Of those who wait for so few that every second is not too often: a pod needs about a minute to its start. */
const MANY_SHORT_PAUSES = 60;
const LONGEST_PAUSE_SECONDS = 15;
/** Whoever waits for a few looks often, for the traffic of people waits with it: with these two an agent asks at most 34 times a second, whomever it waits for. */
const PAUSE_SECONDS_PER_PEER = 0.03;
const LEAST_LONGEST_PAUSE_SECONDS = 3;

/** After so many times in vain, by one that waits for `peers`: at first every second, for most that is missing is on its way. */
export function pauseSeconds(tries: number, peers: number): number {
  const longest = Math.min(LONGEST_PAUSE_SECONDS, Math.max(LEAST_LONGEST_PAUSE_SECONDS, peers * PAUSE_SECONDS_PER_PEER));
  const short = peers * PAUSE_SECONDS_PER_PEER <= SHORT_PAUSE_SECONDS ? MANY_SHORT_PAUSES : SHORT_PAUSES;
  return Math.min(longest, SHORT_PAUSE_SECONDS * 1.5 ** Math.max(0, tries - short));
}

const MOST_NAMED = 3;

/** For people; empty: nothing waits. */
export function waitingText(waiting: readonly WaitingPeer[]): string {
  if (waiting.length === 0) return '';
  const named = waiting.slice(0, MOST_NAMED).map(({ peer, reason }) => `${peer}: ${reason}`).join('; ');
  return `waiting for peer${waiting.length === 1 ? '' : 's'} ${named}${waiting.length > MOST_NAMED ? `; and ${waiting.length - MOST_NAMED} more` : ''}`;
}

export function keepsText(keeps: readonly KeptUser[]): string {
  if (keeps.length === 0) return '';
  const named = keeps.map(({ cluster, until }) => `${cluster} (${until === null ? 'not known to have stopped reading' : `until ${toRfc3339(until)}`})`);
  return `the user${keeps.length === 1 ? '' : 's'} of ${listed(named, MOST_NAMED)} stay${keeps.length === 1 ? 's' : ''} while they drain`;
}
