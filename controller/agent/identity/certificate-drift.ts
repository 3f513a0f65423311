/** What others did to a mesh certificate's Secret, and whether people permitted us to write over exactly that. */
import { spentName } from '../../../mesh/drift/diff.ts';
import { canonicalJson, type Digest } from '../../../mesh/model/canonical.ts';
import type { DriftEntry, DriftOverride } from '../../../mesh/model/desired.ts';
import type { Instant } from '../../../mesh/model/instant.ts';
import type { SecretObject } from '../../../mesh/api/resources/core.ts';
import { AGENT_FIELD_MANAGER } from '../../../mesh/model/managed.ts';
import { authorsOf, lastOther, ownersOf } from '../apply/authors.ts';
import type { DriftBook } from '../apply/drift-book.ts';
import type { AgentState } from '../state/state.ts';
import { isOurs } from './mesh-secrets.ts';

export interface CertificateDrift {
  /** Tells what others did to the Secret; the answer is what permits us to write over it, undefined: not all of it is permitted. */
  changed(secret: SecretObject): readonly string[] | undefined;
  unchanged(namespace: string, name: string): void;
  /** Permissions that were used. */
  spend(names: readonly string[]): void;
}

/** Private keys among the values: digests of them, and of certificates, are all that is told. */
function entriesOf(secret: SecretObject, digest: Digest, now: Instant): readonly DriftEntry[] {
  const { namespace = '', name } = secret.metadata;
  const object = `Secret ${namespace}/${name}`;
  const authors = authorsOf(secret);
  const entry = (path: string, actual: string, manager: string): DriftEntry => ({ object, path, expected: 'unknown', actual, manager, firstSeen: now, ...authors[manager] });
  if (!isOurs(secret)) return [entry('', `sha256:${digest(canonicalJson(secret.data ?? {}))}`, lastOther(secret, AGENT_FIELD_MANAGER) ?? 'unknown')];
  return Object.entries(secret.data ?? {}).sort(([a], [b]) => (a < b ? -1 : 1)).flatMap(([key, value]) => {
    const manager = ownersOf(secret, ['data', key]).find((owner) => owner !== AGENT_FIELD_MANAGER);
    return manager === undefined ? [] : [entry(`.data.${key}`, `sha256:${digest(Buffer.from(value, 'base64').toString('utf8'))}`, manager)];
  });
}

export function createCertificateDrift({ book, state, digest, now }: { readonly book: DriftBook; readonly state: AgentState; readonly digest: Digest; readonly now: () => Instant }): CertificateDrift {
  const permission = (entry: DriftEntry): DriftOverride | undefined => (state.desired?.state.overrides ?? []).find((one) =>
    one.action === 'overwrite' && one.object === entry.object && one.path === entry.path && one.actual === entry.actual && !(state.managed.spent ?? []).includes(spentName(one)));
  return {
    changed(secret) {
      const entries = entriesOf(secret, digest, now());
      book.put(`Secret ${secret.metadata.namespace}/${secret.metadata.name}`, entries);
      const permitted = entries.flatMap((entry) => permission(entry) ?? []);
      return entries.length > 0 && permitted.length === entries.length ? permitted.map(spentName) : undefined;
    },
    unchanged: (namespace, name) => book.put(`Secret ${namespace}/${name}`, []),
    spend(names) {
      if (names.length > 0) state.setManaged({ ...state.managed, spent: [...new Set([...state.managed.spent ?? [], ...names])].sort() });
    },
  };
}
