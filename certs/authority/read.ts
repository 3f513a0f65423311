/** What holders of our certificates need to know of them. Reading proves nothing: TLS checks chains. */
import { fromRfc3339, type Instant, toRfc3339 } from '../../mesh/model/instant.ts';
import { fromPem } from '../pem.ts';
import * as der from './der.ts';
import { serialText } from './certificate.ts';
import { OID } from './identifiers.ts';

export interface CertificateFacts {
  /** Upper-case hex, as Node prints it. */
  readonly serial: string;
  readonly issuer: string;
  readonly commonName: string;
  readonly notBefore: Instant;
  readonly notAfter: Instant;
  readonly publicKeyDer: Uint8Array;
  readonly uris: readonly string[];
  readonly dnsNames: readonly string[];
  /** It may sign certificates, so it names nobody who calls (SPIFFE, X509-SVID §5.2). */
  readonly authority: boolean;
}

/** Ours have less than 1,000, those of other tools a few thousand. */
const LARGEST_CERTIFICATE_BYTES = 16 * 1024;

/** Of the first certificate in the text, the leaf of a chain; throws where there is none or it cannot be read. */
export function readCertificate(pem: string): CertificateFacts {
  const [first] = fromPem('CERTIFICATE', pem);
  if (first === undefined) throw new Error('certificate: the text holds no CERTIFICATE block');
  if (first.length > LARGEST_CERTIFICATE_BYTES) throw new Error(`certificate: has ${first.length} bytes, allowed are ${LARGEST_CERTIFICATE_BYTES}`);
  const [toBeSigned] = der.parts(der.decode(first));
  const [, serial, , issuer, validity, subject, publicKey, extensions] = der.parts(toBeSigned);
  const [notBefore, notAfter] = der.parts(validity);
  if (publicKey === undefined) throw new Error('certificate: has no public key');
  const number = der.content(serial, der.TAG.integer);
  if (number.length === 0) throw new Error('certificate: has an empty serial number');
  return {
    serial: serialText(number),
    issuer: commonName(issuer),
    commonName: commonName(subject),
    notBefore: readTime(notBefore),
    notAfter: readTime(notAfter),
    publicKeyDer: der.encode(publicKey),
    ...readExtensions(extensions),
  };
}

export function commonName(name: der.Asn1 | undefined): string {
  for (const relative of der.parts(name)) {
    const [type, value] = der.parts(der.parts(relative, der.TAG.set)[0]);
    if (der.oidText(type) !== OID.commonName || value === undefined) continue;
    // Authorities of other tools also write the older forms of text.
    const tag = [der.TAG.printable, der.TAG.ia5].find((other) => der.has(value, other)) ?? der.TAG.utf8;
    return Buffer.from(der.content(value, tag)).toString('utf8');
  }
  return '';
}

export function readTime(value: der.Asn1 | undefined): Instant {
  const short = value !== undefined && der.has(value, der.TAG.utcTime);
  const text = latin1(der.content(value, short ? der.TAG.utcTime : der.TAG.generalizedTime));
  const digits = short ? `${Number(text.slice(0, 2)) < 50 ? '20' : '19'}${text}` : text;
  const instant = /^\d{14}Z$/.test(digits) ? fromRfc3339(digits.replace(/(....)(..)(..)(..)(..)(..)/, '$1-$2-$3T$4:$5:$6')) : undefined;
  // The 30th of February and hour 24 are read as the day after by Date, and refused by others.
  if (instant === undefined || toRfc3339(instant).replaceAll(/[-:T]|\.000/g, '') !== digits) throw new Error(`certificate: ${JSON.stringify(text)} is no time`);
  return instant;
}

/** Byte by byte: Node's `ascii` drops the highest bit, and would read 0xe3 as "c". */
const latin1 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');

function readExtensions(extensions: der.Asn1 | undefined): Pick<CertificateFacts, 'uris' | 'dnsNames' | 'authority'> {
  const uris: string[] = [];
  const dnsNames: string[] = [];
  let authority = false;
  for (const extension of extensions === undefined ? [] : der.parts(der.parts(extensions, 3, 'context')[0])) {
    const items = der.parts(extension);
    const type = der.oidText(items[0]);
    if (type === OID.basicConstraints) authority ||= der.parts(der.decode(der.content(items.at(-1), der.TAG.octets))).length > 0;
    if (type !== OID.subjectAlternativeName) continue;
    for (const name of der.parts(der.decode(der.content(items.at(-1), der.TAG.octets)))) {
      if (der.has(name, 6, 'context')) uris.push(latin1(der.content(name, 6, 'context')));
      if (der.has(name, 2, 'context')) dnsNames.push(latin1(der.content(name, 2, 'context')));
    }
  }
  return { uris, dnsNames, authority };
}
