/** Public and private keys of signers: Ed25519, or ECDSA over P-256 with SHA-256. Nothing else is read. */
import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';

const KINDS = 'an Ed25519 or an ECDSA P-256 key';
const RAW_P256_BYTES = 64;

function isOfOurs(key: KeyObject): boolean {
  return key.asymmetricKeyType === 'ed25519' || (key.asymmetricKeyType === 'ec' && key.asymmetricKeyDetails?.namedCurve === 'prime256v1');
}

/** `SubjectPublicKeyInfo` in PEM. Throws a sentence. A private key is refused, not turned into its public one: it has no place among pinned keys. */
export function readPublicKey(pem: string): KeyObject {
  if (!/^\s*-----BEGIN PUBLIC KEY-----/.test(pem)) throw new Error('is no PEM of a public key ("-----BEGIN PUBLIC KEY-----"); write it with "openssl pkey -in KEY -pubout"');
  return checked(() => createPublicKey(pem));
}

/** PKCS #8 or SEC 1 in PEM, not encrypted. Throws a sentence that has nothing of the key. */
export const readPrivateKey = (pem: string): KeyObject => checked(() => createPrivateKey(pem));

function checked(read: () => KeyObject): KeyObject {
  let key: KeyObject;
  try {
    key = read();
  } catch {
    throw new Error(`cannot be read; give ${KINDS} as PEM, without a passphrase`);
  }
  if (!isOfOurs(key)) throw new Error(`is ${key.asymmetricKeyType === 'ec' ? `an ECDSA key on ${key.asymmetricKeyDetails?.namedCurve ?? 'another curve'}` : `a key of type ${key.asymmetricKeyType ?? 'unknown'}`}; give ${KINDS}`);
  return key;
}

const spki = (key: KeyObject): Buffer => (key.type === 'private' ? createPublicKey(key) : key).export({ type: 'spki', format: 'der' });

/** Which key it is, whatever it is called: hex SHA-256 of its SubjectPublicKeyInfo. */
export const keyFingerprint = (key: KeyObject): string => createHash('sha256').update(spki(key)).digest('hex');

export const publicKeyPem = (key: KeyObject): string => (key.type === 'private' ? createPublicKey(key) : key).export({ type: 'spki', format: 'pem' }).toString();

/** ECDSA in DER, as OpenSSL and cosign write it. */
export function signBytes(key: KeyObject, bytes: Uint8Array): Uint8Array {
  return key.asymmetricKeyType === 'ed25519' ? sign(null, bytes, key) : sign('sha256', bytes, { key, dsaEncoding: 'der' });
}

/** ECDSA in DER or, as the DSSE protocol's own example has it, r and s one after the other. */
export function fits(key: KeyObject, bytes: Uint8Array, signature: Uint8Array): boolean {
  try {
    if (key.asymmetricKeyType === 'ed25519') return verify(null, bytes, key, signature);
    return verify('sha256', bytes, { key, dsaEncoding: 'der' }, signature)
      || (signature.length === RAW_P256_BYTES && verify('sha256', bytes, { key, dsaEncoding: 'ieee-p1363' }, signature));
  } catch {
    return false;
  }
}
