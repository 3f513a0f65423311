/** What the twin knows of a run. */
import type { GateObservations, RunPhase, RunTarget, StrategyValue, TargetObservation, TargetPhase } from '../../model/rollout.ts';

export interface TwinRow {
  readonly target: RunTarget;
  phase: TargetPhase;
  assignedAt: number;
  healthyAt: number;
  finishedAt: number;
  backAt: number | undefined;
  generation: number;
  leftOut: 'stopped' | 'away' | 'gone' | 'other' | undefined;
}

export interface Twin {
  readonly strategy: StrategyValue;
  readonly author: string | undefined;
  readonly rows: TwinRow[];
  gates: Record<string, { phase: 'Waiting' | 'Passed' | 'Failed' | 'Inconclusive'; since: number }>;
  paused: number | undefined;
  heeded: number | undefined;
  accepted: string[];
  stopped: 'Person' | 'Failures' | 'Gate' | undefined;
  rollback: { scope: 'Cluster' | 'Stage' | 'Run'; stage: number } | undefined;
  started: number[];
  soaked: Record<number, number>;
  onlyAwaySince: number | undefined;
  /** The stage that waits for its minimum. */
  short: number | undefined;
  letPass: number[];
  final: RunPhase | undefined;
}

export interface TwinInput {
  readonly now: number;
  readonly observed: readonly TargetObservation[];
  readonly gates: GateObservations;
  readonly stop: boolean;
  readonly pause: boolean;
  readonly resumedAt: number | undefined;
}

export const newTwin = (strategy: StrategyValue, targets: readonly RunTarget[], author: string | undefined): Twin => ({
  strategy, author, gates: {}, paused: undefined, heeded: undefined, accepted: [], stopped: undefined, rollback: undefined, started: [], soaked: {}, onlyAwaySince: undefined, short: undefined, letPass: [], final: undefined,
  rows: targets.map((target) => ({ target, phase: 'Pending', assignedAt: -1, healthyAt: -1, finishedAt: -1, backAt: undefined, generation: 1, leftOut: undefined })),
});
