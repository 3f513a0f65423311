/** Public keys of a cluster's service-account issuer, as its `/openid/v1/jwks` has them (RFC 7517). */
import { createPublicKey, type KeyObject } from 'node:crypto';
import { fromBase64Url } from './json.ts';

/** All that counts of a JSON Web Key. */
export interface IssuerKey {
  readonly kid: string;
  readonly kty: string;
  readonly alg?: string | undefined;
  readonly use?: string | undefined;
  readonly n?: string | undefined;
  readonly e?: string | undefined;
  readonly crv?: string | undefined;
  readonly x?: string | undefined;
  readonly y?: string | undefined;
}

type TokenAlgorithm = 'RS256' | 'ES256';

export interface ReadKey {
  readonly algorithm: TokenAlgorithm;
  readonly key: KeyObject;
}

const RSA_BITS = { least: 2048, most: 8192 };

/** A sentence where the key is none that may sign tokens. */
export function readIssuerKey(given: IssuerKey): ReadKey | { readonly problem: string } {
  const where = `key ${JSON.stringify(given.kid.slice(0, 64))}`;
  const algorithm: TokenAlgorithm | undefined = given.kty === 'RSA' ? 'RS256' : given.kty === 'EC' && given.crv === 'P-256' ? 'ES256' : undefined;
  if (algorithm === undefined) return { problem: `${where}: is of type ${JSON.stringify(given.kty)}${given.crv === undefined ? '' : ` (${JSON.stringify(given.crv)})`}; RSA and EC with P-256 are taken` };
  if (given.alg !== undefined && given.alg !== algorithm) return { problem: `${where}: is for algorithm ${JSON.stringify(given.alg)}; ${algorithm} is taken for this type of key` };
  if (given.use !== undefined && given.use !== 'sig') return { problem: `${where}: is for use ${JSON.stringify(given.use)}; one for signatures ("sig") is needed` };
  const { kty, n, e, crv, x, y } = given;
  const numbers = algorithm === 'RS256' ? { n, e } : { x, y };
  for (const [name, value] of Object.entries(numbers)) if (value === undefined || fromBase64Url(value) === undefined) return { problem: `${where}: its member ${JSON.stringify(name)} is missing or no canonical base64url` };
  if (algorithm === 'RS256' && e !== 'AQAB') return { problem: `${where}: its exponent is not 65537` };
  try {
    const key = createPublicKey({ key: algorithm === 'RS256' ? { kty, n: n!, e: e! } : { kty, crv: crv!, x: x!, y: y! }, format: 'jwk' });
    const bits = key.asymmetricKeyDetails?.modulusLength;
    if (bits !== undefined && (bits < RSA_BITS.least || bits > RSA_BITS.most)) return { problem: `${where}: has ${bits} bits; from ${RSA_BITS.least} to ${RSA_BITS.most} are taken` };
    return { algorithm, key };
  } catch {
    return { problem: `${where}: is no valid public key` };
  }
}

/** What is wrong with the set; undefined: nothing. */
export function issuerKeysProblem(keys: readonly IssuerKey[]): string | undefined {
  if (keys.length === 0) return 'there is no key';
  for (const [index, key] of keys.entries()) {
    if (keys.findIndex(({ kid }) => kid === key.kid) !== index) return `key ${JSON.stringify(key.kid.slice(0, 64))}: is there twice`;
    const read = readIssuerKey(key);
    if ('problem' in read) return read.problem;
  }
  return undefined;
}

/** Whether both verify the same signatures. */
export const sameIssuerKey = (one: IssuerKey, other: IssuerKey): boolean => one.kty === other.kty && one.n === other.n && one.e === other.e && one.crv === other.crv && one.x === other.x && one.y === other.y;
