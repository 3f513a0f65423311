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
  run_targets: {
    run: string; cluster: string; stage: number; from_id: string | null; to_id: string; phase: string;
    assigned_at: number | null; healthy_at: number | null; finished_at: number | null; message: string;
  };
  journal: { id: Generated<number>; run: string; at: number; cluster: string; event: string; message: string };
  assignments: { cluster: string; desired_id: string; run: string; stage: string; assigned_at: number };
  reports: { name: string; content: string };
}

export type Dialect = 'sqlite' | 'postgres';
