/** States of clusters beside the history of their changes, daily ones of the past made from it; who approved a change, why, and by which run. */
import type { Kysely } from 'kysely';
import { canonicalJson } from '../../../../mesh/model/canonical.ts';
import { dayOf } from '../day.ts';
import { textOfFields } from '../fields-text.ts';
import type { Tables } from '../tables.ts';

const ROWS_AT_ONCE = 1000;

type Row = Pick<Tables['history'], 'cluster' | 'at' | 'field' | 'before' | 'after' | 'by_whom'> & { readonly id: number };

export async function addStates(untyped: Kysely<unknown>): Promise<void> {
  const db = untyped as Kysely<Tables>;
  for (const column of ['run', 'reason', 'approved_by']) await db.schema.alterTable('history').addColumn(column, 'text').execute();
  await db.schema.dropIndex('history_by_cluster').execute();
  await db.schema.createIndex('history_by_cluster_and_time').on('history').columns(['cluster', 'at', 'id']).execute();
  for (const [table, key] of [['states', ['cluster']], ['daily_states', ['cluster', 'at']]] as const) {
    await db.schema.createTable(table)
      .addColumn('cluster', 'text', (c) => c.notNull()).addColumn('at', 'bigint', (c) => c.notNull()).addColumn('fields', 'text', (c) => c.notNull())
      .addPrimaryKeyConstraint(`${table}_pk`, [...key]).execute();
  }
  await db.schema.createTable('history_kept').addColumn('since', 'bigint', (c) => c.notNull()).execute();
  await db.schema.createTable('uids')
    .addColumn('uid', 'text', (c) => c.notNull()).addColumn('cluster', 'text', (c) => c.notNull()).addColumn('at', 'bigint', (c) => c.notNull())
    .addPrimaryKeyConstraint('uids_pk', ['uid', 'cluster']).execute();
  for (const { cluster } of await db.selectFrom('history').select('cluster').distinct().execute()) await addStatesOf(db, cluster);
}

/** What one cluster was, from its rows. Where its clock had gone back, a row gets the time of the row before it. */
async function addStatesOf(db: Kysely<Tables>, cluster: string): Promise<void> {
  const fields: Record<string, string> = {};
  let last: number | undefined;
  for (let after = 0, rows: readonly Row[] = []; after === 0 || rows.length === ROWS_AT_ONCE; after = rows.at(-1)?.id ?? after) {
    rows = await db.selectFrom('history').select(['id', 'cluster', 'at', 'field', 'before', 'after', 'by_whom']).where('cluster', '=', cluster).where('id', '>', after).orderBy('id').limit(ROWS_AT_ONCE).execute();
    for (const row of rows) {
      const at = Math.max(row.at, last ?? row.at);
      if (last !== undefined && dayOf(last) < dayOf(at)) await db.insertInto('daily_states').values({ cluster, at: last, fields: textOfFields(fields) }).execute();
      last = at;
      const now = converted(row, at);
      const was = fields[row.field] ?? row.before;
      if (now === null) delete fields[row.field];
      else fields[row.field] = now;
      if (now !== row.after || was !== row.before || at !== row.at) await db.updateTable('history').set({ at, before: was, after: now }).where('id', '=', row.id).execute();
    }
  }
  if (last !== undefined) await db.insertInto('states').values({ cluster, at: last, fields: textOfFields(fields) }).execute();
}

/** Properties were their bare value, conditions had no time: both get that of the row, which is when they became so. */
function converted({ field, after, by_whom: by }: Row, at: number): string | null {
  if (after === null) return null;
  const time = new Date(at).toISOString();
  if (field.startsWith('properties.')) return canonicalJson({ value: JSON.parse(after) as unknown, source: by === 'hub' ? 'declared' : 'observed', observedAt: time });
  if (field.startsWith('conditions.')) return canonicalJson({ ...JSON.parse(after) as object, lastTransitionTime: time });
  return after;
}
