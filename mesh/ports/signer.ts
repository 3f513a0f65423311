/** Keys and signatures. Production: `node:crypto`, P-256. */

/** A private key that may live elsewhere. `publicKeyDer` is SubjectPublicKeyInfo. */
export interface SigningKey {
  readonly publicKeyDer: Uint8Array;
  /** ECDSA P-256 with SHA-256, DER (`ecdsa-with-SHA256`, RFC 5758). */
  sign(bytes: Uint8Array): Uint8Array;
  /** PKCS#8. Handle as a secret: Secrets and key files only. */
  exportPem(): string;
}

export interface Signer {
  generate(): SigningKey;
  import(pkcs8Pem: string): SigningKey;
  /** Whether `signature` over `bytes` is by the key of `publicKeyDer`; false for anything malformed. */
  verify(publicKeyDer: Uint8Array, bytes: Uint8Array, signature: Uint8Array): boolean;
}
