/** Tables of the records, the same on SQLite and PostgreSQL. Instants are milliseconds in 64-bit integers. */
import type { Generated } from 'kysely';

export interface Tables {
  history: {
    id: Generated<number>; cluster: string; at: number; field: string; before: string | null; after: string | null; by_whom: string;
    /** `approved_by`: JSON list of texts; null: nobody. */
    run: string | null; reason: string | null; approved_by: string | null;
  };
  /** The state of each cluster since `at`, its last change. */
  states: { cluster: string; at: number; fields: string };
  /** The state that a cluster had at the end of a day with changes; `at` is the last of them. */
  daily_states: { cluster: string; at: number; fields: string };
  /** Since when a cluster's own uid (JSON text, as in its field) was met under a name. */
  uids: { uid: string; cluster: string; at: number };
  /** One row: every history row since then is kept. */
  history_kept: { since: number };
  revisions: { id: string; cluster: string; content: string };
  /** `strategy`: JSON; null: in the UpdateRun. `warnings`, `state`, `joined_later`: JSON. */
  runs: {
    run: string; uid: string; created_at: number; author: string; changes: string; strategy: string | null; strategy_digest: string; undo_of: string | null;
    message: string; warnings: string; state: string; phase: string; finished_at: number | null; joined_later: string; revision: number;
    /** 1: its rows and journal have gone; else null. */
    summary_only: number | null;
  };
  /** `failing_before`, `fast`: 1 or null. */
  run_targets: {
    run: string; cluster: string; stage: number; group_index: number | null; place: number | null; from_id: string | null; to_id: string; back_id: string | null;
    failing_before: number | null; fast: number | null; phase: string; assigned_at: number | null; generation: number | null;
    healthy_at: number | null; finished_at: number | null; rolled_back_at: number | null; message: string;
  };
  journal: { id: Generated<number>; run: string; at: number; cluster: string; event: string; message: string };
  assignments: { cluster: string; desired_id: string; run: string; stage: string; assigned_at: number; generation: number | null };
  /** `signatures`: JSON. */
  bundles: { digest: string; content: string; signatures: string; verified_at: number };
  /** Which revisions name a content. */
  named_bundles: { digest: string; revision: string };
  /** `unneeded_since`: when it was found that nothing needs it; null: something does, or nobody has looked. */
  reports: { name: string; content: string; unneeded_since: number | null };
}

export type Dialect = 'sqlite' | 'postgres';
