/** What is kept of a mesh's cluster ids: who has which, which ones nobody else may have yet, and which ones people have declared free. */
import type { Instant } from './instant.ts';

export interface GivenId {
  readonly cluster: string;
  readonly id: number;
  /** 0: not known. */
  readonly since: Instant;
}

/** Left behind by a cluster that is no member any more, or has another id. */
export interface HeldId extends GivenId {
  /** Since when no cluster's state names it; null: some do. */
  readonly quietSince: Instant | null;
  /** Clusters whose assigned or applied state names it as a peer's, the first few, sorted. */
  readonly namedBy: readonly string[];
}

/** What a person has said of a held id, and what the hub has done about it once. */
export interface ReleasedId {
  readonly cluster: string;
  readonly id: number;
  readonly at: Instant;
  readonly by: string;
  readonly reason: string;
}

/** Each list sorted by id, then cluster; `released` by time. */
export interface IdLedger {
  readonly given: readonly GivenId[];
  readonly held: readonly HeldId[];
  /** The newest MAX_RELEASED_IDS. */
  readonly released: readonly ReleasedId[];
}

export const NO_IDS: IdLedger = { given: [], held: [], released: [] };

export const MAX_RELEASED_IDS = 64;
export const MAX_NAMED_BY = 8;

/** Cilium keeps what it knows of a peer for this long after the peer's entry has gone, with connections that may still ask (`pkg/clustermesh/common`, grace period before a removed cluster is drained). */
export const DRAIN_SECONDS = 180;
