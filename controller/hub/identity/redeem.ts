/** Judges join tokens and spends them: one conditional write each. */
import type { Digest } from '../../../mesh/model/canonical.ts';
import { fromRfc3339, seconds, toRfc3339 } from '../../../mesh/model/instant.ts';
import { JoinToken, type JoinTokenObject } from '../../../mesh/api/resources/join-token.ts';
import { HUB_FIELD_MANAGER } from '../../../mesh/model/managed.ts';
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import type { Clock } from '../../../mesh/ports/clock.ts';
import { type KubernetesClient, KubernetesError } from '../../../mesh/ports/kubernetes.ts';
import { TransportError } from '../../../mesh/ports/transport.ts';
import { joinSecretDigest, joinTokenName } from '../../runtime/new-join-token.ts';
import type { JoinProof } from './proof.ts';

/** A cluster that was accepted after its token expired, and lost the answer, asks again within that time. */
const LOST_ANSWER_SECONDS = 600;

type TokenStatus = NonNullable<JoinTokenObject['status']>;

export interface TokenRequest {
  readonly cluster: string;
  readonly secret: Uint8Array;
  /** Of the key that comes with it. */
  readonly publicKeySha256: string;
}

/** The token of this secret; throws `TransportError` where there is none, it is for another cluster, was used by another key, or has expired before it was redeemed. */
export async function joinTokenProof({ kubernetes, digest, clock }: { readonly kubernetes: KubernetesClient; readonly digest: Digest; readonly clock: Clock }, { cluster, secret, publicKeySha256 }: TokenRequest, signal: CancelSignal): Promise<JoinProof> {
  const secretSha256 = joinSecretDigest(secret, digest);
  const name = joinTokenName(cluster, secretSha256);
  const load = (within: CancelSignal): Promise<JoinTokenObject | undefined> => kubernetes.get<JoinTokenObject>(JoinToken, { name }, within);

  let token = await load(signal);
  if (token === undefined || token.spec.secretSha256 !== secretSha256 || token.spec.cluster !== cluster) {
    throw new TransportError('user', 'TokenInvalid', `join token for cluster "${cluster}": this hub knows no such token; it was deleted, is for another cluster or is of another hub; make a new one with "isthmus join ${cluster}"`);
  }
  const expiresAt = fromRfc3339(token.spec.expiresAt);
  if ((expiresAt === undefined || expiresAt <= clock.now()) && !waited(token.status)) {
    throw new TransportError('user', 'TokenExpired', `join token for cluster "${cluster}": expired at ${token.spec.expiresAt}; make a new one with "isthmus join ${cluster}"`);
  }

  /** It was redeemed in time, and what is late is the acceptance. */
  function waited(status: TokenStatus | undefined): boolean {
    if (status?.redeemedAt === undefined || status.publicKeySha256 !== publicKeySha256) return false;
    if (status.certificateSerial === undefined) return true;
    const issuedAt = fromRfc3339(status.issuedAt);
    return issuedAt !== undefined && clock.now() < issuedAt + seconds(LOST_ANSWER_SECONDS);
  }

  /** An agent whose answer was lost asks again with the key it stored before it first asked. */
  function demandSameKey({ status }: JoinTokenObject): void {
    if (status?.redeemedAt === undefined) return;
    if (status.publicKeySha256 !== publicKeySha256) {
      throw new TransportError('user', 'TokenUsed', `join token for cluster "${cluster}": was redeemed at ${status.redeemedAt}, and a token works once; if that was not you, cut off who has it: "isthmus identity revoke ${cluster} --why …"; else make a new token with "isthmus join ${cluster}"`);
    }
    if (status.rejectedAt !== undefined) throw new TransportError('user', 'PermissionDenied', `join token for cluster "${cluster}": the key that redeemed it was rejected at ${status.rejectedAt}; make a new token with "isthmus join ${cluster}"`);
  }

  /** `next` of the token that nobody else writes meanwhile; undefined: nothing is to be written. */
  async function write(next: (status: TokenStatus | undefined) => TokenStatus | undefined, within: CancelSignal): Promise<TokenStatus> {
    for (let attempt = 0; attempt < 2; attempt++) {
      const current: JoinTokenObject = token!;
      demandSameKey(current);
      const status = next(current.status);
      if (status === undefined) return current.status!;
      try {
        token = await kubernetes.update<JoinTokenObject>(JoinToken, { ...current, status }, { fieldManager: HUB_FIELD_MANAGER, subresource: 'status' }, within);
        return status;
      } catch (error) {
        if (!(error instanceof KubernetesError) || error.reason !== 'Conflict') throw error;
        token = await load(within) ?? current;
      }
    }
    throw new TransportError('retry', 'Overloaded', `join token for cluster "${cluster}": changed while it was redeemed; try again`);
  }

  demandSameKey(token);
  return {
    name: `join token ${name}`,
    madeAt: fromRfc3339(token.metadata.creationTimestamp),
    async claim(within) {
      await write((status) => (status?.redeemedAt === undefined ? { redeemedAt: toRfc3339(clock.now()), publicKeySha256 } : undefined), within);
    },
    async spend(certificateSerial, within) {
      const now = toRfc3339(clock.now());
      const { redeemedAt, issuedAt } = await write((status) => {
        if (status?.redeemedAt === undefined) return { redeemedAt: now, publicKeySha256, certificateSerial };
        return status.certificateSerial === undefined ? { ...status, certificateSerial, issuedAt: now } : undefined;
      }, within);
      return fromRfc3339(issuedAt) ?? fromRfc3339(redeemedAt) ?? clock.now();
    },
    async reject(within) {
      await write((status) => (status?.redeemedAt === undefined ? { redeemedAt: toRfc3339(clock.now()), publicKeySha256, rejectedAt: toRfc3339(clock.now()) } : { ...status, rejectedAt: toRfc3339(clock.now()) }), within);
    },
  };
}
