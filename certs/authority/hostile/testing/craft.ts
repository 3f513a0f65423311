/**
 * Certificates and requests byte by byte, so that every part can be wrong. Shares no code with what reads them: DER is written here by hand, and signatures come
 * from node:crypto.
 */
import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';

export const bytes = (...parts: readonly (Uint8Array | readonly number[])[]): Uint8Array => new Uint8Array(Buffer.concat(parts.map((part) => Uint8Array.from(part))));
const text = (value: string): Uint8Array => new Uint8Array(Buffer.from(value, 'latin1'));
export const hex = (value: string): Uint8Array => new Uint8Array(Buffer.from(value.replaceAll(' ', ''), 'hex'));

function lengthOf(count: number): Uint8Array {
  if (count < 128) return Uint8Array.of(count);
  const digits = hex(count.toString(16).padStart(Math.ceil(count.toString(16).length / 2) * 2, '0'));
  return bytes([0x80 | digits.length], digits);
}
/** Tag, shortest length, content. */
export const tlv = (tag: number, ...content: readonly Uint8Array[]): Uint8Array => {
  const inside = bytes(...content);
  return bytes([tag], lengthOf(inside.length), inside);
};
export const sequence = (...content: readonly Uint8Array[]): Uint8Array => tlv(0x30, ...content);
export const set = (...content: readonly Uint8Array[]): Uint8Array => tlv(0x31, ...content);
export const bits = (content: Uint8Array, unused = 0): Uint8Array => tlv(0x03, Uint8Array.of(unused), content);
export const octets = (content: Uint8Array): Uint8Array => tlv(0x04, content);
export const utcTime = (value: string): Uint8Array => tlv(0x17, text(value));
export const generalizedTime = (value: string): Uint8Array => tlv(0x18, text(value));
export function oid(dotted: string): Uint8Array {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const base128 = (number: number): number[] => (number < 128 ? [number] : [...base128(Math.floor(number / 128)).map((digit) => digit | 0x80), number % 128]);
  return tlv(0x06, Uint8Array.from([first * 40 + second, ...rest].flatMap(base128)));
}
const TRUE = hex('0101ff');

export interface Key { readonly privateKey: KeyObject; readonly spki: Uint8Array }
const keyOf = (privateKey: KeyObject): Key => ({ privateKey, spki: new Uint8Array(createPublicKey(privateKey).export({ type: 'spki', format: 'der' })) });
export const importedKey = (pem: string): Key => keyOf(createPrivateKey(pem));
/** The same one each time. Signatures differ all the same: node:crypto's have a random part. */
export const fixedKey = (label: string): Key => {
  const scalar = createHash('sha256').update(label).digest();
  const der = sequence(tlv(0x02, Uint8Array.of(0)), sequence(oid('1.2.840.10045.2.1'), oid('1.2.840.10045.3.1.7')), octets(sequence(tlv(0x02, Uint8Array.of(1)), octets(scalar))));
  return keyOf(createPrivateKey({ key: Buffer.from(der), format: 'der', type: 'pkcs8' }));
};
export const newKey = (curve = 'P-256'): Key => keyOf(generateKeyPairSync('ec', { namedCurve: curve }).privateKey);
export const newRsaKey = (): Key => keyOf(generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey);
export const newEd25519Key = (): Key => keyOf(generateKeyPairSync('ed25519').privateKey);
/** Curve by its parameters instead of by its name: the same key in a form that RFC 5480 forbids. */
export const explicitSpki = (key: Key): Uint8Array => {
  const { namedCurve: _, ...plain } = key.privateKey.export({ format: 'jwk' }) as { namedCurve?: string; x?: string; y?: string };
  const point = bytes([4], Buffer.from(plain.x ?? '', 'base64url'), Buffer.from(plain.y ?? '', 'base64url'));
  const integer = (value: string): Uint8Array => tlv(0x02, hex(value));
  const parameters = sequence(
    integer('01'), sequence(oid('1.2.840.10045.1.1'), integer('00ffffffff00000001000000000000000000000000ffffffffffffffffffffffff')),
    sequence(octets(hex('ffffffff00000001000000000000000000000000fffffffffffffffffffffffc')), octets(hex('5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b'))),
    octets(hex('046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c2964fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5')),
    integer('00ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551'), integer('01'),
  );
  return sequence(sequence(oid('1.2.840.10045.2.1'), parameters), bits(point));
};

export const ECDSA_SHA256 = sequence(oid('1.2.840.10045.4.3.2'));
export const sha256Signature = (key: Key, signed: Uint8Array): Uint8Array => new Uint8Array(sign('sha256', signed, key.privateKey));

export const name = (...attributes: readonly (readonly [type: string, value: string, tag?: number])[]): Uint8Array =>
  sequence(...attributes.map(([type, value, tag = 0x0c]) => set(sequence(oid(type), tlv(tag, text(value))))));
export const COMMON_NAME = '2.5.4.3';

export interface RequestParts {
  readonly version?: Uint8Array;
  readonly subject?: Uint8Array;
  readonly spki?: Uint8Array;
  readonly attributes?: Uint8Array;
  readonly more?: readonly Uint8Array[];
  readonly algorithm?: Uint8Array;
  readonly signature?: (info: Uint8Array) => Uint8Array;
  /** All of CertificationRequestInfo. */
  readonly info?: Uint8Array;
}

export function request(key: Key, parts: RequestParts = {}): Uint8Array {
  const info = parts.info ?? sequence(parts.version ?? hex('020100'), parts.subject ?? sequence(), parts.spki ?? key.spki, parts.attributes ?? hex('a000'), ...parts.more ?? []);
  return sequence(info, parts.algorithm ?? ECDSA_SHA256, (parts.signature ?? ((signed) => bits(sha256Signature(key, signed))))(info));
}

export const extension = (type: string, value: Uint8Array, critical = false): Uint8Array => sequence(oid(type), ...(critical ? [TRUE] : []), octets(value));
export const uriNames = (...uris: readonly string[]): Uint8Array => sequence(...uris.map((uri) => tlv(0x86, text(uri))));
export const alternativeNames = (...uris: readonly string[]): Uint8Array => extension('2.5.29.17', uriNames(...uris));
export const basicConstraints = (authority: boolean): Uint8Array => extension('2.5.29.19', authority ? sequence(TRUE) : sequence(), true);
export const keyUsage = (bit: number, unused: number): Uint8Array => extension('2.5.29.15', bits(Uint8Array.of(bit), unused), true);
const keyIdentifier = (spki: Uint8Array): Uint8Array => new Uint8Array(createHash('sha256').update(spki.subarray(-65)).digest().subarray(0, 20));
export const clientAndServer = extension('2.5.29.37', sequence(oid('1.3.6.1.5.5.7.3.1'), oid('1.3.6.1.5.5.7.3.2')));

export interface CertificateParts {
  /** null: none, as in version 1. */
  readonly version?: Uint8Array | null;
  readonly serial?: Uint8Array;
  readonly algorithm?: Uint8Array;
  readonly issuer?: Uint8Array;
  readonly notBefore?: Uint8Array;
  readonly notAfter?: Uint8Array;
  readonly subject?: Uint8Array;
  readonly spki?: Uint8Array;
  /** null: none at all. */
  readonly extensions?: readonly Uint8Array[] | null;
  readonly more?: readonly Uint8Array[];
  readonly outerAlgorithm?: Uint8Array;
  readonly signature?: (toBeSigned: Uint8Array) => Uint8Array;
  readonly toBeSigned?: Uint8Array;
}

export const leafExtensions = (key: Key, issuer: Key, ...uris: readonly string[]): Uint8Array[] => [
  basicConstraints(false), keyUsage(0x80, 7), extension('2.5.29.14', octets(keyIdentifier(key.spki))),
  extension('2.5.29.35', sequence(tlv(0x80, keyIdentifier(issuer.spki)))), clientAndServer, alternativeNames(...uris),
];

export const ISSUER_NAME = name(['2.5.4.10', 'Test'], [COMMON_NAME, 'Test root']);
const time = (instant: number): Uint8Array => utcTime(`${new Date(instant).toISOString().replaceAll(/[-:T]|\.\d+/g, '').slice(2)}`);
const HOUR = 3_600_000;

/** Good unless parts say otherwise: version 3, of the last hour and the next. */
export function certificate(key: Key, issuer: Key, now: number, parts: CertificateParts = {}): Uint8Array {
  const algorithm = parts.algorithm ?? ECDSA_SHA256;
  const extensions = parts.extensions === undefined ? leafExtensions(key, issuer, 'spiffe://mesh.test/cluster/c1') : parts.extensions;
  const toBeSigned = parts.toBeSigned ?? sequence(
    ...(parts.version === null ? [] : [parts.version ?? hex('a003020102')]), parts.serial ?? hex('02044a3b2c1d'), algorithm, parts.issuer ?? ISSUER_NAME,
    sequence(parts.notBefore ?? time(now - HOUR), parts.notAfter ?? time(now + HOUR)), parts.subject ?? name(['2.5.4.10', 'Isthmus'], ['2.5.4.11', 'c1']), parts.spki ?? key.spki,
    ...(extensions === null ? [] : [tlv(0xa3, sequence(...extensions))]), ...parts.more ?? [],
  );
  return sequence(toBeSigned, parts.outerAlgorithm ?? algorithm, (parts.signature ?? ((signed) => bits(sha256Signature(issuer, signed))))(toBeSigned));
}

export const selfSigned = (key: Key, now: number, subject = ISSUER_NAME): Uint8Array => certificate(key, key, now, {
  subject, issuer: subject, extensions: [extension('2.5.29.19', sequence(TRUE, hex('020101')), true), keyUsage(0x06, 1), extension('2.5.29.14', octets(keyIdentifier(key.spki)))],
});

export const pemOf = (der: Uint8Array): string => `-----BEGIN CERTIFICATE-----\n${(Buffer.from(der).toString('base64').match(/.{1,64}/g) ?? []).join('\n')}\n-----END CERTIFICATE-----\n`;
