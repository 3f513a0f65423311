/** Bundles by the digest of their content. */
import { type Kysely, sql, type Transaction } from 'kysely';
import type { DsseSignature } from '../../../mesh/model/bundle.ts';
import type { RecordStore, StoredBundle } from '../../../mesh/ports/records.ts';
import type { Dialect, Tables } from './tables.ts';

/** Of one step: contents are large, and it holds up other writers for some milliseconds. */
const BUNDLES_AT_ONCE = 100;

export function bundleRecords({ db, dialect, guarded, write }: {
  readonly db: Kysely<Tables>;
  readonly dialect: Dialect;
  readonly guarded: <T>(work: () => Promise<T>) => Promise<T>;
  readonly write: <T>(work: (transaction: Transaction<Tables>) => Promise<T>) => Promise<T>;
}): Pick<RecordStore, 'putBundle' | 'getBundle' | 'countBundles' | 'dropBundles'> {
  return {
    putBundle: ({ digest, content, signatures, verifiedAt }) => write(async (transaction) => {
      const signed = { signatures: JSON.stringify(signatures.map(({ keyid, sig }) => ({ keyid, sig }))), verified_at: verifiedAt };
      await transaction.insertInto('bundles').values({ digest, content, ...signed }).onConflict((conflict) => conflict.column('digest').doUpdateSet(signed)).execute();
    }),
    getBundle: (digest) => guarded(async (): Promise<StoredBundle | undefined> => {
      const row = await db.selectFrom('bundles').selectAll().where('digest', '=', digest).executeTakeFirst();
      return row === undefined ? undefined : { digest: row.digest, content: row.content, signatures: JSON.parse(row.signatures) as DsseSignature[], verifiedAt: row.verified_at };
    }),
    countBundles: () => guarded(async () => {
      const { rows: [row] } = await sql<{ count: number; bytes: number }>`select count(*) as count, coalesce(sum(octet_length(content)), 0) as bytes from bundles`.execute(db);
      return { count: Number(row?.count ?? 0), bytes: Number(row?.bytes ?? 0) };
    }),
    dropBundles: (after, verifiedBefore, keep) => write(async (transaction) => {
      // Whoever stores a revision that names a content waits, or is seen.
      if (dialect === 'postgres') await sql`lock table revisions in share row exclusive mode`.execute(transaction);
      const part = await transaction.selectFrom('bundles').select(['digest', 'verified_at']).where('digest', '>', after).orderBy('digest').limit(BUNDLES_AT_ONCE).execute();
      const old = part.filter(({ digest, verified_at: at }) => Number(at) < verifiedBefore && !keep.has(digest)).map(({ digest }) => digest);
      const gone = old.length === 0 ? [] : await transaction.deleteFrom('bundles').where('digest', 'in', old)
        .where(({ not, exists, selectFrom }) => not(exists(selectFrom('named_bundles').select('revision').whereRef('named_bundles.digest', '=', 'bundles.digest')))).returning('digest').execute();
      return { next: part.length < BUNDLES_AT_ONCE ? undefined : part.at(-1)?.digest, dropped: gone.length };
    }),
  };
}
