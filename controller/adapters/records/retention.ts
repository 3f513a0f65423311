/** What of the history is kept: all rows for a while, then the state at the end of each day with changes. */
import { type Kysely, sql, type Transaction } from 'kysely';
import type { Retention } from '../../../mesh/ports/records.ts';
import { DAY_MILLISECONDS, dayOf } from './day.ts';
import type { Tables } from './tables.ts';

/** Of one step: it holds up other writers for some milliseconds. */
const ROWS_AT_ONCE = 2000;
const STATES_AT_ONCE = 500;

export async function keptSince(db: Kysely<Tables>): Promise<number | null> {
  return (await db.selectFrom('history_kept').select('since').executeTakeFirst())?.since ?? null;
}

/** One step. The mark moves before the first row goes: a moment whose rows are half gone must not be told from them. */
export async function compact(transaction: Transaction<Tables>, retention: Retention): Promise<boolean> {
  const since = dayOf(retention.rowsBefore) * DAY_MILLISECONDS;
  // Rows are told from the daily state before them.
  const statesBefore = Math.min(since, retention.statesBefore);
  const old = await transaction.selectFrom('states as s').innerJoin('history as h', (join) => join.onRef('h.cluster', '=', 's.cluster').on('h.at', '<', since)).select('h.id').limit(ROWS_AT_ONCE).execute();
  if (old.length > 0) {
    await mark(transaction, since);
    await transaction.deleteFrom('history').where('id', 'in', old.map(({ id }) => id)).execute();
  }
  const replaced = await sql<{ cluster: string; at: number }>`
    select d.cluster, d.at from daily_states d where d.at < ${statesBefore} and (
      exists (select 1 from daily_states e where e.cluster = d.cluster and e.at > d.at and e.at <= ${statesBefore})
      or exists (select 1 from states s where s.cluster = d.cluster and s.at <= ${statesBefore}))
    limit ${STATES_AT_ONCE}`.execute(transaction);
  for (const { cluster, at } of replaced.rows) await transaction.deleteFrom('daily_states').where('cluster', '=', cluster).where('at', '=', at).execute();
  if (old.length === ROWS_AT_ONCE || replaced.rows.length === STATES_AT_ONCE) return true;
  await sql`delete from states where fields = '{}' and at < ${statesBefore} and not exists (select 1 from history h where h.cluster = states.cluster)`.execute(transaction);
  await sql`delete from uids where not exists (select 1 from states s where s.cluster = uids.cluster)`.execute(transaction);
  return false;
}

async function mark(transaction: Transaction<Tables>, since: number): Promise<void> {
  const marked = await keptSince(transaction);
  if (marked === null) await transaction.insertInto('history_kept').values({ since }).execute();
  else if (marked < since) await transaction.updateTable('history_kept').set({ since }).execute();
}
