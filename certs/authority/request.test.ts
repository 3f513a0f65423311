import { generateKeyPairSync, sign as nodeSign } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { p256Signer } from '../../controller/adapters/signer.ts';
import type { SigningKey } from '../../mesh/ports/signer.ts';
import * as der from './der.ts';
import { OID } from './identifiers.ts';
import { createCertificateRequest, readCertificateRequest } from './request.ts';

const key = p256Signer.generate();
const good = createCertificateRequest(key);
const read = (request: Uint8Array) => readCertificateRequest(request, p256Signer);
const bytes = (...parts: Uint8Array[]) => new Uint8Array(Buffer.concat(parts));

/** A request with parts of the attacker's choice, signed by `signer`. */
function request({ subject = der.sequence(), publicKeyDer = key.publicKeyDer, attributes = [], signer = key, version = 0 }: {
  subject?: der.Asn1; publicKeyDer?: Uint8Array; attributes?: der.Asn1[]; signer?: Pick<SigningKey, 'sign'>; version?: number;
}): Uint8Array {
  const info = der.sequence(der.smallInteger(version), subject, der.decode(publicKeyDer), der.tagged(0, attributes));
  return der.encode(der.sequence(info, der.sequence(der.objectIdentifier(OID.ecdsaWithSha256)), der.bits(signer.sign(der.encode(info)))));
}
const named = (name: string) => der.sequence(der.set(der.sequence(der.objectIdentifier(OID.commonName), der.utf8(name))));

test('our own requests are read, for thousands of keys', () => {
  for (let count = 0; count < 3000; count++) {
    const each = p256Signer.generate();
    expect(Buffer.compare(read(createCertificateRequest(each)), each.publicKeyDer)).toBe(0);
  }
});

test('names and extensions of a request are ignored, duplicates too: only its key is taken', () => {
  const extension = der.sequence(der.objectIdentifier(OID.subjectAlternativeName), der.octets(der.encode(der.sequence(der.tagged(6, Buffer.from('spiffe://x/cluster/oslo'))))));
  const attribute = der.sequence(der.objectIdentifier('1.2.840.113549.1.9.14'), der.set(der.sequence(extension, extension)));
  expect(read(request({ subject: named('oslo'), attributes: [attribute, attribute] }))).toEqual(key.publicKeyDer);
});

describe('is refused', () => {
  const other = p256Signer.generate();
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' });
  const offCurve = Uint8Array.from(key.publicKeyDer);
  offCurve[90] = (offCurve[90] ?? 0) ^ 1;
  const tampered = Uint8Array.from(good);
  tampered[40] = (tampered[40] ?? 0) ^ 1;
  // The outer length in three bytes where two suffice, and the indefinite form: BER, not DER.
  const overlong = bytes(Uint8Array.of(0x30, 0x82, 0, good.length - 3), good.subarray(3));
  const indefinite = bytes(Uint8Array.of(0x30, 0x80), good.subarray(3), Uint8Array.of(0, 0));
  const cases: Readonly<Record<string, readonly [Uint8Array, RegExp]>> = {
    'nothing': [new Uint8Array(), /cannot be read/],
    'noise': [Uint8Array.from({ length: 300 }, (_, index) => (index * 7919) & 0xff), /cannot be read/],
    'trailing garbage': [bytes(good, Uint8Array.of(0)), /cannot be read/],
    'a truncated request': [good.subarray(0, good.length - 1), /cannot be read/],
    'an overlong length': [overlong, /cannot be read/],
    'an indefinite length': [indefinite, /cannot be read/],
    'a changed byte': [tampered, /certificate request/],
    'a signature by another key': [request({ signer: other }), /signature is not by its own key/],
    'an RSA key': [request({ publicKeyDer: new Uint8Array(rsa.publicKey.export({ type: 'spki', format: 'der' })), signer: { sign: (data) => nodeSign('sha256', data, rsa.privateKey) } }), /P-256/],
    'a P-384 key': [request({ publicKeyDer: new Uint8Array(p384.publicKey.export({ type: 'spki', format: 'der' })), signer: { sign: (data) => nodeSign('sha256', data, p384.privateKey) } }), /P-256/],
    'a point off the curve': [request({ publicKeyDer: offCurve }), /signature/],
    'another version': [request({ version: 1 }), /unknown version/],
    'a huge one': [request({ subject: der.sequence(...Array.from({ length: 500 }, () => named('x'))) }), /allowed are 4096/],
    'nesting without end': [bytes(...Array.from({ length: 1000 }, () => Uint8Array.of(0x30, 0x80))), /cannot be read/],
  };
  for (const [name, [requestDer, message]] of Object.entries(cases)) {
    test(name, () => {
      expect(() => read(requestDer)).toThrow(message);
      expect(() => read(requestDer)).toThrow(expect.objectContaining({ name: 'CertificateRequestRejected', advice: 'never' }));
    });
  }
});

test('any change of any byte is refused or leaves the key as it was', () => {
  fc.assert(fc.property(fc.integer({ min: 0, max: good.length - 1 }), fc.integer({ min: 1, max: 255 }), (at, flip) => {
    const changed = Uint8Array.from(good);
    changed[at] = (changed[at] ?? 0) ^ flip;
    expect(() => read(changed)).toThrow(/certificate request/);
  }), { numRuns: 500 });
});
