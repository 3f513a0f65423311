/** Makes a join token: the text for the agent and the object for the hub, which share only the secret's digest. */
import { clusterNameProblem } from '../../mesh/model/names.ts';
import type { Digest } from '../../mesh/model/canonical.ts';
import { type Instant, toRfc3339 } from '../../mesh/model/instant.ts';
import { apiVersionOf } from '../../mesh/api/resources/define.ts';
import { JoinToken, type JoinTokenObject } from '../../mesh/api/resources/join-token.ts';
import type { Random } from '../../mesh/ports/random.ts';
import { AdvisedError } from './errors.ts';
import { encodeJoinToken } from './join-token.ts';

const JOIN_TOKEN_LIFETIME_SECONDS = 600;
const SECRET_BYTES = 32;

export interface JoinTokenRequest {
  readonly cluster: string;
  /** `host:port` of the hub's gateway. */
  readonly hubAddress: string;
  readonly trustDomain: string;
  readonly bundlePem: string;
  readonly lifetimeSeconds?: number;
}

export interface NewJoinToken {
  /** Secret: shown once, stored nowhere. */
  readonly text: string;
  readonly object: JoinTokenObject;
}

export function createJoinToken(request: JoinTokenRequest, ports: { readonly random: Random; readonly digest: Digest; readonly now: Instant }): NewJoinToken {
  const problem = clusterNameProblem('cluster', request.cluster);
  if (problem !== undefined) throw new AdvisedError('never', problem);
  const secret = Uint8Array.from(ports.random.bytes(SECRET_BYTES));
  const secretSha256 = joinSecretDigest(secret, ports.digest);
  const expiresAt = toRfc3339(ports.now + (request.lifetimeSeconds ?? JOIN_TOKEN_LIFETIME_SECONDS) * 1000);
  return {
    text: encodeJoinToken({
      cluster: request.cluster, hub: request.hubAddress, trustDomain: request.trustDomain, ca: request.bundlePem, secret: Buffer.from(secret).toString('base64url'),
    }),
    object: {
      apiVersion: apiVersionOf(JoinToken), kind: JoinToken.kind,
      metadata: { name: joinTokenName(request.cluster, secretSha256) },
      spec: { cluster: request.cluster, secretSha256, expiresAt },
    },
  };
}

/** Hex SHA-256 of the secret's base64url text. */
export const joinSecretDigest = (secret: Uint8Array, digest: Digest): string => digest(Buffer.from(secret).toString('base64url'));

/** Name of the JoinToken object, so that redemption reads one object and lists none. */
export const joinTokenName = (cluster: string, secretSha256: string): string => `join-${cluster}-${secretSha256.slice(0, 10)}`;
