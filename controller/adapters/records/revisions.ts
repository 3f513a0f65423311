/** Desired revisions, by the digest of their content: one that is there already stays as it is. */
import type { Transaction } from 'kysely';
import type { DesiredRevision } from '../../../mesh/model/desired.ts';
import type { Tables } from './tables.ts';

const REVISIONS_AT_ONCE = 100;

export async function insertRevisions(transaction: Transaction<Tables>, revisions: readonly DesiredRevision[]): Promise<void> {
  for (let start = 0; start < revisions.length; start += REVISIONS_AT_ONCE) {
    const some = revisions.slice(start, start + REVISIONS_AT_ONCE).map(({ id, cluster, content }) => ({ id, cluster, content }));
    await transaction.insertInto('revisions').values(some).onConflict((conflict) => conflict.column('id').doNothing()).execute();
  }
}
