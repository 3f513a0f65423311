/** Desired revisions, by the digest of their content: one that is there already stays as it is. Beside them, which contents of bundles they name. */
import type { Insertable, Transaction } from 'kysely';
import type { DesiredRevision } from '../../../mesh/model/desired.ts';
import type { Tables } from './tables.ts';

const REVISIONS_AT_ONCE = 100;
const NAMES_AT_ONCE = 500;

/** In a state's canonical text. A digest that stands for something else keeps a content of that digest, of which there is none. */
const DIGEST = /"digest":"([^"\\]{1,200})"/g;

/** Most states name none, and states are large: they are not parsed. */
export function namedBundles({ id, content }: Pick<DesiredRevision, 'id' | 'content'>): Insertable<Tables['named_bundles']>[] {
  if (!content.includes('"bundles":')) return [];
  return [...new Set([...content.matchAll(DIGEST)].map(([, digest = '']) => digest))].map((digest) => ({ digest, revision: id }));
}

export async function insertRevisions(transaction: Transaction<Tables>, revisions: readonly DesiredRevision[]): Promise<void> {
  for (let start = 0; start < revisions.length; start += REVISIONS_AT_ONCE) {
    const some = revisions.slice(start, start + REVISIONS_AT_ONCE).map(({ id, cluster, content }) => ({ id, cluster, content }));
    await transaction.insertInto('revisions').values(some).onConflict((conflict) => conflict.column('id').doNothing()).execute();
    const named = some.flatMap(namedBundles);
    for (let first = 0; first < named.length; first += NAMES_AT_ONCE) {
      await transaction.insertInto('named_bundles').values(named.slice(first, first + NAMES_AT_ONCE)).onConflict((conflict) => conflict.columns(['digest', 'revision']).doNothing()).execute();
    }
  }
}
