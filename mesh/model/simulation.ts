/** A run in virtual time: what is assumed of the world, and what then happens. */
import type { Amount, FailurePolicy } from './strategy.ts';
import type { Instant } from './instant.ts';
import type { RunPhase, TargetPhase } from './rollout.ts';

export interface SimulationAssumptions {
  /** From a cluster's assignment until its agent says that it is healthy on it. */
  readonly secondsToHealthy: number;
  /** By cluster, instead. */
  readonly secondsToHealthyOf?: Readonly<Record<string, number>>;
  /** Clusters that never get healthy on what the run brings; what they had before they take back in health. */
  readonly failing: readonly string[];
  /** By stage name: so many percent of its clusters fail as well, evenly spread over the stage's order. */
  readonly failingPercent?: Readonly<Record<string, number>>;
  /** Not connected, from beginning to end. */
  readonly away: readonly string[];
  /** From when an approval gate is reached until enough people have approved; null: they never do. */
  readonly secondsToApproval: number | null;
  /** Metric, webhook and Job gates: whether they pass, or fail. */
  readonly gatesPass: boolean;
}

export const USUAL_ASSUMPTIONS: SimulationAssumptions = { secondsToHealthy: 30, failing: [], away: [], secondsToApproval: 0, gatesPass: true };

/** Times of its last assignment by the run; null: did not come to that. */
export interface SimulatedCluster {
  readonly cluster: string;
  readonly stage: number;
  readonly phase: TargetPhase;
  readonly assignedAt: Instant | null;
  readonly healthyAt: Instant | null;
  /** When its phase became final. */
  readonly finishedAt: Instant | null;
  readonly rolledBackAt?: Instant;
  /** Of one that went back after it was done. */
  readonly doneAt?: Instant;
  readonly message: string;
}

export interface SimulatedStage {
  readonly name: string;
  /** Its number in the strategy. */
  readonly number: number;
  readonly clusters: number;
  readonly beginsAt: Instant | null;
  readonly endsAt: Instant | null;
  readonly maxConcurrency: Amount;
  readonly maxFailures: Amount;
  readonly soakSeconds: number;
  /** Clusters by phase at the end. */
  readonly tally: Readonly<Partial<Record<TargetPhase, number>>>;
  /** How many of its clusters can have failed when the failure policy has come to act: maxFailures, and all that were in flight then. */
  readonly worstFailures: number;
}

/** Nothing more began from then on, for this. `to` null: still so at the end. */
export interface SimulatedWait {
  readonly stage: string;
  readonly reason: string;
  readonly from: Instant;
  readonly to: Instant | null;
}

/** Windows were closed to clusters whose turn it was. `to` null: they do not open within the time that was looked at. */
export interface SimulatedClosing {
  readonly stage: string;
  readonly reason: string;
  /** The most that waited at once. */
  readonly clusters: number;
  readonly from: Instant;
  readonly to: Instant | null;
}

/** From then on, until the next point. */
export interface RadiusPoint {
  readonly at: Instant;
  readonly inFlight: number;
  readonly failed: number;
  /** In flight, failed and not back in health, or failing before the run and not yet on its turn. */
  readonly unavailable: number;
  /** Have what the run brings, or were given it. */
  readonly changed: number;
}

/** `Finished`: the run has ended. `Waits`: nothing happens any more unless a person does something. The others: it was not looked further. */
export type SimulationEnd = 'Finished' | 'Waits' | 'Horizon' | 'Steps';

export interface Simulation {
  readonly from: Instant;
  /** Of the last thing that happened. */
  readonly until: Instant;
  readonly end: SimulationEnd;
  readonly phase: RunPhase;
  readonly message: string;
  /** null: not within the time that was looked at. */
  readonly finishedAt: Instant | null;
  readonly onFailure: FailurePolicy;
  readonly assumptions: SimulationAssumptions;
  /** Those that have clusters. */
  readonly stages: readonly SimulatedStage[];
  /** In the run's order. */
  readonly clusters: readonly SimulatedCluster[];
  readonly waits: readonly SimulatedWait[];
  readonly closings: readonly SimulatedClosing[];
  /** Each differs from the one before. */
  readonly radius: readonly RadiusPoint[];
  readonly peak: Omit<RadiusPoint, 'at'>;
  /** How many clusters of the run can have failed when the failure policy has come to act. */
  readonly worstFailures: number;
}
