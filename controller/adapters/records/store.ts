/** The RecordStore over Kysely: one set of queries for SQLite and PostgreSQL. */
import type { Kysely, Transaction } from 'kysely';
import type { RecordStore, RecordsUnavailable } from '../../../mesh/ports/records.ts';
import { bundleRecords } from './bundles.ts';
import { historyRecords } from './history.ts';
import { oldRunRecords } from './old-runs.ts';
import { reportRecords } from './reports.ts';
import { insertRevisions } from './revisions.ts';
import { runRecords } from './runs.ts';
import type { Dialect, Tables } from './tables.ts';

/** `translate` turns a driver's error into a `RecordsUnavailable` where it is one. */
export function recordStore(db: Kysely<Tables>, dialect: Dialect, translate: (error: unknown) => RecordsUnavailable | undefined): RecordStore {
  const guarded = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      throw translate(error) ?? error;
    }
  };
  const write = <T>(work: (transaction: Transaction<Tables>) => Promise<T>): Promise<T> => guarded(() => db.transaction().execute(work));

  return {
    ...historyRecords({ db, dialect, guarded, write }),
    ...runRecords({ db, guarded, write }),
    ...bundleRecords({ db, dialect, guarded, write }),
    ...oldRunRecords({ db, dialect, guarded, write }),
    ...reportRecords({ db, guarded, write }),

    putRevisions: (revisions) => (revisions.length === 0 ? Promise.resolve() : write((transaction) => insertRevisions(transaction, revisions))),

    getRevision: (id) => guarded(() => db.selectFrom('revisions').selectAll().where('id', '=', id).executeTakeFirst()),

    check: () => write(async (transaction) => {
      await transaction.insertInto('reports').values({ name: 'isthmus/check', content: '' }).onConflict((conflict) => conflict.column('name').doUpdateSet({ content: '' })).execute();
    }),

    close: () => db.destroy(),
  };
}
