/** The trust bundle in the form of SPIFFE (Trust_Domain_and_Bundle §4): a JWK set with one key for each root. */
import { createPublicKey } from 'node:crypto';
import { readAuthorities } from './read-authority.ts';
import { isP256PublicKey } from './identifiers.ts';

/** How often whoever copies the bundle should look again; a rotation of the root takes longer by far. */
const REFRESH_HINT_SECONDS = 300;
const P256_COORDINATE_BYTES = 32;

export function spiffeBundle({ bundlePem, sequence }: { readonly bundlePem: string; readonly sequence: number }): string {
  const keys = readAuthorities(bundlePem).map(({ publicKeyDer, x509 }) => ({ use: 'x509-svid', ...publicJwk(publicKeyDer), x5c: [x509.raw.toString('base64')] }));
  return JSON.stringify({ keys, spiffe_sequence: sequence, spiffe_refresh_hint: REFRESH_HINT_SECONDS });
}

/** RFC 7518 §6.2, RFC 8037. */
function publicJwk(publicKeyDer: Uint8Array): object {
  if (!isP256PublicKey(publicKeyDer)) return createPublicKey({ key: Buffer.from(publicKeyDer), format: 'der', type: 'spki' }).export({ format: 'jwk' });
  const point = Buffer.from(publicKeyDer.subarray(publicKeyDer.length - 2 * P256_COORDINATE_BYTES));
  return { kty: 'EC', crv: 'P-256', x: point.subarray(0, P256_COORDINATE_BYTES).toString('base64url'), y: point.subarray(P256_COORDINATE_BYTES).toString('base64url') };
}
