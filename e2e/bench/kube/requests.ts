/** Bare keep-alive HTTPS requests: the same for every server, with as little of a client as there can be. */
import { Pool } from 'undici';
import type { BenchServer } from './servers.ts';

export interface Call {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly body?: string;
  readonly type?: string;
}

export interface Caller {
  /** The text of a 2xx answer; throws on any other. */
  (call: Call): Promise<string>;
  close(): Promise<void>;
}

export function caller(server: Pick<BenchServer, 'url' | 'certificateAuthorityPem' | 'token'>, connections: number): Caller {
  const pool = new Pool(server.url, { connections, pipelining: 1, connect: { ca: server.certificateAuthorityPem } });
  const authorization = `Bearer ${server.token}`;
  const call = async ({ method, path, body, type = 'application/json' }: Call): Promise<string> => {
    const answer = await pool.request({ method, path, headers: { authorization, accept: 'application/json', ...(body === undefined ? {} : { 'content-type': type }) }, ...(body === undefined ? {} : { body }) });
    const text = await answer.body.text();
    if (answer.statusCode >= 300) throw new Error(`${method} ${path}: ${answer.statusCode} ${text.slice(0, 300)}`);
    return text;
  };
  return Object.assign(call, { close: () => pool.destroy() });
}

/** `jobs` calls of `work`, at most `concurrency` at a time. */
export async function inParallel(jobs: number, concurrency: number, work: (index: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  await Promise.all(Array.from({ length: concurrency }, async () => {
    while (next < jobs) await work(next++);
  }));
}
