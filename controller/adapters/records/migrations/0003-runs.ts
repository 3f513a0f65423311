/** Runs beside their rows: the strategy that they are frozen to, and their state. Of earlier runs the strategy is in the UpdateRun only; the journal tells the rest. */
import { type Kysely, sql } from 'kysely';
import { FINAL_RUN_PHASES, NEW_RUN_STATE } from '../../../../mesh/model/rollout.ts';
import type { Tables } from '../tables.ts';

const RUNS_AT_ONCE = 200;

export async function addRuns(untyped: Kysely<unknown>): Promise<void> {
  const db = untyped as Kysely<Tables>;
  for (const column of ['group_index', 'place', 'failing_before', 'fast'] as const) await db.schema.alterTable('run_targets').addColumn(column, 'integer').execute();
  for (const column of ['generation', 'rolled_back_at'] as const) await db.schema.alterTable('run_targets').addColumn(column, 'bigint').execute();
  await db.schema.alterTable('run_targets').addColumn('back_id', 'text').execute();
  await db.schema.alterTable('assignments').addColumn('generation', 'bigint').execute();
  await db.schema.createIndex('run_targets_by_cluster').on('run_targets').columns(['cluster', 'assigned_at']).execute();
  await db.schema.createTable('runs')
    .addColumn('run', 'text', (c) => c.primaryKey()).addColumn('uid', 'text', (c) => c.notNull()).addColumn('created_at', 'bigint', (c) => c.notNull())
    .addColumn('author', 'text', (c) => c.notNull()).addColumn('changes', 'text', (c) => c.notNull()).addColumn('strategy', 'text').addColumn('strategy_digest', 'text', (c) => c.notNull())
    .addColumn('undo_of', 'text').addColumn('message', 'text', (c) => c.notNull()).addColumn('warnings', 'text', (c) => c.notNull()).addColumn('state', 'text', (c) => c.notNull()).addColumn('phase', 'text', (c) => c.notNull())
    .addColumn('finished_at', 'bigint').addColumn('joined_later', 'text', (c) => c.notNull()).addColumn('revision', 'bigint', (c) => c.notNull()).execute();
  await addRunsOfJournals(db);
}

interface Told { readonly run: string; readonly at: number; readonly event: string; readonly message: string }

async function addRunsOfJournals(db: Kysely<Tables>): Promise<void> {
  const finals = sql.join(FINAL_RUN_PHASES);
  const { rows: first } = await sql<Told>`select run, at, event, message from journal where id in (select min(id) from journal group by run) order by run`.execute(db);
  const { rows: ends } = await sql<Told>`select run, at, event, message from journal where id in (select max(id) from journal where cluster = '' and event in (${finals}) group by run)`.execute(db);
  const ended = new Map(ends.map((row) => [row.run, row]));
  for (let start = 0; start < first.length; start += RUNS_AT_ONCE) {
    await db.insertInto('runs').values(first.slice(start, start + RUNS_AT_ONCE).map(({ run, at, message }) => ({
      run, uid: '', created_at: at, author: '', changes: 'Plan', strategy: null, strategy_digest: '', undo_of: null, message, warnings: '[]', state: JSON.stringify(NEW_RUN_STATE),
      phase: ended.get(run)?.event ?? 'Running', finished_at: ended.get(run)?.at ?? null, joined_later: '[]', revision: 1,
    }))).execute();
  }
}
