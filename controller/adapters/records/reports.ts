/** Reports by name, and which of them go because nothing needs them any more. */
import { type Kysely, sql, type Transaction } from 'kysely';
import { type RecordStore, RUN_REPORTS } from '../../../mesh/ports/records.ts';
import type { Tables } from './tables.ts';

const REPORTS_AT_ONCE = 500;

export function reportRecords({ db, guarded, write }: {
  readonly db: Kysely<Tables>;
  readonly guarded: <T>(work: () => Promise<T>) => Promise<T>;
  readonly write: <T>(work: (transaction: Transaction<Tables>) => Promise<T>) => Promise<T>;
}): Pick<RecordStore, 'putReport' | 'getReport' | 'dropReports'> {
  return {
    putReport: (name, content) => write(async (transaction) => {
      await transaction.insertInto('reports').values({ name, content }).onConflict((conflict) => conflict.column('name').doUpdateSet({ content, unneeded_since: null })).execute();
    }),

    getReport: (name) => guarded(async () => (await db.selectFrom('reports').select('content').where('name', '=', name).executeTakeFirst())?.content),

    dropReports: async (kind, after, { at, unneededBefore, keep }) => {
      const withoutRows = kind === RUN_REPORTS ? sql`and not exists (select 1 from runs r where r.run = substr(reports.name, ${sql.lit(kind.length + 1)}) and r.summary_only is null)` : sql``;
      const { rows } = await guarded(() => sql<{ name: string }>`select name from reports where name like ${`${kind}%`} and name > ${`${kind}${after}`} ${withoutRows} order by name limit ${sql.lit(REPORTS_AT_ONCE)}`.execute(db));
      const last = rows.at(-1)?.name;
      if (last === undefined) return undefined;
      const kept = await keep();
      const isKept = (name: string): boolean => kept.has(name.slice(kind.length));
      const [needed, unneeded] = [rows.map(({ name }) => name).filter(isKept), rows.map(({ name }) => name).filter((name) => !isKept(name))];
      await write(async (transaction) => {
        if (needed.length > 0) await transaction.updateTable('reports').set({ unneeded_since: null }).where('name', 'in', needed).where('unneeded_since', 'is not', null).execute();
        if (unneeded.length === 0) return;
        // Whoever stores one again takes the mark away, and what has none stays.
        await transaction.deleteFrom('reports').where('name', 'in', unneeded).where('unneeded_since', '<', unneededBefore).execute();
        await transaction.updateTable('reports').set({ unneeded_since: at }).where('name', 'in', unneeded).where('unneeded_since', 'is', null).execute();
      });
      return rows.length < REPORTS_AT_ONCE ? undefined : last.slice(kind.length);
    },
  };
}
