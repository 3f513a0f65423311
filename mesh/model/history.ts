/** Records: what happened, kept for good, outside Kubernetes objects. */
import type { TargetPhase } from './rollout.ts';

/** One change of one field of one cluster. */
export interface HistoryEntry {
  readonly cluster: string;
  readonly at: number;
  /** `identity`, `properties.region`, `current`, `desired`, `conditions.Ready`, `drift`, … */
  readonly field: string;
  /** JSON text; null: was not there. */
  readonly before: string | null;
  readonly after: string | null;
  /** `spiffe://…`, `run/mesh-europe-1`, a Kubernetes user or field manager. */
  readonly by: string;
}

export interface JournalEntry {
  readonly run: string;
  readonly at: number;
  /** Empty: the run as a whole. */
  readonly cluster: string;
  readonly event: TargetPhase | 'Created' | 'StageStarted' | 'Stopped' | 'Completed' | 'CompletedWithFailures';
  readonly message: string;
}

/** Which desired state a cluster was told to have, by which run and in which of its stages. */
export interface Assignment {
  readonly cluster: string;
  readonly desiredId: string;
  readonly run: string;
  readonly stage: string;
  readonly assignedAt: number;
}
