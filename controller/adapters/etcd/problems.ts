/** What sockets, OpenSSL and gRPC say of a failed connection, as one of the port's closed set, with a sentence for people. */
import { EtcdError, type EtcdProblem } from '../../../mesh/ports/etcd.ts';

const OF_CODE: Readonly<Record<string, EtcdProblem>> = {
  ENOTFOUND: 'NameUnresolved', EAI_AGAIN: 'NameUnresolved', EAI_FAIL: 'NameUnresolved', EAI_NODATA: 'NameUnresolved', EAI_NONAME: 'NameUnresolved',
  ECONNREFUSED: 'Unreachable', EHOSTUNREACH: 'Unreachable', ENETUNREACH: 'Unreachable', EHOSTDOWN: 'Unreachable', ENETDOWN: 'Unreachable', ETIMEDOUT: 'Unreachable',
  EADDRNOTAVAIL: 'Unreachable', EACCES: 'Unreachable', EPERM: 'Unreachable', EINVAL: 'Unreachable',
  CERT_HAS_EXPIRED: 'ServerCertificateExpired', CERT_NOT_YET_VALID: 'ServerCertificateNotYetValid', ERR_TLS_CERT_ALTNAME_INVALID: 'ServerNameMismatch',
  EPROTO: 'NotTls', ERR_SSL_WRONG_VERSION_NUMBER: 'NotTls', ERR_SSL_PACKET_LENGTH_TOO_LONG: 'NotTls', ERR_SSL_UNEXPECTED_MESSAGE: 'NotTls', ERR_SSL_HTTP_REQUEST: 'NotTls',
};

/** Verdicts of OpenSSL on a chain (`X509_V_ERR_…`), as Node names them. */
const UNTRUSTED = /SELF_SIGNED|UNABLE_TO|SIGNATURE|INVALID_CA|INVALID_PURPOSE|CERT_REJECTED|CERT_UNTRUSTED|CERT_CHAIN_TOO_LONG|CERT_REVOKED|PATH_LENGTH|PERMITTED|EXCLUDED|PERMITTED_SUBTREE|SUBJECT_ISSUER|ERROR_IN_CERT|CA_MD_TOO_WEAK|EE_KEY_TOO_SMALL/;
/** Alerts about our certificate (RFC 8446 §6.2). */
const CLIENT_REFUSED = /ALERT_(UNKNOWN_CA|BAD_CERTIFICATE|CERTIFICATE_(REQUIRED|EXPIRED|REVOKED|UNKNOWN)|UNSUPPORTED_CERTIFICATE|ACCESS_DENIED|DECRYPT_ERROR)/;

/** One line of printable characters: who speaks may be anyone. */
function printable(text: string): string {
  const clean = text.replace(/[^\x20-\x7e]+/g, ' ').trim();
  return clean.length > 200 ? `${clean.slice(0, 197)}...` : clean;
}

interface Coded { readonly code?: string; readonly message?: string; readonly errors?: readonly unknown[] }

/** How far a connection had come. `secured`: the handshake was over on our side; with TLS 1.3 the server has not yet judged our certificate then. */
export type Stage = 'handshake' | 'secured' | 'spoken';

/** It was closed, and nobody said why. */
export const closed = (where: string, stage: Stage): EtcdError => (stage === 'secured'
  ? new EtcdError('ClientCertificateRefused', `${where} closed the connection at the end of the handshake, before it said a word: so do servers that do not take a client's certificate`)
  : new EtcdError('Unavailable', `${where} closed the connection${stage === 'handshake' ? ' in the handshake' : ''}`));

/** `where`: the endpoint. */
export function problemOf(error: unknown, where: string, stage: Stage): EtcdError {
  if (error instanceof EtcdError) return error;
  const { code: given, message = '', errors } = (error ?? {}) as Coded;
  // Several addresses were tried: what the first one said.
  const first = errors?.[0] as Coded | undefined;
  const code = given ?? first?.code ?? '';
  const text = printable(message === '' ? (first?.message ?? code) : message);
  if (CLIENT_REFUSED.test(code)) return new EtcdError('ClientCertificateRefused', `${where} refuses our client certificate: ${text}`);
  if (code.startsWith('ERR_HTTP2') || code.startsWith('ERR_STREAM')) return new EtcdError('Malformed', `${where} does not speak HTTP/2 as etcd does: ${text}`);
  const reason = OF_CODE[code] ?? (UNTRUSTED.test(code) ? 'UntrustedServer' : undefined);
  if (reason !== undefined) return new EtcdError(reason, `${where}: ${text}`);
  if (code.startsWith('ERR_SSL') || code.startsWith('ERR_OSSL')) return new EtcdError(stage === 'handshake' ? 'NotTls' : 'Malformed', `${where}: TLS failed: ${text}`);
  if (code === 'ECONNRESET' || code === 'EPIPE') return closed(where, stage);
  return new EtcdError('Unavailable', `${where}: the connection broke: ${text}`);
}

const OF_STATUS: Readonly<Record<number, EtcdProblem>> = { 1: 'Unavailable', 4: 'Timeout', 7: 'PermissionDenied', 8: 'Unavailable', 13: 'Unavailable', 14: 'Unavailable', 16: 'PermissionDenied' };

/** Of a gRPC status that is not OK. */
export function problemOfStatus(status: number, message: string, where: string): EtcdError {
  let text = message;
  try {
    text = decodeURIComponent(message);
  } catch { /* as it came */ }
  // What versions of etcd say of a certificate's name that is none of their users, under several codes.
  const reason = /user (name )?(not found|is empty)|permission denied|invalid auth/.test(text) ? 'PermissionDenied' : (OF_STATUS[status] ?? 'Malformed');
  return new EtcdError(reason, `${where} answers: ${printable(text) || `gRPC status ${status}`}`);
}
