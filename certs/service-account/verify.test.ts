import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type IssuerKey, issuerKeysProblem } from './keys.ts';
import { agentClaims, testIssuer } from './testing/issuer.ts';
import { type ExpectedToken, verifyServiceAccountToken } from './verify.ts';

const NOW = Date.parse('2030-01-01T12:00:00Z');
const rsa = testIssuer('one');
const ec = testIssuer('two', 'ES256');
const expected: ExpectedToken = {
  issuer: 'https://berlin.example', audience: 'isthmus:mesh.example', namespace: 'isthmus-system', serviceAccount: 'isthmus-agent', keys: [rsa.key, ec.key], maxAgeSeconds: 3600,
};
const judge = (token: string, more: Partial<ExpectedToken> = {}, now = NOW) => verifyServiceAccountToken(token, { ...expected, ...more }, now);
const problem = (token: string, more: Partial<ExpectedToken> = {}, now = NOW): string => {
  const judged = judge(token, more, now);
  return 'problem' in judged ? judged.problem : 'accepted';
};
const claims = (more: Readonly<Record<string, unknown>> = {}) => agentClaims(NOW, more);
const seconds = NOW / 1000;

test.each([['RSA', rsa], ['P-256', ec]] as const)('a projected token of the declared issuer is taken: %s', (_, issuer) => {
  const token = issuer.token(claims());
  expect(judge(token)).toEqual({ id: createHash('sha256').update(token.slice(0, token.lastIndexOf('.'))).digest('hex'), issuedAt: NOW, expiresAt: NOW + 3_600_000, key: issuer.key, pod: 'isthmus-agent-7' });
  expect(problem(issuer.token(claims({ aud: 'isthmus:mesh.example' })))).toBe('accepted');
});

describe('refused', () => {
  const head = { alg: 'RS256', kid: 'one' };
  const bound = claims()['kubernetes.io'] as Record<string, unknown>;
  const flipped = (token: string): string => {
    const at = token.lastIndexOf('.') + 10;
    return `${token.slice(0, at)}${token[at] === 'A' ? 'B' : 'A'}${token.slice(at + 1)}`;
  };
  const good = rsa.token(claims());
  const [header = '', payload = '', signature = ''] = good.split('.');
  const text = JSON.stringify(claims());
  test.each<[string, string, RegExp]>([
    ['no algorithm', rsa.token(claims(), { alg: 'none', kid: 'one' }, () => new Uint8Array([0])), /algorithm "none"/],
    ['no signature', `${Buffer.from('{"alg":"none"}').toString('base64url')}.${payload}.`, /three parts/],
    ['HMAC with the public key', rsa.hmac(claims()), /algorithm "HS256"/],
    ['an algorithm in other letters', rsa.token(claims(), { alg: 'rs256', kid: 'one' }), /algorithm "rs256"/],
    ['RSA-PSS', rsa.token(claims(), { alg: 'PS256', kid: 'one' }), /algorithm "PS256"/],
    ['another kind of key than its name says', rsa.token(claims(), { alg: 'RS256', kid: 'two' }), /that key is for ES256/],
    ['a key that is not declared', rsa.token(claims(), { alg: 'RS256', kid: 'three' }), /signed with key "three", and the issuer's keys that are declared here are "one", "two"/],
    ['no name of a key', rsa.token(claims(), { alg: 'RS256' }), /does not name its key/],
    ['a key of its own', rsa.token(claims(), { alg: 'RS256', jwk: rsa.key }), /does not name its key/],
    ['another\'s key of the same name', testIssuer('one').token(claims()), /not by the declared key/],
    ['one bit of the signature changed', flipped(good), /not by the declared key/],
    ['a DER signature', ec.token(claims(), { alg: 'ES256', kid: 'two' }, () => Buffer.concat([Buffer.from('3045', 'hex'), Buffer.alloc(69, 1)])), /wrong length/],
    ['a signature of nothing', ec.token(claims(), { alg: 'ES256', kid: 'two' }, () => new Uint8Array(64)), /not by the declared key/],
    ['other claims below the signature', `${header}.${Buffer.from(text.replace('isthmus-agent"', 'other"')).toString('base64url')}.${signature}`, /not by the declared key/],
    ['unknown demands', rsa.token(claims(), { ...head, crit: ['b64'], b64: false }), /crit/],
    ['encrypted or nested', rsa.token(claims(), { ...head, typ: 'JWE' }), /type "JWE"/],
    ['two members of one name in the header', rsa.token(claims(), '{"alg":"RS256","alg":"RS256","kid":"one"}'), /a member twice/],
    ['two subjects', rsa.token(`{"sub":"system:serviceaccount:a:b",${text.slice(1)}`), /a member twice/],
    ['two subjects, one escaped, far apart', rsa.token(`{"\\u0073ub"${' '.repeat(200)}:"x",${text.slice(1)}`), /a member twice/],
    ['two pods', rsa.token(text.replace('"pod":', '"pod":{"name":"x","uid":"y"},"pod":')), /a member twice/],
    ['claims that are no object', rsa.token('[1]'), /no JSON object/],
    ['bytes that are no text', `${header}.${Buffer.from([0x7b, 0xff, 0x7d]).toString('base64url')}.${signature}`, /no JSON object/],
    ['a mark before the claims', rsa.token(`\uFEFF${text}`), /no JSON object/],
    ['deep nesting', rsa.token(`{"a":${'['.repeat(2000)}${']'.repeat(2000)}}`), /no JSON object/],
    ['padding', `${good}=`, /canonical base64url/],
    ['another spelling of base64', `${header}.${payload}.${signature.slice(0, -1)}${String.fromCharCode(signature.charCodeAt(signature.length - 1) + 1)}`, /canonical base64url/],
    ['a line break', `${good}\n`, /canonical base64url/],
    ['four parts', `${good}.e30`, /three parts/],
    ['five parts, as of encrypted ones', `${good}.a.b`, /three parts/],
    ['nothing', '', /three parts/],
    ['1 MB', `${header}.${'A'.repeat(1_000_000)}.${signature}`, /at most 8192/],
    ['another audience', rsa.token(claims({ aud: ['https://kubernetes.default.svc'] })), /audience/],
    ['another hub\'s audience', rsa.token(claims({ aud: ['isthmus:mesh.example.com'] })), /audience/],
    ['two audiences', rsa.token(claims({ aud: ['isthmus:mesh.example', 'vault'] })), /alone/],
    ['no audience', rsa.token(claims({ aud: undefined })), /audience nothing/],
    ['another issuer', rsa.token(claims({ iss: 'https://berlin.example/' })), /issuer/],
    ['another account', rsa.token(claims({ sub: 'system:serviceaccount:isthmus-system:default' })), /is of "system:serviceaccount:isthmus-system:default"/],
    ['the same name in other letters', rsa.token(claims({ sub: 'system:serviceaccount:isthmus-system:isthmus-аgent' })), /is of/],
    ['an account with NUL', rsa.token(claims({ sub: 'system:serviceaccount:isthmus-system:isthmus-agent\0' })), /is of/],
    ['expired', rsa.token(claims({ iat: seconds - 900, exp: seconds - 60 })), /expired at 2030-01-01T11:59:00.000Z/],
    ['of the future', rsa.token(claims({ iat: seconds + 61, nbf: seconds + 61, exp: seconds + 600 })), /of the future/],
    ['not valid yet', rsa.token(claims({ nbf: seconds + 61 })), /of the future/],
    ['too old, though it says that it is valid', rsa.token(claims({ iat: seconds - 3660, nbf: seconds - 3660, exp: seconds + 86_400 })), /at most 3600 s/],
    ['no end', rsa.token(claims({ exp: undefined })), /when it ends/],
    ['an end that is no number', rsa.token(claims({ exp: '9999999999' })), /when it ends/],
    ['an end beyond all numbers', rsa.token(text.replace(/"exp":\d+/, '"exp":1e308')), /when it ends/],
    ['of no pod', rsa.token(claims({ 'kubernetes.io': { ...bound, pod: undefined } })), /bound to no pod/],
    ['of no account', rsa.token(claims({ 'kubernetes.io': { ...bound, serviceaccount: { name: 'isthmus-agent' } } })), /not bound to service account/],
    ['an account of another namespace', rsa.token(claims({ 'kubernetes.io': { ...bound, namespace: 'default' } })), /not bound to service account/],
    ['nothing of Kubernetes', rsa.token(claims({ 'kubernetes.io': undefined })), /not bound to service account/],
  ])('%s', (_, token, text) => {
    const said = problem(token);
    expect(said).toMatch(text);
    expect(said.length).toBeLessThan(800);
    // Whoever reads a log cannot use what stands there.
    if (token.length > 100) expect(said).not.toContain(token.slice(-40));
  });

  test('clocks may differ by a minute, and no more', () => {
    const early = rsa.token(claims({ iat: seconds + 59, nbf: seconds + 59 }));
    expect(problem(early)).toBe('accepted');
    expect(problem(rsa.token(claims()), { maxAgeSeconds: 86_400 }, NOW + 3_600_000 + 59_999)).toBe('accepted');
    expect(problem(rsa.token(claims()), { maxAgeSeconds: 86_400 }, NOW + 3_600_000 + 60_000)).toContain('expired');
  });

  test('every change of one character', () => {
    fc.assert(fc.property(fc.nat(good.length - 1), fc.constantFrom('A', 'z', '0', '-', '_', '.', '=', '+', '/', ' ', '\u0000', 'é'), (at, character) => {
      if (good[at] === character) return;
      expect(problem(`${good.slice(0, at)}${character}${good.slice(at + 1)}`)).not.toBe('accepted');
    }), { numRuns: 2000 });
  });

  test('any text, without a crash', () => {
    fc.assert(fc.property(fc.oneof(fc.string(), fc.string({ unit: 'binary' }), fc.array(fc.base64String(), { maxLength: 4 }).map((parts) => parts.join('.'))), (token) => { expect(problem(token)).not.toBe('accepted'); }), { numRuns: 300 });
    fc.assert(fc.property(fc.json(), fc.json(), (head_, body) => { expect(problem(ec.token(body, head_))).not.toBe('accepted'); }), { numRuns: 200 });
  });
});

test.each<[string, readonly IssuerKey[], RegExp]>([
  ['none', [], /no key/],
  ['twice the same name', [rsa.key, { ...ec.key, kid: 'one' }], /"one": is there twice/],
  ['a secret for HMAC', [{ kid: 'x', kty: 'oct' }], /type "oct"/],
  ['another curve', [{ ...ec.key, crv: 'P-384' }], /type "EC" \("P-384"\)/],
  ['another algorithm', [{ ...rsa.key, alg: 'RS512' }], /for algorithm "RS512"/],
  ['for encryption', [{ ...rsa.key, use: 'enc' }], /for use "enc"/],
  ['a small exponent', [{ ...rsa.key, e: 'Aw' }], /exponent/],
  ['1024 bits', [{ ...rsa.key, n: rsa.key.n!.slice(0, 171).replace(/.$/, 'A') }], /1024 bits|1020 bits|10\d\d bits/],
  ['no number', [{ ...rsa.key, n: undefined }], /"n" is missing/],
  ['padded', [{ ...rsa.key, n: `${rsa.key.n!}==` }], /"n" is missing or no canonical/],
  ['a point that is not on the curve', [{ ...ec.key, y: ec.key.x }], /no valid public key/],
])('keys that may not be declared: %s', (_, keys, text) => { expect(issuerKeysProblem(keys)).toMatch(text); });

test('keys that may be declared', () => { expect(issuerKeysProblem([rsa.key, ec.key])).toBeUndefined(); });
