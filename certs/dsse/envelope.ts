/** DSSE 1.0.0 (github.com/secure-systems-lab/dsse, protocol.md): what is signed, and which signatures count. */
import { createHash, type KeyObject } from 'node:crypto';
import { BUNDLE_PAYLOAD_TYPE, type BundleDelivery, type DsseSignature, type SigningKey, type SigningPolicy } from '../../mesh/model/bundle.ts';
import { fromRfc3339, type Instant } from '../../mesh/model/instant.ts';
import { fits, keyFingerprint, readPrivateKey, readPublicKey, signBytes } from './keys.ts';

/** `PAE(type, body)`; lengths in bytes. */
export function preAuthenticationEncoding(payloadType: string, body: Uint8Array): Uint8Array {
  const type = Buffer.from(payloadType, 'utf8');
  return Buffer.concat([Buffer.from(`DSSEv1 ${type.length} `), type, Buffer.from(` ${body.length} `), body]);
}

/** The bytes that each signer of a bundle signs. `content` as in `BundleDelivery`. */
export const bundlePayload = (content: string): Uint8Array => preAuthenticationEncoding(BUNDLE_PAYLOAD_TYPE, Buffer.from(content, 'utf8'));

/** `keyid` absent: the key's fingerprint. Throws a sentence about the key that has nothing of it. */
export function signBundle(content: string, privateKeyPem: string, keyid?: string): DsseSignature {
  const key = readPrivateKey(privateKeyPem);
  return { keyid: keyid ?? keyFingerprint(key), sig: Buffer.from(signBytes(key, bundlePayload(content))).toString('base64') };
}

/** Standard and URL-safe Base64 are both right (protocol.md, "Protocol"). */
function decoded(sig: string): Uint8Array | undefined {
  return /^[A-Za-z0-9+/_-]+={0,2}$/.test(sig) ? Buffer.from(sig.replaceAll('-', '+').replaceAll('_', '/'), 'base64') : undefined;
}

export type Verified = { readonly ok: true; /** Of the keys that count, sorted. */ readonly keyids: readonly string[] } | { readonly ok: false; readonly problem: string };

/** Why a pinned key does not count now; undefined: it does. A date that cannot be read is one that has passed. */
function unusable({ notAfter, revoked }: SigningKey, now: Instant): string | undefined {
  if (revoked === true) return 'is revoked';
  if (notAfter === undefined) return undefined;
  const end = fromRfc3339(notAfter);
  return end === undefined ? `has notAfter ${JSON.stringify(notAfter)}, which is no RFC 3339 time` : now >= end ? `expired at ${notAfter}` : undefined;
}

/** The key's fingerprint where the signature is by it and counts, else a sentence why it does not. */
function judged(payload: Uint8Array, sig: string, pinned: SigningKey, now: Instant): { readonly fingerprint: string } | { readonly note: string } {
  const reason = unusable(pinned, now);
  if (reason !== undefined) return { note: `key "${pinned.keyid}" ${reason}` };
  let key: KeyObject;
  try {
    key = readPublicKey(pinned.publicKeyPem);
  } catch (error) {
    return { note: `key "${pinned.keyid}" ${(error as Error).message}` };
  }
  const bytes = decoded(sig);
  return bytes !== undefined && fits(key, payload, bytes) ? { fingerprint: keyFingerprint(key) } : { note: `the signature by "${pinned.keyid}" is not of this content` };
}

/** Keys count once each, by what they are and not by what they are called: one key under two names is one signer. */
function accepted(payload: Uint8Array, signatures: readonly DsseSignature[], policy: SigningPolicy, now: Instant): { readonly keyids: readonly string[]; readonly notes: readonly string[] } {
  const signers = new Map<string, string>();
  const notes: string[] = [];
  for (const { keyid, sig } of signatures) {
    const pinned = policy.keys.filter((key) => key.keyid === keyid);
    if (pinned.length === 0) notes.push(`key "${keyid}" is not pinned`);
    for (const key of pinned) {
      const one = judged(payload, sig, key, now);
      const before = 'note' in one ? undefined : signers.get(one.fingerprint);
      if ('note' in one) notes.push(one.note);
      else if (before === undefined) signers.set(one.fingerprint, keyid);
      else if (before !== keyid) notes.push(`key "${keyid}" is the key "${before}" by another name`);
    }
  }
  return { keyids: [...signers.values()].sort(), notes };
}

/** (t, n) of pinned keys, over any payload. */
export function verifySignatures(payloadType: string, body: Uint8Array, signatures: readonly DsseSignature[], policy: SigningPolicy, now: Instant): Verified {
  const { keyids, notes } = accepted(preAuthenticationEncoding(payloadType, body), signatures, policy, now);
  if (keyids.length >= policy.threshold) return { ok: true, keyids };
  const told = notes.length === 0 ? signatures.length === 0 ? '; it is not signed' : '' : `; ${notes.join('; ')}`;
  return { ok: false, problem: `${keyids.length} of ${policy.threshold} signatures that are needed count${keyids.length === 0 ? '' : ` (${keyids.join(', ')})`}${told}` };
}

export const contentDigest = (content: string): string => `sha256-${createHash('sha256').update(content, 'utf8').digest('hex')}`;

/** Whether the content is what its digest says and enough pinned keys have signed it. What the content says is `parseBundle`'s to judge (`mesh/bundle`). */
export function verifyBundle({ digest, content, signatures }: BundleDelivery, policy: SigningPolicy, now: Instant): Verified {
  const actual = contentDigest(content);
  if (actual !== digest) return { ok: false, problem: `its content has the digest ${actual}, not ${digest}: it was changed on its way, and is not used` };
  return verifySignatures(BUNDLE_PAYLOAD_TYPE, Buffer.from(content, 'utf8'), signatures, policy, now);
}
