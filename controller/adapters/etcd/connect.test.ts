/** What goes wrong between a reader and a mesh etcd, each with its true cause. The real etcd: e2e/kube/identity/mesh-reader.test.ts. */
import type { ServerHttp2Stream } from 'node:http2';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { BinaryWriter } from '@bufbuild/protobuf/wire';
import { afterEach, expect, test } from 'vitest';
import { EtcdError, type EtcdConnection, type EtcdTarget } from '../../../mesh/ports/etcd.ts';
import { testAuthority } from '../kubernetes/testing/fake-server.ts';
import { etcdConnector } from './connect.ts';
import { answer, type FakeEtcd, fakeEtcd } from './testing/fake-etcd.ts';

/** Time enough on a busy machine; those whose patience is to end have less. */
const LIMITS = { milliseconds: 20_000, answerBytes: 1000 };
const IMPATIENT = { ...LIMITS, milliseconds: 1500 };
const signal = new AbortController().signal;
const ends: (() => unknown)[] = [];
afterEach(async () => { for (const end of ends.splice(0)) await end(); });

async function etcd(speak: (stream: ServerHttp2Stream, path: string) => void = () => {}, options?: Parameters<typeof fakeEtcd>[1]): Promise<FakeEtcd> {
  const server = await fakeEtcd(speak, options);
  ends.push(() => server.close());
  return server;
}

const targetOf = (server: FakeEtcd, more: Partial<EtcdTarget> = {}): EtcdTarget => {
  const pair = server.authority.issue('client', 'remote');
  return { endpoint: server.url, caPem: server.authority.certificatePem, certPem: pair.certificatePem, keyPem: pair.keyPem, ...more };
};

async function open(target: EtcdTarget, limits = LIMITS): Promise<EtcdConnection> {
  const connection = await etcdConnector(limits).open(target, signal);
  ends.push(() => connection.close());
  return connection;
}

async function problem(work: Promise<unknown>): Promise<EtcdError> {
  const error = await work.then(() => undefined, (thrown: unknown) => thrown);
  if (!(error instanceof EtcdError)) throw new Error(`no EtcdError: ${String(error)}`);
  return error;
}

/** A server that speaks TCP alone. */
async function plain(met: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    met(socket);
  });
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  ends.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

const entry = new BinaryWriter().uint32(10).bytes(Buffer.from('k')).uint32(24).int64(7).uint32(42).bytes(Buffer.from('v')).finish();
const found = new BinaryWriter().uint32(10).fork().uint32(24).int64(9).join().uint32(18).bytes(entry).uint32(32).int64(3).finish();

test('an answer is read, the server\'s certificate is known, and no session is resumed', async () => {
  const server = await etcd((stream) => answer(stream, found));
  for (let turn = 0; turn < 2; turn += 1) {
    const connection = await open(targetOf(server));
    expect(await connection.range({ key: 'k' })).toEqual({ entries: [{ key: 'k', value: 'v', modRevision: 7 }], count: 3, revision: 9 });
    expect(connection.server.notAfter).toBeGreaterThan(Date.now());
    connection.close();
    expect(await problem(connection.range({ key: 'k' }))).toMatchObject({ reason: 'Cancelled' });
  }
  expect([server.connections(), server.resumed()]).toEqual([2, 0]);
});

test('a name is found where its addresses say, and must be in the certificate', async () => {
  const server = await etcd((stream) => answer(stream, found));
  const connection = await open(targetOf(server, { endpoint: `https://localhost:${server.port}`, addresses: ['127.0.0.1'] }));
  expect((await connection.range({ key: 'k' })).count).toBe(3);
  expect(await problem(open(targetOf(server, { endpoint: `https://oslo.mesh.cilium.io:${server.port}`, addresses: ['127.0.0.1'] })))).toMatchObject({ reason: 'ServerNameMismatch', advice: 'user' });
});

test.each([
  ['InvalidTarget', { endpoint: 'http://127.0.0.1:1' }], ['InvalidTarget', { endpoint: 'oslo' }], ['InvalidTarget', { keyPem: 'none' }], ['InvalidTarget', { addresses: ['oslo'] }],
  ['Unreachable', { endpoint: 'https://127.0.0.1:1' }], ['Unreachable', { endpoint: 'https://oslo.test:1', addresses: ['127.0.0.1', '127.0.0.2'] }], ['NameUnresolved', { endpoint: 'https://oslo.invalid:2379' }],
  ['UntrustedServer', { caPem: testAuthority('another').certificatePem }],
] as const)('%s: %o', async (reason, more) => {
  const server = await etcd();
  // Nobody may answer for the name, and say nothing either.
  expect((await problem(open(targetOf(server, more), reason === 'NameUnresolved' ? IMPATIENT : LIMITS))).reason).toBe(reason);
});

test('an expired certificate of the server, and one of ours that it does not take', async () => {
  expect((await problem(open(targetOf(await etcd(undefined, { lastsMilliseconds: -1000 }))))).reason).toBe('ServerCertificateExpired');
  const wary = await etcd(undefined, { trusts: testAuthority('another') });
  expect((await problem(open(targetOf(wary)))).reason).toBe('ClientCertificateRefused');
});

test('whoever hangs, speaks no TLS, or slams the door', async () => {
  const server = await etcd();
  const at = (port: number, limits = LIMITS): Promise<EtcdError> => problem(open(targetOf(server, { endpoint: `https://127.0.0.1:${port}` }), limits));
  expect(await at(await plain(() => {}), IMPATIENT)).toMatchObject({ reason: 'Timeout', message: expect.stringContaining('ends no handshake') as string });
  expect((await at(await plain((socket) => socket.write('SSH-2.0-OpenSSH_9.6\r\n')))).reason).toBe('NotTls');
  expect((await at(await plain((socket) => socket.destroy()))).reason).toBe('Unavailable');
  const connection = await open(targetOf(server), IMPATIENT);
  expect(await problem(connection.range({ key: 'k' }))).toMatchObject({ reason: 'Timeout', message: expect.stringContaining('gives no answer') as string });
  expect((await problem(connection.range({ key: 'k' }))).reason).toBe('Timeout');
});

test('an answer without an end, announced or not, is cut off at the bound', async () => {
  const flood = Buffer.alloc(16_384);
  let sent = 0;
  const pour = (stream: ServerHttp2Stream, first: Buffer): void => {
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' });
    stream.write(first);
    const more = (): void => { while (!stream.destroyed && stream.write(flood)) sent += flood.length; };
    stream.on('drain', more);
    more();
  };
  for (const first of [Buffer.from([0, 255, 255, 255, 255]), Buffer.from([0, 0, 0, 0, 5])]) {
    const connection = await open(targetOf(await etcd((stream) => pour(stream, first))));
    expect((await problem(connection.range({ key: 'k' }))).reason).toBe('TooLarge');
  }
  expect(sent).toBeLessThan(4 << 20);
});

test('many answers that are each small enough are cut off at the same bound together', async () => {
  const entryOf = (bytes: number): Uint8Array => new BinaryWriter().uint32(10).bytes(Buffer.from('k')).uint32(42).bytes(Buffer.alloc(bytes, 'v')).finish();
  const connection = await open(targetOf(await etcd((stream) => answer(stream, new BinaryWriter().uint32(18).bytes(entryOf(300)).finish()))));
  const answers = await Promise.allSettled(Array.from({ length: 12 }, () => connection.range({ key: 'k' })));
  const refused = answers.flatMap((one) => (one.status === 'rejected' ? [(one.reason as EtcdError).reason] : []));
  expect(refused.length).toBeGreaterThanOrEqual(9);
  expect(new Set(refused)).toEqual(new Set(['TooLarge']));
});

test.each<[string, (stream: ServerHttp2Stream) => void]>([
  ['no protobuf', (stream) => answer(stream, Buffer.from('garbage'))],
  ['a field longer than its message', (stream) => answer(stream, Buffer.from([18, 100, 1]))],
  ['a count below zero', (stream) => answer(stream, new BinaryWriter().uint32(32).int64(-5).finish())],
  ['no message', (stream) => answer(stream, undefined)],
  ['a web page', (stream) => { stream.respond({ ':status': 404, 'content-type': 'text/html' }); stream.end('<html>'); }],
  ['no status', (stream) => { stream.respond({ ':status': 200, 'content-type': 'application/grpc' }); stream.end(); }],
])('%s is Malformed', async (_name, speak) => {
  const connection = await open(targetOf(await etcd(speak)));
  expect((await problem(connection.range({ key: 'k' }))).reason).toBe('Malformed');
});

test('what etcd says to a user that it does not know ends no connection; what it says is one printable line', async () => {
  let refuse = true;
  const server = await etcd((stream) => (refuse ? answer(stream, undefined, 7, 'etcdserver: permission\u001b[31m denied\n') : answer(stream, found)));
  const connection = await open(targetOf(server));
  expect(await problem(connection.range({ key: 'k' }))).toMatchObject({ reason: 'PermissionDenied', message: `${server.url} answers: etcdserver: permission [31m denied` });
  expect(await connection.mayWrite('k')).toBe(false);
  refuse = false;
  expect(await connection.mayWrite('k')).toBe(true);
  expect((await connection.range({ key: 'k' })).count).toBe(3);
});

test('a cancelled connection ends what waits on it', async () => {
  const server = await etcd();
  const stop = new AbortController();
  const connection = await etcdConnector(LIMITS).open(targetOf(server), stop.signal);
  const asked = problem(connection.range({ key: 'k' }));
  stop.abort();
  expect((await asked).reason).toBe('Cancelled');
  expect((await problem(etcdConnector(LIMITS).open(targetOf(server), stop.signal))).reason).toBe('Cancelled');
});
