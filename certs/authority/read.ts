/** What holders of our certificates need to know of them. Reading proves nothing: TLS checks chains. */
import { fromRfc3339, type Instant } from '../../mesh/model/instant.ts';
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
}

/** Of the first certificate in the text, the leaf of a chain; throws where there is none or it cannot be read. */
export function readCertificate(pem: string): CertificateFacts {
  const [first] = fromPem('CERTIFICATE', pem);
  if (first === undefined) throw new Error('certificate: the text holds no CERTIFICATE block');
  const [toBeSigned] = der.parts(der.decode(first));
  const [, serial, , issuer, validity, subject, publicKey, extensions] = der.parts(toBeSigned);
  const [notBefore, notAfter] = der.parts(validity);
  if (publicKey === undefined) throw new Error('certificate: has no public key');
  return {
    serial: serialText(der.content(serial, der.TAG.integer)),
    issuer: commonName(issuer),
    commonName: commonName(subject),
    notBefore: readTime(notBefore),
    notAfter: readTime(notAfter),
    publicKeyDer: der.encode(publicKey),
    ...alternativeNames(extensions),
  };
}

function commonName(name: der.Asn1 | undefined): string {
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
  const text = Buffer.from(der.content(value, short ? der.TAG.utcTime : der.TAG.generalizedTime)).toString('ascii');
  const digits = short ? `${Number(text.slice(0, 2)) < 50 ? '20' : '19'}${text}` : text;
  const instant = /^\d{14}Z$/.test(digits) ? fromRfc3339(digits.replace(/(....)(..)(..)(..)(..)(..)/, '$1-$2-$3T$4:$5:$6')) : undefined;
  if (instant === undefined) throw new Error(`certificate: ${JSON.stringify(text)} is no time`);
  return instant;
}

function alternativeNames(extensions: der.Asn1 | undefined): { readonly uris: string[]; readonly dnsNames: string[] } {
  const uris: string[] = [];
  const dnsNames: string[] = [];
  for (const extension of extensions === undefined ? [] : der.parts(der.parts(extensions, 3, 'context')[0])) {
    const items = der.parts(extension);
    if (der.oidText(items[0]) !== OID.subjectAlternativeName) continue;
    for (const name of der.parts(der.decode(der.content(items.at(-1), der.TAG.octets)))) {
      if (der.has(name, 6, 'context')) uris.push(Buffer.from(der.content(name, 6, 'context')).toString('ascii'));
      if (der.has(name, 2, 'context')) dnsNames.push(Buffer.from(der.content(name, 2, 'context')).toString('ascii'));
    }
  }
  return { uris, dnsNames };
}
