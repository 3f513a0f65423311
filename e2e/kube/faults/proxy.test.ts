/** Every fault really happens: what a plain client sees of each, and that it is counted. */
import { readFileSync } from 'node:fs';
import { Agent, createServer, request, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { testAuthority } from '../../../controller/adapters/kubernetes/testing/fake-server.ts';
import { type FaultProxy, startFaultProxy } from './proxy.ts';
import type { FaultKind } from './schedule.ts';

interface Seen { code?: number; headers: Readonly<Record<string, unknown>>; body: Buffer; error?: string; ended: boolean }

const authority = testAuthority('upstream');
const EVENT = `${JSON.stringify({ type: 'MODIFIED', object: { metadata: { name: 'event', note: 'x'.repeat(300) } } })}\n`;
const list = '/api/v1/configmaps?limit=500';
const watch = '/api/v1/configmaps?watch=1&resourceVersion=5';
let upstream: Server;
let proxy: FaultProxy;
let agent: Agent;
let writes = 0;

beforeEach(async () => {
  writes = 0;
  const pair = authority.issue('server', 'upstream');
  upstream = createServer({ key: pair.keyPem, cert: pair.certificatePem }, (asked, answer) => {
    if (asked.method === 'POST') writes += 1;
    if (asked.url?.includes('watch=1') !== true) {
      answer.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ url: asked.url, items: 'y'.repeat(2000) }));
      return;
    }
    answer.writeHead(200, { 'content-type': 'application/json' });
    const timer = setInterval(() => answer.write(EVENT), 20);
    answer.once('close', () => clearInterval(timer));
  });
  await new Promise<void>((resolve) => { upstream.listen(0, '127.0.0.1', resolve); });
  proxy = await startFaultProxy({ upstream: { url: `https://127.0.0.1:${(upstream.address() as AddressInfo).port}`, certificateAuthorityPem: authority.certificatePem, token: 't' }, pageSize: 20 });
  agent = new Agent({ keepAlive: true, maxSockets: 1 });
});
afterEach(async () => {
  agent.destroy();
  await proxy.close();
  upstream.closeAllConnections();
  await new Promise((resolve) => { upstream.close(resolve); });
});

/** Never rejects: what came within `milliseconds`. */
function ask(path: string, { method = 'GET', milliseconds = 400 } = {}): Promise<Seen> {
  const { clusters } = JSON.parse(readFileSync(proxy.kubeconfigPath, 'utf8')) as { clusters: { cluster: { server: string; 'certificate-authority': string } }[] };
  const { server, 'certificate-authority': ca } = clusters[0]!.cluster;
  return new Promise((resolve) => {
    const seen: Seen = { headers: {}, body: Buffer.alloc(0), ended: false };
    const sent = request(`${server}${path}`, { method, agent, ca: readFileSync(ca) }, (answer) => {
      seen.code = answer.statusCode!;
      seen.headers = answer.headers;
      answer.on('data', (chunk: Buffer) => { seen.body = Buffer.concat([seen.body, chunk]); });
      answer.on('error', (error: NodeJS.ErrnoException) => { seen.error = error.code ?? error.message; finish(); });
      answer.once('end', () => { seen.ended = true; finish(); });
    });
    sent.on('error', (error: NodeJS.ErrnoException) => { seen.error = error.code ?? error.message; finish(); });
    const timer = setTimeout(() => { finish(); sent.destroy(); }, milliseconds);
    const finish = (): void => {
      clearTimeout(timer);
      resolve(seen);
    };
    sent.end();
  });
}
const arm = (kind: FaultKind, amount = 0.3): void => proxy.begin([{ kind, every: 1, amount }], '3');
const lines = ({ body }: Seen): readonly string[] => body.toString().split('\n').filter((line) => line !== '');
const isEvent = (line: string): boolean => `${line}\n` === EVENT;

describe('without faults', () => {
  test('answers and streams pass, lists in small pages, and nothing is counted', async () => {
    expect(JSON.parse((await ask(list)).body.toString())).toMatchObject({ url: '/api/v1/configmaps?limit=20' });
    expect((await ask('/api/v1/configmaps', { method: 'POST' })).code).toBe(200);
    const stream = await ask(watch);
    expect(stream).toMatchObject({ code: 200, ended: false });
    expect(lines(stream).length).toBeGreaterThan(3);
    expect(lines(stream).every(isEvent)).toBe(true);
    expect([...proxy.struck]).toEqual([]);
    await sleep(50);
    expect(proxy.watches).toBe(0);
  });

  test('after `end`, nothing strikes any more', async () => {
    arm('internal-error');
    expect((await ask(list)).code).toBe(500);
    proxy.end();
    expect((await ask(list)).code).toBe(200);
  });
});

describe('faults of a stream', () => {
  test('reset-mid-event: a part of an event, then a reset', async () => {
    arm('reset-mid-event');
    const seen = await ask(watch);
    expect(seen.error).toBe('ECONNRESET');
    expect(seen.body.length).toBeGreaterThan(0);
    expect(seen.body.length).toBeLessThan(EVENT.length);
  });

  test('watch-closed: an orderly end, again and again', async () => {
    arm('watch-closed', 0);
    expect(await ask(watch, { milliseconds: 1000 })).toMatchObject({ ended: true });
    expect(await ask(watch, { milliseconds: 1000 })).toMatchObject({ ended: true });
    expect(proxy.struck.get('watch-closed')).toBeGreaterThanOrEqual(2);
  });

  test('gone-in-stream: an ERROR event of 410, then the end', async () => {
    arm('gone-in-stream');
    const seen = await ask(watch);
    expect(seen.ended).toBe(true);
    expect(JSON.parse(lines(seen).at(-1)!)).toMatchObject({ type: 'ERROR', object: { kind: 'Status', code: 410, reason: 'Expired' } });
  });

  test.each([0.3, 0.8])('garbage-in-stream (%d): what is no JSON, and the stream goes on', async (amount) => {
    arm('garbage-in-stream', amount);
    const seen = await ask(watch);
    expect(lines(seen).some((line) => !isEvent(line))).toBe(true);
    expect(seen.ended).toBe(false);
  });

  test('stalled-stream: nothing more, and no end', async () => {
    arm('stalled-stream');
    expect(await ask(watch)).toMatchObject({ code: 200, ended: false, body: Buffer.alloc(0) });
    expect((await ask(watch)).error).toBeUndefined();
  });

  test('dribble: whole events, slowly, in many pieces', async () => {
    arm('dribble', 0.9);
    const seen = await ask(watch, { milliseconds: 800 });
    expect(seen.ended).toBe(false);
    expect(isEvent(lines(seen)[0]!)).toBe(true);
    expect(lines(seen).length).toBeLessThan(8);
  });

  test.each([0.3, 0.8])('truncated-list (%d): a streamed list ends before its bookmark, between two events or within one', async (amount) => {
    arm('truncated-list', amount);
    const seen = await ask(`${watch}&sendInitialEvents=true`);
    expect(seen.ended).toBe(true);
    expect(lines(seen)).toHaveLength(1);
    expect(isEvent(lines(seen)[0]!)).toBe(amount < 0.5);
  });
});

describe('faults of an answer', () => {
  test.each([
    ['too-many-requests', 0.1, 429, '1'], ['too-many-requests', 0.6, 429, /GMT$/], ['too-many-requests', 0.9, 429, undefined],
    ['internal-error', 0.1, 500, undefined], ['internal-error', 0.9, 500, undefined], ['unavailable', 0.1, 503, '1'], ['unavailable', 0.9, 503, undefined],
  ] as const)('%s (%d): %i, Retry-After %s', async (kind, amount, code, wait) => {
    arm(kind, amount);
    const seen = await ask(list);
    expect(seen.code).toBe(code);
    expect(seen.headers['retry-after']).toEqual(wait instanceof RegExp ? expect.stringMatching(wait) : wait);
  });

  test('gone-answer: 410 to a watch and to a further page, not to a first list', async () => {
    arm('gone-answer');
    expect((await ask(list)).code).toBe(200);
    expect((await ask(watch)).code).toBe(410);
    expect((await ask(`${list}&continue=token`)).code).toBe(410);
  });

  test.each([0.3, 0.7])('truncated-list (%d): a part of the list', async (amount) => {
    arm('truncated-list', amount);
    const seen = await ask(list);
    expect(() => { JSON.parse(seen.body.toString()); }).toThrow();
    // One breaks in the middle of a known length, the other looks whole.
    expect(seen.ended).toBe(amount > 0.5);
  });

  test.each([0.3, 0.7])('garbage-answer (%d): neither HTTP nor JSON', async (amount) => {
    arm('garbage-answer', amount);
    const seen = await ask(list);
    if (amount < 0.4) expect(seen.error).toMatch(/^HPE_/);
    else expect(() => { JSON.parse(seen.body.toString()); }).toThrow();
  });

  test('stale-list: asks the server for exactly the older version, also where the caller asked for another', async () => {
    arm('stale-list');
    expect(JSON.parse((await ask(`${list}&resourceVersion=9&resourceVersionMatch=NotOlderThan`)).body.toString()))
      .toMatchObject({ url: '/api/v1/configmaps?limit=20&resourceVersion=3&resourceVersionMatch=Exact' });
  });

  test('never-answered: no answer and no end', async () => {
    arm('never-answered');
    expect(await ask(list)).toMatchObject({ ended: false, headers: {} });
  });

  test.each([0.3, 0.9])('answer-lost (%d): the write is done, its answer is not heard; reads are spared', async (amount) => {
    arm('answer-lost', amount);
    expect((await ask(list)).code).toBe(200);
    const seen = await ask('/api/v1/configmaps', { method: 'POST' });
    expect(writes).toBe(1);
    if (amount < 0.6) expect(seen.error).toBe('ECONNRESET');
    else expect(seen.code).toBe(504);
  });
});

describe('faults of connections', () => {
  test('idle-close: a connection that was to be kept ends after its answer', async () => {
    arm('idle-close');
    expect((await ask(list)).code).toBe(200);
    await sleep(60);
    expect(proxy.connections).toBe(0);
  });

  test('refused: open connections break, new ones are refused, later they are taken again', async () => {
    const open = ask(watch, { milliseconds: 2000 });
    await sleep(100);
    arm('refused', 0.5);
    expect((await open).error).toBe('ECONNRESET');
    expect((await ask(list)).error).toBe('ECONNREFUSED');
    await sleep(500);
    expect((await ask(list)).code).toBe(200);
  });

  test('silent-accept: connected, but the greeting is never answered; gone when the client is', async () => {
    arm('silent-accept');
    expect(await ask(list)).toMatchObject({ ended: false, headers: {} });
    await sleep(50);
    expect(proxy.connections).toBe(0);
  });

  test('certificate-rotated: another authority, and its certificate in the file a little later', async () => {
    expect((await ask(list)).code).toBe(200);
    arm('certificate-rotated', 0.5);
    // The agent hears that its connection is gone.
    await sleep(50);
    expect((await ask(list)).error).toMatch(/SELF_SIGNED|UNABLE_TO_VERIFY|CERT/);
    await sleep(400);
    expect((await ask(list)).code).toBe(200);
  });

  test('a provocation reaches what is open: ended, expired, reset', async () => {
    for (const [provocation, expected] of [['close-watches', { ended: true }], ['expire-watches', { ended: true }], ['reset-connections', { error: 'ECONNRESET' }]] as const) {
      const open = ask(watch, { milliseconds: 1000 });
      await sleep(150);
      proxy.provoke(provocation);
      expect(await open).toMatchObject(expected);
    }
  });
});

test('each strike is counted, by its kind, and one kind leaves room for another', async () => {
  proxy.begin([{ kind: 'internal-error', every: 3, amount: 0 }], '3');
  for (let round = 0; round < 6; round++) await ask(list);
  expect([...proxy.struck]).toEqual([['internal-error', 2]]);
  proxy.begin([{ kind: 'internal-error', every: 1, amount: 0 }, { kind: 'truncated-list', every: 1, amount: 0.9 }], '3');
  for (let round = 0; round < 4; round++) await ask(list);
  expect(proxy.struck.get('truncated-list')).toBeGreaterThanOrEqual(1);
  expect(proxy.struck.get('internal-error')).toBeGreaterThanOrEqual(3);
});
