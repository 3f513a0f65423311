/** Judges join tokens and spends them: one conditional write each. */
import type { Digest } from '../../../mesh/model/canonical.ts';
import { fromRfc3339, type Instant, toRfc3339 } from '../../../mesh/model/instant.ts';
import { clusterNameProblem } from '../../../mesh/model/names.ts';
import { JoinToken, type JoinTokenObject } from '../../../mesh/api/resources/join-token.ts';
import { HUB_FIELD_MANAGER } from '../../../mesh/model/managed.ts';
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import { type KubernetesClient, KubernetesError } from '../../../mesh/ports/kubernetes.ts';
import { TransportError } from '../../../mesh/ports/transport.ts';
import { joinSecretDigest, joinTokenName } from '../../runtime/new-join-token.ts';


export interface Redemption {
  readonly cluster: string;
  readonly secret: Uint8Array;
}

/** The key that redeems and the certificate it would get. */
export interface Redeemer {
  readonly publicKeySha256: string;
  readonly certificateSerial: string;
}

/** The token of this secret; throws `TransportError` where there is none, it is for another cluster, or it has expired. Says nothing on whether it was used. */
export async function findJoinToken(kubernetes: KubernetesClient, digest: Digest, now: Instant, { cluster, secret }: Redemption, signal: CancelSignal): Promise<JoinTokenObject> {
  const problem = clusterNameProblem('cluster', cluster);
  if (problem !== undefined) throw new TransportError('user', 'InvalidRequest', problem);
  const secretSha256 = joinSecretDigest(secret, digest);
  const token = await kubernetes.get<JoinTokenObject>(JoinToken, { name: joinTokenName(cluster, secretSha256) }, signal);
  if (token === undefined || token.spec.secretSha256 !== secretSha256 || token.spec.cluster !== cluster) {
    throw new TransportError('user', 'TokenInvalid', `join token for cluster "${cluster}": this hub knows no such token; it was deleted, is for another cluster or is of another hub; make a new one with "isthmus join ${cluster}"`);
  }
  const expiresAt = fromRfc3339(token.spec.expiresAt);
  if (expiresAt === undefined || expiresAt <= now) {
    throw new TransportError('user', 'TokenExpired', `join token for cluster "${cluster}": expired at ${token.spec.expiresAt}; make a new one with "isthmus join ${cluster}"`);
  }
  return token;
}

/** Resolves once the token is this key's for good; throws `TransportError` (`TokenUsed`) where another key was first. When it was redeemed first. */
export async function spendJoinToken(kubernetes: KubernetesClient, token: JoinTokenObject, redeemer: Redeemer, now: Instant, signal: CancelSignal): Promise<Instant> {
  if (token.status?.redeemedAt !== undefined) return sameKey(token, redeemer, now);
  const status = { redeemedAt: toRfc3339(now), ...redeemer };
  try {
    await kubernetes.update<JoinTokenObject>(JoinToken, { ...token, status }, { fieldManager: HUB_FIELD_MANAGER, subresource: 'status' }, signal);
    return now;
  } catch (error) {
    if (!(error instanceof KubernetesError) || error.reason !== 'Conflict') throw error;
    const current = await kubernetes.get<JoinTokenObject>(JoinToken, { name: token.metadata.name }, signal);
    if (current?.status?.redeemedAt !== undefined) return sameKey(current, redeemer, now);
    throw new TransportError('retry', 'Overloaded', `join token for cluster "${token.spec.cluster}": changed while it was redeemed; try again`);
  }
}

/** An agent whose answer was lost asks again with the key it stored before it first asked. */
function sameKey(token: JoinTokenObject, { publicKeySha256 }: Redeemer, now: Instant): Instant {
  if (token.status?.publicKeySha256 === publicKeySha256) return fromRfc3339(token.status.redeemedAt) ?? now;
  const { cluster } = token.spec;
  throw new TransportError('user', 'TokenUsed', `join token for cluster "${cluster}": was redeemed at ${token.status?.redeemedAt}, and a token works once; if that was not you, remove Cluster "${cluster}", else make a new token with "isthmus join ${cluster}"`);
}
