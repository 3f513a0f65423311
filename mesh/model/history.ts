/** Records: what happened, kept for good, outside Kubernetes objects. */
import type { RunPhase, TargetPhase } from './rollout.ts';

/** One change of one field of one cluster. */
export interface HistoryEntry {
  readonly cluster: string;
  readonly at: number;
  /** As in `ClusterFields`: `labels.region`, `spec.frozen`, `identity`, `properties.country`, `current`, `desired`, `conditions.Ready`, `drift`, … */
  readonly field: string;
  /** JSON text; null: was not there. */
  readonly before: string | null;
  readonly after: string | null;
  /** Who wrote it: an agent's `spiffe://…`, `hub`, a Kubernetes user or field manager, who asked for a run (`run/NAME` where that is not known). */
  readonly by: string;
  /** The UpdateRun that it belongs to. */
  readonly run: string | null;
  /** Why: the run's reason. */
  readonly reason: string | null;
  readonly approvedBy: readonly string[];
}

export interface JournalEntry {
  readonly run: string;
  readonly at: number;
  /** Empty: the run as a whole. */
  readonly cluster: string;
  readonly event: TargetPhase | RunPhase | 'Created' | 'StageStarted' | 'StageFinished' | 'TooFewDone' | 'GateReached' | 'GatePassed' | 'GateFailed' | 'GateInconclusive' | 'WindowOverridden' | 'Resumed' | 'ClusterJoinedLater';
  readonly message: string;
}

/** Which desired state a cluster was told to have, by which run and in which of its stages. */
export interface Assignment {
  readonly cluster: string;
  readonly desiredId: string;
  readonly run: string;
  readonly stage: string;
  readonly assignedAt: number;
  /** 1 for a cluster's first assignment, and one more with each; absent: made before they were counted. */
  readonly generation?: number;
}
