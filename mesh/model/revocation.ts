/** Clusters that were cut off: what of theirs is refused, and what has become of it at their peers. Pure. */
import { fromRfc3339, type Instant, toRfc3339 } from './instant.ts';

/** `Cluster.spec.revoked`. */
export interface DeclaredRevocation {
  /** RFC 3339. */
  readonly at: string;
  readonly reason: string;
}

/** Told by the hub to every agent, at once. Resource name: the cluster. */
export interface Revocation {
  readonly cluster: string;
  /** Certificates of the cluster that were issued at this instant or before are refused. */
  readonly at: Instant;
  readonly reason: string;
  /** The cluster has joined anew since: it is a peer like any other, by what was issued after `at`. */
  readonly rejoined: boolean;
}

/** What an agent has done about one revocation. An instant is null while it has not happened. */
export interface RevocationEffect {
  readonly cluster: string;
  /** Of the revocation that this is about. */
  readonly at: Instant;
  /** The cluster was no peer here: there was nothing to remove. */
  readonly stranger: boolean;
  /** Its user stood in no managed object any more, nor its keys. */
  readonly userRemovedAt: Instant | null;
  /** Every pod of clustermesh-apiserver had started after that: no watch of the cluster is open here. */
  readonly podsReplacedAt: Instant | null;
  /** What keeps it from being done; empty: nothing. */
  readonly problem: string;
}

/** Of one agent, and of what the hub tells. */
export const MAX_REVOCATIONS = 1024;
/** In a status; counts are of all. */
export const MAX_SHOWN_PEERS = 64;

/** Clocks differ: certificates count as valid this long before they are made, and so say when that was. */
export const BACKDATED_MILLISECONDS = 60_000;

/** `notBefore` of a certificate of that cluster; undefined: unknown, which is no way around a revocation. */
export const isRefused = ({ at }: Pick<Revocation, 'at'>, notBefore: Instant | undefined): boolean => notBefore === undefined || notBefore + BACKDATED_MILLISECONDS <= at;

/** Whether the cluster is cut off now: it was revoked, and has not joined with a token since. `joinedAt` undefined: it never joined. */
export const isCutOff = (at: Instant, joinedAt: Instant | undefined): boolean => joinedAt === undefined || joinedAt <= at;

/** undefined: none is declared, or its instant is no time, which no API server takes. */
export const revokedAt = (declared: DeclaredRevocation | undefined): Instant | undefined => fromRfc3339(declared?.at);

/** For whoever shows a certificate that is refused. */
export const refusalText = ({ cluster, at, reason }: Pick<Revocation, 'cluster' | 'at' | 'reason'>): string =>
  `cluster "${cluster}": was revoked at ${toRfc3339(at)} (${reason}), and its certificate was issued before; to let it in again, make a new token with "isthmus join ${cluster}"`;
