import { describe, expect, test } from 'vitest';
import { basicConstraints, certificate, leafExtensions, newKey, utcTime } from '../../../certs/authority/hostile/testing/craft.ts';
import { callerOf, checkServerId, peerOf } from './identity.ts';

const NOW = Date.UTC(2030, 0, 1);
const HOUR = 3600_000;
const key = newKey();

/** What grpc-js hands over of a chain that TLS has verified. */
const contextOf = (raw: Uint8Array): Parameters<typeof peerOf>[0] => ({ sslPeerCertificate: { raw: Buffer.from(raw) } }) as never;
function leaf(uris: readonly string[], [from, to] = ['291231230000Z', '300101010000Z']): Uint8Array {
  return certificate(key, key, NOW, { notBefore: utcTime(from ?? ''), notAfter: utcTime(to ?? ''), extensions: leafExtensions(key, key, ...uris) });
}
const berlin = leaf(['spiffe://mesh.test/cluster/berlin']);
const refusal = { name: 'TransportError', reason: 'Unauthenticated', advice: 'user' };

describe('peerOf', () => {
  test('takes the one cluster that the certificate names', () => {
    expect(peerOf(contextOf(berlin), 'mesh.test', NOW)).toMatchObject({ cluster: 'berlin', spiffeId: 'spiffe://mesh.test/cluster/berlin', notAfter: NOW + HOUR });
  });

  test.each<[string, () => Parameters<typeof peerOf>[0], RegExp]>([
    ['none', () => ({}), /there is none/],
    ['an expired one', () => contextOf(leaf(['spiffe://mesh.test/cluster/berlin'], ['291231220000Z', '300101000000Z'])), /expired at/],
    ['one of tomorrow', () => contextOf(leaf(['spiffe://mesh.test/cluster/berlin'], ['300101000001Z', '300101010000Z'])), /not valid before/],
    ['one that OpenSSL reads and we do not', () => contextOf(Buffer.concat([berlin, Uint8Array.of(0)])), /cannot be read/],
    ['one of an authority', () => contextOf(certificate(key, key, NOW, { extensions: [basicConstraints(true), ...leafExtensions(key, key, 'spiffe://mesh.test/cluster/berlin').slice(1)] })), /is an authority/],
    ['an empty one', () => contextOf(new Uint8Array()), /cannot be read/],
    ['one cut short', () => contextOf(berlin.subarray(0, 100)), /cannot be read/],
  ])('refuses %s, with words for a person', (_name, context, message) => {
    expect(() => peerOf(context(), 'mesh.test', NOW)).toThrow(expect.objectContaining({ ...refusal, message: expect.stringMatching(message) as string }));
  });
});

test('asks for a certificate where the rule of the call does, and for none where a token is the proof', () => {
  expect(callerOf('holder of a join token', {}, 'mesh.test', NOW)).toBeUndefined();
  for (const rule of ['cluster for itself', 'any cluster'] as const) {
    expect(callerOf(rule, contextOf(berlin), 'mesh.test', NOW)).toMatchObject({ cluster: 'berlin' });
    expect(() => callerOf(rule, {}, 'mesh.test', NOW)).toThrow(expect.objectContaining(refusal));
  }
});

describe('checkServerId', () => {
  const check = (raw: Uint8Array): Error | undefined => checkServerId('spiffe://mesh.test/hub')('any', { raw: Buffer.from(raw) } as never);
  test('takes the one ID that is expected', () => {
    expect(check(leaf(['spiffe://mesh.test/hub']))).toBeUndefined();
  });
  test.each<[string, Uint8Array, RegExp]>([
    ['another', berlin, /^SPIFFE ID is "spiffe:\/\/mesh.test\/cluster\/berlin", expected "spiffe:\/\/mesh.test\/hub"$/],
    ['a second one beside it', leaf(['spiffe://mesh.test/hub', 'spiffe://mesh.test/cluster/berlin']), /^SPIFFE ID is .*, expected/],
    ['none', leaf([]), /^SPIFFE ID is absent/],
    ['a certificate that cannot be read: an error, where an exception would end the process', Buffer.concat([berlin, Uint8Array.of(0)]), /certificate.*cannot be read/],
  ])('refuses %s', (_name, raw, message) => {
    expect(check(raw)?.message).toMatch(message);
  });
});
