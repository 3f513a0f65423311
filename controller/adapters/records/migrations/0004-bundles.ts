/** Contents of bundles that runs were made for: they outlive the Bundle objects that they come from. */
import type { Kysely } from 'kysely';

export async function addBundles(db: Kysely<unknown>): Promise<void> {
  await db.schema.createTable('bundles')
    .addColumn('digest', 'text', (c) => c.primaryKey()).addColumn('content', 'text', (c) => c.notNull()).addColumn('signatures', 'text', (c) => c.notNull())
    .addColumn('verified_at', 'bigint', (c) => c.notNull()).execute();
}
