/** Object identifiers and fixed encodings (RFC 5280, 5480, 5758, 2986). */
export const OID = {
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
  sha256WithRsa: '1.2.840.113549.1.1.11',
  rsa: '1.2.840.113549.1.1.1',
  ed25519: '1.3.101.112',
  commonName: '2.5.4.3',
  organization: '2.5.4.10',
  organizationalUnit: '2.5.4.11',
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAlternativeName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  nameConstraints: '2.5.29.30',
  authorityKeyIdentifier: '2.5.29.35',
  extendedKeyUsage: '2.5.29.37',
  serverAuth: '1.3.6.1.5.5.7.3.1',
  clientAuth: '1.3.6.1.5.5.7.3.2',
  extensionRequest: '1.2.840.113549.1.9.14',
} as const;

/** By which roots sign; below them everything is P-256. */
export type SignatureAlgorithm = 'ecdsa-with-SHA256' | 'sha256WithRSAEncryption' | 'ed25519';

/** SubjectPublicKeyInfo of an uncompressed P-256 point up to and with the 0x04; 64 bytes of coordinates follow. */
const P256_SPKI_PREFIX = '3059301306072a8648ce3d020106082a8648ce3d03010703420004';
const P256_SPKI_BYTES = 91;

/** In form only: whether the point lies on the curve shows when a signature is checked with it. */
export function isP256PublicKey(publicKeyDer: Uint8Array): boolean {
  return publicKeyDer.length === P256_SPKI_BYTES && Buffer.from(publicKeyDer).toString('hex').startsWith(P256_SPKI_PREFIX);
}
