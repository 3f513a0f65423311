/** Tables of the records, the same on SQLite and PostgreSQL. Instants are milliseconds in 64-bit integers. */
import { type Generated, type Kysely, sql } from 'kysely';
import { type Migration, Migrator } from 'kysely/migration';

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

function first(dialect: Dialect): Migration {
  const serial = dialect === 'sqlite' ? sql`integer primary key autoincrement` : sql`bigint generated always as identity primary key`;
  return {
    async up(db: Kysely<unknown>) {
      await sql`create table history (id ${serial}, cluster text not null, at bigint not null, field text not null, "before" text, "after" text, by_whom text not null)`.execute(db);
      await db.schema.createIndex('history_by_cluster').on('history').columns(['cluster', 'id']).execute();
      await db.schema.createTable('revisions')
        .addColumn('id', 'text', (c) => c.primaryKey()).addColumn('cluster', 'text', (c) => c.notNull()).addColumn('content', 'text', (c) => c.notNull()).execute();
      await db.schema.createTable('run_targets')
        .addColumn('run', 'text', (c) => c.notNull()).addColumn('cluster', 'text', (c) => c.notNull()).addColumn('stage', 'integer', (c) => c.notNull())
        .addColumn('from_id', 'text').addColumn('to_id', 'text', (c) => c.notNull()).addColumn('phase', 'text', (c) => c.notNull())
        .addColumn('assigned_at', 'bigint').addColumn('healthy_at', 'bigint').addColumn('finished_at', 'bigint').addColumn('message', 'text', (c) => c.notNull())
        .addPrimaryKeyConstraint('run_targets_pk', ['run', 'cluster']).execute();
      await sql`create table journal (id ${serial}, run text not null, at bigint not null, cluster text not null, event text not null, message text not null)`.execute(db);
      await db.schema.createIndex('journal_by_run').on('journal').columns(['run', 'id']).execute();
      await db.schema.createTable('assignments')
        .addColumn('cluster', 'text', (c) => c.primaryKey()).addColumn('desired_id', 'text', (c) => c.notNull()).addColumn('run', 'text', (c) => c.notNull())
        .addColumn('stage', 'text', (c) => c.notNull()).addColumn('assigned_at', 'bigint', (c) => c.notNull()).execute();
      await db.schema.createTable('reports').addColumn('name', 'text', (c) => c.primaryKey()).addColumn('content', 'text', (c) => c.notNull()).execute();
    },
  };
}

function second(): Migration {
  return {
    async up(db: Kysely<unknown>) {
      for (const column of ['run', 'reason', 'approved_by']) await db.schema.alterTable('history').addColumn(column, 'text').execute();
      await db.schema.dropIndex('history_by_cluster').execute();
      await db.schema.createIndex('history_by_cluster_and_time').on('history').columns(['cluster', 'at', 'id']).execute();
      for (const [table, key] of [['states', ['cluster']], ['daily_states', ['cluster', 'at']]] as const) {
        await db.schema.createTable(table)
          .addColumn('cluster', 'text', (c) => c.notNull()).addColumn('at', 'bigint', (c) => c.notNull()).addColumn('fields', 'text', (c) => c.notNull())
          .addPrimaryKeyConstraint(`${table}_pk`, [...key]).execute();
      }
      await db.schema.createTable('history_kept').addColumn('since', 'bigint', (c) => c.notNull()).execute();
    },
  };
}

/** Brings the database to this program's tables. A newer program's database is refused by the migrator, with its sentence. */
export async function migrate(db: Kysely<Tables>, dialect: Dialect): Promise<void> {
  const migrator = new Migrator({ db, provider: { getMigrations: async () => ({ '0001-records': first(dialect), '0002-states': second() }) } });
  const { error } = await migrator.migrateToLatest();
  if (error !== undefined) throw error;
}
