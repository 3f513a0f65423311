/** X.509 version 3 certificates (RFC 5280) for P-256 keys, signed by whatever key the issuer has. */
import { createHash } from 'node:crypto';
import type { Random } from '../../mesh/ports/random.ts';
import type { SigningKey } from '../../mesh/ports/signer.ts';
import { toPem } from '../pem.ts';
import type { Validity } from '../policy/schedule.ts';
import { encodeConstraints, type NameConstraints } from './constraints.ts';
import { addressBytes } from './address.ts';
import * as der from './der.ts';
import { OID, type SignatureAlgorithm } from './identifiers.ts';

export interface Name {
  readonly organization: string;
  readonly organizationalUnit?: string;
  readonly commonName?: string;
}

/** What the holder of the key may do with it. */
export type Usage =
  | { readonly kind: 'authority'; readonly pathLength: number; readonly constraints?: NameConstraints }
  | { readonly kind: 'leaf'; readonly server: boolean; readonly client: boolean };

export interface AlternativeNames {
  readonly uris?: readonly string[];
  /** DNS names and IP addresses. */
  readonly hosts?: readonly string[];
}

/** Who signs, as its own certificate has it: strict verifiers compare both byte by byte. */
export interface IssuerNames {
  readonly subjectDer: Uint8Array;
  /** Empty: it has none, as some roots. */
  readonly keyIdentifier: Uint8Array;
}

export interface CertificateTemplate {
  readonly subject: Name;
  /** As its certificate has it, or a name of ours with `issuerPublicKeyDer`. */
  readonly issuer: IssuerNames | Name;
  readonly validity: Validity;
  readonly publicKeyDer: Uint8Array;
  /** The key that signs, where `issuer` is but a name; else not looked at. */
  readonly issuerPublicKeyDer?: Uint8Array;
  readonly usage: Usage;
  readonly names: AlternativeNames;
  readonly serial: Uint8Array;
}

const SERIAL_BYTES = 16;

/** 128 bits, positive and without leading zeros, so that the encoding is always 16 bytes: 126 of them are random. */
export function randomSerial(random: Random): Uint8Array {
  const serial = Uint8Array.from(random.bytes(SERIAL_BYTES));
  serial[0] = ((serial[0] ?? 0) & 0x3f) | 0x40;
  return serial;
}

/** The form in which Node prints serials. */
export const serialText = (serial: Uint8Array): string => Buffer.from(serial).toString('hex').toUpperCase();

/** With P-256 keys. */
export function signCertificate(template: CertificateTemplate, key: SigningKey): string {
  const { toBeSigned, finish } = unsigned(template, 'ecdsa-with-SHA256');
  return finish(key.sign(toBeSigned));
}

/** The bytes to sign, and the certificate (PEM) once somebody has. */
export function unsigned(template: CertificateTemplate, signed: SignatureAlgorithm): { readonly toBeSigned: Uint8Array; readonly finish: (signature: Uint8Array) => string } {
  const algorithm = der.encode(algorithmIdentifier(signed));
  const toBeSigned = der.sequenceOf(
    VERSION_3,
    der.encode(der.integer(template.serial)),
    algorithm,
    'subjectDer' in template.issuer ? template.issuer.subjectDer : der.encode(encodeName(template.issuer)),
    der.encode(der.sequence(der.time(template.validity.notBefore), der.time(template.validity.notAfter))),
    der.encode(encodeName(template.subject)),
    template.publicKeyDer,
    der.encode(der.tagged(3, [der.sequence(...extensions(template))])),
  );
  return { toBeSigned, finish: (signature) => toPem('CERTIFICATE', der.sequenceOf(toBeSigned, algorithm, der.encode(der.bits(signature)))) };
}

const VERSION_3 = der.encode(der.tagged(0, [der.smallInteger(2)]));

/** RFC 5758, RFC 4055 (with its NULL), RFC 8410 (without). */
function algorithmIdentifier(algorithm: SignatureAlgorithm): der.Asn1 {
  if (algorithm === 'sha256WithRSAEncryption') return der.sequence(der.objectIdentifier(OID.sha256WithRsa), der.nothing());
  return der.sequence(der.objectIdentifier(algorithm === 'ed25519' ? OID.ed25519 : OID.ecdsaWithSha256));
}

export function encodeName(name: Name): der.Asn1 {
  const attributes: (readonly [string, string | undefined])[] = [
    [OID.organization, name.organization], [OID.organizationalUnit, name.organizationalUnit], [OID.commonName, name.commonName],
  ];
  return der.sequence(...attributes.flatMap(([type, value]) =>
    (value === undefined ? [] : [der.set(der.sequence(der.objectIdentifier(type), der.utf8(value)))])));
}

/** RFC 7093 method 1: the first 160 bits of SHA-256 over the key's bits (without algorithm), for keys of one fixed form. */
function keyIdentifier(publicKeyDer: Uint8Array): Uint8Array {
  const point = publicKeyDer.subarray(publicKeyDer.length - 65);
  return new Uint8Array(createHash('sha256').update(point).digest().subarray(0, 20));
}

function extensions({ usage, names, publicKeyDer, issuer, issuerPublicKeyDer = publicKeyDer }: CertificateTemplate): der.Asn1[] {
  const authority = usage.kind === 'authority';
  const authorityKey = 'subjectDer' in issuer ? issuer.keyIdentifier : keyIdentifier(issuerPublicKeyDer);
  const result = [
    extension(OID.basicConstraints, authority ? der.sequence(der.booleanTrue(), der.smallInteger(usage.pathLength)) : der.sequence(), true),
    // keyCertSign and cRLSign, or digitalSignature alone: ECDSA keys never encipher.
    extension(OID.keyUsage, authority ? der.bits(Uint8Array.of(0x06), 1) : der.bits(Uint8Array.of(0x80), 7), true),
    extension(OID.subjectKeyIdentifier, der.octets(keyIdentifier(publicKeyDer))),
    ...(authorityKey.length === 0 ? [] : [extension(OID.authorityKeyIdentifier, der.sequence(der.tagged(0, authorityKey)))]),
  ];
  if (usage.kind === 'authority' && usage.constraints !== undefined) result.push(extension(OID.nameConstraints, encodeConstraints(usage.constraints), true));
  if (usage.kind === 'leaf') {
    const purposes = [...(usage.server ? [OID.serverAuth] : []), ...(usage.client ? [OID.clientAuth] : [])];
    result.push(extension(OID.extendedKeyUsage, der.sequence(...purposes.map(der.objectIdentifier))));
  }
  const general = [
    ...(names.uris ?? []).map((uri) => der.tagged(6, Buffer.from(uri, 'ascii'))),
    ...(names.hosts ?? []).map((host) => {
      const address = addressBytes(host);
      return address === undefined ? der.tagged(2, Buffer.from(host, 'ascii')) : der.tagged(7, address);
    }),
  ];
  if (general.length > 0) result.push(extension(OID.subjectAlternativeName, der.sequence(...general)));
  return result;
}

function extension(type: string, value: der.Asn1, critical = false): der.Asn1 {
  return der.sequence(der.objectIdentifier(type), ...(critical ? [der.booleanTrue()] : []), der.octets(der.encode(value)));
}
