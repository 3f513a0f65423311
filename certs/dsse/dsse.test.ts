import { execFileSync } from 'node:child_process';
import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import type { BundleDelivery, SigningKey, SigningPolicy } from '../../mesh/model/bundle.ts';
import { bundlePayload, contentDigest, preAuthenticationEncoding, signBundle, verifyBundle, verifySignatures } from './envelope.ts';
import { keyFingerprint, publicKeyPem, readPrivateKey, readPublicKey } from './keys.ts';
import { readSigningPolicy } from './policy.ts';

const NOW = Date.UTC(2026, 10, 21);
const pem = { type: 'pkcs8', format: 'pem' } as const;
const ed25519 = (): string => generateKeyPairSync('ed25519').privateKey.export(pem).toString();
const p256 = (): string => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export(pem).toString();
const pinned = (keyid: string, privatePem: string, more: Partial<SigningKey> = {}): SigningKey => ({ keyid, publicKeyPem: publicKeyPem(readPrivateKey(privatePem)), ...more });

describe('the protocol\'s own vector', () => {
  const base64url = (decimal: string): string => Buffer.from(BigInt(decimal).toString(16).padStart(64, '0'), 'hex').toString('base64url');
  const key = createPublicKey({ format: 'jwk', key: {
    kty: 'EC', crv: 'P-256', x: base64url('46950820868899156662930047687818585632848591499744589407958293238635476079160'), y: base64url('5640078356564379163099075877009565129882514886557779369047442380624545832820'),
  } });
  const policy: SigningPolicy = { threshold: 1, keys: [{ keyid: '66301bbf', publicKeyPem: publicKeyPem(key) }] };
  const sig = 'A3JqsQGtVsJ2O2xqrI5IcnXip5GToJ3F+FnZ+O88SjtR6rDAajabZKciJTfUiHqJPcIAriEGAHTVeCUjW2JIZA==';
  const type = 'http://example.com/HelloWorld';

  test('encodes as it says', () => {
    expect(Buffer.from(preAuthenticationEncoding(type, Buffer.from('hello world'))).toString()).toBe('DSSEv1 29 http://example.com/HelloWorld 11 hello world');
    expect(Buffer.from(preAuthenticationEncoding('ä', Buffer.from('ö'))).toString()).toBe('DSSEv1 2 ä 2 ö');
  });
  test.each([sig, sig.replaceAll('+', '-').replaceAll('/', '_')])('verifies %s', (one) => {
    expect(verifySignatures(type, Buffer.from('hello world'), [{ keyid: '66301bbf', sig: one }], policy, NOW)).toEqual({ ok: true, keyids: ['66301bbf'] });
  });
  test('does not verify another body or another type', () => {
    expect(verifySignatures(type, Buffer.from('hello World'), [{ keyid: '66301bbf', sig }], policy, NOW).ok).toBe(false);
    expect(verifySignatures(`${type}s`, Buffer.from('hello world'), [{ keyid: '66301bbf', sig }], policy, NOW).ok).toBe(false);
  });
});

describe('k of n', () => {
  const [ann, ben, eve] = [ed25519(), p256(), ed25519()];
  const content = '{"package":"ä"}';
  const delivery = (...signatures: BundleDelivery['signatures']): BundleDelivery => ({ digest: contentDigest(content), content, signatures });
  const byAnn = signBundle(content, ann, 'ann');
  const byBen = signBundle(content, ben, 'ben');
  const two: SigningPolicy = { threshold: 2, keys: [pinned('ann', ann), pinned('ben', ben)] };
  const problem = (signed: BundleDelivery, policy: SigningPolicy): string => { const verified = verifyBundle(signed, policy, NOW); return verified.ok ? `ok by ${verified.keyids.join()}` : verified.problem; };

  test('enough distinct keys', () => { expect(problem(delivery(byBen, byAnn), two)).toBe('ok by ann,ben'); });
  test('none asked for', () => { expect(problem(delivery(), { threshold: 0, keys: [] })).toBe('ok by '); });
  test('one key twice is one signer', () => { expect(problem(delivery(byAnn, byAnn, signBundle(content, ann, 'ann')), two)).toContain('1 of 2'); });
  test('one key under two names is one signer', () => {
    const policy: SigningPolicy = { threshold: 2, keys: [pinned('ann', ann), pinned('anna', ann)] };
    expect(problem(delivery(byAnn, { ...byAnn, keyid: 'anna' }), policy)).toBe('1 of 2 signatures that are needed count (ann); key "anna" is the key "ann" by another name');
  });
  test.each<[string, SigningPolicy, BundleDelivery, string]>([
    ['unsigned', two, delivery(), '0 of 2 signatures that are needed count; it is not signed'],
    ['not pinned', two, delivery(byAnn, signBundle(content, eve, 'eve')), '1 of 2 signatures that are needed count (ann); key "eve" is not pinned'],
    ['somebody else\'s name', two, delivery(byAnn, signBundle(content, eve, 'ben')), 'the signature by "ben" is not of this content'],
    ['another content', two, delivery(byAnn, signBundle('{}', ben, 'ben')), 'the signature by "ben" is not of this content'],
    ['not Base64', two, delivery(byAnn, { keyid: 'ben', sig: '???' }), 'the signature by "ben" is not of this content'],
    ['revoked', { threshold: 2, keys: [pinned('ann', ann), pinned('ben', ben, { revoked: true })] }, delivery(byAnn, byBen), 'key "ben" is revoked'],
    ['expired', { threshold: 2, keys: [pinned('ann', ann, { notAfter: '2026-11-21T00:00:00Z' }), pinned('ben', ben)] }, delivery(byAnn, byBen), 'key "ann" expired at 2026-11-21T00:00:00Z'],
    ['no date', { threshold: 2, keys: [pinned('ann', ann, { notAfter: 'soon' }), pinned('ben', ben)] }, delivery(byAnn, byBen), 'no RFC 3339 time'],
    ['no key', { threshold: 1, keys: [{ keyid: 'ann', publicKeyPem: 'x' }] }, delivery(byAnn), 'is no PEM of a public key'],
    ['changed on its way', two, { ...delivery(byAnn, byBen), content: `${content} ` }, 'it was changed on its way'],
  ])('%s: refused', (_name, policy, signed, sentence) => { expect(problem(signed, policy)).toContain(sentence); });
  test('a moment before it expires a key counts', () => {
    expect(verifyBundle(delivery(byAnn), { threshold: 1, keys: [pinned('ann', ann, { notAfter: '2026-11-21T00:00:00Z' })] }, NOW - 1)).toEqual({ ok: true, keyids: ['ann'] });
  });
  test('a signature without a given keyid is by the key\'s fingerprint', () => { expect(signBundle(content, ann).keyid).toBe(keyFingerprint(readPublicKey(publicKeyPem(readPrivateKey(ann))))); });
});

test('enough signatures count exactly when enough distinct, pinned, living keys have signed this very content', () => {
  const names = ['ann', 'ben', 'eva', 'gil'] as const;
  const privateKeys = Object.fromEntries(names.map((name, index) => [name, index % 2 === 0 ? ed25519() : p256()]));
  const contents = ['{"a":1}', '{"a":2}'] as const;
  const made = new Map(names.flatMap((name) => contents.map((content) => [`${name} ${content}`, signBundle(content, privateKeys[name]!, name)] as const)));
  const key = fc.record({ name: fc.constantFrom(...names), revoked: fc.boolean(), age: fc.constantFrom('none', 'past', 'future') });
  const signature = fc.record({ by: fc.constantFrom(...names), as: fc.constantFrom(...names), content: fc.constantFrom(...contents), broken: fc.boolean() });
  fc.assert(fc.property(fc.uniqueArray(key, { selector: ({ name }) => name }), fc.array(signature, { maxLength: 6 }), fc.nat({ max: 4 }), (keys, signatures, threshold) => {
    const policy: SigningPolicy = { threshold, keys: keys.map(({ name, revoked, age }) => pinned(name, privateKeys[name]!, { ...(revoked ? { revoked } : {}), ...(age === 'none' ? {} : { notAfter: age === 'past' ? '2026-11-20T00:00:00Z' : '2026-11-22T00:00:00Z' }) })) };
    const given = signatures.map(({ by, as, content, broken }) => { const { sig } = made.get(`${by} ${content}`)!; return { keyid: as, sig: broken ? `${sig.startsWith('A') ? 'B' : 'A'}${sig.slice(1)}` : sig }; });
    const counting = new Set(signatures.filter(({ by, as, content, broken }) => by === as && content === contents[0] && !broken && keys.some(({ name, revoked, age }) => name === by && !revoked && age !== 'past')).map(({ by }) => by));
    const verified = verifyBundle({ digest: contentDigest(contents[0]), content: contents[0], signatures: given }, policy, NOW);
    expect(verified.ok).toBe(counting.size >= threshold);
    if (verified.ok) expect(verified.keyids).toEqual([...counting].sort());
  }), { numRuns: 300 });
});

describe('keys and policies that are refused', () => {
  const ann = ed25519();
  test('other kinds of keys', () => {
    expect(() => readPrivateKey(generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export(pem).toString())).toThrow('is a key of type rsa; give an Ed25519 or an ECDSA P-256 key');
    expect(() => readPrivateKey(generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey.export(pem).toString())).toThrow('on secp384r1');
    expect(() => readPublicKey(ann)).toThrow('is no PEM of a public key');
  });
  test.each<[unknown, string]>([
    [{ threshold: 1 }, 'keys: '],
    [{ threshold: 1, keys: [], more: 1 }, 'Unrecognized key'],
    [{ threshold: 2, keys: [pinned('ann', ann)] }, 'threshold: 2 signatures are asked for and there are 1 keys'],
    [{ threshold: 1, keys: [pinned('ann', ann), pinned('ann', p256())] }, 'keys.1.keyid: "ann" is that of keys.0 already'],
    [{ threshold: 1, keys: [pinned('ann', ann), pinned('anna', ann)] }, 'is the same key as "ann"'],
    [{ threshold: 1, keys: [{ keyid: 'ann', publicKeyPem: ann }] }, 'is no PEM of a public key'],
    [{ threshold: 1, keys: [pinned('ann', ann, { notAfter: 'soon' })] }, 'is no RFC 3339 time'],
    [null, 'the file: '],
  ])('%#', (value, problem) => { expect(readSigningPolicy(value).problem).toContain(problem); });
  test('what is right is read', () => { expect(readSigningPolicy({ threshold: 1, keys: [pinned('ann', ann, { notAfter: '2027-01-01T00:00:00Z' })] }).policy?.keys[0]?.keyid).toBe('ann'); });
});

const openssl = ((): string | undefined => {
  try {
    return execFileSync('openssl', ['version'], { encoding: 'utf8' }).trim();
  } catch {
    return undefined;
  }
})();

describe.skipIf(openssl === undefined)(`OpenSSL (${openssl ?? 'not installed'})`, () => {
  const folder = mkdtempSync(join(tmpdir(), 'isthmus-dsse-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const file = (name: string): string => join(folder, name);
  const run = (...parameters: string[]): void => { execFileSync('openssl', parameters, { stdio: 'pipe' }); };
  const content = '{"package":"shop","text":"grüße"}';

  test.each([
    ['ed25519', ['genpkey', '-algorithm', 'ed25519'], ['pkeyutl', '-sign', '-rawin']],
    ['P-256', ['genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256'], ['pkeyutl', '-sign', '-rawin', '-digest', 'sha256']],
  ])('what OpenSSL signs with %s is verified here, and what is signed here by OpenSSL', (name, make, sign) => {
    const [key, publicKey, payload, signature] = [`${name}.pem`, `${name}.pub`, `${name}.payload`, `${name}.sig`].map(file) as [string, string, string, string];
    run(...make, '-out', key);
    run('pkey', '-in', key, '-pubout', '-out', publicKey);
    writeFileSync(payload, bundlePayload(content));
    run(...sign, '-inkey', key, '-in', payload, '-out', signature);
    const policy = readSigningPolicy({ threshold: 1, keys: [{ keyid: 'ann', publicKeyPem: readFileSync(publicKey, 'utf8') }] }).policy!;
    expect(verifyBundle({ digest: contentDigest(content), content, signatures: [{ keyid: 'ann', sig: readFileSync(signature).toString('base64') }] }, policy, NOW)).toEqual({ ok: true, keyids: ['ann'] });
    const ours = signBundle(content, readFileSync(key, 'utf8'), 'ann');
    writeFileSync(signature, Buffer.from(ours.sig, 'base64'));
    run('pkeyutl', '-verify', '-rawin', ...(name === 'P-256' ? ['-digest', 'sha256'] : []), '-pubin', '-inkey', publicKey, '-in', payload, '-sigfile', signature);
  });
});
