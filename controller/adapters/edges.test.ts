/** The thin adapters at the process's edges, on real sockets and files. */
import { createSocket, type Socket } from 'node:dgram';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { systemClock } from './clock.ts';
import { dnsSockets } from './dns-sockets.ts';
import { serveHealth } from './health.ts';
import { parseListen } from './listen.ts';
import { createLog } from './log.ts';
import { createMetrics } from './metrics.ts';
import { fileSnapshots } from './snapshot.ts';

const silent = createLog('silent', 'test');
let stop: AbortController;
beforeEach(() => { stop = new AbortController(); });
afterEach(() => stop.abort());

test('a sleep ends at its time, at once for the past, and at once when aborted', async () => {
  const start = systemClock.now();
  await systemClock.sleepUntil(start + 30, stop.signal);
  expect(systemClock.now() - start).toBeGreaterThanOrEqual(29);
  await systemClock.sleepUntil(0, stop.signal);
  const far = systemClock.sleepUntil(start + 10_000_000_000, stop.signal);
  stop.abort();
  await far;
});

test('a sleep that has begun does not grow when the clock is set back', async () => {
  const start = Date.now();
  const sleeping = systemClock.sleepUntil(start + 40, stop.signal);
  const now = vi.spyOn(Date, 'now').mockImplementation(() => start - 3_600_000);
  try {
    await sleeping;
  } finally {
    now.mockRestore();
  }
  expect(Date.now() - start).toBeGreaterThanOrEqual(39);
});

test('a datagram from port 0, which nobody can answer, does not end the process', async () => {
  const sockets: Socket[] = [];
  const note = (message: unknown): void => { sockets.push((message as { socket: Socket }).socket); };
  subscribe('udp.socket', note);
  const { address } = await dnsSockets({ listen: '127.0.0.1:0', log: silent }).serve((packet) => packet, stop.signal);
  unsubscribe('udp.socket', note);
  expect(() => sockets[0]!.emit('message', Buffer.from('forged'), { address: '127.0.0.1', family: 'IPv4', port: 0, size: 6 })).not.toThrow();
  const udp = createSocket('udp4');
  udp.send('real', parseListen(address).port, '127.0.0.1');
  expect(String((await once(udp, 'message'))[0])).toBe('real');
  udp.close();
});

test.each(['127.0.0.1', '127.0.0.1:', 'host:99999', ':x', '::1:53'])('listen address %j is refused with the text in the sentence', (text) => {
  expect(() => parseListen(text)).toThrow(JSON.stringify(text));
});

test('health answers from the readiness it is given', async () => {
  const metrics = createMetrics({ processMetrics: false });
  metrics.counter('isthmus_test_total', 'A test.', ['kind']).inc({ kind: 'a' });
  let reasons = ['caches are not synced'];
  const { address } = await serveHealth({ listen: '127.0.0.1:0', metrics, ready: () => ({ ok: reasons.length === 0, reasons }) }, stop.signal);
  expect((await fetch(`http://${address}/healthz`)).status).toBe(200);
  const notReady = await fetch(`http://${address}/readyz`);
  expect([notReady.status, await notReady.text()]).toEqual([503, 'caches are not synced\n']);
  reasons = [];
  expect((await fetch(`http://${address}/readyz`)).status).toBe(200);
  expect(await (await fetch(`http://${address}/metrics`)).text()).toContain('isthmus_test_total{kind="a"} 1');
  expect((await fetch(`http://${address}/other`)).status).toBe(404);
  expect((await fetch(`http://${address}/metrics`, { method: 'POST' })).status).toBe(405);
});

test('DNS sockets carry packets over UDP and TCP, in parts and several at once, and outlive a handler that throws', async () => {
  const seen: string[] = [];
  const server = dnsSockets({ listen: '127.0.0.1:0', log: silent });
  const { address } = await server.serve((packet, transport) => {
    const text = Buffer.from(packet).toString();
    seen.push(`${transport} ${text}`);
    if (text === 'throw') throw new Error('a fault');
    return text === 'noise' ? undefined : new TextEncoder().encode(text.toUpperCase());
  }, stop.signal);
  const { host, port } = parseListen(address);

  const udp = createSocket('udp4');
  udp.send('throw', port, host);
  udp.send('noise', port, host);
  udp.send('query', port, host);
  expect(String((await once(udp, 'message'))[0])).toBe('QUERY');
  udp.close();

  const tcp = connect(port, host);
  tcp.write(Buffer.from([0]));
  tcp.write(Buffer.from([3, ...Buffer.from('one'), 0, 3, ...Buffer.from('tw')]));
  await systemClock.sleepUntil(systemClock.now() + 20, stop.signal);
  tcp.write('o');
  let received = '';
  while (received.length < 10) received += String((await once(tcp, 'data'))[0]);
  expect(received).toBe('\0\u0003ONE\0\u0003TWO');
  tcp.write(Buffer.from([0, 5, ...Buffer.from('noise')]));
  await once(tcp, 'close');
  expect(seen).toEqual(expect.arrayContaining(['udp throw', 'udp query', 'tcp one', 'tcp two', 'tcp noise']));
});

test('a snapshot is replaced whole, and noise or absence is no snapshot', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'isthmus-snapshot-'));
  const path = join(folder, 'deep', 'state.json');
  const store = fileSnapshots(path, silent);
  expect(await store.load()).toBeUndefined();
  await store.save('one');
  await store.save('two');
  expect(await store.load()).toBe('two');
  writeFileSync(`${path}.${process.pid}.new`, 'half of three');
  expect(await store.load()).toBe('two');
  await expect(fileSnapshots(join(folder, 'deep', 'state.json', 'x'), silent).save('four')).rejects.toThrow();
  expect(readFileSync(path, 'utf8')).toBe('two');
  rmSync(folder, { recursive: true });
});

test('metrics asked for twice are one metric', async () => {
  const metrics = createMetrics({ processMetrics: false });
  metrics.gauge('isthmus_g', 'G.').set({}, 1);
  metrics.gauge('isthmus_g', 'G.').set({}, 2);
  metrics.histogram('isthmus_h_seconds', 'H.').observe({}, 0.2);
  expect(await metrics.render()).toContain('isthmus_g 2');
});
