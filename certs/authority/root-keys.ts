/** Where the key of the root is, where it is not in the authority's own document. */
import { createPublicKey, verify } from 'node:crypto';
import type { CancelSignal } from '../../mesh/ports/cancel.ts';
import type { Signer } from '../../mesh/ports/signer.ts';
import type { SignatureAlgorithm } from './identifiers.ts';
import type { AuthorityFacts } from './read-authority.ts';

/** The root's key could not be used now; the text holds no secret. Tried again by itself. */
export class RootKeyFailure extends Error {
  readonly advice = 'retry';
  constructor(message: string) {
    super(message);
    this.name = 'RootKeyFailure';
  }
}

export interface RootKeys {
  readonly kind: 'File' | 'Command' | 'Offline';
  /**
   * PEM of the roots that the operator pinned, read anew at each call: the first is what an authority begins with, the one after those in use is where a rotation of the root leads to.
   * Throws a sentence.
   */
  certificates(): readonly string[];
  /** undefined: not reachable from here, a person signs. Rejects with `RootKeyFailure`. What it gives is verified before use. */
  sign(root: AuthorityFacts, algorithm: SignatureAlgorithm, bytes: Uint8Array, signal: CancelSignal): Promise<Uint8Array | undefined>;
}

/** Whether `signature` is the root's. */
export function rootSigned(root: AuthorityFacts, bytes: Uint8Array, signature: Uint8Array, signer: Signer): boolean {
  if (root.algorithm === 'ecdsa-with-SHA256') return signer.verify(root.publicKeyDer, bytes, signature);
  try {
    const key = createPublicKey({ key: Buffer.from(root.publicKeyDer), format: 'der', type: 'spki' });
    return verify(root.algorithm === 'ed25519' ? null : 'sha256', bytes, key, signature);
  } catch {
    return false;
  }
}
