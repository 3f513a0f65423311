/** What people compare of a public key, on both sides. */
import { createHash } from 'node:crypto';

/** Hex SHA-256 of the SubjectPublicKeyInfo: `openssl pkey -pubout -outform der | sha256sum`. */
export const keyFingerprint = (publicKeyDer: Uint8Array): string => createHash('sha256').update(publicKeyDer).digest('hex');
