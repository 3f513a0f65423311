/** A cluster's service-account issuer, for tests. */
import { createHmac, generateKeyPairSync, sign } from 'node:crypto';
import type { IssuerKey } from '../keys.ts';

const encoded = (value: unknown): string => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');

export interface TestIssuer {
  readonly key: IssuerKey;
  /** PEM of the public key. */
  readonly publicPem: string;
  /** Signed as Kubernetes does; texts are taken as they are. `signature`: instead of the right one. */
  token(claims: object | string, header?: object | string, signature?: (signed: string) => Uint8Array): string;
  hmac(claims: object): string;
}

export function testIssuer(kid: string, algorithm: 'RS256' | 'ES256' = 'RS256'): TestIssuer {
  const pair = algorithm === 'RS256' ? generateKeyPairSync('rsa', { modulusLength: 2048 }) : generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const publicPem = pair.publicKey.export({ type: 'spki', format: 'pem' }) as string;
  const jwk = pair.publicKey.export({ format: 'jwk' }) as Omit<IssuerKey, 'kid'>;
  const proper = (signed: string): Uint8Array => sign('sha256', Buffer.from(signed), algorithm === 'RS256' ? pair.privateKey : { key: pair.privateKey, dsaEncoding: 'ieee-p1363' });
  const token: TestIssuer['token'] = (claims, header = { alg: algorithm, kid }, signature = proper) => {
    const signed = `${encoded(header)}.${encoded(claims)}`;
    return `${signed}.${Buffer.from(signature(signed)).toString('base64url')}`;
  };
  return {
    key: { kid, alg: algorithm, use: 'sig', ...jwk }, publicPem, token,
    hmac: (claims) => token(claims, { alg: 'HS256', kid }, (signed) => createHmac('sha256', publicPem).update(signed).digest()),
  };
}

/** Of a token that is projected into the agent's pod. */
export const agentClaims = (now: number, more: Readonly<Record<string, unknown>> = {}): Record<string, unknown> => ({
  aud: ['isthmus:mesh.example'], iss: 'https://berlin.example', sub: 'system:serviceaccount:isthmus-system:isthmus-agent',
  iat: Math.floor(now / 1000), nbf: Math.floor(now / 1000), exp: Math.floor(now / 1000) + 3600, jti: 'b0f0',
  'kubernetes.io': { namespace: 'isthmus-system', node: { name: 'n1', uid: 'u0' }, pod: { name: 'isthmus-agent-7', uid: 'u1' }, serviceaccount: { name: 'isthmus-agent', uid: 'u2' } },
  ...more,
});
