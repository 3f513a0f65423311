/** Runs: what they are frozen to, how far they are, and what they told clusters to have. */
import { type Insertable, type Kysely, type Selectable, sql, type Transaction } from 'kysely';
import type { Assignment, JournalEntry } from '../../../mesh/model/history.ts';
import type { RunPhase, RunState, RunTarget, StrategyValue, TargetPhase } from '../../../mesh/model/rollout.ts';
import { type NumberedEntry, type RecordStore, RunMoved, type RunRecord } from '../../../mesh/ports/records.ts';
import { insertAll } from './insert.ts';
import { insertRevisions } from './revisions.ts';
import type { Tables } from './tables.ts';

type Write = <T>(work: (transaction: Transaction<Tables>) => Promise<T>) => Promise<T>;
type Guarded = <T>(work: () => Promise<T>) => Promise<T>;

/** Rows of one statement: 17 parameters each. */
const ROWS_AT_ONCE = 200;

function* slices<T>(rows: readonly T[]): Generator<readonly T[]> {
  for (let start = 0; start < rows.length; start += ROWS_AT_ONCE) yield rows.slice(start, start + ROWS_AT_ONCE);
}

const flag = (set: boolean | undefined): number | null => (set === true ? 1 : null);

const targetRow = (run: string, target: RunTarget, generation = target.generation): Insertable<Tables['run_targets']> => ({
  run, cluster: target.cluster, stage: target.stage, group_index: target.group ?? null, place: target.order ?? null, from_id: target.fromId, to_id: target.toId, back_id: target.backId ?? null,
  failing_before: flag(target.failingBefore), fast: flag(target.fast), phase: target.phase, assigned_at: target.assignedAt, generation: generation ?? null,
  healthy_at: target.healthyAt, finished_at: target.finishedAt, rolled_back_at: target.rolledBackAt ?? null, message: target.message,
});

const targetOf = (row: Selectable<Tables['run_targets']>): RunTarget => ({
  cluster: row.cluster, stage: row.stage, ...(row.group_index === null ? {} : { group: row.group_index }), ...(row.place === null ? {} : { order: row.place }),
  fromId: row.from_id, toId: row.to_id, ...(row.back_id === null ? {} : { backId: row.back_id }),
  ...(row.failing_before === null ? {} : { failingBefore: true }), ...(row.fast === null ? {} : { fast: true }),
  phase: row.phase as TargetPhase, assignedAt: row.assigned_at, ...(row.generation === null ? {} : { generation: row.generation }),
  healthyAt: row.healthy_at, finishedAt: row.finished_at, ...(row.rolled_back_at === null ? {} : { rolledBackAt: row.rolled_back_at }), message: row.message,
});

const journalEntry = ({ run, at, cluster, event, message }: Selectable<Tables['journal']>): JournalEntry => ({ run, at, cluster, event: event as JournalEntry['event'], message });

const recordOf = (row: Selectable<Tables['runs']>): RunRecord => ({
  run: row.run, uid: row.uid, createdAt: row.created_at, author: row.author, changes: row.changes as RunRecord['changes'],
  strategy: row.strategy === null ? null : JSON.parse(row.strategy) as StrategyValue, strategyDigest: row.strategy_digest, undoOf: row.undo_of, message: row.message, warnings: JSON.parse(row.warnings) as string[],
  state: JSON.parse(row.state) as RunState, phase: row.phase as RunPhase, finishedAt: row.finished_at, joinedLater: JSON.parse(row.joined_later) as string[], revision: row.revision, ...(row.summary_only === null ? {} : { summaryOnly: true }),
});

const progressColumns = ({ state, phase, finishedAt, joinedLater }: Pick<RunRecord, 'state' | 'phase' | 'finishedAt' | 'joinedLater'>) =>
  ({ state: JSON.stringify(state), phase, finished_at: finishedAt, joined_later: JSON.stringify(joinedLater) });

/** Gives each its cluster's next generation. */
async function assign(transaction: Transaction<Tables>, assignments: readonly Omit<Assignment, 'generation'>[]): Promise<Assignment[]> {
  const generations = new Map<string, number>();
  for (const some of slices(assignments)) {
    const rows = await transaction.insertInto('assignments')
      .values(some.map(({ cluster, desiredId, run, stage, assignedAt }) => ({ cluster, desired_id: desiredId, run, stage, assigned_at: assignedAt, generation: 1 })))
      .onConflict((conflict) => conflict.column('cluster').doUpdateSet((values) => ({
        desired_id: values.ref('excluded.desired_id'), run: values.ref('excluded.run'), stage: values.ref('excluded.stage'), assigned_at: values.ref('excluded.assigned_at'),
        generation: sql<number>`coalesce(assignments.generation, 0) + 1`,
      }))).returning(['cluster', 'generation']).execute();
    for (const { cluster, generation } of rows) generations.set(cluster, Number(generation));
  }
  return assignments.map((assignment) => ({ ...assignment, generation: generations.get(assignment.cluster) ?? 1 }));
}

export function runRecords({ db, guarded, write }: { readonly db: Kysely<Tables>; readonly guarded: Guarded; readonly write: Write }): Pick<RecordStore, 'createRun' | 'getRun' | 'listTargets' | 'saveProgress' | 'lastHealthyOn' | 'listJournal' | 'listJournalAfter' | 'lastJournalSequence' | 'listAssignments'> {
  return {
    createRun: (run, { targets, journal, revisions = [], ...frozen }) => write(async (transaction) => {
      const made = await transaction.insertInto('runs').values({
        run, uid: frozen.uid, created_at: frozen.createdAt, author: frozen.author, changes: frozen.changes, strategy: frozen.strategy === null ? null : JSON.stringify(frozen.strategy),
        strategy_digest: frozen.strategyDigest, undo_of: frozen.undoOf, message: frozen.message, warnings: JSON.stringify(frozen.warnings), ...progressColumns(frozen), revision: 1, summary_only: null,
      }).onConflict((conflict) => conflict.column('run').doNothing()).returning('run').executeTakeFirst();
      if (made === undefined) return false;
      await insertRevisions(transaction, revisions);
      for (const some of slices(targets)) await transaction.insertInto('run_targets').values(some.map((target) => targetRow(run, target))).execute();
      await insertAll(transaction, 'journal', journal.map((entry) => ({ ...entry })));
      return true;
    }),

    getRun: (run) => guarded(async () => {
      const row = await db.selectFrom('runs').selectAll().where('run', '=', run).executeTakeFirst();
      return row === undefined ? undefined : recordOf(row);
    }),

    listTargets: (run) => guarded(async () => {
      const rows = await db.selectFrom('run_targets').selectAll().where('run', '=', run).orderBy('stage').orderBy(sql`coalesce(place, 0)`).orderBy('cluster').execute();
      return rows.map(targetOf);
    }),

    saveProgress: ({ run, revision, targets, assignments, journal, ...progress }) => write(async (transaction) => {
      // First of all: it locks the run, so that whoever comes second finds its revision gone.
      const moved = await transaction.updateTable('runs').set({ ...progressColumns(progress), revision: revision + 1 }).where('run', '=', run).where('revision', '=', revision).returning('run').executeTakeFirst();
      if (moved === undefined) throw new RunMoved(run);
      const given = await assign(transaction, assignments);
      const generations = new Map(given.map(({ cluster, generation }) => [cluster, generation]));
      for (const some of slices(targets)) {
        await transaction.insertInto('run_targets').values(some.map((target) => targetRow(run, target, generations.get(target.cluster) ?? target.generation)))
          .onConflict((conflict) => conflict.columns(['run', 'cluster']).doUpdateSet((values) => ({
            phase: values.ref('excluded.phase'), assigned_at: values.ref('excluded.assigned_at'), generation: values.ref('excluded.generation'), healthy_at: values.ref('excluded.healthy_at'),
            finished_at: values.ref('excluded.finished_at'), rolled_back_at: values.ref('excluded.rolled_back_at'), message: values.ref('excluded.message'),
          }))).execute();
      }
      await insertAll(transaction, 'journal', journal.map((entry) => ({ ...entry })));
      return given;
    }),

    lastHealthyOn: (wanted, since) => guarded(async () => {
      const found = new Map<string, number>();
      for (const some of slices(wanted)) {
        const ids = new Map(some.map(({ cluster, desiredId }) => [cluster, desiredId]));
        const clusters = [...ids.keys()];
        const done = await db.selectFrom('run_targets').select(['cluster', 'to_id']).where('cluster', 'in', clusters).where('phase', '=', 'Done').execute();
        const was = new Set(done.filter(({ cluster, to_id: id }) => ids.get(cluster) === id).map(({ cluster }) => cluster));
        const left = await db.selectFrom('run_targets').select(['cluster', 'from_id', 'assigned_at']).where('cluster', 'in', clusters).where('assigned_at', '>=', since).execute();
        for (const { cluster, from_id: from, assigned_at: at } of left) {
          if (at !== null && was.has(cluster) && ids.get(cluster) === from) found.set(cluster, Math.max(at, found.get(cluster) ?? at));
        }
      }
      return found;
    }),

    listJournalAfter: (sequence, limit) => guarded(async () => {
      const rows = await db.selectFrom('journal').selectAll().where('id', '>', sequence).orderBy('id').limit(limit).execute();
      return rows.map((row): NumberedEntry => ({ ...journalEntry(row), sequence: Number(row.id) }));
    }),

    lastJournalSequence: () => guarded(async () => Number((await db.selectFrom('journal').select((select) => select.fn.max('id').as('last')).executeTakeFirst())?.last ?? 0)),

    listJournal: (run, limit) => guarded(async () => {
      const rows = await db.selectFrom('journal').selectAll().where('run', '=', run).orderBy('id').limit(limit).execute();
      return rows.map(journalEntry);
    }),

    listAssignments: () => guarded(async () => {
      const rows = await db.selectFrom('assignments').selectAll().orderBy('cluster').execute();
      return rows.map((row): Assignment => ({
        cluster: row.cluster, desiredId: row.desired_id, run: row.run, stage: row.stage, assignedAt: row.assigned_at, ...(row.generation === null ? {} : { generation: row.generation }),
      }));
    }),
  };
}
