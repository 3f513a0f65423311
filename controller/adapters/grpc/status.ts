/** TransportError ↔ gRPC status: the code for any client, reason and advice in trailers for ours. */
import { Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { TransportError } from '../../../mesh/ports/transport.ts';

type Reason = TransportError['reason'];
type Advice = TransportError['advice'];

const CODES: Readonly<Record<Reason, status>> = {
  Unreachable: status.UNAVAILABLE,
  Unauthenticated: status.UNAUTHENTICATED,
  PermissionDenied: status.PERMISSION_DENIED,
  TokenInvalid: status.UNAUTHENTICATED,
  TokenExpired: status.FAILED_PRECONDITION,
  TokenUsed: status.ALREADY_EXISTS,
  // Agents that do not know this reason try again later by the code.
  Pending: status.RESOURCE_EXHAUSTED,
  InvalidRequest: status.INVALID_ARGUMENT,
  Cancelled: status.CANCELLED,
  Overloaded: status.RESOURCE_EXHAUSTED,
};

/** Where the other side sent no reason of ours: the network, a proxy, or grpc-js itself speaks. */
const BY_CODE = new Map<status, readonly [Advice, Reason]>([
  [status.UNAVAILABLE, ['retry', 'Unreachable']],
  [status.DEADLINE_EXCEEDED, ['retry', 'Unreachable']],
  [status.UNAUTHENTICATED, ['user', 'Unauthenticated']],
  [status.PERMISSION_DENIED, ['user', 'PermissionDenied']],
  [status.INVALID_ARGUMENT, ['never', 'InvalidRequest']],
  [status.UNIMPLEMENTED, ['never', 'InvalidRequest']],
  [status.RESOURCE_EXHAUSTED, ['retry', 'Overloaded']],
  [status.CANCELLED, ['retry', 'Cancelled']],
]);

const REASON_KEY = 'isthmus-reason';
const ADVICE_KEY = 'isthmus-advice';
/** gRPC percent-encodes details into one header; longer ones could exceed a peer's header limit. */
const LONGEST_DETAILS = 2000;
/** What a cut may leave at the end; `encodeURI` throws where it meets one. */
const HALF_A_CHARACTER = /[\uD800-\uDBFF]$/;
/** What Node and OpenSSL say of a server whose chain does not lead to the pinned roots, or whose name our own check refused. */
const UNTRUSTED = /certificate|self-signed|CERT_|ERR_TLS|SPIFFE/;

/** Whatever a handler threw. Only a TransportError's text leaves the process. */
export function toStatus(error: unknown): { readonly code: status; readonly details: string; readonly metadata: Metadata } {
  const known = error instanceof TransportError ? error : new TransportError('retry', 'Unreachable', 'internal error; the server\'s log has more');
  const metadata = new Metadata();
  metadata.set(REASON_KEY, known.reason);
  metadata.set(ADVICE_KEY, known.advice);
  return { code: error instanceof TransportError ? CODES[known.reason] : status.INTERNAL, details: known.message.slice(0, LONGEST_DETAILS).replace(HALF_A_CHARACTER, ''), metadata };
}

export function fromStatus(address: string, error: ServiceError): TransportError {
  const [reason] = error.metadata?.get(REASON_KEY) ?? [];
  const [advice] = error.metadata?.get(ADVICE_KEY) ?? [];
  if (isReason(reason) && isAdvice(advice)) return new TransportError(advice, reason, error.details, true);
  if (error.code === status.UNAVAILABLE && UNTRUSTED.test(error.details)) {
    return new TransportError('user', 'Unauthenticated', `${address}: its certificate was refused: ${error.details}. Compare its roots and trust domain with those this side was given`);
  }
  const [otherAdvice, otherReason] = BY_CODE.get(error.code) ?? ['retry', 'Unreachable'];
  return new TransportError(otherAdvice, otherReason, `${address}: ${error.details || status[error.code]}`);
}

function isReason(value: unknown): value is Reason {
  return typeof value === 'string' && Object.hasOwn(CODES, value);
}

function isAdvice(value: unknown): value is Advice {
  return value === 'user' || value === 'retry' || value === 'never';
}
