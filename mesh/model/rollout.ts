/** Staged updates as values. */
import type { Instant } from './instant.ts';
import type { Measurement, MeasurementTally } from './metric-gate.ts';
import type { StrategyValue } from './strategy.ts';

export type { Amount, GateValue, StageValue, StrategyValue } from './strategy.ts';

/**
 * Arrows: Pending → Assigned → Soaking → Done; Assigned|Soaking → Failed; Pending → Skipped (run stopped, cluster held or gone);
 * Assigned|Soaking|Done|Failed → RollingBack → RolledBack | RollbackFailed.
 */
export type TargetPhase = 'Pending' | 'Assigned' | 'Soaking' | 'Done' | 'Failed' | 'Skipped' | 'RollingBack' | 'RolledBack' | 'RollbackFailed';

/** One cluster's row in a run. */
export interface RunTarget {
  readonly cluster: string;
  readonly stage: number;
  /** Index into the stage's groups; absent: in none. */
  readonly group?: number;
  /** Place within the stage (by `orderBy`), from 0; absent: by name. */
  readonly order?: number;
  /** null: had nothing assigned before the run. */
  readonly fromId: string | null;
  readonly toId: string;
  /** What a rollback assigns: `fromId`, or the cluster's state without any mesh where it had nothing; absent: cannot go back. */
  readonly backId?: string;
  /** Not healthy when the run was frozen. */
  readonly failingBefore?: boolean;
  /** Takes no soak: it goes back to what it was healthy on not long ago. */
  readonly fast?: boolean;
  readonly phase: TargetPhase;
  readonly assignedAt: number | null;
  /** Of the assignment that this row made last; health counts only when reported for it. */
  readonly generation?: number;
  /** First seen healthy on `toId`; soak counts from here. */
  readonly healthyAt: number | null;
  readonly finishedAt: number | null;
  /** When it was assigned `backId`. */
  readonly rolledBackAt?: number;
  readonly message: string;
}

/**
 * `Pending`: waits for its turn or a gate before its first cluster, and says for whom and until when. `Waiting`: begun, and nothing can go on now (closed windows, gates,
 * clusters that are away; or the first stage is away as a whole). `Soaking`: all in flight are healthy and wait for time. The last five are final. `Stopped`: a person ended it. `Failed`: its failure policy did.
 */
export const RUN_PHASES = ['Pending', 'Waiting', 'Running', 'Soaking', 'Paused', 'Stopping', 'RollingBack', 'Stopped', 'Failed', 'RolledBack', 'Completed', 'CompletedWithFailures'] as const;
export type RunPhase = (typeof RUN_PHASES)[number];
export const FINAL_RUN_PHASES: readonly RunPhase[] = ['Stopped', 'Failed', 'RolledBack', 'Completed', 'CompletedWithFailures'];

export type GatePhase = 'Waiting' | 'Passed' | 'Failed' | 'Inconclusive';

/** Durable. Key in `RunState.gates`: `<stage name>/<before|after>/<gate name>`. */
export interface GateState {
  readonly phase: GatePhase;
  /** When it was first reached. */
  readonly since: Instant;
  readonly finishedAt: Instant | null;
  /** What it waits for, or who passed it and why. */
  readonly message: string;
  /** The people who approved, sorted. */
  readonly approvedBy?: readonly string[];
  /** The newest 32. */
  readonly measurements?: readonly Measurement[];
  /** Those before them; absent: there were none. */
  readonly earlier?: MeasurementTally;
}

/** Somebody whose change a run carries, and which objects they changed, for people: `Mesh europe`. */
export interface RunEditor {
  readonly person: string;
  readonly changed: readonly string[];
}

/** How far an object was when a run was frozen that it went into. */
export interface Carried {
  readonly uid: string;
  readonly generation: number;
  /** Up to this generation earlier runs had brought it to every cluster of the run. */
  readonly since: number;
}

/** What a run knows beside its rows; saved with them in one transaction. */
export interface RunState {
  readonly gates: Readonly<Record<string, GateState>>;
  /**
   * Who changed what it carries since the runs before carried it, by person: no approval of theirs counts. `unknown`: what nothing vouches for, in sentences; it holds gates that want
   * approval. `carries`: by object (`Mesh europe`). Absent: frozen by a version that did not look.
   */
  readonly changedBy?: { readonly people: readonly RunEditor[]; readonly unknown: readonly string[]; readonly carries: Readonly<Record<string, Carried>> };
  /** A person's pause as the journal has it; absent: none is in force. */
  readonly personPaused?: { readonly at: Instant; readonly by?: string };
  /** Set by the failure policy or an inconclusive gate, not by a person's `spec.pause`; lifted by a resume that was not there before. */
  readonly paused: { readonly at: Instant; readonly reason: string } | null;
  readonly rollback: { readonly scope: 'Cluster' | 'Stage' | 'Run'; /** Of scope Stage: its number. */ readonly stage?: number; readonly at: Instant; readonly reason: string } | null;
  /** Stopped for good: by a person, by the failure policy, by a failed gate. */
  readonly stopped: { readonly at: Instant; readonly by: 'Person' | 'Failures' | 'Gate'; readonly reason: string } | null;
  /** Clusters whose failure a person accepted by resuming, sorted: they count no more. */
  readonly acceptedFailures: readonly string[];
  /** By stage number: when its last gate before passed and its first cluster could go. */
  readonly stageStartedAt: Readonly<Record<number, Instant>>;
  /** By stage number: when its clusters were done or away, its soak was over and its gates after had passed. */
  readonly stageFinishedAt?: Readonly<Record<number, Instant>>;
  /** `RunValue.resumedAt` as it was heeded last: the same lifts no other pause. */
  readonly resumedAt?: Instant;
  /** The stage that waits for its `minDone`, by number, and since when; absent: none does, or a person pauses the run. */
  readonly tooFewDone?: { readonly stage: number; readonly since: Instant };
  /** Numbers of stages that a person let pass with fewer done than their `minDone`, sorted. */
  readonly passedWithFewer?: readonly number[];
  /** Since when nothing is left but clusters that are away; absent: something else is. */
  readonly onlyAwaySince?: Instant;
  /** The run has ended: nothing changes any more, whatever is observed. */
  readonly finished?: { readonly at: Instant; readonly phase: RunPhase };
}

export const NEW_RUN_STATE: RunState = { gates: {}, paused: null, rollback: null, stopped: null, acceptedFailures: [], stageStartedAt: {} };

export interface RunValue {
  readonly name: string;
  readonly phase: RunPhase;
  readonly strategy: StrategyValue;
  readonly stopRequested: boolean;
  readonly pauseRequested?: boolean;
  /** A person's newest resume (`spec.resumedAt`). */
  readonly resumedAt?: Instant;
  /** Who asked for it: no approval of theirs counts. */
  readonly author?: string;
  /** Who requested stop and pause, and the newest resume; absent: nothing vouches for it. */
  readonly stoppedBy?: string;
  readonly pausedBy?: string;
  readonly resumedBy?: string;
  /** Agents could not be heard before: deadlines do not count that time. */
  readonly watchedSince?: number;
  /** Absent: the run has just begun. */
  readonly state?: RunState;
  readonly targets: readonly RunTarget[];
}

/** Whether a change may begin on a cluster now. */
export interface WindowVerdict {
  readonly open: boolean;
  /** `ChangeWindow weekdays is closed`, for people; empty where nothing restricts the cluster. */
  readonly reason: string;
  /** When a closed one opens next; null: never within the horizon that was looked at. Of an open one: null. */
  readonly opensAt: Instant | null;
  /** When an open one closes next; null: not within the horizon. */
  readonly closesAt: Instant | null;
  /** An override by a person let it pass: who, and why. */
  readonly overriddenBy?: string;
}

/** What is known of a target now. `healthy` is the agent's word on `appliedId` and counts only when `appliedId` is the run's and `generation` that of its assignment. */
export interface TargetObservation {
  readonly cluster: string;
  readonly connected: boolean;
  /** Its agent is back, and has not said yet what it found: before its turn the cluster is still away. */
  readonly returning?: true;
  readonly appliedId: string | null;
  /** Of the assignment that the agent speaks of; absent: an agent that does not say. */
  readonly generation?: number;
  readonly healthy: boolean;
  readonly message: string;
  /** As `AppliedReport.refused`; counts only for the generation of the row's assignment. */
  readonly refused?: true;
  /** What others changed keeps it from what it was given, and is held for a person's decision, in words; counts only for the generation of the row's assignment. */
  readonly hindered?: string;
  /** The cluster has left the fleet. */
  readonly gone?: boolean;
  /** Why the cluster is to be left alone now (a hold over a person's change, a freeze), for people; null or absent: it is not. */
  readonly held?: string | null;
  /** Absent: open. */
  readonly window?: WindowVerdict;
  /** Another run that has it in flight; absent: none. */
  readonly busyWith?: string;
}

/** A person's word on a gate, from an Approval whose author the API server vouches for. */
export interface ApprovalValue {
  readonly name: string;
  readonly gate: string;
  readonly approver: string;
  readonly groups: readonly string[];
  readonly decision: 'Approve' | 'Reject';
  readonly reason: string;
  readonly at: Instant;
}

/** What a gate's shell has found out; what is not asked for a gate's kind is ignored. */
export interface GateObservation {
  readonly approvals?: readonly ApprovalValue[];
  /** Oldest first; those that `GateState.measurements` has already may be left out. */
  readonly measurements?: readonly Measurement[];
  readonly outcome?: { readonly phase: 'Passed' | 'Failed' | 'Inconclusive' | 'Waiting'; readonly message: string };
  /** Why it cannot be judged now (a gate that is wrong, an unguarded API server); the gate holds. */
  readonly problem?: string;
}

/** Key: as in `RunState.gates`. */
export type GateObservations = Readonly<Record<string, GateObservation>>;
