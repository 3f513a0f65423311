/** Durable records: history, desired revisions, run rows and journals. SQLite or PostgreSQL, one suite for both. */
import type { ClusterFields } from '../model/cluster-fields.ts';
import type { DesiredRevision } from '../model/desired.ts';
import type { Assignment, HistoryEntry, JournalEntry } from '../model/history.ts';
import type { Instant } from '../model/instant.ts';
import type { RunTarget } from '../model/rollout.ts';

/** One step of a cluster: all of its fields afterwards, and what of them changed. */
export interface ClusterChange {
  readonly cluster: string;
  /** The store never goes back: an instant before the cluster's last change becomes that of the last change. */
  readonly at: Instant;
  readonly fields: ClusterFields;
  /** Their `cluster` and `at` are the change's. */
  readonly entries: readonly HistoryEntry[];
}

interface HistoryQuery {
  readonly cluster?: string;
  /** A field, or all that begin with what precedes a final `*`. Unset: all but those that only repeat or date others (`ECHOES`). */
  readonly field?: string;
  /** Inclusive. */
  readonly from?: Instant;
  /** Exclusive. */
  readonly to?: Instant;
  readonly limit: number;
}

export interface Retention {
  /** Rows before the day of this instant leave; their days' states stay. */
  readonly rowsBefore: Instant;
  /** Daily states that a later one from before this instant replaces leave, and clusters that were gone by then. */
  readonly statesBefore: Instant;
}

/** Every method that writes is one transaction and is durable when it resolves. */
export interface RecordStore {
  /** The inventory's state lives here; `Cluster.status` shows it. State and history go together, or not at all. */
  recordChange(change: ClusterChange): Promise<void>;
  /** As last recorded. A cluster that is gone has no fields. */
  listStates(): Promise<ReadonlyMap<string, ClusterFields>>;
  /** What was known at that moment, of one cluster or of all that there were; exact back to `historyKeptSince`, before it as of the end of the last day with a change that had passed. */
  statesAt(at: Instant, cluster?: string): Promise<ReadonlyMap<string, ClusterFields>>;
  /** Newest first; `limit` at most 1000. */
  listHistory(query: HistoryQuery): Promise<readonly HistoryEntry[]>;
  /** The names under which clusters with this uid (field `uid`, JSON text) were met, oldest first, and since when. */
  namesOf(uid: string): Promise<readonly { readonly cluster: string; readonly at: Instant }[]>;
  /** Clusters that are gone, the last one first, with each uid that they had (the last one first) and since when they are gone. */
  listGone(limit: number): Promise<readonly { readonly cluster: string; readonly uid: string; readonly at: Instant }[]>;
  /** The oldest moment of which every change is kept; null: all are. */
  historyKeptSince(): Promise<Instant | null>;
  /** Drops one bounded part of what is older; false: nothing (more) is. */
  compactHistory(before: Retention): Promise<boolean>;

  /** Content-addressed: storing one again changes nothing. */
  putRevisions(revisions: readonly DesiredRevision[]): Promise<void>;
  getRevision(id: string): Promise<DesiredRevision | undefined>;

  /** Freezes a run's targets once; false where the run has targets already (a restart), and then nothing is written. */
  createRun(run: string, targets: readonly RunTarget[], journal: readonly JournalEntry[]): Promise<boolean>;
  listTargets(run: string): Promise<readonly RunTarget[]>;
  /** Rows, assignments and journal together, or none of them. */
  saveProgress(progress: {
    readonly run: string;
    readonly targets: readonly RunTarget[];
    readonly assignments: readonly Assignment[];
    readonly journal: readonly JournalEntry[];
  }): Promise<void>;
  /** Oldest first. */
  listJournal(run: string, limit: number): Promise<readonly JournalEntry[]>;
  listAssignments(): Promise<readonly Assignment[]>;

  /** Replaces the report of that name. */
  putReport(name: string, content: string): Promise<void>;
  getReport(name: string): Promise<string | undefined>;

  /** Still able to write; throws `RecordsUnavailable` otherwise (`/readyz`). */
  check(): Promise<void>;
  close(): Promise<void>;
}

/** The store cannot be written: full disk, locked folder, lost database. Nothing of the failed call was kept. */
export class RecordsUnavailable extends Error {
  readonly advice: 'user' | 'retry';
  constructor(advice: 'user' | 'retry', message: string) {
    super(message);
    this.name = 'RecordsUnavailable';
    this.advice = advice;
  }
}
