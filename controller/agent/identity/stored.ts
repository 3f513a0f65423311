/** The agent's identity in Secret `isthmus-agent-identity`. */
import { Secret, type SecretObject } from '../../../mesh/api/resources/core.ts';
import { AGENT_FIELD_MANAGER } from '../../../mesh/model/managed.ts';
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import { type KubernetesClient, KubernetesError } from '../../../mesh/ports/kubernetes.ts';
import { AdvisedError } from '../../runtime/errors.ts';

export const IDENTITY_SECRET = 'isthmus-agent-identity';
const EMPTY = '';

/** PEM; an empty text: not there. */
export interface StoredIdentity {
  readonly keyPem: string;
  readonly chainPem: string;
  readonly bundlePem: string;
  readonly trustDomain: string;
  /** Key of a join under way: stored before the token is redeemed, so that a lost answer can be asked for again with the same key. */
  readonly joiningKeyPem: string;
}

const DATA_KEYS: Readonly<Record<keyof StoredIdentity, string>> = {
  keyPem: 'tls.key', chainPem: 'tls.crt', bundlePem: 'ca.crt', trustDomain: 'trustDomain', joiningKeyPem: 'joining.key',
};

/** What was read, bound to the version that was read. */
export interface LoadedIdentity {
  readonly identity: StoredIdentity;
  /** Replaces it; an error with advice `retry`, and nothing written, where anybody else wrote since it was read. */
  save(next: StoredIdentity, signal: CancelSignal): Promise<LoadedIdentity>;
}

export interface IdentityStore {
  load(signal: CancelSignal): Promise<LoadedIdentity>;
}

export function identityStore({ kubernetes, namespace }: { readonly kubernetes: KubernetesClient; readonly namespace: string }): IdentityStore {
  const reference = { namespace, name: IDENTITY_SECRET };

  function loaded(secret: SecretObject | undefined): LoadedIdentity {
    const read = (field: keyof StoredIdentity): string => Buffer.from(secret?.data?.[DATA_KEYS[field]] ?? EMPTY, 'base64').toString('utf8');
    return {
      identity: { keyPem: read('keyPem'), chainPem: read('chainPem'), bundlePem: read('bundlePem'), trustDomain: read('trustDomain'), joiningKeyPem: read('joiningKeyPem') },
      save: (next, signal) => save(secret, next, signal),
    };
  }

  async function save(before: SecretObject | undefined, next: StoredIdentity, signal: CancelSignal): Promise<LoadedIdentity> {
    const data = Object.fromEntries(Object.entries(DATA_KEYS).flatMap(([field, key]) => {
      const value = next[field as keyof StoredIdentity];
      return value === EMPTY ? [] : [[key, Buffer.from(value, 'utf8').toString('base64')]];
    }));
    const metadata = { ...reference, labels: { 'app.kubernetes.io/managed-by': AGENT_FIELD_MANAGER } };
    try {
      return loaded(before === undefined
        ? await kubernetes.create<SecretObject>(Secret, { apiVersion: 'v1', kind: 'Secret', type: 'Opaque', metadata, data }, { fieldManager: AGENT_FIELD_MANAGER }, signal)
        : await kubernetes.update<SecretObject>(Secret, { ...before, data }, { fieldManager: AGENT_FIELD_MANAGER }, signal));
    } catch (error) {
      if (!(error instanceof KubernetesError) || (error.reason !== 'Conflict' && error.reason !== 'AlreadyExists')) throw error;
      throw new AdvisedError('retry', `Secret ${namespace}/${IDENTITY_SECRET}: changed while it was written; it is read again`);
    }
  }

  return { load: async (signal) => loaded(await kubernetes.get<SecretObject>(Secret, reference, signal)) };
}
