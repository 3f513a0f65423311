/** The RecordStore over Kysely: one set of queries for SQLite and PostgreSQL. */
import type { Insertable, Kysely, Transaction } from 'kysely';
import type { Assignment, JournalEntry } from '../../../mesh/model/history.ts';
import type { RunTarget, TargetPhase } from '../../../mesh/model/rollout.ts';
import type { RecordStore, RecordsUnavailable } from '../../../mesh/ports/records.ts';
import { historyRecords } from './history.ts';
import { insertAll } from './insert.ts';
import type { Dialect, Tables } from './tables.ts';

const targetRow = (run: string, target: RunTarget): Insertable<Tables['run_targets']> => ({
  run, cluster: target.cluster, stage: target.stage, from_id: target.fromId, to_id: target.toId, phase: target.phase,
  assigned_at: target.assignedAt, healthy_at: target.healthyAt, finished_at: target.finishedAt, message: target.message,
});

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

    putRevisions: (revisions) => (revisions.length === 0 ? Promise.resolve() : write(async (transaction) => {
      for (const revision of revisions) {
        await transaction.insertInto('revisions').values({ ...revision }).onConflict((conflict) => conflict.column('id').doNothing()).execute();
      }
    })),

    getRevision: (id) => guarded(() => db.selectFrom('revisions').selectAll().where('id', '=', id).executeTakeFirst()),

    createRun: (run, targets, journal) => write(async (transaction) => {
      const existing = await transaction.selectFrom('journal').select('id').where('run', '=', run).limit(1).executeTakeFirst();
      if (existing !== undefined) return false;
      await insertAll(transaction, 'run_targets', targets.map((target) => targetRow(run, target)));
      await insertAll(transaction, 'journal', journal.map((entry) => ({ ...entry })));
      return true;
    }),

    listTargets: (run) => guarded(async () => {
      const rows = await db.selectFrom('run_targets').selectAll().where('run', '=', run).orderBy('stage').orderBy('cluster').execute();
      return rows.map((row): RunTarget => ({
        cluster: row.cluster, stage: row.stage, fromId: row.from_id, toId: row.to_id, phase: row.phase as TargetPhase,
        assignedAt: row.assigned_at, healthyAt: row.healthy_at, finishedAt: row.finished_at, message: row.message,
      }));
    }),

    saveProgress: ({ run, targets, assignments, journal }) => write(async (transaction) => {
      for (const target of targets) {
        const { run: _run, cluster, ...columns } = targetRow(run, target);
        await transaction.updateTable('run_targets').set(columns).where('run', '=', run).where('cluster', '=', cluster).execute();
      }
      for (const assignment of assignments) {
        const columns = { desired_id: assignment.desiredId, run: assignment.run, stage: assignment.stage, assigned_at: assignment.assignedAt };
        await transaction.insertInto('assignments').values({ cluster: assignment.cluster, ...columns })
          .onConflict((conflict) => conflict.column('cluster').doUpdateSet(columns)).execute();
      }
      await insertAll(transaction, 'journal', journal.map((entry) => ({ ...entry })));
    }),

    listJournal: (run, limit) => guarded(async () => {
      const rows = await db.selectFrom('journal').selectAll().where('run', '=', run).orderBy('id').limit(limit).execute();
      return rows.map((row): JournalEntry => ({ run: row.run, at: row.at, cluster: row.cluster, event: row.event as JournalEntry['event'], message: row.message }));
    }),

    listAssignments: () => guarded(async () => {
      const rows = await db.selectFrom('assignments').selectAll().orderBy('cluster').execute();
      return rows.map((row): Assignment => ({ cluster: row.cluster, desiredId: row.desired_id, run: row.run, stage: row.stage, assignedAt: row.assigned_at }));
    }),

    putReport: (name, content) => write(async (transaction) => {
      await transaction.insertInto('reports').values({ name, content }).onConflict((conflict) => conflict.column('name').doUpdateSet({ content })).execute();
    }),

    getReport: (name) => guarded(async () => (await db.selectFrom('reports').select('content').where('name', '=', name).executeTakeFirst())?.content),

    check: () => write(async (transaction) => {
      await transaction.insertInto('reports').values({ name: 'isthmus/check', content: '' }).onConflict((conflict) => conflict.column('name').doUpdateSet({ content: '' })).execute();
    }),

    close: () => db.destroy(),
  };
}
