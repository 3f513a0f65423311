/** Pinned keys as people write them down. */
import { z } from 'zod';
import type { SigningPolicy } from '../../mesh/model/bundle.ts';
import { fromRfc3339 } from '../../mesh/model/instant.ts';
import { keyFingerprint, readPublicKey } from './keys.ts';

const MOST_KEYS = 64;

const schema = z.strictObject({
  threshold: z.int().min(0).max(16),
  keys: z.array(z.strictObject({
    keyid: z.string().min(1).max(256), publicKeyPem: z.string().min(1).max(4096), notAfter: z.string().optional(), revoked: z.boolean().optional(),
  })).max(MOST_KEYS),
});

export const NO_SIGNATURES: SigningPolicy = { threshold: 0, keys: [] };

/** From a file's YAML, read. A sentence where no bundle could ever be judged by it as it was meant; expired and revoked keys are no mistake. */
export function readSigningPolicy(value: unknown): { readonly policy: SigningPolicy; readonly problem?: never } | { readonly policy?: never; readonly problem: string } {
  const parsed = schema.safeParse(value);
  if (!parsed.success) return { problem: parsed.error.issues.map(({ path, message }) => `${path.join('.') || 'the file'}: ${message}`).join('; ') };
  const { threshold, keys } = parsed.data;
  const byId = new Map<string, number>();
  const byFingerprint = new Map<string, string>();
  for (const [index, { keyid, publicKeyPem, notAfter }] of keys.entries()) {
    if (byId.has(keyid)) return { problem: `keys.${index}.keyid: "${keyid}" is that of keys.${byId.get(keyid)} already` };
    byId.set(keyid, index);
    if (notAfter !== undefined && fromRfc3339(notAfter) === undefined) return { problem: `keys.${index}.notAfter: ${JSON.stringify(notAfter)} is no RFC 3339 time, such as 2027-01-31T00:00:00Z` };
    try {
      const fingerprint = keyFingerprint(readPublicKey(publicKeyPem));
      const other = byFingerprint.get(fingerprint);
      if (other !== undefined) return { problem: `keys.${index} ("${keyid}"): is the same key as "${other}", and would not count as a second signer` };
      byFingerprint.set(fingerprint, keyid);
    } catch (error) {
      return { problem: `keys.${index}.publicKeyPem ("${keyid}"): ${(error as Error).message}` };
    }
  }
  if (threshold > keys.length) return { problem: `threshold: ${threshold} signatures are asked for and there are ${keys.length} keys, so no bundle could have enough` };
  return { policy: { threshold, keys: keys.map(({ keyid, publicKeyPem, notAfter, revoked }) => ({ keyid, publicKeyPem, ...(notAfter === undefined ? {} : { notAfter }), ...(revoked === undefined ? {} : { revoked }) })) } };
}
