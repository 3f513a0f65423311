/** HTTP requests to services of others, by undici: no proxy of the environment, no cookies, bounded in time and size, and nothing follows a redirect to another origin. */
import { readFileSync } from 'node:fs';
import { rootCertificates } from 'node:tls';
import { Agent, request as send } from 'undici';
import { type Ask, AskFailed, type AskRequest } from '../../../mesh/ports/ask.ts';
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import { AdvisedError } from '../../runtime/errors.ts';

export const MAXIMUM_ANSWER_BYTES = 1024 * 1024;
const MOST_REDIRECTS = 3;
const CONNECTIONS_OF_ORIGIN = 4;
const IDLE_MILLISECONDS = 10_000;
const REDIRECTS = [301, 302, 303, 307, 308];

export interface HttpAsk {
  readonly ask: Ask;
  close(): Promise<void>;
}

interface HttpAskOptions {
  readonly userAgent: string;
  /** File (PEM) with authorities that are believed beside the usual ones; undefined: those alone. */
  readonly caFile?: string | undefined;
}

function authorities(path: string): string[] {
  try {
    const text = readFileSync(path, 'utf8');
    if (!text.includes('-----BEGIN CERTIFICATE-----')) throw new AdvisedError('user', `--ask-ca-file ${path}: holds no certificate in PEM`);
    return [...rootCertificates, text];
  } catch (error) {
    if (error instanceof AdvisedError) throw error;
    throw new AdvisedError('user', `--ask-ca-file ${path}: cannot be read (${(error as NodeJS.ErrnoException).code ?? String(error)})`);
  }
}

function urlOf(text: string): URL {
  const url = URL.parse(text);
  if (url === null || !['http:', 'https:'].includes(url.protocol)) throw new AskFailed('user', 'the address is no http:// or https:// URL');
  if (url.username !== '' || url.password !== '') throw new AskFailed('user', 'the address holds a user or a password: put them into a Secret (authSecret)');
  return url;
}

/** undici wraps the cause once or twice; messages of sockets and TLS hold addresses, never headers. */
function causeOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown failure';
  const inner = error instanceof AggregateError ? error.errors[0] : error.cause;
  if (inner instanceof Error) return causeOf(inner);
  return error.message !== '' ? error.message : (error as NodeJS.ErrnoException).code ?? error.name;
}

async function readText(body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > MAXIMUM_ANSWER_BYTES) throw new AskFailed('user', `the answer is larger than ${MAXIMUM_ANSWER_BYTES} bytes; ask for less`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Seconds or an HTTP date; what is no such thing is none. */
function retryAfter(header: string | string[] | undefined): number | undefined {
  const text = Array.isArray(header) ? header[0] : header;
  if (text === undefined) return undefined;
  const seconds = /^\d+$/.test(text) ? Number(text) : (Date.parse(text) - Date.now()) / 1000;
  return Number.isFinite(seconds) && seconds >= 0 ? seconds : undefined;
}

export function createHttpAsk({ userAgent, caFile }: HttpAskOptions): HttpAsk {
  const agent = new Agent({
    connections: CONNECTIONS_OF_ORIGIN, keepAliveTimeout: IDLE_MILLISECONDS, keepAliveMaxTimeout: IDLE_MILLISECONDS,
    ...(caFile === undefined ? {} : { connect: { ca: authorities(caFile) } }),
  });

  async function answer(request: AskRequest, signal: AbortSignal): Promise<Awaited<ReturnType<Ask>>> {
    const first = urlOf(request.url);
    let url = first;
    let { method, body } = request;
    for (let redirects = 0; ; redirects++) {
      const response = await send(url, { method, dispatcher: agent, signal, headers: { 'user-agent': userAgent, ...request.headers }, ...(body === undefined ? {} : { body }) });
      const location = response.headers['location'];
      if (!REDIRECTS.includes(response.statusCode) || typeof location !== 'string') {
        return { status: response.statusCode, body: await readText(response.body), retryAfterSeconds: retryAfter(response.headers['retry-after']) };
      }
      await response.body.dump({ limit: MAXIMUM_ANSWER_BYTES, signal });
      const next = URL.parse(location, url);
      if (next === null || next.origin !== first.origin) throw new AskFailed('user', `is redirected to ${next === null ? 'no address' : next.origin}, and only the origin that was asked is believed; name the right address`);
      if (redirects === MOST_REDIRECTS) throw new AskFailed('user', `is redirected more than ${MOST_REDIRECTS} times`);
      url = next;
      // As RFC 9110, 15.4: 307 and 308 alone keep what is asked.
      if (response.statusCode === 303 || (method === 'POST' && response.statusCode < 303)) [method, body] = ['GET', undefined];
    }
  }

  async function ask(request: AskRequest, cancel: CancelSignal): ReturnType<Ask> {
    const stop = new AbortController();
    let late = false;
    const abort = (): void => stop.abort();
    const timer = setTimeout(() => { late = true; abort(); }, request.timeoutSeconds * 1000);
    cancel.addEventListener('abort', abort, { once: true });
    if (cancel.aborted) abort();
    try {
      return await answer(request, stop.signal);
    } catch (error) {
      if (error instanceof AskFailed) throw error;
      if (cancel.aborted) throw new AskFailed('retry', 'cancelled');
      throw new AskFailed('retry', late ? `no answer within ${request.timeoutSeconds} s` : causeOf(error));
    } finally {
      clearTimeout(timer);
      cancel.removeEventListener('abort', abort);
    }
  }

  return { ask, close: () => agent.destroy() };
}
