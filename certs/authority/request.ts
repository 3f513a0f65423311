/** PKCS#10 certificate requests (RFC 2986): made by agents, judged by the hub. A request carries one thing that counts, a public key and the proof of holding it. */
import type { Signer, SigningKey } from '../../mesh/ports/signer.ts';
import { encodeName, type Name } from './certificate.ts';
import { encodeConstraints, type NameConstraints } from './constraints.ts';
import * as der from './der.ts';
import { isP256PublicKey, OID } from './identifiers.ts';

/** Ours are about 220 bytes; other tools add a subject and extensions. */
const LARGEST_REQUEST_BYTES = 4096;

/** DER. Names nothing: the hub takes names from the join token or the caller's certificate. */
export const createCertificateRequest = (key: SigningKey): Uint8Array => signedRequest(key, der.sequence(), []);

/** DER, of an authority with nothing below it: the tools of others copy its name, and some of them what it is to be bound to. */
export const createAuthorityRequest = (key: SigningKey, subject: Name, constraints: NameConstraints | undefined): Uint8Array =>
  signedRequest(key, encodeName(subject), [der.sequence(der.objectIdentifier(OID.extensionRequest), der.set(der.sequence(...askedExtensions(constraints))))]);

/** Whether an authority's request asks for just these constraints. */
export const asksFor = (requestDer: Uint8Array, constraints: NameConstraints | undefined): boolean =>
  Buffer.from(requestDer).includes(der.encode(der.sequence(...askedExtensions(constraints))));

/** No key usage: tools that compare it with what else they are told refuse the least difference. */
function askedExtensions(constraints: NameConstraints | undefined): readonly der.Asn1[] {
  const critical = (type: string, value: der.Asn1): der.Asn1 => der.sequence(der.objectIdentifier(type), der.booleanTrue(), der.octets(der.encode(value)));
  return [
    critical(OID.basicConstraints, der.sequence(der.booleanTrue(), der.smallInteger(0))),
    ...(constraints === undefined ? [] : [critical(OID.nameConstraints, encodeConstraints(constraints))]),
  ];
}

function signedRequest(key: SigningKey, subject: der.Asn1, attributes: readonly der.Asn1[]): Uint8Array {
  const info = der.sequence(der.smallInteger(0), subject, der.decode(key.publicKeyDer), der.tagged(0, attributes));
  const algorithm = der.sequence(der.objectIdentifier(OID.ecdsaWithSha256));
  return der.encode(der.sequence(info, algorithm, der.bits(key.sign(der.encode(info)))));
}

/** Sending the same request again never succeeds. */
export class CertificateRequestRejected extends Error {
  readonly advice = 'never';
  constructor(problem: string) {
    super(`certificate request: ${problem}; send a PKCS#10 request in DER, signed by its own P-256 key with SHA-256`);
    this.name = 'CertificateRequestRejected';
  }
}

/** The request's public key (SubjectPublicKeyInfo). Its subject, attributes and extensions are not even looked at. */
export function readCertificateRequest(requestDer: Uint8Array, signer: Signer): Uint8Array {
  if (requestDer.length > LARGEST_REQUEST_BYTES) throw new CertificateRequestRejected(`has ${requestDer.length} bytes, allowed are ${LARGEST_REQUEST_BYTES}`);
  const request = structureOf(requestDer);
  if (request.algorithm !== OID.ecdsaWithSha256) throw new CertificateRequestRejected(`is signed with algorithm ${request.algorithm}`);
  if (!isP256PublicKey(request.publicKeyDer)) throw new CertificateRequestRejected('its public key is not an uncompressed P-256 key');
  if (!signer.verify(request.publicKeyDer, request.signed, request.signature)) throw new CertificateRequestRejected('its signature is not by its own key');
  return request.publicKeyDer;
}

function structureOf(requestDer: Uint8Array) {
  try {
    const [info, algorithm, signature, ...more] = der.parts(der.decode(requestDer));
    const [version, subject, publicKey, attributes, ...others] = der.parts(info);
    const [type, ...parameters] = der.parts(algorithm);
    der.parts(subject);
    der.parts(attributes, 0, 'context');
    const signatureBits = der.content(signature, der.TAG.bits);
    if (info === undefined || publicKey === undefined || more.length + others.length + parameters.length > 0) throw new Error('has the wrong parts');
    if (Buffer.from(der.content(version, der.TAG.integer)).toString('hex') !== '00') throw new Error('has an unknown version');
    if (signatureBits[0] !== 0) throw new Error('has a signature of broken bytes');
    return { signed: der.encode(info), publicKeyDer: der.encode(publicKey), algorithm: der.oidText(type), signature: signatureBits.subarray(1) };
  } catch (error) {
    throw new CertificateRequestRejected(`cannot be read: ${(error as Error).message}`);
  }
}
