/** Durable records: history, desired revisions, run rows and journals. SQLite or PostgreSQL, one suite for both. */
import type { BundleDelivery } from '../model/bundle.ts';
import type { ClusterFields } from '../model/cluster-fields.ts';
import type { DesiredRevision } from '../model/desired.ts';
import type { Assignment, HistoryEntry, JournalEntry } from '../model/history.ts';
import type { Instant } from '../model/instant.ts';
import type { RunPhase, RunState, RunTarget, StrategyValue } from '../model/rollout.ts';

/** One step of a cluster: all of its fields afterwards, and what of them changed. */
export interface ClusterChange {
  readonly cluster: string;
  /** The store never goes back: an instant before the cluster's last change becomes that of the last change. */
  readonly at: Instant;
  readonly fields: ClusterFields;
  /** Their `cluster` and `at` are the change's. */
  readonly entries: readonly HistoryEntry[];
}

export interface StoredBundle extends BundleDelivery {
  /** When its signatures were last found to do, for a run: a key that expired since takes nothing away. */
  readonly verifiedAt: Instant;
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

/** What a run is frozen to, once. */
interface FrozenRun {
  /** Of the UpdateRun that it was frozen for: another of the same name is another run. Empty: frozen by a version that did not keep it. */
  readonly uid: string;
  readonly createdAt: Instant;
  readonly author: string;
  /** What of its clusters' states it changes: the planned part, or bundles alone. */
  readonly changes: 'Plan' | 'Bundles';
  /** null: frozen by a version that left it in the UpdateRun. */
  readonly strategy: StrategyValue | null;
  /** Empty: as `strategy` null. */
  readonly strategyDigest: string;
  /** Name of the run that it takes back; null: none. */
  readonly undoOf: string | null;
  /** Of its beginning, for people: why it has no clusters, or what became of some. */
  readonly message: string;
  /** What its strategy hardly should mean for its clusters. */
  readonly warnings: readonly string[];
}

/** How far a run is, beside its rows. */
interface RunProgress {
  readonly state: RunState;
  readonly phase: RunPhase;
  readonly finishedAt: Instant | null;
  /** Clusters that would be in the run had they been there when it was frozen; sorted. */
  readonly joinedLater: readonly string[];
}

/** Beginning of the name of the report that says what a run was made for; it goes with the run's rows. */
export const RUN_REPORTS = 'run-changes/';
/** Beginning of the name of a drill's report. */
export const DRILL_REPORTS = 'drill/';

export interface RunRecord extends FrozenRun, RunProgress {
  readonly run: string;
  /** Its rows and its journal have gone (`dropRun`): this is all that is left. */
  readonly summaryOnly?: true;
  /** Counts the writes of this run. */
  readonly revision: number;
}

export interface NewRun extends FrozenRun, RunProgress {
  readonly targets: readonly RunTarget[];
  readonly journal: readonly JournalEntry[];
  /** What its rows refer to; stored with them, so that `dropRevisions` never comes between. Unset: all of them are kept by other rows. */
  readonly revisions?: readonly DesiredRevision[];
}

export interface RunStepRecord extends RunProgress {
  readonly run: string;
  /** That of the record which the step was decided on. */
  readonly revision: number;
  /** Rows that differ. */
  readonly targets: readonly RunTarget[];
  /** Their generations are given by the store: each cluster's last one and one more. */
  readonly assignments: readonly Omit<Assignment, 'generation'>[];
  readonly journal: readonly JournalEntry[];
}

export interface NumberedEntry extends JournalEntry {
  /** Grows with each entry of any run; numbers may be left out. */
  readonly sequence: number;
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
  /** Content-addressed, and kept (`dropBundles`): a run or a way back may ask for it after its Bundle object is gone. Storing one again replaces its signatures and when they were found to do. */
  putBundle(bundle: StoredBundle): Promise<void>;
  getBundle(digest: string): Promise<StoredBundle | undefined>;
  /** `bytes`: of the contents, in UTF-8. */
  countBundles(): Promise<{ readonly count: number; readonly bytes: number }>;
  /**
   * Of a bounded part of the contents behind `after` (first ''), drops those that no revision names, that are not in `keep`, and that were found to do before the instant. Gives the next `after`, undefined at the end.
   * Revisions go first (`dropRevisions`): one that stays keeps what it names.
   */
  dropBundles(after: string, verifiedBefore: Instant, keep: ReadonlySet<string>): Promise<{ readonly next: string | undefined; readonly dropped: number }>;

  /** Freezes a run once; false where there is one of this name already (a restart), and then nothing is written. */
  createRun(run: string, frozen: NewRun): Promise<boolean>;
  getRun(run: string): Promise<RunRecord | undefined>;
  listTargets(run: string): Promise<readonly RunTarget[]>;
  /** Rows, state, assignments and journal together, or none of them; gives the assignments with their generations, which the rows get as well. Throws `RunMoved` where the run is not at `revision`. */
  saveProgress(step: RunStepRecord): Promise<readonly Assignment[]>;
  /** By cluster, of the given (cluster, state) pairs: until when the cluster was told to have the state, where a run was done with it on that cluster. Only what ended at `since` or later. */
  lastHealthyOn(wanted: readonly { readonly cluster: string; readonly desiredId: string }[], since: Instant): Promise<ReadonlyMap<string, Instant>>;
  /** Oldest first. */
  listJournal(run: string, limit: number): Promise<readonly JournalEntry[]>;
  /** Of all runs, oldest first: those behind `sequence`. */
  listJournalAfter(sequence: number, limit: number): Promise<readonly NumberedEntry[]>;
  /** Of the newest entry; 0: there is none. */
  lastJournalSequence(): Promise<number>;
  listAssignments(): Promise<readonly Assignment[]>;

  /**
   * Drops rows, journal and report of one run that ended before the instant, and gives its name; undefined: none is left. Its summary stays. Kept are those in `keep` (asked only where there is one to drop), the last run to
   * have told any cluster something, those that clusters are still assigned by, and those that a kept run takes back.
   */
  dropRun(endedBefore: Instant, keep: () => Promise<ReadonlySet<string>>): Promise<string | undefined>;
  /** Drops a bounded part of the summaries that are all that is left of runs that ended before the instant; false: none is left. `keep` as of `dropRun`. */
  dropSummaries(endedBefore: Instant, keep: () => Promise<ReadonlySet<string>>): Promise<boolean>;
  /** Of a bounded part of the revisions behind `after` (first ''), drops those that no assignment and no row of a run refers to; gives the next `after`, undefined at the end. */
  dropRevisions(after: string): Promise<string | undefined>;

  /**
   * Of a bounded part of the reports `kind…` behind `after` (first ''): those that neither `keep` (names without `kind`, asked only where one may go) nor the rows of a run of that name need are marked as unneeded at `at`.
   * Those that were marked before `unneededBefore`, and not stored again since, go. Gives the next `after`, undefined at the end.
   */
  dropReports(kind: typeof RUN_REPORTS | typeof DRILL_REPORTS, after: string, unneeded: { readonly at: Instant; readonly unneededBefore: Instant; readonly keep: () => Promise<ReadonlySet<string>> }): Promise<string | undefined>;
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

/** Somebody else has written this run since it was read: another hub that led, or a write of this one of which only the answer was lost. Read it again. */
export class RunMoved extends Error {
  readonly advice = 'retry';
  constructor(run: string) {
    super(`run ${run}: its records were written by another since they were read; nothing of this write was kept`);
    this.name = 'RunMoved';
  }
}
