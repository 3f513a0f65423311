/** Since when nothing needs a report. */
import { type Kysely, sql } from 'kysely';
import type { Dialect } from '../tables.ts';

/** One statement, so it is whole or not at all; SQLite's migrator may have died before it noted that it is done. */
export async function addUnneededReports(db: Kysely<unknown>, dialect: Dialect): Promise<void> {
  if (dialect === 'sqlite' && (await sql`select 1 from pragma_table_info('reports') where name = 'unneeded_since'`.execute(db)).rows.length > 0) return;
  await db.schema.alterTable('reports').addColumn('unneeded_since', 'bigint').execute();
}
