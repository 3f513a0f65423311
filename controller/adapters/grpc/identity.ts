/** Who is at the other end, by its certificate alone. */
import type { PeerCertificate } from 'node:tls';
import type { ServerUnaryCall } from '@grpc/grpc-js';
import { type CertificateFacts, clusterOfSpiffeId, keyFingerprint, readCertificate } from '../../../certs/index.ts';
import { toPem } from '../../../certs/pem.ts';
import type { Caller } from '../../../mesh/api/authorization.ts';
import { isRefused, type Revocation } from '../../../mesh/model/revocation.ts';
import { type PeerIdentity, TransportError } from '../../../mesh/ports/transport.ts';

type AuthContext = ReturnType<ServerUnaryCall<unknown, unknown>['getAuthContext']>;

export interface ProvenPeer extends PeerIdentity {
  /** Milliseconds since the Unix epoch. */
  readonly notAfter: number;
}

const refused = (problem: string): TransportError => new TransportError('user', 'Unauthenticated', `client certificate: ${problem}`);

/**
 * Judged at every call, because TLS judged only once, when the connection began. Throws TransportError Unauthenticated unless the certificate is
 * of our roots, valid now, and names exactly one cluster of this trust domain.
 */
export function peerOf(context: AuthContext, trustDomain: string, now: number): ProvenPeer {
  const raw = context.sslPeerCertificate?.raw;
  if (raw === undefined) throw refused('there is none, or it was not issued by a root that is trusted here; join the cluster again if its certificate has expired');
  const facts = readable(raw);
  if (facts instanceof Error) throw refused(facts.message);
  if (now >= facts.notAfter) throw refused(`expired at ${new Date(facts.notAfter).toISOString()}; join the cluster again`);
  if (now < facts.notBefore) throw refused(`is not valid before ${new Date(facts.notBefore).toISOString()}; compare the clocks of both sides`);
  if (facts.authority) throw refused('is an authority, and an authority signs and does not call');
  const spiffeId = onlyUri(facts);
  const cluster = spiffeId === undefined ? undefined : clusterOfSpiffeId(trustDomain, spiffeId);
  if (spiffeId === undefined || cluster === undefined) {
    throw refused(`names ${facts.uris.map((uri) => JSON.stringify(uri)).join(', ') || 'no URI'}; exactly one of the form "spiffe://${trustDomain}/cluster/NAME" is needed`);
  }
  return { cluster, spiffeId, certificateSerial: facts.serial, notBefore: facts.notBefore, notAfter: facts.notAfter, keyFingerprint: keyFingerprint(facts.publicKeyDer) };
}

/** Who calls, where the call's rule wants it proven. */
export function callerOf<Rule extends Caller>(rule: Rule, context: AuthContext, trustDomain: string, now: number): Rule extends 'holder of a join token' ? undefined : ProvenPeer;
export function callerOf(rule: Caller, context: AuthContext, trustDomain: string, now: number): ProvenPeer | undefined {
  return rule === 'holder of a join token' ? undefined : peerOf(context, trustDomain, now);
}

/** OpenSSL takes more encodings than DER; ours are DER. */
function readable(raw: Uint8Array): CertificateFacts | Error {
  try {
    return readCertificate(toPem('CERTIFICATE', raw));
  } catch (error) {
    return new Error(`cannot be read (${error instanceof Error ? error.message : String(error)}); it was not issued by a hub of this version`);
  }
}

const onlyUri = (facts: CertificateFacts): string | undefined => (facts.uris.length === 1 ? facts.uris[0] : undefined);

/** For `tls.connect`: the server is who it should be if it has exactly this SPIFFE ID, by a certificate that no revocation refuses; which host name it was dialled by does not matter. */
export function checkServerId(expected: string, revoked?: Pick<Revocation, 'at'>): (host: string, certificate: PeerCertificate) => Error | undefined {
  return (_host, certificate) => {
    const facts = readable(certificate.raw);
    if (facts instanceof Error) return new Error(`certificate: ${facts.message}`);
    if (revoked !== undefined && isRefused(revoked, facts.notBefore)) return new Error(`certificate: was issued before its cluster was revoked at ${new Date(revoked.at).toISOString()}`);
    if (onlyUri(facts) === expected) return undefined;
    return new Error(`SPIFFE ID is ${facts.uris.map((uri) => JSON.stringify(uri)).join(', ') || 'absent'}, expected "${expected}"`);
  };
}
