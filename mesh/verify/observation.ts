/** What was seen of one ordered pair. */
import type { Instant } from '../model/instant.ts';
import type { ReasonCode } from './reasons.ts';

/** Kinds of state that a peer shares, with the place of each in its etcd. `serviceexports` only where the cluster has MCS-API on. */
export const KINDS = ['nodes', 'services', 'identities', 'ip', 'serviceexports'] as const;
export type Kind = typeof KINDS[number];

/** How a connection failed. */
export interface Failure {
  readonly code: ReasonCode;
  readonly text: string;
}

export interface Life {
  readonly notBefore: Instant;
  readonly notAfter: Instant;
}

export interface Heartbeat {
  /** As it stands there; undefined: there is none. */
  readonly value: string | undefined;
  /** What an earlier look saw, when it saw that first, and when it saw it last; undefined: no earlier look. */
  readonly before?: { readonly value: string | undefined; readonly firstAt: Instant; readonly lastAt: Instant };
}

/** A connection that was opened with the entry's own files, and what was read over it. */
export interface RemoteLook {
  readonly server: Life;
  readonly heartbeat: Heartbeat;
  /** Of `cilium/cluster-config/<peer>`; undefined: not there, or not ours to read. */
  readonly config: string | undefined;
  /** Kinds that the peer says are complete. */
  readonly synced: readonly Kind[];
  readonly counts: Readonly<Partial<Record<Kind, number>>>;
  /** State that we were refused. */
  readonly refused: readonly Kind[];
  /** Keys that a peer must not be able to read, and could be. */
  readonly overreach: readonly string[];
  readonly mayWrite: boolean;
}

/** The own cluster's copy of the peer, as its agents read it. */
export interface MirrorLook {
  /** Of the copied `cluster-config`; undefined: there is none. */
  readonly config: string | undefined;
  /** When KVStoreMesh last said that a kind is complete, the newest; undefined: never. */
  readonly syncedAt: Instant | undefined;
  readonly counts: Readonly<Partial<Record<Kind, number>>>;
  /** Kinds whose counts were other than the peer's in the look before, too. */
  readonly behindBefore: readonly Kind[];
}

export interface Observation {
  readonly reader: string;
  readonly peer: string;
  /** By the reader's clock, at the end of the look. */
  readonly now: Instant;
  /** By the plan; null: not known, as of a mesh that others made. */
  readonly expected: { readonly clusterId: number | null; readonly maxConnectedClusters: number | null };
  /** Id → who has it, of the reader and its other peers. */
  readonly ids: ReadonlyMap<number, string>;
  /** An entry that is desired and does not stand; with the reason where it waits for the peer. */
  readonly missing?: { readonly waiting: string | null };
  /** Others changed the entry. */
  readonly drifted: boolean;
  /** KVStoreMesh has an entry, the agents have none. */
  readonly agentsEntryMissing: boolean;
  /** When the entry was first seen as it is. */
  readonly entrySince: Instant;
  /** Of the leaf that we present; null: not readable. */
  readonly client: Life | null;
  /** The object that Cilium's pods have the roots from, where it is none that the agent reads: then its own connection does not show whether Cilium trusts the peer. */
  readonly rootsElsewhere?: string;
  /** Absent: there is no entry to look with. */
  readonly remote?: RemoteLook | Failure;
  /** Absent: the cluster has no KVStoreMesh. */
  readonly mirror?: MirrorLook | Failure;
}

export const isFailure = (look: object): look is Failure => 'code' in look;
