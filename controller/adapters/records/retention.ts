/** What of the history is kept: all rows for a while, then one state a day. */
import type { Kysely, Transaction } from 'kysely';
import type { Retention } from '../../../mesh/ports/records.ts';
import { DAY_MILLISECONDS, dayOf } from './day.ts';
import type { Tables } from './tables.ts';

const ROWS_AT_ONCE = 2000;

export async function keptSince(db: Kysely<Tables> | Transaction<Tables>): Promise<number | null> {
  return (await db.selectFrom('history_kept').select('since').executeTakeFirst())?.since ?? null;
}

/** The mark moves before the first row goes: a moment whose rows are half gone must not be told from them. */
export async function compactHistory(transaction: Transaction<Tables>, { rowsBefore }: Retention): Promise<boolean> {
  const since = dayOf(rowsBefore) * DAY_MILLISECONDS;
  const marked = await keptSince(transaction);
  if (marked === null) await transaction.insertInto('history_kept').values({ since }).execute();
  else if (marked < since) await transaction.updateTable('history_kept').set({ since }).execute();
  const old = await transaction.selectFrom('history').select('id').where('at', '<', since).limit(ROWS_AT_ONCE).execute();
  if (old.length > 0) await transaction.deleteFrom('history').where('id', 'in', old.map(({ id }) => id)).execute();
  return old.length === ROWS_AT_ONCE;
}
