/** What certificates of authorities say, ours and those that people bring: their own tools made them, so more forms are read than we write. */
import { createHash, createPublicKey, X509Certificate } from 'node:crypto';
import type { Instant } from '../../mesh/model/instant.ts';
import { fromPem, toPem } from '../pem.ts';
import { decodeConstraints, type NameConstraints } from './constraints.ts';
import type { IssuerNames } from './certificate.ts';
import * as der from './der.ts';
import { isP256PublicKey, OID, type SignatureAlgorithm } from './identifiers.ts';
import { commonName, readTime } from './read.ts';

export interface AuthorityFacts extends IssuerNames {
  /** One line, most significant attribute first. */
  readonly subject: string;
  /** What certificates that it signed name as their issuer; empty: it has none, or in a form of text that is not read here. */
  readonly commonName: string;
  readonly serial: string;
  readonly fingerprint: string;
  readonly notBefore: Instant;
  readonly notAfter: Instant;
  readonly publicKeyDer: Uint8Array;
  /** How its key signs; undefined: with nothing that counts as safe here. */
  readonly algorithm: SignatureAlgorithm | undefined;
  readonly authority: boolean;
  /** undefined: any. */
  readonly pathLength: number | undefined;
  readonly signsCertificates: boolean;
  readonly constraints: NameConstraints | undefined;
  /** Why constraints or extensions could not be understood. */
  readonly problem: string | undefined;
  readonly x509: X509Certificate;
}

const SMALLEST_RSA_BITS = 2048;
const LARGEST_CERTIFICATE_BYTES = 16 * 1024;
const KNOWN_CRITICAL: readonly string[] = [OID.basicConstraints, OID.keyUsage, OID.nameConstraints, OID.extendedKeyUsage, OID.subjectAlternativeName];

/** Of every certificate in the text; throws a sentence where one cannot be read. */
export const readAuthorities = (pem: string): readonly AuthorityFacts[] => fromPem('CERTIFICATE', pem).map(readAuthority);

function readAuthority(certificateDer: Uint8Array): AuthorityFacts {
  if (certificateDer.length > LARGEST_CERTIFICATE_BYTES) throw new Error(`certificate: has ${certificateDer.length} bytes, allowed are ${LARGEST_CERTIFICATE_BYTES}`);
  const x509 = read(certificateDer);
  const [, , , , validity, subject, publicKey, wrapped] = der.parts(der.parts(der.decode(certificateDer))[0]);
  if (subject === undefined || publicKey === undefined || der.parts(subject).length === 0) throw new Error('certificate: has no subject or key; an authority needs both (RFC 5280 §4.1.2.6)');
  const [notBefore, notAfter] = der.parts(validity);
  const publicKeyDer = der.encode(publicKey);
  return {
    subjectDer: der.encode(subject), subject: x509.subject.split('\n').join(', '), commonName: nameOf(subject), serial: x509.serialNumber,
    fingerprint: createHash('sha256').update(certificateDer).digest('hex'),
    notBefore: readTime(notBefore), notAfter: readTime(notAfter), publicKeyDer, algorithm: algorithmOf(publicKeyDer), x509,
    ...readExtensions(wrapped),
  };
}

function nameOf(subject: der.Asn1): string {
  try {
    return commonName(subject);
  } catch {
    return '';
  }
}

function read(certificateDer: Uint8Array): X509Certificate {
  try {
    return new X509Certificate(certificateDer);
  } catch {
    throw new Error('certificate: cannot be read');
  }
}

function algorithmOf(publicKeyDer: Uint8Array): SignatureAlgorithm | undefined {
  if (isP256PublicKey(publicKeyDer)) return 'ecdsa-with-SHA256';
  const type = der.oidText(der.parts(der.parts(der.decode(publicKeyDer))[0])[0]);
  if (type === OID.ed25519) return 'ed25519';
  if (type !== OID.rsa) return undefined;
  const bits = createPublicKey({ key: Buffer.from(publicKeyDer), format: 'der', type: 'spki' }).asymmetricKeyDetails?.modulusLength ?? 0;
  return bits >= SMALLEST_RSA_BITS ? 'sha256WithRSAEncryption' : undefined;
}

function readExtensions(wrapped: der.Asn1 | undefined): Pick<AuthorityFacts, 'authority' | 'pathLength' | 'signsCertificates' | 'constraints' | 'problem' | 'keyIdentifier'> {
  let [authority, signsCertificates] = [false, true];
  let pathLength: number | undefined;
  let constraints: NameConstraints | undefined;
  let keyIdentifier = new Uint8Array();
  let problem: string | undefined;
  const seen = new Set<string>();
  for (const extension of wrapped === undefined ? [] : der.parts(der.parts(wrapped, 3, 'context')[0])) {
    const items = der.parts(extension);
    const type = der.oidText(items[0]);
    const value = der.decode(der.content(items.at(-1), der.TAG.octets));
    if (seen.has(type)) problem = `has the extension ${type} twice`;
    seen.add(type);
    if (type === OID.basicConstraints) {
      const [first, second] = der.parts(value);
      authority = first !== undefined && der.has(first, der.TAG.boolean) && der.content(first, der.TAG.boolean)[0] === 0xff;
      const length = second === undefined ? undefined : der.content(second, der.TAG.integer);
      pathLength = length === undefined ? undefined : Number.parseInt(Buffer.from(length).toString('hex'), 16);
    } else if (type === OID.keyUsage) signsCertificates = ((der.content(value, der.TAG.bits)[1] ?? 0) & 0x04) !== 0;
    else if (type === OID.subjectKeyIdentifier) keyIdentifier = Uint8Array.from(der.content(value, der.TAG.octets));
    else if (type === OID.nameConstraints) {
      try {
        constraints = decodeConstraints(value);
      } catch (error) {
        problem = (error as Error).message;
      }
    } else if (items.length === 3 && !KNOWN_CRITICAL.includes(type)) problem = `has the critical extension ${type}, which is not understood`;
  }
  return { authority, pathLength, signsCertificates, constraints, problem, keyIdentifier };
}

/** Whether `issuer` signed `certificate`, with a signature that counts as safe here. */
export function signedBy(certificate: AuthorityFacts, issuer: AuthorityFacts): boolean {
  if (issuer.algorithm === undefined || !certificate.x509.checkIssued(issuer.x509)) return false;
  return SAFE_SIGNATURES.includes(signatureOid(certificate.x509.raw)) && certificate.x509.verify(issuer.x509.publicKey);
}

/** ECDSA with SHA-256/384/512, RSA PKCS#1 v1.5 with the same, Ed25519. */
const SAFE_SIGNATURES = ['1.2.840.10045.4.3.2', '1.2.840.10045.4.3.3', '1.2.840.10045.4.3.4', '1.2.840.113549.1.1.11', '1.2.840.113549.1.1.12', '1.2.840.113549.1.1.13', OID.ed25519];
const signatureOid = (raw: Uint8Array): string => der.oidText(der.parts(der.parts(der.decode(new Uint8Array(raw)))[1])[0]);

/** Every certificate of the text alone, in the strict form that we write. */
export const certificatesOf = (pem: string): readonly string[] => fromPem('CERTIFICATE', pem).map((each) => toPem('CERTIFICATE', each));

/** Whether a root of the bundle is, by name and by the identifier of its key, who issued the last certificate of the chain. Nothing is verified; false where one of them cannot be read. */
export function endsIn(chainPem: string, bundlePem: string): boolean {
  try {
    const last = fromPem('CERTIFICATE', chainPem).at(-1);
    if (last === undefined) return false;
    const [, , , issuer, , , , wrapped] = der.parts(der.parts(der.decode(last))[0]);
    if (issuer === undefined) return false;
    const [name, key] = [Buffer.from(der.encode(issuer)), authorityKeyOf(wrapped)];
    return readAuthorities(bundlePem).some(({ subjectDer, keyIdentifier }) => name.equals(subjectDer) && (key === undefined || keyIdentifier.length === 0 || key.equals(keyIdentifier)));
  } catch {
    return false;
  }
}

/** RFC 5280 §4.2.1.1; undefined: it names no key. */
function authorityKeyOf(wrapped: der.Asn1 | undefined): Buffer | undefined {
  for (const extension of wrapped === undefined ? [] : der.parts(der.parts(wrapped, 3, 'context')[0])) {
    const items = der.parts(extension);
    if (der.oidText(items[0]) !== OID.authorityKeyIdentifier) continue;
    const [first] = der.parts(der.decode(der.content(items.at(-1), der.TAG.octets)));
    return first !== undefined && der.has(first, 0, 'context') ? Buffer.from(der.content(first, 0, 'context')) : undefined;
  }
  return undefined;
}
