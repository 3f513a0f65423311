/** Bundles by the digest of their content. */
import type { Kysely, Transaction } from 'kysely';
import type { DsseSignature } from '../../../mesh/model/bundle.ts';
import type { RecordStore, StoredBundle } from '../../../mesh/ports/records.ts';
import type { Tables } from './tables.ts';

export function bundleRecords({ db, guarded, write }: {
  readonly db: Kysely<Tables>;
  readonly guarded: <T>(work: () => Promise<T>) => Promise<T>;
  readonly write: <T>(work: (transaction: Transaction<Tables>) => Promise<T>) => Promise<T>;
}): Pick<RecordStore, 'putBundle' | 'getBundle'> {
  return {
    putBundle: ({ digest, content, signatures, verifiedAt }) => write(async (transaction) => {
      const signed = { signatures: JSON.stringify(signatures.map(({ keyid, sig }) => ({ keyid, sig }))), verified_at: verifiedAt };
      await transaction.insertInto('bundles').values({ digest, content, ...signed }).onConflict((conflict) => conflict.column('digest').doUpdateSet(signed)).execute();
    }),
    getBundle: (digest) => guarded(async (): Promise<StoredBundle | undefined> => {
      const row = await db.selectFrom('bundles').selectAll().where('digest', '=', digest).executeTakeFirst();
      return row === undefined ? undefined : { digest: row.digest, content: row.content, signatures: JSON.parse(row.signatures) as DsseSignature[], verifiedAt: row.verified_at };
    }),
  };
}
