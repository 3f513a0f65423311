/** Turns a join token into an identity. */
import { createCertificateRequest, readCertificate, spiffeIdOfCluster } from '../../../certs/index.ts';
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import type { Signer, SigningKey } from '../../../mesh/ports/signer.ts';
import type { HubConnector, IssuedIdentity } from '../../../mesh/ports/transport.ts';
import { AdvisedError } from '../../runtime/errors.ts';
import { decodeJoinToken, type JoinTokenContent } from '../../runtime/join-token.ts';
import type { LoadedIdentity, StoredIdentity } from './stored.ts';

export interface JoinConfig {
  readonly cluster: string;
  readonly namespace: string;
  /** Empty: the token's. */
  readonly hubAddress: string;
  readonly joinToken: string | undefined;
}

/** The token as given; an error for a person where it cannot be used by this cluster. */
function usableToken({ cluster, joinToken }: JoinConfig): JoinTokenContent {
  const wayOut = `make a token with "isthmus join ${cluster}" on the hub and give it to this agent`;
  if (joinToken === undefined || joinToken.trim() === '') throw new AdvisedError('user', `cluster "${cluster}": has neither a valid identity nor a join token; ${wayOut}`);
  const token = decodeJoinToken(joinToken);
  if ('problem' in token) throw new AdvisedError('user', token.problem);
  if (token.cluster !== cluster) throw new AdvisedError('user', `join token: is for cluster "${token.cluster}", this agent is set to cluster "${cluster}"; ${wayOut}`);
  return token;
}

/**
 * The key is stored first, then the token redeemed, then the certificate stored. Ended anywhere in between, the next attempt comes with the same key,
 * for which the hub redeems the token again until it expires.
 */
export async function joinHub(
  ports: { readonly hub: HubConnector; readonly signer: Signer }, config: JoinConfig, loaded: LoadedIdentity, signal: CancelSignal,
): Promise<StoredIdentity> {
  const token = usableToken(config);
  const { joiningKeyPem } = loaded.identity;
  const key = joiningKeyPem === '' ? ports.signer.generate() : ports.signer.import(joiningKeyPem);
  const prepared = joiningKeyPem === '' ? await loaded.save({ ...loaded.identity, joiningKeyPem: key.exportPem() }, signal) : loaded;
  const issued = await ports.hub.join(
    { address: config.hubAddress === '' ? token.hub : config.hubAddress, trustDomain: token.trustDomain, caPem: token.ca },
    { cluster: config.cluster, secret: new Uint8Array(Buffer.from(token.secret, 'base64url')), csrDer: createCertificateRequest(key) },
    signal,
  );
  checkIssued(issued, config.cluster, token.trustDomain, key);
  const identity = { keyPem: key.exportPem(), chainPem: issued.chainPem, bundlePem: issued.bundlePem, trustDomain: issued.trustDomain, joiningKeyPem: '' };
  await prepared.save(identity, signal);
  return identity;
}

/** A hub that answers with another cluster's or another key's certificate is broken: nothing of it is kept. */
export function checkIssued(issued: IssuedIdentity, cluster: string, trustDomain: string, key: SigningKey): void {
  const certificate = readCertificate(issued.chainPem);
  const expected = spiffeIdOfCluster(trustDomain, cluster);
  if (issued.trustDomain !== trustDomain || certificate.uris.length !== 1 || certificate.uris[0] !== expected) {
    throw new AdvisedError('user', `the hub issued a certificate for ${JSON.stringify(certificate.uris)}, asked was ${JSON.stringify(expected)}; check which hub this agent talks to`);
  }
  if (Buffer.compare(certificate.publicKeyDer, key.publicKeyDer) !== 0) throw new AdvisedError('retry', 'the hub issued a certificate for another key; it is asked again');
}
