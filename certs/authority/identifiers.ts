/** Object identifiers and fixed encodings (RFC 5280, 5480, 5758, 2986). */
export const OID = {
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
  commonName: '2.5.4.3',
  organization: '2.5.4.10',
  organizationalUnit: '2.5.4.11',
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAlternativeName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  authorityKeyIdentifier: '2.5.29.35',
  extendedKeyUsage: '2.5.29.37',
  serverAuth: '1.3.6.1.5.5.7.3.1',
  clientAuth: '1.3.6.1.5.5.7.3.2',
} as const;

/** SubjectPublicKeyInfo of an uncompressed P-256 point up to and with the 0x04; 64 bytes of coordinates follow. */
const P256_SPKI_PREFIX = '3059301306072a8648ce3d020106082a8648ce3d03010703420004';
const P256_SPKI_BYTES = 91;

/** In form only: whether the point lies on the curve shows when a signature is checked with it. */
export function isP256PublicKey(publicKeyDer: Uint8Array): boolean {
  return publicKeyDer.length === P256_SPKI_BYTES && Buffer.from(publicKeyDer).toString('hex').startsWith(P256_SPKI_PREFIX);
}
