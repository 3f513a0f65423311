/** Failover as values: evidence in, verdicts out. */
import type { Instant } from './instant.ts';

export interface Reachability {
  /** Agent that looked. */
  readonly observer: string;
  /** The probe of the agent that decides. If it reaches the cluster, no majority of others makes the cluster unreachable. */
  readonly own?: boolean;
  readonly reachable: boolean;
  /** Since when it has been so. */
  readonly since: Instant;
}

/** All that one agent knows of one cluster's part in one service. */
export interface ClusterEvidence {
  readonly cluster: string;
  /** Ready endpoints by the newest fact; null: the cluster does not export the service. */
  readonly readyEndpoints: number | null;
  /** Own probe first, then what peers say. The cluster's own word on itself is not evidence of reachability. */
  readonly reachability: readonly Reachability[];
  /** A drill or an operator keeps this cluster out until then; null: nobody does. */
  readonly evacuatedUntil: Instant | null;
}

/** One cluster's health for one service with its hysteresis. `since` is when `raw` last changed. */
export interface ClusterHealth {
  readonly cluster: string;
  readonly healthy: boolean;
  /** When `healthy` last changed. */
  readonly changedAt: Instant;
  /** What the newest evidence alone would say. */
  readonly raw: boolean;
  readonly rawSince: Instant;
  /** Kept out by a drill or an operator. Says nothing of health, which goes on being judged meanwhile. */
  readonly evacuated: boolean;
  readonly reason: string;
}

export interface FailoverState {
  /** By cluster, sorted. */
  readonly health: readonly ClusterHealth[];
  /** Clusters whose endpoints are answered, sorted by priority. Never empty while anyone exports: all unhealthy fails open. */
  readonly serving: readonly string[];
  /** Why `serving` is what it is, for `dns explain`. */
  readonly reason: string;
  /** When the state may change without new evidence; null: never. */
  readonly wakeAt: Instant | null;
}
