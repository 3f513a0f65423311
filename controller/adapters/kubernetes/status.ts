/** Answers that are no success, as the port's errors. */
import { KubernetesError, type StatusCause } from '../../../mesh/ports/kubernetes.ts';

interface StatusBody {
  readonly kind?: unknown;
  readonly code?: unknown;
  readonly reason?: unknown;
  readonly message?: unknown;
  readonly details?: { readonly causes?: readonly StatusCause[]; readonly retryAfterSeconds?: number };
}

/** apimachinery `pkg/apis/meta/v1/types.go`, StatusReason: what a code means where a proxy answered instead of the API server. */
const REASONS: Readonly<Record<number, string>> = {
  400: 'BadRequest', 401: 'Unauthorized', 403: 'Forbidden', 404: 'NotFound', 405: 'MethodNotAllowed', 406: 'NotAcceptable', 409: 'Conflict', 410: 'Expired',
  413: 'RequestEntityTooLarge', 415: 'UnsupportedMediaType', 422: 'Invalid', 429: 'TooManyRequests', 500: 'InternalError', 503: 'ServiceUnavailable', 504: 'Timeout',
};

/** Delta seconds or an HTTP date (RFC 9110 §10.2.3). */
export function retryAfterSeconds(header: string | string[] | undefined, now: number): number | undefined {
  const text = Array.isArray(header) ? header[0] : header;
  if (text === undefined) return undefined;
  if (/^\d{1,6}$/.test(text.trim())) return Number(text.trim());
  const at = Date.parse(text);
  return Number.isNaN(at) ? undefined : Math.max(0, Math.ceil((at - now) / 1000));
}

/** `what` names the request; `body` is the parsed answer or undefined where it was no JSON. */
export function statusError(what: string, code: number, body: unknown, retryAfter?: number): KubernetesError {
  const status: StatusBody = typeof body === 'object' && body !== null ? body : {};
  const isStatus = status.kind === 'Status';
  const actual = isStatus && typeof status.code === 'number' ? status.code : code;
  const reason = isStatus && typeof status.reason === 'string' && status.reason !== '' ? status.reason : REASONS[actual] ?? 'Unknown';
  const text = isStatus && typeof status.message === 'string' && status.message !== '' ? status.message : `the server answered ${actual} without a reason`;
  const wait = retryAfter ?? (isStatus ? status.details?.retryAfterSeconds : undefined);
  return new KubernetesError(actual, reason, `${what}: ${text}`, isStatus ? status.details?.causes ?? [] : [], wait === 0 ? undefined : wait);
}
