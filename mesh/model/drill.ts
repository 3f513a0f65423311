/** Failover drills as values. */
import type { ServiceKey } from './service.ts';

/** What one agent's own DNS answered for a service, reported on every change while a drill looks. */
export interface DnsSample {
  readonly cluster: string;
  readonly at: number;
  /** Clusters whose addresses were in the answer, sorted; empty: no answer. */
  readonly servedBy: readonly string[];
  readonly rcode: string;
  /** Clusters that this agent's failover holds for healthy, sorted: who could serve if others left. */
  readonly healthy: readonly string[];
}

/** Asks agents to keep `cluster` out of `service` until `until`; ends by itself there, whatever happens to the hub. While one exists, agents report a `DnsSample` on every change. */
export interface Evacuation {
  readonly id: string;
  /** false: only look (steady state before and after a drill), nothing is kept out. */
  readonly active: boolean;
  readonly service: ServiceKey;
  readonly cluster: string;
  readonly until: number;
}

/** Arrows: Pending → CheckingBefore → Evacuating → Restoring → CheckingAfter → Succeeded; any → Cancelled | Failed. */
export type DrillPhase = 'Pending' | 'CheckingBefore' | 'Evacuating' | 'Restoring' | 'CheckingAfter' | 'Succeeded' | 'Failed' | 'Cancelled';

export interface DrillValue {
  readonly name: string;
  readonly service: ServiceKey;
  readonly evacuate: string;
  readonly holdSeconds: number;
  /** Longest time from evacuation to the last cluster's changed answer that still counts as success. */
  readonly objectiveSeconds: number;
  readonly cancelRequested: boolean;
}

export interface DrillClusterResult {
  readonly cluster: string;
  readonly recoveredAt: number | null;
  readonly recoverySeconds: number | null;
  readonly restoredAt: number | null;
  readonly answersBefore: readonly string[];
  readonly answersDuring: readonly string[];
  readonly answersAfter: readonly string[];
}

export interface DrillState {
  readonly phase: DrillPhase;
  readonly startedAt: number | null;
  readonly evacuatedAt: number | null;
  readonly restoredAt: number | null;
  readonly finishedAt: number | null;
  /** How the drill will end once everything is restored; null until that is known. */
  readonly outcome: 'Succeeded' | 'Failed' | 'Cancelled' | null;
  readonly message: string;
  /** Sorted by cluster. */
  readonly clusters: readonly DrillClusterResult[];
}
