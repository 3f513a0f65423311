/**
 * Judges service-account tokens of other clusters (JSON Web Tokens, RFC 7519 and 7515; claims of Kubernetes' projected tokens). Only what Kubernetes makes is taken:
 * signed by RS256 or ES256 with a key that is named, for one audience, with an end, and bound to a pod. No problem repeats the token.
 */
import { createHash, verify } from 'node:crypto';
import type { Instant } from '../../mesh/model/instant.ts';
import { toRfc3339 } from '../../mesh/model/instant.ts';
import { fromBase64Url, isObject, readObject } from './json.ts';
import { type IssuerKey, readIssuerKey } from './keys.ts';

export interface ExpectedToken {
  readonly issuer: string;
  readonly audience: string;
  readonly namespace: string;
  readonly serviceAccount: string;
  readonly keys: readonly IssuerKey[];
  /** After `iat`, whatever `exp` says. */
  readonly maxAgeSeconds: number;
}

export interface VerifiedToken {
  /** SHA-256 of what is signed, hex: the signature itself can be spelt in several ways. */
  readonly id: string;
  readonly issuedAt: Instant;
  readonly expiresAt: Instant;
  /** The one that verified it. */
  readonly key: IssuerKey;
  readonly pod: string;
}

/** Kubernetes' own are about 1.2 KB with RSA. */
const LARGEST_TOKEN = 8192;
const SKEW_MILLISECONDS = 60_000;
/** 253 characters of a namespace's and an account's name at most, and a URL. */
const LONGEST_CLAIM = 1024;
const P256_SIGNATURE_BYTES = 64;

type Judged<T> = T | { readonly problem: string };

interface Parts {
  readonly kid: string;
  readonly alg: string;
  readonly claims: Readonly<Record<string, unknown>>;
  readonly signed: string;
  readonly signature: Uint8Array;
}

export function verifyServiceAccountToken(token: string, expected: ExpectedToken, now: Instant): Judged<VerifiedToken> {
  const parts = partsOf(token);
  if ('problem' in parts) return parts;
  const key = expected.keys.find(({ kid }) => kid === parts.kid);
  if (key === undefined) return { problem: `is signed with key ${shown(parts.kid)}, and the issuer's keys that are declared here are ${expected.keys.map(({ kid }) => shown(kid)).join(', ')}` };
  const read = readIssuerKey(key);
  if ('problem' in read) return { problem: `cannot be checked: ${read.problem}` };
  if (read.algorithm !== parts.alg) return { problem: `is signed by ${parts.alg}, and that key is for ${read.algorithm}` };
  if (read.algorithm === 'ES256' && parts.signature.length !== P256_SIGNATURE_BYTES) return { problem: 'has a signature of the wrong length' };
  const verifies = verify('sha256', Buffer.from(parts.signed, 'ascii'), read.algorithm === 'ES256' ? { key: read.key, dsaEncoding: 'ieee-p1363' } : read.key, parts.signature);
  if (!verifies) return { problem: 'has a signature that is not by the declared key' };
  const judged = judgeClaims(parts.claims, expected, now);
  return 'problem' in judged ? judged : { id: createHash('sha256').update(parts.signed).digest('hex'), key, ...judged };
}

function partsOf(token: string): Judged<Parts> {
  if (token.length > LARGEST_TOKEN) return { problem: `has ${token.length} characters; at most ${LARGEST_TOKEN} are taken` };
  const texts = token.split('.', 4);
  const [header, payload, signature] = texts.map(fromBase64Url);
  if (texts.length !== 3 || header === undefined || payload === undefined || signature === undefined) return { problem: 'is no JSON Web Token of three parts in canonical base64url' };
  const [head, claims] = [readObject(header), readObject(payload)];
  if (head === undefined || claims === undefined) return { problem: 'holds something that is no JSON object, or a member twice' };
  const { alg, kid, crit, typ } = head;
  if (alg !== 'RS256' && alg !== 'ES256') return { problem: `is signed by algorithm ${shown(alg)}; RS256 and ES256 are taken` };
  if (crit !== undefined) return { problem: 'demands extensions ("crit") that are not known here' };
  if (typ !== undefined && typ !== 'JWT') return { problem: `is of type ${shown(typ)}, not "JWT"` };
  if (typeof kid !== 'string' || kid === '') return { problem: 'does not name its key ("kid")' };
  return { alg, kid, claims, signed: token.slice(0, token.lastIndexOf('.')), signature };
}

function judgeClaims(claims: Readonly<Record<string, unknown>>, expected: ExpectedToken, now: Instant): Judged<{ readonly issuedAt: Instant; readonly expiresAt: Instant; readonly pod: string }> {
  const subject = `system:serviceaccount:${expected.namespace}:${expected.serviceAccount}`;
  const { iss, aud, sub } = claims;
  if (iss !== expected.issuer) return { problem: `is of issuer ${shown(iss)}, not ${shown(expected.issuer)}` };
  if (sub !== subject) return { problem: `is of ${shown(sub)}, not ${shown(subject)}` };
  if (aud !== expected.audience && !(Array.isArray(aud) && aud.length === 1 && aud[0] === expected.audience)) return { problem: `is for audience ${shown(aud)}, not for ${shown(expected.audience)} alone` };

  const times = [claims['iat'], claims['nbf'], claims['exp']].map((time) => (typeof time === 'number' && Number.isSafeInteger(time) && time > 0 && time < 1e11 ? time * 1000 : undefined));
  const [issuedAt, notBefore, expiresAt] = times;
  if (issuedAt === undefined || expiresAt === undefined || (notBefore === undefined && claims['nbf'] !== undefined)) return { problem: 'does not say when it was issued and when it ends ("iat", "exp", "nbf" in seconds)' };
  if (expiresAt + SKEW_MILLISECONDS <= now) return { problem: `expired at ${toRfc3339(expiresAt)}; here it is ${toRfc3339(now)}` };
  const valid = Math.max(issuedAt, notBefore ?? issuedAt);
  if (valid - SKEW_MILLISECONDS > now) return { problem: `is of the future: valid from ${toRfc3339(valid)}; here it is ${toRfc3339(now)}` };
  if (issuedAt + expected.maxAgeSeconds * 1000 + SKEW_MILLISECONDS <= now) return { problem: `was issued at ${toRfc3339(issuedAt)}; at most ${expected.maxAgeSeconds} s are taken` };

  const bound = claims['kubernetes.io'];
  const account = isObject(bound) ? bound['serviceaccount'] : undefined;
  const pod = isObject(bound) ? bound['pod'] : undefined;
  if (!isObject(bound) || !isObject(account) || bound['namespace'] !== expected.namespace || account['name'] !== expected.serviceAccount || !isName(account['uid'])) {
    return { problem: `is not bound to service account ${expected.namespace}/${expected.serviceAccount} (claim "kubernetes.io")` };
  }
  if (!isObject(pod) || !isName(pod['name']) || !isName(pod['uid'])) return { problem: 'is bound to no pod: one that is projected into the agent\'s pod is needed' };
  return { issuedAt, expiresAt, pod: pod['name'] };
}

const isName = (value: unknown): value is string => typeof value === 'string' && value !== '' && value.length <= LONGEST_CLAIM;

/** Of what a stranger says: short, and on one line. */
function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 120 ? `${text.slice(0, 120)}…` : text;
}
