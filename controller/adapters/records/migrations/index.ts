/** Brings a database to this program's tables. */
import { type Kysely, sql } from 'kysely';
import { type Migration, Migrator } from 'kysely/migration';
import type { Dialect, Tables } from '../tables.ts';
import { createRecords } from './0001-records.ts';
import { addStates } from './0002-states.ts';
import { addRuns } from './0003-runs.ts';
import { addBundles } from './0004-bundles.ts';
import { addNamedBundles } from './0005-named-bundles.ts';
import { addUnneededReports } from './0006-unneeded-reports.ts';

/** All or nothing, also where the process is killed in between: PostgreSQL's migrator runs in a transaction, SQLite's does not. `marker`: a table that it makes. */
function atOnce(dialect: Dialect, marker: string, work: (db: Kysely<unknown>) => Promise<void>): Migration {
  return {
    async up(db: Kysely<unknown>) {
      if (dialect === 'postgres') return work(db);
      const made = (await sql`select 1 from sqlite_master where type = 'table' and name = ${marker}`.execute(db)).rows.length > 0;
      if (!made) await db.transaction().execute(work);
    },
  };
}

/** `upTo` a version of the past: for tests of the way from there. A newer program's database is refused by the migrator, with its sentence. */
export async function migrate(db: Kysely<Tables>, dialect: Dialect, upTo?: '0001-records' | '0002-states' | '0004-bundles'): Promise<void> {
  const migrations = {
    '0001-records': atOnce(dialect, 'reports', (transaction) => createRecords(transaction, dialect)),
    '0002-states': atOnce(dialect, 'states', addStates),
    '0003-runs': atOnce(dialect, 'runs', addRuns),
    '0004-bundles': atOnce(dialect, 'bundles', addBundles),
    '0005-named-bundles': atOnce(dialect, 'named_bundles', addNamedBundles),
    '0006-unneeded-reports': { up: (db: Kysely<unknown>) => addUnneededReports(db, dialect) },
  };
  const migrator = new Migrator({ db, provider: { getMigrations: async () => migrations } });
  const { error } = await (upTo === undefined ? migrator.migrateToLatest() : migrator.migrateTo(upTo));
  if (error !== undefined) throw error;
}
