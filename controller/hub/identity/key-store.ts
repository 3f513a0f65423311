/** Keeps the certificate authority in Secret `isthmus-authority` of the hub's namespace. */
import type { KeyStore } from '../../../certs/index.ts';
import { Secret, type SecretObject } from '../../../mesh/api/resources/core.ts';
import { HUB_FIELD_MANAGER } from '../../../mesh/model/managed.ts';
import { type KubernetesClient, KubernetesError } from '../../../mesh/ports/kubernetes.ts';
import { AdvisedError } from '../../runtime/errors.ts';

export const AUTHORITY_SECRET = 'isthmus-authority';
const DATA_KEY = 'authority.json';

export function secretKeyStore({ kubernetes, namespace }: { readonly kubernetes: KubernetesClient; readonly namespace: string }): KeyStore {
  const reference = { namespace, name: AUTHORITY_SECRET };
  return {
    async load(signal) {
      const secret = await kubernetes.get<SecretObject>(Secret, reference, signal);
      if (secret === undefined) return undefined;
      const content = secret.data?.[DATA_KEY];
      if (content === undefined) {
        throw new AdvisedError('user', `Secret ${namespace}/${AUTHORITY_SECRET}: has no data key "${DATA_KEY}"; restore it from a backup, or delete the Secret and start the hub, which says how to begin anew`);
      }
      return { content: Buffer.from(content, 'base64').toString('utf8'), version: secret.metadata.resourceVersion ?? '' };
    },
    async save(content, version, signal) {
      const secret: SecretObject = {
        apiVersion: 'v1', kind: 'Secret', type: 'Opaque',
        metadata: { ...reference, labels: { 'app.kubernetes.io/managed-by': HUB_FIELD_MANAGER }, ...(version === undefined ? {} : { resourceVersion: version }) },
        data: { [DATA_KEY]: Buffer.from(content, 'utf8').toString('base64') },
      };
      try {
        if (version === undefined) await kubernetes.create(Secret, secret, { fieldManager: HUB_FIELD_MANAGER }, signal);
        else await kubernetes.update(Secret, secret, { fieldManager: HUB_FIELD_MANAGER }, signal);
        return true;
      } catch (error) {
        if (error instanceof KubernetesError && (error.reason === 'AlreadyExists' || error.reason === 'Conflict')) return false;
        throw error;
      }
    },
  };
}
