/** Join, Renew and IssueMeshCertificates: bytes ↔ model. */
import type { IssuedIdentity, JoinRequest, MeshCertificate, MeshCertificateRequest } from '../../ports/transport.ts';
import * as wire from '../gen/isthmus/v1/gateway.ts';
import { BOUNDS, bytes, decodeWith, instant, invalid, list, name, present, text } from './bounds.ts';
import { certificateRoles } from './unions.ts';

export const encodeJoinRequest = (request: JoinRequest): Uint8Array => wire.JoinRequest.encode({ cluster: request.cluster, secret: request.secret, csr: request.csrDer, serviceAccountToken: request.serviceAccountToken ?? '' }).finish();

export function decodeJoinRequest(input: Uint8Array): JoinRequest {
  const request = decodeWith('Join request', (encoded) => wire.JoinRequest.decode(encoded), input);
  const { serviceAccountToken, secret } = request;
  if (serviceAccountToken !== '' && secret.length > 0) throw invalid('secret', 'is given beside a service-account token; one of them is needed');
  // The value itself is never in the error.
  if (serviceAccountToken.length > BOUNDS.textLength) throw invalid('service_account_token', `has ${serviceAccountToken.length} characters; at most ${BOUNDS.textLength} are allowed`);
  return {
    cluster: name('cluster', request.cluster),
    csrDer: bytes('csr', request.csr, BOUNDS.csrBytes),
    ...(serviceAccountToken === '' ? { secret: bytes('secret', secret, BOUNDS.secretBytes) } : { secret: new Uint8Array(), serviceAccountToken }),
  };
}

function identityFromWire(identity: wire.IssuedIdentity | undefined): IssuedIdentity {
  const issued = present('identity', identity);
  return {
    chainPem: text('identity.chainPem', issued.chainPem, BOUNDS.pemLength),
    bundlePem: text('identity.bundlePem', issued.bundlePem, BOUNDS.pemLength),
    trustDomain: name('identity.trustDomain', issued.trustDomain),
    notAfter: instant('identity.notAfter', issued.notAfter),
  };
}

export const encodeJoinResponse = (identity: IssuedIdentity): Uint8Array => wire.JoinResponse.encode({ identity }).finish();
export const decodeJoinResponse = (input: Uint8Array): IssuedIdentity => identityFromWire(decodeWith('Join response', (encoded) => wire.JoinResponse.decode(encoded), input).identity);

export const encodeRenewRequest = (csrDer: Uint8Array): Uint8Array => wire.RenewRequest.encode({ csr: csrDer }).finish();
export const decodeRenewRequest = (input: Uint8Array): Uint8Array => bytes('csr', decodeWith('Renew request', (encoded) => wire.RenewRequest.decode(encoded), input).csr, BOUNDS.csrBytes);
export const encodeRenewResponse = (identity: IssuedIdentity): Uint8Array => wire.RenewResponse.encode({ identity }).finish();
export const decodeRenewResponse = (input: Uint8Array): IssuedIdentity => identityFromWire(decodeWith('Renew response', (encoded) => wire.RenewResponse.decode(encoded), input).identity);

export function encodeCertificateRequests(requests: readonly MeshCertificateRequest[]): Uint8Array {
  return wire.IssueMeshCertificatesRequest.encode({ requests: requests.map((request) => ({ role: certificateRoles.toWire(request.role), csr: request.csrDer })) }).finish();
}

export function decodeCertificateRequests(input: Uint8Array): readonly MeshCertificateRequest[] {
  const { requests } = decodeWith('IssueMeshCertificates request', (encoded) => wire.IssueMeshCertificatesRequest.decode(encoded), input);
  return list('requests', requests, BOUNDS.certificateRequests).map((request, index) => ({
    role: certificateRoles.fromWire(`requests[${index}].role`, request.role),
    csrDer: bytes(`requests[${index}].csr`, request.csr, BOUNDS.csrBytes),
  }));
}

export function encodeCertificates(certificates: readonly MeshCertificate[]): Uint8Array {
  return wire.IssueMeshCertificatesResponse.encode({ certificates: certificates.map((certificate) => ({ ...certificate, role: certificateRoles.toWire(certificate.role) })) }).finish();
}

export function decodeCertificates(input: Uint8Array): readonly MeshCertificate[] {
  const { certificates } = decodeWith('IssueMeshCertificates response', (encoded) => wire.IssueMeshCertificatesResponse.decode(encoded), input);
  return list('certificates', certificates, BOUNDS.certificateRequests).map((certificate, index) => ({
    role: certificateRoles.fromWire(`certificates[${index}].role`, certificate.role),
    chainPem: text(`certificates[${index}].chainPem`, certificate.chainPem, BOUNDS.pemLength),
    bundlePem: text(`certificates[${index}].bundlePem`, certificate.bundlePem, BOUNDS.pemLength),
    notAfter: instant(`certificates[${index}].notAfter`, certificate.notAfter),
  }));
}
