/** Requests and certificates as somebody would send them who wants to be somebody else, or wants the hub to fall over. Each with what must come of it. */
import { alternativeNames, basicConstraints, bits, bytes, type CertificateParts, certificate, clientAndServer, COMMON_NAME, ECDSA_SHA256, explicitSpki, extension, generalizedTime, hex, ISSUER_NAME, type Key, keyUsage, leafExtensions, name, newEd25519Key, newKey, newRsaKey, octets, oid, request, type RequestParts, sequence, set, sha256Signature, tlv, uriNames, utcTime } from './craft.ts';

const UNREADABLE = /cannot be read/;
const NOT_P256 = /not an uncompressed P-256 key/;
const FORGED = /signature is not by its own key/;

/** undefined: taken, and with the requester's own key. */
export type Verdict = RegExp | undefined;

/** Length octets of the outermost value replaced, its content as it is. */
function outer(der: Uint8Array, length: (count: number) => readonly number[], after: readonly number[] = []): Uint8Array {
  const digits = (der[1] ?? 0) >= 0x80 ? (der[1] ?? 0) & 0x7f : 0;
  const content = der.subarray(2 + digits);
  return bytes([der[0] ?? 0], length(content.length), content, after);
}
const fourDigits = (count: number): number[] => [0x84, 0, 0, count >> 8, count & 0xff];
const nested = (depth: number, inmost: Uint8Array): Uint8Array => Array.from({ length: depth }).reduce<Uint8Array>((inside) => sequence(inside), inmost);
/** Order of P-256: a signature (r, s) holds as (r, order − s), too. */
const ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
const unsignedInteger = (value: bigint): Uint8Array => {
  const digits = value.toString(16);
  const plain = hex(digits.padStart(Math.ceil(digits.length / 2) * 2, '0'));
  return tlv(0x02, (plain[0] ?? 0) >= 0x80 ? bytes([0], plain) : plain);
};

export function hostileRequests(key: Key): Readonly<Record<string, readonly [Uint8Array, Verdict]>> {
  const other = newKey();
  const p384 = newKey('P-384');
  const k256 = newKey('secp256k1');
  const rsa = newRsaKey();
  const edwards = newEd25519Key();
  const good = request(key);
  const of = (parts: RequestParts): Uint8Array => request(key, parts);
  const signedWith = (signature: (info: Uint8Array) => Uint8Array): Uint8Array => of({ signature });
  const compressed = bytes(hex('3039301306072a8648ce3d020106082a8648ce3d030107032200'), [2 + ((key.spki.at(-1) ?? 0) & 1)], key.spki.subarray(27, 59));
  const atInfinity = hex('3019301306072a8648ce3d020106082a8648ce3d03010703020000');
  const offCurve = Uint8Array.from(key.spki);
  offCurve[90] = (offCurve[90] ?? 0) ^ 1;
  const extensionRequest = (...extensions: readonly Uint8Array[]): Uint8Array => tlv(0xa0, sequence(oid('1.2.840.113549.1.9.14'), set(sequence(...extensions))));
  const rsOf = (r: Uint8Array, s: Uint8Array): Uint8Array => bits(sequence(r, s));
  return {
    'our own': [good, undefined],
    // What counts for nothing, whatever it says.
    'the name of another cluster': [of({ subject: name([COMMON_NAME, 'c10']) }), undefined],
    'two alternative names of others': [of({ attributes: extensionRequest(alternativeNames('spiffe://mesh.test/cluster/c10', 'spiffe://mesh.test/hub')) }), undefined],
    'a comma in an alternative name': [of({ attributes: extensionRequest(alternativeNames('spiffe://mesh.test/cluster/c1, URI:spiffe://mesh.test/cluster/c10')) }), undefined],
    'a wish to be an authority': [of({ attributes: extensionRequest(basicConstraints(true), keyUsage(0x06, 1)) }), undefined],
    'the same extension twice': [of({ attributes: extensionRequest(alternativeNames('a:b'), alternativeNames('c:d')) }), undefined],
    'NUL, comma and newline in its name': [of({ subject: name([COMMON_NAME, 'c1\0c10,CN=c10\nc10']) }), undefined],
    'a name of 2,000 characters': [of({ subject: name([COMMON_NAME, 'c'.repeat(2000)]) }), undefined],
    // Sizes.
    'nothing': [new Uint8Array(), UNREADABLE],
    'one byte': [Uint8Array.of(0x30), UNREADABLE],
    '1 MB of name': [of({ subject: name([COMMON_NAME, 'c'.repeat(1_000_000)]) }), /allowed are 4096/],
    '1 MB of zeros': [new Uint8Array(1_000_000), /allowed are 4096/],
    'a length of 4 GB': [bytes([0x30, 0x84, 0xff, 0xff, 0xff, 0xff], good.subarray(3)), UNREADABLE],
    'a length of 2^64': [bytes([0x30, 0x88, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], good.subarray(3)), UNREADABLE],
    'a length with 126 digits': [bytes([0x30, 0xfe], new Uint8Array(126).fill(0xff), good.subarray(3)), UNREADABLE],
    'nesting a thousand deep': [nested(1000, hex('0500')), UNREADABLE],
    'nesting a thousand deep without ends': [bytes(...Array.from({ length: 1000 }, () => [0x30, 0x80])), UNREADABLE],
    'nesting twenty deep in its name': [of({ subject: nested(20, sequence()) }), UNREADABLE],
    // Encodings that are not DER.
    'a length in two digits too many': [outer(good, (count) => [0x82, 0, count]), UNREADABLE],
    'a length in four digits': [outer(good, fourDigits), UNREADABLE],
    'an indefinite length': [outer(good, () => [0x80], [0, 0]), UNREADABLE],
    'an indefinite length inside': [of({ subject: hex('30800000') }), UNREADABLE],
    'a longer length inside': [of({ subject: hex('308100') }), UNREADABLE],
    'the reserved length 0xff': [outer(good, () => [0xff]), UNREADABLE],
    'a byte behind it': [bytes(good, [0]), UNREADABLE],
    'itself behind it': [bytes(good, good), UNREADABLE],
    'its last byte missing': [good.subarray(0, -1), UNREADABLE],
    'its second half missing': [good.subarray(0, good.length / 2), UNREADABLE],
    'a signature in pieces (constructed BIT STRING)': [signedWith((info) => tlv(0x23, bits(sha256Signature(key, info).subarray(0, 20)), bits(sha256Signature(key, info).subarray(20)))), UNREADABLE],
    'a tag in two bytes': [of({ subject: hex('3f1000') }), UNREADABLE],
    'a SET for the whole': [bytes([0x31], good.subarray(1)), UNREADABLE],
    'PEM instead of DER': [new Uint8Array(Buffer.from('-----BEGIN CERTIFICATE REQUEST-----\n')), UNREADABLE],
    // Other structures.
    'version 2': [of({ version: hex('020101') }), /unknown version/],
    'a version in two bytes': [of({ version: hex('02020000') }), UNREADABLE],
    'an empty version': [of({ version: hex('0200') }), UNREADABLE],
    'no attributes': [request(key, { info: sequence(hex('020100'), sequence(), key.spki) }), UNREADABLE],
    'attributes of another tag': [of({ attributes: hex('a100') }), UNREADABLE],
    'attributes that are primitive': [of({ attributes: hex('8000') }), UNREADABLE],
    'a part too many in the information': [of({ more: [hex('0500')] }), UNREADABLE],
    'a part too many at the end': [sequence(good.subarray(3), hex('0500')), UNREADABLE],
    'a certificate': [certificate(key, key, Date.UTC(2030, 0)), UNREADABLE],
    // Keys.
    'a P-384 key': [request(p384, {}), NOT_P256],
    'a secp256k1 key': [request(k256, {}), NOT_P256],
    'an RSA key': [request(rsa, {}), NOT_P256],
    'an Ed25519 key': [of({ spki: edwards.spki }), NOT_P256],
    'P-256 by its parameters': [of({ spki: explicitSpki(key) }), NOT_P256],
    'a compressed point': [of({ spki: compressed }), NOT_P256],
    'the point at infinity': [of({ spki: atInfinity }), NOT_P256],
    'a point off the curve': [of({ spki: offCurve }), FORGED],
    'the point (0, 0)': [of({ spki: bytes(key.spki.subarray(0, 27), new Uint8Array(64)) }), FORGED],
    'a key with bits to spare': [of({ spki: bytes(key.spki.subarray(0, 25), [1], key.spki.subarray(26)) }), NOT_P256],
    'an EC key for Diffie-Hellman alone': [of({ spki: sequence(sequence(oid('1.3.132.1.12'), oid('1.2.840.10045.3.1.7')), bits(key.spki.subarray(-65))) }), NOT_P256],
    // Possession.
    'another\'s key, signed by one\'s own': [request(other, { spki: key.spki }), FORGED],
    'a signature of another request': [signedWith(() => bits(sha256Signature(key, sequence()))), FORGED],
    'no signature': [signedWith(() => bits(new Uint8Array())), FORGED],
    'a signature of zeros': [signedWith(() => rsOf(hex('020100'), hex('020100'))), FORGED],
    'r and s of the order': [signedWith(() => rsOf(unsignedInteger(ORDER), unsignedInteger(ORDER))), FORGED],
    'r of the order, s one': [signedWith(() => rsOf(unsignedInteger(ORDER), hex('020101'))), FORGED],
    'a negative r': [signedWith(() => rsOf(hex('0201ff'), hex('020101'))), FORGED],
    'a signature with bytes behind it': [signedWith((info) => bits(bytes(sha256Signature(key, info), [0]))), FORGED],
    'a signature with an unused bit': [signedWith((info) => bits(sha256Signature(key, info), 1)), UNREADABLE],
    'a signature as r‖s': [signedWith((info) => bits(sha256Signature(key, info).subarray(0, 64))), FORGED],
    'MD5 with RSA': [of({ algorithm: sequence(oid('1.2.840.113549.1.1.4'), hex('0500')) }), UNREADABLE],
    'ECDSA with SHA-1': [of({ algorithm: sequence(oid('1.2.840.10045.4.1')) }), /signed with algorithm 1.2.840.10045.4.1/],
    'ECDSA with SHA-512': [of({ algorithm: sequence(oid('1.2.840.10045.4.3.4')) }), /signed with algorithm/],
    'an algorithm with parameters': [of({ algorithm: sequence(oid('1.2.840.10045.4.3.2'), hex('0500')) }), UNREADABLE],
    'an algorithm with padded digits': [of({ algorithm: sequence(hex('0609802a8648ce3d040302')) }), UNREADABLE],
    'no algorithm': [of({ algorithm: sequence() }), UNREADABLE],
  };
}

export interface CertificateVerdicts {
  /** By readCertificate. */
  readonly read: Verdict;
  /** By peerOf, as if TLS had let it through. */
  readonly peer: Verdict;
}

const CANNOT = { read: /./, peer: /cannot be read/ } as const;
const readable = (peer: Verdict): CertificateVerdicts => ({ read: undefined, peer });
const NO_CLUSTER = /exactly one of the form/;

export function hostileCertificates(key: Key, issuer: Key, now: number): Readonly<Record<string, readonly [Uint8Array, CertificateVerdicts]>> {
  const other = newKey();
  const of = (parts: CertificateParts): Uint8Array => certificate(key, issuer, now, parts);
  const good = of({});
  const uris = (...given: readonly string[]): Uint8Array => of({ extensions: leafExtensions(key, issuer, ...given) });
  const C1 = 'spiffe://mesh.test/cluster/c1';
  const valid = (notBefore: Uint8Array, notAfter: Uint8Array): Uint8Array => of({ notBefore, notAfter });
  const [from, to] = [utcTime('291231000000Z'), utcTime('300102000000Z')];
  const withNames = (content: Uint8Array): Uint8Array => of({ extensions: [...leafExtensions(key, issuer).slice(0, -1), extension('2.5.29.17', content)] });
  return {
    'a good one': [good, readable(undefined)],
    // Names.
    'no alternative name': [of({ extensions: leafExtensions(key, issuer).slice(0, -1) }), readable(NO_CLUSTER)],
    'an empty list of names': [uris(), readable(NO_CLUSTER)],
    'two clusters': [uris(C1, 'spiffe://mesh.test/cluster/c10'), readable(NO_CLUSTER)],
    'the same cluster twice': [uris(C1, C1), readable(NO_CLUSTER)],
    'two extensions of names': [of({ extensions: [...leafExtensions(key, issuer, C1), alternativeNames('spiffe://mesh.test/cluster/c10')] }), readable(NO_CLUSTER)],
    'a comma in the name': [uris(`${C1}, URI:spiffe://mesh.test/cluster/c10`), readable(NO_CLUSTER)],
    'a NUL in the name': [uris(`${C1}\0.evil`), readable(NO_CLUSTER)],
    'a newline in the name': [uris(`${C1}\n`), readable(NO_CLUSTER)],
    'a letter with its highest bit set': [uris('spiffe://mesh.test/cluster/\u00e31'), readable(NO_CLUSTER)],
    'UTF-8 that looks like it': [uris(Buffer.from('spiffe://mesh.test/cluster/с1').toString('latin1')), readable(NO_CLUSTER)],
    'percent signs': [uris('spiffe://mesh.test/cluster/%631'), readable(NO_CLUSTER)],
    'upper case': [uris('SPIFFE://mesh.test/cluster/c1'), readable(NO_CLUSTER)],
    'a path that goes back': [uris('spiffe://mesh.test/cluster/../cluster/c1'), readable(NO_CLUSTER)],
    'a path behind': [uris(`${C1}/`), readable(NO_CLUSTER)],
    'a question behind': [uris(`${C1}?as=c10`), readable(NO_CLUSTER)],
    'a port': [uris('spiffe://mesh.test:443/cluster/c1'), readable(NO_CLUSTER)],
    'a user': [uris('spiffe://c1@mesh.test/cluster/c1'), readable(NO_CLUSTER)],
    'another trust domain': [uris('spiffe://mesh.test.evil/cluster/c1'), readable(NO_CLUSTER)],
    'a trust domain that begins alike': [uris('spiffe://mesh.tes/cluster/c1'), readable(NO_CLUSTER)],
    'the hub': [uris('spiffe://mesh.test/hub'), readable(NO_CLUSTER)],
    'a cluster without a name': [uris('spiffe://mesh.test/cluster/'), readable(NO_CLUSTER)],
    'a name of 1,000 characters': [uris(`spiffe://mesh.test/cluster/${'c'.repeat(1000)}`), readable(NO_CLUSTER)],
    'the cluster as DNS name alone': [withNames(sequence(tlv(0x82, Buffer.from('c1')))), readable(NO_CLUSTER)],
    'the cluster in the subject alone': [of({ extensions: null, subject: name([COMMON_NAME, C1]) }), readable(NO_CLUSTER)],
    'a name in pieces (constructed URI)': [withNames(sequence(tlv(0xa6, tlv(0x16, Buffer.from(C1))))), CANNOT],
    'bytes behind the names': [withNames(bytes(uriNames(C1), [0])), CANNOT],
    'names with an indefinite length': [withNames(bytes([0x30, 0x80], tlv(0x86, Buffer.from(C1)), [0, 0])), CANNOT],
    'names that are no list': [withNames(octets(Buffer.from(C1))), CANNOT],
    // Times.
    'expired': [valid(from, utcTime('291231235959Z')), readable(/expired at 2029-12-31T23:59:59/)],
    'of tomorrow': [valid(utcTime('300101000100Z'), to), readable(/not valid before/)],
    'an end before its beginning': [valid(utcTime('300102000000Z'), utcTime('291231000000Z')), readable(/expired|not valid before/)],
    'without seconds': [valid(utcTime('2912310000Z'), to), CANNOT],
    'in another time zone': [valid(utcTime('291231000000+0100'), to), CANNOT],
    'with fractions of seconds': [valid(from, generalizedTime('20300102000000.5Z')), CANNOT],
    'with the 30th of February': [valid(from, utcTime('300230000000Z')), CANNOT],
    'with month 13': [valid(from, utcTime('301301000000Z')), CANNOT],
    'with hour 24': [valid(from, utcTime('300102240000Z')), CANNOT],
    'with second 60': [valid(from, utcTime('300102000060Z')), CANNOT],
    'with digits whose highest bit is set': [valid(from, utcTime('\u00b300102000000Z')), CANNOT],
    'with a GeneralizedTime where a UTCTime fits': [valid(from, generalizedTime('20300102000000Z')), readable(undefined)],
    'until the year 9999': [valid(from, generalizedTime('99991231235959Z')), readable(undefined)],
    'until the year 0': [valid(from, generalizedTime('00000101000000Z')), readable(/expired/)],
    'until 1950': [valid(from, utcTime('500101000000Z')), readable(/expired/)],
    'with a text for a time': [valid(from, tlv(0x0c, Buffer.from('300102000000Z'))), CANNOT],
    'with a third time': [of({ toBeSigned: sequence(hex('a003020102'), hex('020101'), ECDSA_SHA256, ISSUER_NAME, sequence(from), name(), key.spki) }), CANNOT],
    // Structure.
    'version 1': [of({ version: null, extensions: null }), CANNOT],
    'version 1 with extensions': [of({ version: null }), CANNOT],
    'a negative serial number': [of({ serial: hex('0201ff') }), readable(undefined)],
    'a serial number of 1,000 bytes': [of({ serial: tlv(0x02, new Uint8Array(1000).fill(0x41)) }), readable(undefined)],
    'a serial number with zeros before it': [of({ serial: hex('02020001') }), CANNOT],
    'an empty serial number': [of({ serial: hex('0200') }), CANNOT],
    'a serial number that is a text': [of({ serial: tlv(0x0c, Buffer.from('1')) }), CANNOT],
    'a length with zeros before it': [outer(good, (count) => [0x83, 0, count >> 8, count & 0xff]), CANNOT],
    'an indefinite length': [outer(good, () => [0x80], [0, 0]), CANNOT],
    'a byte behind it': [bytes(good, [0]), CANNOT],
    'its last byte missing': [good.subarray(0, -1), CANNOT],
    'nesting twenty deep in its subject': [of({ subject: nested(20, sequence()) }), CANNOT],
    'nesting a thousand deep': [nested(1000, hex('0500')), CANNOT],
    'an extension that is no sequence': [of({ extensions: [hex('0500')] }), CANNOT],
    'an extension without a value': [of({ extensions: [sequence(oid('2.5.29.17'))] }), CANNOT],
    'extensions of another tag': [of({ extensions: null, more: [tlv(0xa4, sequence(alternativeNames(C1)))] }), CANNOT],
    '1 MB of extension': [of({ extensions: [...leafExtensions(key, issuer, C1), extension('1.2.3.4', octets(new Uint8Array(1_000_000)))] }), { read: /allowed are/, peer: /cannot be read/ }],
    '20,000 extensions': [of({ extensions: Array.from({ length: 20_000 }, () => extension('1.2.3.4', hex('0500'))) }), { read: /allowed are/, peer: /cannot be read/ }],
    'a subject of an attribute without a value': [of({ subject: sequence(set(sequence(oid(COMMON_NAME)))) }), readable(undefined)],
    'nothing': [new Uint8Array(), CANNOT],
    // What TLS, and not reading, must refuse: OpenSSL does so in "over TLS".
    'an authority that names a cluster': [of({ extensions: [basicConstraints(true), keyUsage(0x06, 1), clientAndServer, alternativeNames(C1)] }), readable(/is an authority/)],
    'a signature by somebody else': [certificate(key, other, now), readable(undefined)],
    'a signature of zeros': [of({ signature: () => bits(new Uint8Array(72)) }), readable(undefined)],
    'two different algorithms': [of({ outerAlgorithm: sequence(oid('1.2.840.10045.4.3.4')) }), readable(undefined)],
  };
}
