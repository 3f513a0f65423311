/** Staged updates as values. */
import type { ClusterSelector } from './selector.ts';

export interface StageValue {
  readonly name: string;
  readonly clusters: ClusterSelector;
  readonly maxConcurrency: number;
  /** How long a cluster must stay healthy on the new state before it counts as done. */
  readonly soakSeconds: number;
}

/** Frozen into a run at its start. Clusters that no stage selects form a last stage, `remaining`, one at a time. */
export interface StrategyValue {
  readonly name: string;
  readonly stages: readonly StageValue[];
  readonly progressDeadlineSeconds: number;
}

/** Arrows: Pending → Assigned → Soaking → Done; Assigned|Soaking → Failed; Pending → Skipped (run stopped, cluster held or gone). */
export type TargetPhase = 'Pending' | 'Assigned' | 'Soaking' | 'Done' | 'Failed' | 'Skipped';

/** One cluster's row in a run. */
export interface RunTarget {
  readonly cluster: string;
  readonly stage: number;
  /** null: had nothing assigned before the run. */
  readonly fromId: string | null;
  readonly toId: string;
  readonly phase: TargetPhase;
  readonly assignedAt: number | null;
  /** First seen healthy on `toId`; soak counts from here. */
  readonly healthyAt: number | null;
  readonly finishedAt: number | null;
  readonly message: string;
}

export type RunPhase = 'Pending' | 'Running' | 'Stopped' | 'Completed' | 'CompletedWithFailures';

export interface RunValue {
  readonly name: string;
  readonly phase: RunPhase;
  readonly strategy: StrategyValue;
  readonly stopRequested: boolean;
  /** Agents could not be heard before: deadlines do not count that time. */
  readonly watchedSince?: number;
  readonly targets: readonly RunTarget[];
}

/** What is known of a target now. `healthy` is the agent's word on `appliedId` and counts only when `appliedId` is the run's. */
export interface TargetObservation {
  readonly cluster: string;
  readonly connected: boolean;
  readonly appliedId: string | null;
  readonly healthy: boolean;
  readonly message: string;
  /** The cluster has left the fleet. */
  readonly gone?: boolean;
  /** Why the cluster is to be left alone now (a hold over a person's change, a freeze), for people; null or absent: it is not. */
  readonly held?: string | null;
}
