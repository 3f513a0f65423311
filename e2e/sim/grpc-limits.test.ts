/** Limits of connections, over gRPC as in production, at sizes that a test can wait for. */
import { once } from 'node:events';
import http2 from 'node:http2';
import { connect as dial, createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { systemClock } from '../../controller/adapters/clock.ts';
import { grpcGatewayServer } from '../../controller/adapters/grpc/gateway-server.ts';
import { grpcHubConnector } from '../../controller/adapters/grpc/hub-connector.ts';
import type * as Settings from '../../controller/adapters/grpc/settings.ts';
import { p256Signer } from '../../controller/adapters/signer.ts';
import { silentLog } from '../../controller/runtime/testing/fakes.ts';
import type { GatewayHandler, SyncStream } from '../../mesh/ports/transport.ts';
import { type Certificates, certificates, never } from './transport-bench.ts';

const { AGE, GRACE, IDLE, ANSWER, CONNECTIONS } = vi.hoisted(() => ({ AGE: 2500, GRACE: 500, IDLE: 500, ANSWER: 1500, CONNECTIONS: 6 }));
/** As they are in production. */
const real = await vi.importActual<typeof Settings>('../../controller/adapters/grpc/settings.ts');

vi.mock('../../controller/adapters/grpc/settings.ts', async (importActual) => {
  const actual = await importActual<typeof Settings>();
  return {
    ...actual, MAX_CONNECTIONS: CONNECTIONS, SYNC_ANSWER_MILLISECONDS: ANSWER,
    SERVER_OPTIONS: { ...actual.SERVER_OPTIONS, 'grpc.max_connection_age_ms': AGE, 'grpc.max_connection_age_grace_ms': GRACE, 'grpc.max_connection_idle_ms': IDLE },
    CLIENT_OPTIONS: { ...actual.CLIENT_OPTIONS, 'grpc.keepalive_time_ms': 200, 'grpc.keepalive_timeout_ms': 300 },
  };
});

const issued = { chainPem: 'chain', bundlePem: 'bundle', trustDomain: 'mesh.test', notAfter: 1_900_000_000_000 };
const handler: GatewayHandler = {
  join: () => Promise.resolve(issued), renew: () => Promise.resolve(issued), issueMeshCertificates: () => Promise.resolve([]),
  async sync(_peer, stream) { for await (const message of stream.messages) await stream.send(message); },
};

describe('a connection to the gateway', () => {
  let ours: Certificates;
  beforeAll(async () => { ours = await certificates(p256Signer, systemClock, 1); });
  const stop = new AbortController();
  afterAll(() => stop.abort());

  /** A server each: connections of one test are not among another's. */
  async function served(): Promise<string> {
    return (await grpcGatewayServer({ listen: '127.0.0.1:0', log: silentLog }).serve(handler, () => ours.server, stop.signal)).address;
  }
  async function session(address: string): Promise<http2.ClientHttp2Session> {
    const { keyPem, chainPem } = ours.identity('berlin');
    const client = http2.connect(`https://${address}`, { ca: ours.server.bundlePem, checkServerIdentity: () => undefined, key: keyPem, cert: chainPem });
    client.on('error', () => {});
    onTestFinished(() => client.destroy());
    await once(client, 'remoteSettings');
    return client;
  }
  /** Between two ends: lets pass what comes while `passes` says so of a connection, counted from 1. */
  async function wire([host, port]: readonly [string, string], passes: (connection: number) => boolean): Promise<string> {
    const ends: Socket[] = [];
    const between = createServer((near) => {
      const far = dial(Number(port), host);
      ends.push(near, far);
      const connection = ends.length / 2;
      for (const [from, to] of [[near, far], [far, near]] as const) from.on('error', () => {}).on('data', (bytes: Buffer) => { if (passes(connection)) to.write(bytes); });
    });
    between.listen(0, '127.0.0.1');
    await once(between, 'listening');
    onTestFinished(() => { between.close(); for (const socket of ends) socket.destroy(); });
    return `127.0.0.1:${(between.address() as { port: number }).port}`;
  }
  async function ends(stream: SyncStream): Promise<unknown> {
    return (async () => { for await (const _ of stream.messages); })().then(() => undefined, (error: unknown) => error);
  }

  it('has the limits that the reference names', () => {
    expect(real.SERVER_OPTIONS).toMatchObject({
      'grpc.max_connection_age_ms': 3_600_000, 'grpc.max_connection_age_grace_ms': 30_000, 'grpc.max_connection_idle_ms': 300_000, 'grpc.max_concurrent_streams': 16,
      'grpc.max_receive_message_length': 4 * 1024 * 1024, 'grpc.max_send_message_length': 4 * 1024 * 1024, 'grpc-node.max_session_memory': 32,
    });
  });

  it('ends some time after it got old, with its streams; the next stream takes a new one', async () => {
    const connection = grpcHubConnector().connect(await served(), ours.identity('berlin'));
    onTestFinished(() => connection.close());
    const begin = performance.now();
    const stream = connection.sync(never);
    await stream.send({ kind: 'ack', type: 'Question', nonce: '1', error: '' });
    expect(await ends(stream)).toMatchObject({ advice: 'retry', reason: 'Unreachable' });
    // grpc-js adds up to a tenth to the age.
    expect(performance.now() - begin).toBeGreaterThan(0.9 * AGE);
    expect(performance.now() - begin).toBeLessThan(1.1 * AGE + GRACE + 3000);
    expect(await connection.renew(Uint8Array.of(1), never)).toEqual(issued);
  });

  it('ends where no call uses it, and only there', async () => {
    const address = await served();
    const [idle, busy] = [await session(address), await session(address)];
    const call = busy.request({ ':method': 'POST', ':path': '/isthmus.v1.Gateway/Sync', 'content-type': 'application/grpc', te: 'trailers' });
    call.on('error', () => {});
    await once(idle, 'close');
    expect([busy.closed, call.closed]).toEqual([false, false]);
  });

  it('is given 16 streams, and so much memory of the hub as the limit says', async () => {
    const made = vi.spyOn(http2, 'createSecureServer');
    onTestFinished(() => { made.mockRestore(); });
    const client = await session(await served());
    expect(client.remoteSettings.maxConcurrentStreams).toBe(16);
    expect(made.mock.lastCall?.[0]).toMatchObject({ maxSessionMemory: 32, handshakeTimeout: 10_000, minVersion: 'TLSv1.3' });
  });

  it('is one of so many at most; who comes later is closed', async () => {
    const [host = '', port = ''] = (await served()).split(':');
    const sockets = await Promise.all(Array.from({ length: CONNECTIONS + 2 }, async () => {
      const socket = dial(Number(port), host);
      let open = true;
      socket.on('error', () => {}).on('close', () => { open = false; });
      socket.resume();
      onTestFinished(() => { socket.destroy(); });
      await Promise.race([once(socket, 'connect'), once(socket, 'close')]);
      return { isOpen: () => open };
    }));
    await expect.poll(() => sockets.filter(({ isOpen }) => isOpen()).length).toBe(CONNECTIONS);
  });

  it('that has fallen silent is noticed by keepalive, and its stream ends', async () => {
    const [host = '', port = ''] = (await served()).split(':');
    let silent = false;
    const between = await wire([host, port], () => !silent);
    const connection = grpcHubConnector().connect(between, ours.identity('berlin'));
    onTestFinished(() => connection.close());
    const stream = connection.sync(never);
    await stream.send({ kind: 'ack', type: 'Question', nonce: '1', error: '' });
    await sleep(100);
    silent = true;
    const begin = performance.now();
    expect(await ends(stream)).toMatchObject({ advice: 'retry', reason: 'Unreachable' });
    expect(performance.now() - begin).toBeLessThan(0.9 * AGE);
  });

  it('whose handshake nobody answers is given up in the end, and not waited for again', async () => {
    const [host = '', port = ''] = (await served()).split(':');
    const connection = grpcHubConnector().connect(await wire([host, port], (number) => number > 1), ours.identity('berlin'));
    onTestFinished(() => connection.close());
    const begin = performance.now();
    expect(await ends(connection.sync(never))).toMatchObject({ advice: 'retry', reason: 'Unreachable', message: expect.stringContaining('said nothing within') as string });
    expect(performance.now() - begin).toBeGreaterThan(0.9 * ANSWER);
    const message = { kind: 'ack', type: 'Question', nonce: '1', error: '' } as const;
    const stream = connection.sync(never);
    await stream.send(message);
    expect((await stream.messages[Symbol.asyncIterator]().next()).value).toEqual(message);
    expect(real.SYNC_ANSWER_MILLISECONDS).toBeGreaterThan(2 * (real.HANDSHAKE_TURNS.waiting / 100) * 1000);
  });
});
