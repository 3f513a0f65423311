/** What deciding on a run gives: rows, state, words for people, and what the shell is to do. */
import type { JournalEntry } from '../model/history.ts';
import type { Instant } from '../model/instant.ts';
import type { GateValue, RunPhase, RunState, RunTarget } from '../model/rollout.ts';

export interface RunCounts {
  readonly total: number;
  readonly done: number;
  /** Assigned, Soaking or RollingBack. */
  readonly inFlight: number;
  /** Failed, and those whose way back failed. */
  readonly failed: number;
  /** With those that are gone. */
  readonly skipped: number;
  readonly rolledBack: number;
  /** Pending, and not connected. */
  readonly away: number;
  /** Left the fleet before their turn. */
  readonly gone: number;
}

/** A gate that is to be looked at now, and again whenever deciding gives it again. */
export interface WantedGate {
  /** As in `RunState.gates`: `<stage name>/<before|after>/<gate name>`. */
  readonly key: string;
  /** Index into the run's stages. */
  readonly stage: number;
  readonly side: 'before' | 'after';
  readonly gate: GateValue;
  /** When it was reached, or asked again after a resume: what was measured or approved before does not count. */
  readonly since: Instant;
}

/** What a cluster is to be given. */
export interface RunAssignment {
  readonly cluster: string;
  readonly desiredId: string;
  /** Name of the stage. */
  readonly stage: string;
  readonly at: Instant;
  /** The cluster goes back: `desiredId` is its row's `backId`. */
  readonly back: boolean;
}

/** Durable before it is acted on: `changed`, `state`, `assign` and `journal` are saved in one transaction, and only then are the assignments sent. */
export interface RunStep {
  /** All rows, in the run's order. */
  readonly targets: readonly RunTarget[];
  /** Rows that differ from the run's. */
  readonly changed: readonly RunTarget[];
  /** The same object as the run's where nothing of it changed. */
  readonly state: RunState;
  readonly assign: readonly RunAssignment[];
  readonly phase: RunPhase;
  /** The stage at work; null: none any more. */
  readonly stage: string | null;
  readonly message: string;
  /** Why nothing more begins now; empty: nothing keeps it, or it is held or at its end. */
  readonly reasons: readonly string[];
  readonly counts: RunCounts;
  /** One entry per transition, in order. */
  readonly journal: readonly JournalEntry[];
  readonly gatesWanted: readonly WantedGate[];
  /** When time alone lets a run go on that waits now (a window that opens, a gate's time); null: it does not wait, or not for time. */
  readonly waitingUntil: Instant | null;
  /** When deciding again can give anything else though nothing is heard; null: never. */
  readonly wakeAt: Instant | null;
}
