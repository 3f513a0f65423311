/** Which revisions name which contents of bundles: what none names any more can go. Runs of which a summary alone is left. */
import type { Kysely } from 'kysely';
import { insertAll } from '../insert.ts';
import { namedBundles } from '../revisions.ts';
import type { Tables } from '../tables.ts';

const ROWS_AT_ONCE = 200;

export async function addNamedBundles(untyped: Kysely<unknown>): Promise<void> {
  const db = untyped as Kysely<Tables>;
  await db.schema.alterTable('runs').addColumn('summary_only', 'integer').execute();
  await db.schema.createTable('named_bundles')
    .addColumn('digest', 'text', (c) => c.notNull()).addColumn('revision', 'text', (c) => c.notNull())
    .addPrimaryKeyConstraint('named_bundles_pk', ['digest', 'revision']).execute();
  await db.schema.createIndex('named_bundles_by_revision').on('named_bundles').columns(['revision']).execute();
  for (let after = '', rows: readonly { readonly id: string; readonly content: string }[] = []; after === '' || rows.length === ROWS_AT_ONCE; after = rows.at(-1)?.id ?? after) {
    rows = await db.selectFrom('revisions').select(['id', 'content']).where('id', '>', after).orderBy('id').limit(ROWS_AT_ONCE).execute();
    await insertAll(db, 'named_bundles', rows.flatMap(namedBundles));
    if (rows.length === 0) return;
  }
}
