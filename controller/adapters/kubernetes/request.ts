/** One request to the API server: credentials, time limits, bounded retries, errors that name the request and hold no secrets. */
import { type Dispatcher, request as send } from 'undici';
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import { KubernetesUnreachable } from '../../../mesh/ports/kubernetes.ts';
import type { Metrics } from '../../../mesh/ports/metrics.ts';
import type { Credentials } from './credentials.ts';
import { describe, pathOf, type Query, resourceName, type Target } from './paths.ts';
import { retryAfterSeconds, statusError } from './status.ts';

/** As client-go. */
const MAXIMUM_ATTEMPTS = 10;
const MAXIMUM_WAIT_SECONDS = 10;
/** Of one call, all its attempts together. */
const MAXIMUM_WAITING_SECONDS = 40;
const MAXIMUM_ANSWER_BYTES = 256 * 1024 * 1024;

const METHODS = { get: 'GET', list: 'GET', watch: 'GET', create: 'POST', update: 'PUT', patch: 'PATCH', delete: 'DELETE' } as const;

interface RequestOptions {
  readonly query?: Query;
  readonly body?: string;
  readonly contentType?: string;
  /** JSON unless given. */
  readonly accept?: string;
  /** Between two pieces of the answer, asked anew for each; streams only. */
  readonly quietMilliseconds?: () => number;
}

/** How long we wait for a server that keeps its connection open but does not answer. */
export interface RequestLimits {
  /** Until the connection stands, TLS included. */
  readonly connectMilliseconds: number;
  /** Until an answer begins, and between two pieces of it. */
  readonly requestMilliseconds: number;
  /** Between two pieces of a watch: events or bookmarks. */
  readonly watchQuietMilliseconds: number;
  /** The same in a watch that has had a periodic bookmark; at most `watchQuietMilliseconds`. */
  readonly bookmarkedQuietMilliseconds: number;
}

export interface Requests {
  /** The parsed answer of a success; throws `KubernetesError` or `KubernetesUnreachable`. */
  json(target: Target, options: RequestOptions, signal: CancelSignal): Promise<unknown>;
  /** The answer's body as it comes; ends when `signal` aborts. */
  stream(target: Target, options: RequestOptions, signal: CancelSignal): AsyncGenerator<Uint8Array>;
}

/** undici wraps the cause once or twice; messages of sockets and TLS hold addresses, never headers. */
function causeOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown failure';
  const inner = error instanceof AggregateError ? error.errors[0] : error.cause;
  if (inner instanceof Error) return causeOf(inner);
  return error.message !== '' ? error.message : (error as NodeJS.ErrnoException).code ?? error.name;
}

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const finish = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', finish);
      resolve();
    };
    const timer = setTimeout(finish, milliseconds);
    signal.addEventListener('abort', finish, { once: true });
    if (signal.aborted) finish();
  });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function readText(body: AsyncIterable<Uint8Array>, what: string): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > MAXIMUM_ANSWER_BYTES) throw new KubernetesUnreachable(`${what}: the answer is larger than ${MAXIMUM_ANSWER_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

export function createRequests({ credentials, userAgent, metrics, connectMilliseconds, requestMilliseconds }: {
  readonly credentials: Credentials; readonly userAgent: string; readonly metrics: Metrics; readonly connectMilliseconds: number; readonly requestMilliseconds: number;
}): Requests {
  /** Until an attempt's answer begins, with a wait for a free connection. undici has limits of its own for connecting and answering; this one holds whatever became of the request there. */
  const patienceMilliseconds = connectMilliseconds + 2 * requestMilliseconds;
  const counter = metrics.counter(
    'isthmus_kubernetes_requests_total', 'Requests to the Kubernetes API by RBAC verb, group, resource (with subresource) and answer; code "error" means that no answer came.',
    ['verb', 'group', 'resource', 'code'],
  );
  const count = (target: Target, code: string): void => counter.inc({ verb: target.verb, group: target.kind.group, resource: resourceName(target), code });

  const retries = metrics.counter('isthmus_kubernetes_retries_total', 'Requests sent again because the server refused them before it acted and said when to come back.', ['verb', 'code']);
  // client-go's rest_client_request_duration_seconds: until the answer begins, each attempt by itself.
  const durations = metrics.histogram('isthmus_kubernetes_request_duration_seconds', 'From sending a request to the Kubernetes API until its answer began, each attempt by itself; for watches, until they were open.', ['verb']);
  const inFlight = metrics.gauge('isthmus_kubernetes_requests_in_flight', 'Requests to the Kubernetes API that are under way, watches among them.');
  let underWay = 0;
  const follow = (change: 1 | -1): void => {
    underWay += change;
    inFlight.set({}, underWay);
  };

  /** The first answer that is neither worth a retry nor a refusal of stale credentials. */
  async function open(target: Target, options: RequestOptions, limit: Limit): Promise<Dispatcher.ResponseData> {
    const { signal } = limit;
    const what = describe(target);
    const path = pathOf(target, options.query);
    let refusals = 0;
    let waitedSeconds = 0;
    for (let attempt = 1; ; attempt++) {
      const session = await credentials.session();
      const began = performance.now();
      let answer: Dispatcher.ResponseData;
      try {
        answer = await within(patienceMilliseconds, limit.abort, () => send(`${session.server}${path}`, {
          method: METHODS[target.verb],
          dispatcher: target.verb === 'watch' ? session.dispatchers.watches : session.dispatchers.requests,
          signal,
          headers: {
            accept: options.accept ?? 'application/json',
            'user-agent': userAgent,
            ...session.impersonation,
            ...(session.authorization === undefined ? {} : { authorization: session.authorization }),
            ...(options.contentType === undefined ? {} : { 'content-type': options.contentType }),
          },
          headersTimeout: requestMilliseconds,
          // Streams have a limit of their own, which changes on the way.
          bodyTimeout: options.quietMilliseconds === undefined ? requestMilliseconds : 0,
          ...(options.body === undefined ? {} : { body: options.body }),
        }));
      } catch (error) {
        if (signal.aborted) throw error;
        count(target, 'error');
        // A connection that the server had closed while it was idle says nothing of the request; reading twice does no harm.
        if (attempt === 1 && METHODS[target.verb] === 'GET' && isClosed(error)) continue;
        throw error;
      }
      count(target, String(answer.statusCode));
      durations.observe({ verb: target.verb }, (performance.now() - began) / 1000);
      if (answer.statusCode === 401 && refusals === 0) {
        refusals += 1;
        credentials.refused(session);
        await answer.body.dump();
        continue;
      }
      if (answer.statusCode < 400) return answer;
      const wait = retryAfterSeconds(answer.headers['retry-after'], Date.now());
      const body = parse(await readText(answer.body, what));
      const mayRetry = wait !== undefined && wait <= MAXIMUM_WAIT_SECONDS && waitedSeconds + wait <= MAXIMUM_WAITING_SECONDS && attempt < MAXIMUM_ATTEMPTS && isRefusal(target, answer.statusCode);
      if (!mayRetry) throw statusError(what, answer.statusCode, body, wait);
      retries.inc({ verb: target.verb, code: String(answer.statusCode) });
      // All who were refused at once must not come back at once.
      const seconds = wait * (1 + Math.random() / 2);
      waitedSeconds += seconds;
      await pause(seconds * 1000, signal);
    }
  }

  return {
    async json(target, options, signal) {
      const what = describe(target);
      const limit = limited(signal, requestMilliseconds + MAXIMUM_WAITING_SECONDS * 1000);
      follow(1);
      try {
        const answer = await open(target, options, limit);
        const text = await readText(answer.body, what);
        const value = parse(text);
        if (value === undefined) throw new KubernetesUnreachable(`${what}: the answer is no JSON, or was cut short`);
        return value;
      } catch (error) {
        throw translate(error, what, signal, limit.signal);
      } finally {
        follow(-1);
        limit.release();
      }
    },
    async *stream(target, options, signal) {
      const what = describe(target);
      const limit = limited(signal, undefined);
      follow(1);
      try {
        const answer = await open(target, options, limit);
        const pieces = answer.body[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>;
        for (;;) {
          const piece = await within(options.quietMilliseconds?.() ?? requestMilliseconds, limit.abort, () => pieces.next());
          if (piece.done === true) return;
          yield piece.value;
        }
      } catch (error) {
        if (signal.aborted) return;
        throw translate(error, what, signal, limit.signal);
      } finally {
        follow(-1);
        // Also when the reader stops early: closes the connection.
        limit.abort();
        limit.release();
      }
    },
  };
}

/** Calls `late` where `work` takes longer. */
async function within<T>(milliseconds: number, late: () => void, work: () => Promise<T>): Promise<T> {
  const timer = setTimeout(late, milliseconds);
  try {
    return await work();
  } finally {
    clearTimeout(timer);
  }
}

/** 429 (priority and fairness, `--max-requests-inflight`) and 503 (shutting down) come before a request is carried out; other 5xx may come after, so only what reads is sent again. */
const isRefusal = (target: Target, code: number): boolean => code === 429 || code === 503 || (code >= 500 && METHODS[target.verb] === 'GET');

function isClosed(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code;
  return code === 'ECONNRESET' || code === 'EPIPE' || code === 'UND_ERR_SOCKET';
}

function translate(error: unknown, what: string, asked: CancelSignal, limit: AbortSignal): unknown {
  if (asked.aborted) return new KubernetesUnreachable(`${what}: cancelled`);
  if (limit.aborted) return new KubernetesUnreachable(`${what}: no answer in time`);
  if (error instanceof Error && (error.name === 'KubernetesError' || error.name === 'KubernetesUnreachable' || 'advice' in error)) return error;
  return new KubernetesUnreachable(`${what}: ${causeOf(error)}`);
}

interface Limit {
  readonly signal: AbortSignal;
  abort(): void;
  release(): void;
}

/** An `AbortSignal` that follows `signal` and a time limit. */
function limited(signal: CancelSignal, milliseconds: number | undefined): Limit {
  const controller = new AbortController();
  const abort = (): void => controller.abort();
  const timer = milliseconds === undefined ? undefined : setTimeout(abort, milliseconds);
  signal.addEventListener('abort', abort, { once: true });
  if (signal.aborted) abort();
  return {
    signal: controller.signal,
    abort,
    release() {
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
    },
  };
}
