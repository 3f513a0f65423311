import { mkdtempSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { testAuthority } from '../kubernetes/testing/fake-server.ts';
import { createHttpAsk, MAXIMUM_ANSWER_BYTES } from './ask.ts';

const seen: { readonly method: string; readonly url: string; readonly body: string; readonly headers: IncomingMessage['headers'] }[] = [];
const never = new AbortController().signal;
let server: Server;
let other: Server;
let base = '';
const http = createHttpAsk({ userAgent: 'isthmus-test' });
const ask = (path: string, more: object = {}): ReturnType<typeof http.ask> => http.ask({ method: 'GET', url: `${base}${path}`, timeoutSeconds: 5, ...more }, never);

function handle(request: IncomingMessage, response: ServerResponse): void {
  let body = '';
  request.on('data', (chunk) => { body += String(chunk); });
  request.on('end', () => {
    seen.push({ method: request.method!, url: request.url!, body, headers: request.headers });
    const url = new URL(request.url!, 'http://x');
    if (url.pathname === '/redirect') response.writeHead(Number(url.searchParams.get('code') ?? 302), { location: url.searchParams.get('to')! }).end();
    else if (url.pathname === '/large') response.end('x'.repeat(MAXIMUM_ANSWER_BYTES + 1));
    else if (url.pathname === '/fits') response.end('x'.repeat(MAXIMUM_ANSWER_BYTES));
    else if (url.pathname === '/busy') response.writeHead(503, { 'retry-after': '7' }).end('busy');
    else if (url.pathname !== '/silent') response.end(`${request.method} ${body}`);
  });
}

const listen = async (one: Server): Promise<number> => {
  await new Promise<void>((resolve) => { one.listen(0, '127.0.0.1', resolve); });
  return (one.address() as AddressInfo).port;
};
beforeAll(async () => {
  [server, other] = [createServer(handle), createServer(handle)];
  base = `http://127.0.0.1:${await listen(server)}`;
  await listen(other);
});
afterAll(async () => {
  await http.close();
  for (const one of [server, other]) { one.closeAllConnections(); one.close(); }
});

test('any status is an answer', async () => {
  expect(await ask('/echo', { method: 'POST', body: 'hello', headers: { authorization: 'Bearer one' } })).toEqual({ status: 200, body: 'POST hello', retryAfterSeconds: undefined });
  expect(seen.at(-1)!.headers).toMatchObject({ authorization: 'Bearer one', 'user-agent': 'isthmus-test' });
  expect(await ask('/busy')).toEqual({ status: 503, body: 'busy', retryAfterSeconds: 7 });
});

test('redirects are followed within the origin, a few of them', async () => {
  expect(await ask('/redirect?to=/echo', { method: 'POST', body: 'hello' })).toMatchObject({ body: 'GET ' });
  expect(await ask('/redirect?code=307&to=/echo', { method: 'POST', body: 'hello' })).toMatchObject({ body: 'POST hello' });
  let far = '/echo';
  for (let count = 0; count < 4; count++) far = `/redirect?to=${encodeURIComponent(far)}`;
  await expect(ask(far)).rejects.toThrow('is redirected more than 3 times');
  const away = `http://127.0.0.1:${(other.address() as AddressInfo).port}`;
  const before = seen.length;
  await expect(ask(`/redirect?to=${away}/echo`, { headers: { authorization: 'Bearer one' } })).rejects.toMatchObject({ advice: 'user', message: `is redirected to ${away}, and only the origin that was asked is believed; name the right address` });
  expect(seen.length).toBe(before + 1);
});

test('time and size are bounded', async () => {
  expect((await ask('/fits')).body).toHaveLength(MAXIMUM_ANSWER_BYTES);
  await expect(ask('/large')).rejects.toMatchObject({ advice: 'user', message: `the answer is larger than ${MAXIMUM_ANSWER_BYTES} bytes; ask for less` });
  await expect(ask('/silent', { timeoutSeconds: 0.2 })).rejects.toMatchObject({ advice: 'retry', message: 'no answer within 0.2 s' });
  const cancel = new AbortController();
  setTimeout(() => cancel.abort(), 50);
  await expect(http.ask({ method: 'GET', url: `${base}/silent`, timeoutSeconds: 5 }, cancel.signal)).rejects.toMatchObject({ advice: 'retry', message: 'cancelled' });
});

test('what cannot be asked is said, without secrets', async () => {
  await expect(ask('', { url: 'ftp://host/' })).rejects.toMatchObject({ advice: 'user' });
  await expect(ask('', { url: 'http://ada:secret@host/' })).rejects.toThrow('the address holds a user or a password: put them into a Secret (authSecret)');
  await expect(ask('', { url: 'http://127.0.0.1:1/', headers: { authorization: 'Bearer hush' } })).rejects.toMatchObject({ advice: 'retry', message: expect.stringMatching(/^(?!.*hush).*ECONNREFUSED/) });
});

test('an authority of one\'s own is believed when it is named', async () => {
  const authority = testAuthority('asks');
  const { keyPem, certificatePem } = authority.issue('server', 'prometheus');
  const tls = createTlsServer({ key: keyPem, cert: certificatePem }, handle);
  const url = `https://127.0.0.1:${await listen(tls as unknown as Server)}/echo`;
  const caFile = join(mkdtempSync(join(tmpdir(), 'isthmus-ask-')), 'ca.crt');
  writeFileSync(caFile, authority.certificatePem);
  const own = createHttpAsk({ userAgent: 'isthmus-test', caFile });
  try {
    expect(await own.ask({ method: 'GET', url, timeoutSeconds: 5 }, never)).toMatchObject({ status: 200 });
    await expect(http.ask({ method: 'GET', url, timeoutSeconds: 5 }, never)).rejects.toMatchObject({ advice: 'retry', message: expect.stringContaining('certificate') });
  } finally {
    await own.close();
    tls.closeAllConnections();
    tls.close();
  }
});
