import fc from 'fast-check';
import { expect, test } from 'vitest';
import { p256Signer } from '../../controller/adapters/signer.ts';
import { seededRandom } from '../../controller/runtime/testing/fakes.ts';
import { type CertificateTemplate, randomSerial } from '../authority/certificate.ts';
import { constraintsFor } from '../authority/constraints.ts';
import { leafProblem } from './leaf.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const key = p256Signer.generate();
const issuer = { notBefore: 0, notAfter: 90 * DAY, constraints: constraintsFor('mesh.example', ['hub.example', '10.0.0.1']) };
const good: CertificateTemplate = {
  subject: { organization: 'Isthmus', organizationalUnit: 'berlin' }, issuer: { organization: 'Isthmus' }, validity: { notBefore: DAY, notAfter: 2 * DAY }, publicKeyDer: key.publicKeyDer,
  usage: { kind: 'leaf', server: true, client: true }, names: { uris: ['spiffe://mesh.example/cluster/berlin'], hosts: ['hub.example', 'a.svc', 'berlin.mesh.cilium.io', '10.0.0.1', '::1'] }, serial: randomSerial(seededRandom(1)),
};
const problem = (change: Partial<CertificateTemplate>): string | undefined => leafProblem({ ...good, ...change }, issuer);

test('a leaf is signed only where every rule holds', () => {
  expect(problem({})).toBeUndefined();
  const cases: readonly (readonly [Partial<CertificateTemplate>, RegExp])[] = [
    [{ usage: { kind: 'authority', pathLength: 0 } }, /authority/],
    [{ usage: { kind: 'leaf', server: false, client: false } }, /no purpose/],
    [{ publicKeyDer: key.publicKeyDer.subarray(1) }, /not P-256/],
    [{ serial: Uint8Array.of(1, 2, 3) }, /128 bits/],
    [{ serial: new Uint8Array(16).fill(0xff) }, /positive/],
    [{ serial: new Uint8Array(16) }, /positive/],
    [{ validity: { notBefore: DAY, notAfter: 91 * DAY } }, /longer than its issuing CA/],
    [{ validity: { notBefore: -1, notAfter: DAY } }, /longer than its issuing CA/],
    [{ validity: { notBefore: DAY, notAfter: 9 * DAY } }, /longer than 7 days/],
    [{ validity: { notBefore: DAY, notAfter: DAY } }, /not at all/],
    [{ names: { uris: ['spiffe://mesh.example/a', 'spiffe://mesh.example/b'] } }, /two URIs/],
    [{ names: { uris: ['spiffe://other.example/cluster/berlin'] } }, /may not sign for "spiffe:\/\/other.example/],
    [{ names: { uris: ['spiffe://mesh.example.evil.example/cluster/berlin'] } }, /may not sign for/],
    [{ names: { uris: ['spiffe://mesh.example:x@evil.example/cluster/berlin'] } }, /may not sign for/],
    [{ names: { uris: ['spiffe://mesh.example@evil.example/cluster/berlin'] } }, /may not sign for/],
    [{ names: { hosts: ['www.example'] } }, /may not sign for "www.example"/],
    [{ names: { hosts: ['evilhub.example'] } }, /may not sign for/],
    [{ names: { hosts: ['10.0.0.2'] } }, /may not sign for/],
    [{ names: { hosts: ['*.mesh.cilium.io'] } }, /no host name/],
    [{ names: { hosts: ['a,DNS:b.svc'] } }, /no host name/],
    [{ names: { hosts: [''] } }, /no host name/],
    [{ subject: { organization: 'Isthmus', commonName: 'x'.repeat(65) } }, /64 characters/],
  ];
  for (const [change, message] of cases) expect(problem(change), JSON.stringify(change)).toMatch(message);
});

test('no lifetime that is let through outlives its issuing CA or seven days', () => {
  const time = fc.integer({ min: -200 * DAY, max: 200 * DAY });
  fc.assert(fc.property(time, time, (notBefore, notAfter) => {
    const allowed = notBefore >= issuer.notBefore && notAfter <= issuer.notAfter && notAfter > notBefore && notAfter - notBefore <= 7 * DAY + 60_000;
    expect(problem({ validity: { notBefore, notAfter } }) === undefined).toBe(allowed);
  }));
});
