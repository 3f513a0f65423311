/** Answers that a broken server, or something between us and it, gives instead of the real one. */
import type { Asked } from './asked.ts';
import type { Strikes } from './strikes.ts';

export interface WrongAnswer {
  readonly code: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Buffer;
  /** Written to the connection as it is, without HTTP around it. */
  readonly raw?: boolean;
}

export const statusBody = (code: number, reason: string, message: string): object => ({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, reason, code });

const status = (code: number, reason: string, message: string, headers: Readonly<Record<string, string>> = {}): WrongAnswer =>
  ({ code, headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(statusBody(code, reason, message)) });
const text = (code: number, body: string, headers: Readonly<Record<string, string>> = {}): WrongAnswer => ({ code, headers: { 'content-type': 'text/plain', ...headers }, body });

/** Bytes that are no JSON and no UTF-8, the same for the same amount. */
export const garbage = (amount: number): Buffer => Buffer.from(Array.from({ length: 64 + Math.floor(amount * 400) }, (_, index) => (index === 0 ? 0xff : (index * 97 + Math.floor(amount * 251)) & 0xff)));

/** In seconds, or as a date (RFC 9110 §10.2.3). */
const retryAfter = (amount: number): Readonly<Record<string, string>> => ({ 'retry-after': amount < 0.5 ? '1' : new Date(Date.now() + 1000).toUTCString() });

/** As kube-apiserver answers without the feature gate WatchList. */
export const NO_STREAMS = status(422, 'Invalid', 'ListOptions.meta.k8s.io "" is invalid: sendInitialEvents: Forbidden: sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled');

export function answerOf(asked: Asked, strikes: Strikes): WrongAnswer | undefined {
  const tooMany = strikes.strike('too-many-requests');
  // As API priority and fairness answers.
  if (tooMany !== undefined) return tooMany.amount < 0.8 ? text(429, 'Too many requests, please try again later.', retryAfter(tooMany.amount / 0.8)) : status(429, 'TooManyRequests', 'please try again later');
  const internal = strikes.strike('internal-error');
  if (internal !== undefined) return internal.amount < 0.5 ? text(500, 'oops') : status(500, 'InternalError', 'Internal error occurred: etcdserver: request timed out');
  const unavailable = strikes.strike('unavailable');
  if (unavailable !== undefined) return text(503, '<html>no healthy upstream</html>', unavailable.amount < 0.5 ? retryAfter(unavailable.amount * 2) : {});
  const gone = asked.isWatch || asked.continues ? strikes.strike('gone-answer') : undefined;
  if (gone !== undefined) return status(410, 'Expired', asked.isWatch ? 'too old resource version' : 'The provided continue parameter is too old');
  const rubbish = strikes.strike('garbage-answer');
  if (rubbish !== undefined) return { code: 200, headers: { 'content-type': 'application/json' }, body: garbage(rubbish.amount), raw: rubbish.amount < 0.4 };
  return undefined;
}
