/** A hub that finds no authority where one was begins none by itself: no cluster would believe the new one, and who comes back with a copy would have two. */
import { CertificateAuthority, type CertificateAuthorityObject, FLEET_AUTHORITY } from '../../../mesh/api/resources/authority.ts';
import { ConfigMap, type ConfigMapObject, Secret } from '../../../mesh/api/resources/core.ts';
import type { Digest } from '../../../mesh/model/canonical.ts';
import { HUB_FIELD_MANAGER } from '../../../mesh/model/managed.ts';
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import type { KubernetesClient } from '../../../mesh/ports/kubernetes.ts';
import type { Log } from '../../../mesh/ports/log.ts';
import { AdvisedError } from '../../runtime/errors.ts';
import { AUTHORITY_SECRET } from './key-store.ts';
import { TRUST_CONFIG_MAP } from './trust.ts';

/** On ConfigMap `isthmus-trust`: a person gives the authority up whose bundle has this fingerprint. Good for that one, and once. */
const BEGIN_ANEW = 'isthmus.dev/begin-anew';
const FINGERPRINT_LETTERS = 16;

/** A person must act: put a copy back, or begin anew. */
export class AuthorityLost extends AdvisedError {
  constructor(message: string) {
    super('user', message);
    this.name = 'AuthorityLost';
  }
}

interface Parts {
  readonly kubernetes: KubernetesClient;
  readonly namespace: string;
  readonly digest: Digest;
  readonly log: Log;
}

/** Asked when no authority is stored: the sequence of the first bundle, later than any that was published, for who joins again must notice that it is another. Throws `AuthorityLost` where the hub has published one before and nobody has given it up, or where orders to it still stand. */
export async function firstSequence({ kubernetes, namespace, digest, log }: Parts, signal: CancelSignal): Promise<number> {
  const trust = await kubernetes.get<ConfigMapObject>(ConfigMap, { namespace, name: TRUST_CONFIG_MAP }, signal);
  const bundlePem = trust?.data?.['bundle.pem'] ?? '';
  if (bundlePem === '') return 1;
  // Stored and published by another hub since it was looked for here: there is nothing to begin, as the store will say.
  if (await kubernetes.get(Secret, { namespace, name: AUTHORITY_SECRET }, signal) !== undefined) return 1;
  const fingerprint = digest(bundlePem).slice(0, FINGERPRINT_LETTERS);
  if (trust?.metadata.annotations?.[BEGIN_ANEW] !== fingerprint) {
    throw new AuthorityLost([
      `Secret ${namespace}/${AUTHORITY_SECRET}: is not there, and ConfigMap ${namespace}/${TRUST_CONFIG_MAP} says that there was an authority, in which every cluster believes.`,
      `Put a copy of it back: kubectl -n ${namespace} create secret generic ${AUTHORITY_SECRET} --from-file=authority.json (docs/runbooks/identity.md, "Restore the authority").`,
      `Where no copy is left, begin anew, after which every cluster must join again: kubectl -n ${namespace} annotate --overwrite configmap ${TRUST_CONFIG_MAP} ${BEGIN_ANEW}=${fingerprint}`,
    ].join(' '));
  }
  const { spec = {} } = await kubernetes.get<CertificateAuthorityObject>(CertificateAuthority, { name: FLEET_AUTHORITY }, signal) ?? {};
  const orders = Object.entries(spec).filter(([, order]) => order !== undefined && (!Array.isArray(order) || order.length > 0)).map(([field]) => `spec.${field}`);
  if (orders.length > 0) {
    throw new AuthorityLost(`CertificateAuthority ${FLEET_AUTHORITY}: ${orders.join(', ')} ${orders.length === 1 ? 'is an order' : 'are orders'} to the authority that is lost, and a new one would obey: delete the object, the hub makes it again: kubectl delete certificateauthority ${FLEET_AUTHORITY}`);
  }
  // First, so that it is spent in any case: a root that is kept elsewhere has the same bundle again.
  await kubernetes.patch(ConfigMap, { namespace, name: TRUST_CONFIG_MAP }, { metadata: { annotations: { [BEGIN_ANEW]: null } } }, { type: 'merge', fieldManager: HUB_FIELD_MANAGER }, signal);
  log.warn({ given: fingerprint }, 'begins a new certificate authority, as a person asked: every cluster must join again');
  const published = Number(trust.data?.['sequence']);
  return Number.isSafeInteger(published) && published > 0 ? published + 1 : 2;
}
