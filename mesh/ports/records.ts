/** Durable records: history, desired revisions, run rows and journals. SQLite or PostgreSQL, one suite for both. */
import type { DesiredRevision } from '../model/desired.ts';
import type { Assignment, HistoryEntry, JournalEntry } from '../model/history.ts';
import type { RunTarget } from '../model/rollout.ts';

/** Every method that writes is one transaction and is durable when it resolves. */
export interface RecordStore {
  appendHistory(entries: readonly HistoryEntry[]): Promise<void>;
  /** Newest first; `limit` at most 1000. */
  listHistory(query: { readonly cluster?: string; readonly field?: string; readonly limit: number }): Promise<readonly HistoryEntry[]>;

  /** Content-addressed: storing one again changes nothing. */
  putRevisions(revisions: readonly DesiredRevision[]): Promise<void>;
  getRevision(id: string): Promise<DesiredRevision | undefined>;

  /** Freezes a run's targets once; false where the run has targets already (a restart), and then nothing is written. */
  createRun(run: string, targets: readonly RunTarget[], journal: readonly JournalEntry[]): Promise<boolean>;
  listTargets(run: string): Promise<readonly RunTarget[]>;
  /** Rows, assignments, journal and history together, or none of them. */
  saveProgress(progress: {
    readonly run: string;
    readonly targets: readonly RunTarget[];
    readonly assignments: readonly Assignment[];
    readonly journal: readonly JournalEntry[];
    readonly history: readonly HistoryEntry[];
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
