/** One HTTP request to a service that is not ours, and its answer as text: Prometheus, webhooks. */
import type { CancelSignal } from './cancel.ts';

export interface AskRequest {
  readonly method: 'GET' | 'POST';
  /** `http:` or `https:`, without user and password. */
  readonly url: string;
  /** Names in lower case. Values of `authorization` are never logged nor part of an error. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** For everything: connecting, redirects within the same origin, and the whole answer. */
  readonly timeoutSeconds: number;
}

export interface AskAnswer {
  /** Of the last answer: no redirect. */
  readonly status: number;
  /** At most 1 MiB. */
  readonly body: string;
  /** The server's wish; undefined: it has none. */
  readonly retryAfterSeconds: number | undefined;
}

/** Any status is an answer; throws `AskFailed` where there is none. Follows redirects within the origin alone. */
export type Ask = (request: AskRequest, signal: CancelSignal) => Promise<AskAnswer>;

/** No usable answer. `user`: asking again gives the same until somebody acts. */
export class AskFailed extends Error {
  readonly advice: 'user' | 'retry';
  constructor(advice: 'user' | 'retry', message: string) {
    super(message);
    this.name = 'AskFailed';
    this.advice = advice;
  }
}
