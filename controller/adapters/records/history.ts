/** States of clusters and the history of their changes: written together, read for any moment. */
import { type Insertable, type Kysely, type RawBuilder, type Selectable, sql, type Transaction } from 'kysely';
import { type ClusterFields, ECHOES } from '../../../mesh/model/cluster-fields.ts';
import type { HistoryEntry } from '../../../mesh/model/history.ts';
import type { RecordStore } from '../../../mesh/ports/records.ts';
import { dayOf } from './day.ts';
import { fieldsFromText, textOfFields } from './fields-text.ts';
import { insertAll } from './insert.ts';
import { compact, keptSince } from './retention.ts';
import { fieldsAt } from './states-at.ts';
import type { Dialect, Tables } from './tables.ts';

const MOST_HISTORY_ROWS = 1000;

export interface HistoryParts {
  readonly db: Kysely<Tables>;
  readonly dialect: Dialect;
  readonly guarded: <T>(work: () => Promise<T>) => Promise<T>;
  readonly write: <T>(work: (transaction: Transaction<Tables>) => Promise<T>) => Promise<T>;
}

/** PostgreSQL's texts cannot hold it; values are JSON, which escapes it. */
const withoutNul = (text: string): string => text.replaceAll('\0', '\uFFFD');

const rowOf = (entry: HistoryEntry, cluster: string, at: number): Insertable<Tables['history']> => ({
  cluster, at, field: entry.field, before: entry.before, after: entry.after, by_whom: withoutNul(entry.by),
  run: entry.run, reason: entry.reason === null ? null : withoutNul(entry.reason), approved_by: entry.approvedBy.length === 0 ? null : JSON.stringify(entry.approvedBy),
});

const entryOf = (row: Selectable<Tables['history']>): HistoryEntry => ({
  cluster: row.cluster, at: row.at, field: row.field, before: row.before, after: row.after, by: row.by_whom,
  run: row.run, reason: row.reason, approvedBy: row.approved_by === null ? [] : JSON.parse(row.approved_by) as string[],
});

/** A field, or with a final `*` all that begin with what precedes it. Without LIKE, whose letters are equal in either case on SQLite. */
const isField = (pattern: string): RawBuilder<boolean> =>
  (pattern.endsWith('*') ? sql<boolean>`substr(field, 1, ${Array.from(pattern).length - 1}) = ${pattern.slice(0, -1)}` : sql<boolean>`field = ${pattern}`);

export function historyRecords({ db, dialect, guarded, write }: HistoryParts): Pick<RecordStore, 'recordChange' | 'listStates' | 'statesAt' | 'listHistory' | 'namesOf' | 'listGone' | 'historyKeptSince' | 'compactHistory'> {
  return {
    recordChange: ({ cluster, at: wanted, fields, entries }) => write(async (transaction) => {
      const last = await transaction.selectFrom('states').selectAll().where('cluster', '=', cluster).executeTakeFirst();
      const at = Math.max(wanted, last?.at ?? wanted);
      if (last !== undefined && dayOf(last.at) < dayOf(at)) await transaction.insertInto('daily_states').values(last).onConflict((conflict) => conflict.columns(['cluster', 'at']).doNothing()).execute();
      const state = { at, fields: textOfFields(fields) };
      await transaction.insertInto('states').values({ cluster, ...state }).onConflict((conflict) => conflict.column('cluster').doUpdateSet(state)).execute();
      if (fields['uid'] !== undefined && entries.some(({ field }) => field === 'uid')) await transaction.insertInto('uids').values({ uid: fields['uid'], cluster, at }).onConflict((conflict) => conflict.columns(['uid', 'cluster']).doNothing()).execute();
      await insertAll(transaction, 'history', entries.map((entry) => rowOf(entry, cluster, at)));
    }),

    listStates: () => guarded(async () => {
      const rows = await db.selectFrom('states').select(['cluster', 'fields']).orderBy('cluster').execute();
      return new Map(rows.map(({ cluster, fields }): [string, ClusterFields] => [cluster, fieldsFromText(fields)]));
    }),

    statesAt: (at, cluster) => guarded(() => fieldsAt(db, dialect, at, cluster)),

    listHistory: ({ cluster, field, from, to, limit }) => guarded(async () => {
      let query = db.selectFrom('history').selectAll().limit(Math.min(limit, MOST_HISTORY_ROWS));
      query = cluster === undefined ? query.orderBy('id', 'desc') : query.where('cluster', '=', cluster).orderBy('at', 'desc').orderBy('id', 'desc');
      if (from !== undefined) query = query.where('at', '>=', from);
      if (to !== undefined) query = query.where('at', '<', to);
      if (field !== undefined) query = query.where(isField(field));
      else for (const echo of ECHOES) query = query.where(sql<boolean>`not (${isField(echo)})`);
      return (await query.execute()).map(entryOf);
    }),

    namesOf: (uid) => guarded(() => db.selectFrom('uids').select(['cluster', 'at']).where('uid', '=', uid).orderBy('at').orderBy('cluster').execute()),

    listGone: (limit) => guarded(() => db.selectFrom('states as s').innerJoin('uids as u', 'u.cluster', 's.cluster').select(['u.cluster', 'u.uid', 's.at']).where('s.fields', '=', '{}')
        .orderBy('s.at', 'desc').orderBy('u.at', 'desc').orderBy('u.cluster').limit(limit).execute()),

    historyKeptSince: () => guarded(() => keptSince(db)),
    compactHistory: (before) => write((transaction) => compact(transaction, before)),
  };
}
