/** What goes of ended runs: rows and journal of one run a step, then desired revisions that nothing refers to, and summaries much later. */
import { type Kysely, sql, type Transaction } from 'kysely';
import { type RecordStore, RUN_REPORTS } from '../../../mesh/ports/records.ts';
import type { Dialect, Tables } from './tables.ts';

/** Of one step: it holds up other writers for some milliseconds. */
const REVISIONS_AT_ONCE = 500;
const SUMMARIES_AT_ONCE = 500;
/** Read at once in looking for one that may go: those that objects hold stand first again and again. */
const RUNS_AT_ONCE = 500;

interface OldRunsParts {
  readonly db: Kysely<Tables>;
  readonly dialect: Dialect;
  readonly guarded: <T>(work: () => Promise<T>) => Promise<T>;
  readonly write: <T>(work: (transaction: Transaction<Tables>) => Promise<T>) => Promise<T>;
}

export function oldRunRecords({ db, dialect, guarded, write }: OldRunsParts): Pick<RecordStore, 'dropRun' | 'dropRevisions' | 'dropSummaries'> {
  /** The oldest end first. A run stays that is the last one to have told a cluster something, or that a kept one takes back. */
  async function nextRun(endedBefore: number, keep: () => Promise<ReadonlySet<string>>): Promise<string | undefined> {
    for (let [at, name] = [-1, '']; ;) {
      const { rows } = await sql<{ run: string; finished_at: number }>`
        select r.run, r.finished_at from runs r
        where r.finished_at < ${endedBefore} and r.summary_only is null and (r.finished_at > ${at} or (r.finished_at = ${at} and r.run > ${name}))
          and not exists (select 1 from assignments a where a.run = r.run)
          and not exists (select 1 from runs u where u.undo_of = r.run and u.summary_only is null)
          and not exists (select 1 from run_targets t where t.run = r.run and t.assigned_at is not null
            and not exists (select 1 from run_targets n where n.cluster = t.cluster and n.assigned_at > t.assigned_at))
        order by r.finished_at, r.run limit ${RUNS_AT_ONCE}`.execute(db);
      const kept: ReadonlySet<string> = rows.length === 0 ? new Set() : await keep();
      const found = rows.find(({ run }) => !kept.has(run));
      const last = rows.at(-1);
      if (found !== undefined) return found.run;
      if (last === undefined || rows.length < RUNS_AT_ONCE) return undefined;
      [at, name] = [Number(last.finished_at), last.run];
    }
  }

  return {
    dropRun: async (endedBefore, keep) => {
      const run = await guarded(() => nextRun(endedBefore, keep));
      if (run === undefined) return undefined;
      await write(async (transaction) => {
        for (const table of ['journal', 'run_targets'] as const) await transaction.deleteFrom(table).where('run', '=', run).execute();
        await transaction.deleteFrom('reports').where('name', '=', `${RUN_REPORTS}${run}`).execute();
        await transaction.updateTable('runs').set({ summary_only: 1 }).where('run', '=', run).execute();
      });
      return run;
    },

    dropSummaries: async (endedBefore, keep) => {
      const old = await guarded(() => db.selectFrom('runs').select('run').where('summary_only', '=', 1).where('finished_at', '<', endedBefore).orderBy('finished_at').limit(SUMMARIES_AT_ONCE).execute());
      const kept: ReadonlySet<string> = old.length === 0 ? new Set() : await keep();
      const gone = old.map(({ run }) => run).filter((run) => !kept.has(run));
      if (gone.length > 0) await write((transaction) => transaction.deleteFrom('runs').where('run', 'in', gone).execute());
      return gone.length > 0 && old.length === SUMMARIES_AT_ONCE;
    },

    dropRevisions: (after) => write(async (transaction) => {
      // Runs that are frozen meanwhile wait, or are seen whole: they store their revisions in the transaction of their rows.
      if (dialect === 'postgres') await sql`lock table revisions in share row exclusive mode`.execute(transaction);
      const part = await transaction.selectFrom('revisions').select('id').where('id', '>', after).orderBy('id').limit(REVISIONS_AT_ONCE).execute();
      const last = part.at(-1)?.id;
      if (last === undefined) return undefined;
      await sql`delete from revisions where id > ${after} and id <= ${last}
        and not exists (select 1 from assignments a where a.cluster = revisions.cluster and a.desired_id = revisions.id)
        and not exists (select 1 from run_targets t where t.cluster = revisions.cluster and (t.to_id = revisions.id or t.from_id = revisions.id or t.back_id = revisions.id))`.execute(transaction);
      await sql`delete from named_bundles where revision > ${after} and revision <= ${last} and not exists (select 1 from revisions r where r.id = named_bundles.revision)`.execute(transaction);
      return part.length < REVISIONS_AT_ONCE ? undefined : last;
    }),
  };
}
