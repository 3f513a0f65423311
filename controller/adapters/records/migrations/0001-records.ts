/** The first tables. */
import { type Kysely, sql } from 'kysely';
import type { Dialect } from '../tables.ts';

export async function createRecords(db: Kysely<unknown>, dialect: Dialect): Promise<void> {
  const serial = dialect === 'sqlite' ? sql`integer primary key autoincrement` : sql`bigint generated always as identity primary key`;
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
}
