/** P-256 keys of node:crypto (OpenSSL). */
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign, verify } from 'node:crypto';
import type { Signer, SigningKey } from '../../mesh/ports/signer.ts';

function signingKey(privateKey: KeyObject): SigningKey {
  const publicKeyDer = new Uint8Array(createPublicKey(privateKey).export({ type: 'spki', format: 'der' }));
  return {
    publicKeyDer,
    sign: (bytes) => new Uint8Array(sign('sha256', bytes, privateKey)),
    exportPem: () => privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
  };
}

const isP256 = (key: KeyObject): boolean => key.asymmetricKeyType === 'ec' && key.asymmetricKeyDetails?.namedCurve === 'prime256v1';

export const p256Signer: Signer = {
  generate: () => signingKey(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey),
  import(pkcs8Pem) {
    const key = createPrivateKey(pkcs8Pem);
    if (!isP256(key)) throw new Error(`private key: is ${key.asymmetricKeyDetails?.namedCurve ?? key.asymmetricKeyType}; only P-256 keys are used`);
    return signingKey(key);
  },
  verify(publicKeyDer, bytes, signature) {
    try {
      const key = createPublicKey({ key: Buffer.from(publicKeyDer), format: 'der', type: 'spki' });
      return isP256(key) && verify('sha256', bytes, key, signature);
    } catch {
      return false;
    }
  },
};
