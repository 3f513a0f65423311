import fc from 'fast-check';
import { expect, test } from 'vitest';
import { sha256Hex } from '../adapters/digest.ts';
import { joinTokenSpec } from '../../mesh/api/resources/join-token.ts';
import { decodeJoinToken, encodeJoinToken } from './join-token.ts';
import { createJoinToken, joinSecretDigest } from './new-join-token.ts';
import { seededRandom } from './testing/fakes.ts';

const now = Date.UTC(2030, 0, 1);
const request = { cluster: 'berlin', hubAddress: '127.0.0.1:7443', trustDomain: 'mesh.example', bundlePem: '-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n' };
const make = (seed = 1) => createJoinToken(request, { random: seededRandom(seed), digest: sha256Hex, now });

test('text and object share the digest alone', () => {
  const { text, object } = make();
  const content = decodeJoinToken(` ${text}\n`);
  if ('problem' in content) throw new Error(content.problem);
  expect(content).toMatchObject({ cluster: 'berlin', hub: '127.0.0.1:7443', trustDomain: 'mesh.example', ca: request.bundlePem });
  const secret = new Uint8Array(Buffer.from(content.secret, 'base64url'));
  expect(secret.length).toBe(32);
  expect(object.spec).toEqual({ cluster: 'berlin', secretSha256: joinSecretDigest(secret, sha256Hex), expiresAt: '2030-01-01T00:10:00.000Z' });
  expect(joinTokenSpec.parse(object.spec)).toEqual(object.spec);
  expect(object.metadata.name).toBe(`join-berlin-${object.spec.secretSha256.slice(0, 10)}`);
  expect(JSON.stringify(object)).not.toContain(content.secret);
  expect(make(2).text).not.toBe(text);
});

test('no token for a name that no cluster may have', () => {
  expect(() => createJoinToken({ ...request, cluster: 'default' }, { random: seededRandom(1), digest: sha256Hex, now })).toThrow(/"default"/);
});

test('a damaged text gives a sentence that does not quote it', () => {
  const { text } = make();
  const damaged = ['', 'isthmus-join-v1.', text.slice(3), text.slice(0, -40), text.replace('v1', 'v9'), `${text.slice(0, 40)}!!${text.slice(60)}`, 'isthmus-join-v1.bnVsbA', 'isthmus-join-v1.e30'];
  for (const each of damaged) {
    const result = decodeJoinToken(each);
    expect(result).toHaveProperty('problem');
    expect((result as { problem: string }).problem).toMatch(/^join token: /);
    expect((result as { problem: string }).problem).not.toContain(text.slice(20, 60));
  }
});

test('any content comes back, and noise never throws', () => {
  const content = fc.record({ cluster: fc.string(), hub: fc.string(), trustDomain: fc.string(), ca: fc.string(), secret: fc.string() });
  fc.assert(fc.property(content, (each) => { expect(decodeJoinToken(encodeJoinToken(each))).toEqual(each); }));
  fc.assert(fc.property(fc.string(), (noise) => { expect(decodeJoinToken(`isthmus-join-v1.${noise}`)).toBeTypeOf('object'); }));
});
