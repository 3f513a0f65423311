/** Many rows into one table. */
import type { Insertable, Kysely } from 'kysely';
import type { Tables } from './tables.ts';

/** Rows of one insert: keeps bound parameters below SQLite's and PostgreSQL's limits. */
const ROWS_AT_ONCE = 500;

export async function insertAll<T extends keyof Tables>(db: Kysely<Tables>, table: T, rows: readonly Insertable<Tables[T]>[]): Promise<void> {
  for (let start = 0; start < rows.length; start += ROWS_AT_ONCE) {
    await db.insertInto(table).values(rows.slice(start, start + ROWS_AT_ONCE) as never).execute();
  }
}
