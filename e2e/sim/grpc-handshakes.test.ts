/** How one comes in over gRPC: by TLS 1.3 and no session of before, each handshake in its turn, and not too often. */
import { once } from 'node:events';
import http2 from 'node:http2';
import { connect as dial } from 'node:net';
import tls from 'node:tls';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { grpcGatewayServer } from '../../controller/adapters/grpc/gateway-server.ts';
import type { TurnLimits } from '../../controller/adapters/grpc/handshake-turns.ts';
import { grpcHubConnector } from '../../controller/adapters/grpc/hub-connector.ts';
import { silentLog } from '../../controller/runtime/testing/fakes.ts';
import { type Gateway, handler, issued, joinRequest, openGateway } from './grpc-gateway.ts';
import { never } from './transport-bench.ts';

describe('the gateway over gRPC', () => {
  let gateway: Gateway;
  beforeAll(async () => { gateway = await openGateway(); });
  afterAll(() => gateway.stop());

  it('speaks TLS 1.3 and nothing older', async () => {
    const { secure } = gateway;
    const modern = tls.connect(secure(undefined));
    await once(modern, 'secureConnect');
    expect(modern.getProtocol()).toBe('TLSv1.3');
    modern.destroy();
    const old = tls.connect(secure(undefined, { minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' }));
    const [error] = await once(old, 'error') as [Error];
    expect(error.message).toMatch(/protocol version/i);
  });

  it('resumes no session, before and after a certificate was replaced', async () => {
    const { ours, port, secure } = gateway;
    const identity = ours.identity('berlin');
    // The same probe against a server as Node makes it, so that "no ticket" means something.
    const naive = http2.createSecureServer({ key: ours.server.keyPem, cert: ours.server.chainPem, ca: ours.server.bundlePem, requestCert: true, rejectUnauthorized: false });
    await new Promise<void>((resolve) => { naive.listen(0, '127.0.0.1', resolve); });
    onTestFinished(() => { naive.close(); });
    const probe = async (target: number, session?: Buffer): Promise<{ reused: boolean; tickets: Buffer[] }> => {
      const client = http2.connect(`https://127.0.0.1:${target}`, { createConnection: () => tls.connect(secure(identity, { port: target, ...(session === undefined ? {} : { session }) })) });
      const tickets: Buffer[] = [];
      (client.socket as tls.TLSSocket).on('session', (ticket: Buffer) => tickets.push(ticket));
      await once(client, 'remoteSettings');
      await new Promise((resolve) => { setTimeout(resolve, 100); });
      const reused = (client.socket as tls.TLSSocket).isSessionReused();
      client.destroy();
      return { reused, tickets };
    };
    const naivePort = (naive.address() as { port: number }).port;
    const control = await probe(naivePort);
    expect((await probe(naivePort, control.tickets[0])).reused).toBe(true);

    for (const server of [ours.server, ours.identity('oslo'), ours.server]) {
      gateway.material = server;
      const first = await probe(port);
      for (const ticket of [...first.tickets, ...control.tickets]) expect((await probe(port, ticket)).reused).toBe(false);
    }
  });

  it('survives connections that are no TLS', async () => {
    const { host, port, joins } = gateway;
    for (const noise of ['GET / HTTP/1.1\r\n\r\n', '\x16\x03\x01\x00\x05hello', '\x00']) {
      const socket = dial(port, host);
      socket.on('error', () => {});
      socket.resume();
      socket.end(noise);
      await once(socket, 'close');
    }
    expect(await joins()).toEqual(issued);
  });

  async function takingTurns(turns: Partial<TurnLimits>): Promise<{ opened(): Promise<tls.TLSSocket>; raw(said: string): Promise<{ readonly closed: () => boolean }> }> {
    const { ours, host, secure } = gateway;
    const own = new AbortController();
    onTestFinished(() => own.abort());
    const limits = { atOnce: 1, waiting: 2, turnMilliseconds: 60_000, silenceMilliseconds: 60_000, ...turns };
    const { address: at } = await grpcGatewayServer({ listen: '127.0.0.1:0', log: silentLog, turns: limits }).serve(handler, () => ours.server, own.signal);
    const target = Number(at.split(':')[1]);
    return {
      async opened() {
        const socket = tls.connect(secure(ours.identity('berlin'), { port: target }));
        socket.on('error', () => {});
        onTestFinished(() => { socket.destroy(); });
        // Under TLS 1.3 a client has done its part before the server has done its own; its settings show that.
        await new Promise<void>((resolve, reject) => {
          socket.once('data', () => resolve());
          socket.once('close', () => reject(new Error('closed')));
        });
        return socket;
      },
      async raw(said) {
        const socket = dial(target, host);
        socket.on('error', () => {});
        socket.resume();
        onTestFinished(() => { socket.destroy(); });
        await once(socket, 'connect');
        socket.write(said);
        let closed = false;
        socket.once('close', () => { closed = true; });
        return { closed: () => closed };
      },
    };
  }
  /** The head of a record that announces more than comes. */
  const HALF = '\x16\x03\x01\x02\x00\x01';

  it('lets the next one shake hands as soon as the one before has, however long that stays', async () => {
    const { opened } = await takingTurns({});
    for (let number = 0; number < 4; number += 1) await opened();
    expect(await Promise.all([opened(), opened(), opened()])).toHaveLength(3);
  });

  it('lets others in while somebody stops half way through a handshake, and somebody else says nothing', async () => {
    const { opened, raw } = await takingTurns({ turnMilliseconds: 300 });
    const others = [await raw(''), await raw(HALF)];
    await Promise.all([opened(), opened()]);
    expect(others.map(({ closed }) => closed())).toEqual([false, false]);
  });

  it('closes at once who is one too many', async () => {
    const { opened, raw } = await takingTurns({});
    for (let number = 0; number < 3; number += 1) await raw(HALF);
    await expect(opened()).rejects.toThrow('closed');
  });

  it('slows down an address that joins too often', async () => {
    const { ours } = gateway;
    const own = new AbortController();
    onTestFinished(() => own.abort());
    const limited = await grpcGatewayServer({ listen: '127.0.0.1:0', log: silentLog, joinLimit: { burst: 3, perSecond: 0.001 } }).serve(handler, () => ours.server, own.signal);
    const join = (): Promise<unknown> => grpcHubConnector().join({ address: limited.address, trustDomain: 'mesh.test', caPem: ours.server.bundlePem }, joinRequest, never);
    for (let attempt = 0; attempt < 3; attempt += 1) await join();
    await expect(join()).rejects.toMatchObject({ reason: 'Overloaded', advice: 'retry', message: expect.stringContaining('127.0.0.1') as string });
  });
});
