/** Whether a chain of simulated certificates (`deterministicSigner`) holds: who forges its signatures is out of scope. */
import * as der from '../authority/der.ts';
import { readCertificate } from '../authority/read.ts';
import { fromPem, toPem } from '../pem.ts';
import { deterministicSigner } from './deterministic-signer.ts';

const signer = deterministicSigner('only verifies');

/** Whether `issuer`'s key signed `certificate` (RFC 5280 §4.1: what is signed, by what algorithm, and the signature). */
function signedBy(certificate: Uint8Array, issuer: Uint8Array): boolean {
  const [signed, , signature] = der.parts(der.decode(certificate));
  if (signed === undefined || signature === undefined) return false;
  const bits = der.content(signature, der.TAG.bits);
  return signer.verify(readCertificate(toPem('CERTIFICATE', issuer)).publicKeyDer, der.encode(signed), bits.subarray(1));
}

/** undefined: leaf and issuing CA lead to one of these roots. */
export function chainProblem(chainPem: string, rootsPem: string): string | undefined {
  const chain = fromPem('CERTIFICATE', chainPem);
  if (chain.length < 2) return `has ${chain.length} certificates, leaf and issuer are needed`;
  const roots = fromPem('CERTIFICATE', rootsPem);
  for (const [index, certificate] of chain.entries()) {
    const issuers = chain[index + 1] === undefined ? roots : [chain[index + 1]!];
    if (!issuers.some((issuer) => signedBy(certificate, issuer))) return `certificate ${index} (${readCertificate(toPem('CERTIFICATE', certificate)).commonName}) is not signed by ${index + 1 === chain.length ? 'one of these roots' : 'the next one'}`;
  }
  return undefined;
}
