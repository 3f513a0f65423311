/** Turns a join token, or a service-account token of the cluster, into an identity. */
import { createCertificateRequest, keyFingerprint, readCertificate, spiffeIdOfCluster } from '../../../certs/index.ts';
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import type { Signer, SigningKey } from '../../../mesh/ports/signer.ts';
import { type HubConnector, type IssuedIdentity, type JoinRequest, TransportError } from '../../../mesh/ports/transport.ts';
import { AdvisedError } from '../../runtime/errors.ts';
import { decodeJoinToken, type JoinTokenContent } from '../../runtime/join-token.ts';
import type { LoadedIdentity, StoredIdentity } from './stored.ts';

export interface JoinConfig {
  readonly cluster: string;
  readonly namespace: string;
  /** Empty: the token's. */
  readonly hubAddress: string;
  readonly joinToken: string | undefined;
  /** How the cluster shows who it is without a join token; it is taken where both are given. Unset: it cannot. */
  readonly serviceAccountJoin?: ServiceAccountJoin;
}

/** What a join token would have told of the hub; none of it is secret but the token, which lives for minutes. */
export interface ServiceAccountJoin {
  readonly trustDomain: string;
  /** PEM of the hub's roots; what an identity of before trusts goes first, for it is newer. */
  readonly caPem: string;
  /** As it is now; rejects with advice where there is none. */
  readonly token: () => Promise<string>;
}

/** A way to join is given at all. */
export const canJoin = ({ joinToken, serviceAccountJoin }: JoinConfig): boolean => serviceAccountJoin !== undefined || (joinToken !== undefined && joinToken.trim() !== '');

interface Way {
  readonly target: { readonly address: string; readonly trustDomain: string; readonly caPem: string };
  readonly proof: Pick<JoinRequest, 'secret' | 'serviceAccountToken'>;
}

async function wayOf(config: JoinConfig, { bundlePem, trustDomain }: StoredIdentity): Promise<Way> {
  const { serviceAccountJoin: account } = config;
  if (account === undefined) {
    const token = usableToken(config);
    const address = config.hubAddress === '' ? token.hub : config.hubAddress;
    return { target: { address, trustDomain: token.trustDomain, caPem: token.ca }, proof: { secret: new Uint8Array(Buffer.from(token.secret, 'base64url')) } };
  }
  const known = bundlePem !== '' && trustDomain !== '';
  const target = { address: config.hubAddress, trustDomain: known ? trustDomain : account.trustDomain, caPem: known ? bundlePem : account.caPem };
  return { target, proof: { secret: new Uint8Array(), serviceAccountToken: (await account.token()).trim() } };
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
 * The key is stored first, then the token shown, then the certificate stored. Ended anywhere in between, the next attempt comes with the same key,
 * for which the hub redeems a join token again until it expires.
 */
export async function joinHub(
  ports: { readonly hub: HubConnector; readonly signer: Signer; readonly onAsking: (keySha256: string) => void }, config: JoinConfig, loaded: LoadedIdentity, signal: CancelSignal,
): Promise<StoredIdentity> {
  const { target, proof } = await wayOf(config, loaded.identity);
  const { joiningKeyPem } = loaded.identity;
  const key = joiningKeyPem === '' ? ports.signer.generate() : ports.signer.import(joiningKeyPem);
  const prepared = joiningKeyPem === '' ? await loaded.save({ ...loaded.identity, joiningKeyPem: key.exportPem() }, signal) : loaded;
  const keySha256 = keyFingerprint(key.publicKeyDer);
  ports.onAsking(keySha256);
  const issued = await ports.hub.join(target, { cluster: config.cluster, ...proof, csrDer: createCertificateRequest(key) }, signal).catch((error: unknown) => {
    if (!(error instanceof TransportError) || error.reason !== 'Pending') throw error;
    // By what this side knows: people compare it with what the hub shows.
    throw new TransportError('retry', 'Pending', `cluster "${config.cluster}": asked to join with the key of fingerprint ${keySha256}, and waits until somebody accepts exactly that on the hub: isthmus cluster accept ${config.cluster}`, error.answered);
  });
  checkIssued(issued, config.cluster, target.trustDomain, key);
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
