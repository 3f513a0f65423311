/**
 * A Signer without elliptic curves, for simulations: from one seed always the same keys and signatures. Its keys and signatures have the form of
 * P-256 ones, so certificates encode and parse as usual; whoever holds a public key can forge its signatures, and TLS refuses it.
 */
import { createHash } from 'node:crypto';
import type { Signer, SigningKey } from '../../mesh/ports/signer.ts';
import { fromPem, toPem } from '../pem.ts';

const SPKI_PREFIX = Buffer.from('3059301306072a8648ce3d020106082a8648ce3d03010703420004', 'hex');
const hash = (...parts: readonly (string | Uint8Array)[]): Buffer => {
  const sum = createHash('sha256');
  for (const part of parts) sum.update(part);
  return sum.digest();
};

export function deterministicSigner(seed: string): Signer {
  let count = 0;
  return {
    generate: () => keyOf(hash('key', seed, String(count++))),
    import(pem) {
      const [secret] = fromPem('PRIVATE KEY', pem);
      if (secret === undefined) throw new Error('private key: the text holds no PRIVATE KEY block');
      return keyOf(secret);
    },
    verify: (publicKeyDer, bytes, signature) => Buffer.compare(signatureOf(publicKeyDer, bytes), signature) === 0,
  };
}

function keyOf(secret: Uint8Array): SigningKey {
  const publicKeyDer = new Uint8Array(Buffer.concat([SPKI_PREFIX, hash('x', secret), hash('y', secret)]));
  return { publicKeyDer, sign: (bytes) => signatureOf(publicKeyDer, bytes), exportPem: () => toPem('PRIVATE KEY', secret) };
}

/** ECDSA's form: a SEQUENCE of two positive INTEGERs of 32 bytes. */
function signatureOf(publicKeyDer: Uint8Array, bytes: Uint8Array): Uint8Array {
  const numbers = ['r', 's'].map((label) => {
    const number = hash(label, publicKeyDer, bytes);
    number[0] = ((number[0] ?? 0) & 0x3f) | 0x40;
    return Buffer.concat([Buffer.from([0x02, 0x20]), number]);
  });
  return new Uint8Array(Buffer.concat([Buffer.from([0x30, 0x44]), ...numbers]));
}
