/** What only the gRPC transport can get wrong: TLS, bytes that are no gRPC, certificates that change under way. */
import { once } from 'node:events';
import http2 from 'node:http2';
import { connect as dial } from 'node:net';
import tls from 'node:tls';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { systemClock } from '../../controller/adapters/clock.ts';
import { grpcGatewayServer } from '../../controller/adapters/grpc/gateway-server.ts';
import type { TurnLimits } from '../../controller/adapters/grpc/handshake-turns.ts';
import { grpcHubConnector } from '../../controller/adapters/grpc/hub-connector.ts';
import { p256Signer } from '../../controller/adapters/signer.ts';
import { recordingLog, seededRandom, silentLog } from '../../controller/runtime/testing/fakes.ts';
import { signCertificate } from '../../certs/authority/certificate.ts';
import { type GatewayHandler, type IdentityMaterial, type ServerMaterial, TransportError } from '../../mesh/ports/transport.ts';
import { type Certificates, certificates, never } from './transport-bench.ts';

const issued = { chainPem: 'chain', bundlePem: 'bundle', trustDomain: 'mesh.test', notAfter: 1_900_000_000_000 };
const handler: GatewayHandler = {
  join: () => Promise.resolve(issued),
  renew: () => Promise.resolve(issued),
  issueMeshCertificates: () => Promise.resolve([]),
  async sync(_peer, stream) {
    try {
      for await (const _ of stream.messages);
    } catch (error) {
      broken.push(`${(error as TransportError).reason}: ${(error as Error).message}`);
      throw error;
    }
  },
};
/** How Sync streams broke, as the hub hears it. */
const broken: string[] = [];
const joinRequest = { cluster: 'berlin', secret: Uint8Array.of(1), csrDer: Uint8Array.of(2) };

describe('the gateway over gRPC', () => {
  let ours: Certificates;
  let foreign: Certificates;
  let material: ServerMaterial;
  let host = '';
  let port = 0;
  let address = '';
  const stop = new AbortController();
  const log = recordingLog();
  beforeAll(async () => {
    ours = await certificates(p256Signer, systemClock, 1);
    foreign = await certificates(p256Signer, systemClock, 2);
    material = ours.server;
    ({ address } = await grpcGatewayServer({ listen: '127.0.0.1:0', log }).serve(handler, () => material, stop.signal));
    host = address.split(':')[0] ?? '';
    port = Number(address.split(':')[1]);
  });
  afterAll(() => stop.abort());

  const joins = (): Promise<unknown> => grpcHubConnector().join({ address, trustDomain: 'mesh.test', caPem: ours.server.bundlePem }, joinRequest, never);
  const secure = (identity: IdentityMaterial | undefined, options: tls.ConnectionOptions = {}): tls.ConnectionOptions => ({
    host, port, ca: ours.server.bundlePem, checkServerIdentity: () => undefined, ALPNProtocols: ['h2'],
    ...(identity === undefined ? {} : { key: identity.keyPem, cert: identity.chainPem }), ...options,
  });

  it('speaks TLS 1.3 and nothing older', async () => {
    const modern = tls.connect(secure(undefined));
    await once(modern, 'secureConnect');
    expect(modern.getProtocol()).toBe('TLSv1.3');
    modern.destroy();
    const old = tls.connect(secure(undefined, { minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' }));
    const [error] = await once(old, 'error') as [Error];
    expect(error.message).toMatch(/protocol version/i);
  });

  it('resumes no session, before and after a certificate was replaced', async () => {
    const identity = ours.identity('berlin');
    // The same probe against a server as Node makes it, so that "no ticket" means something.
    const naive = http2.createSecureServer({ key: material.keyPem, cert: material.chainPem, ca: material.bundlePem, requestCert: true, rejectUnauthorized: false });
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
      material = server;
      const first = await probe(port);
      for (const ticket of [...first.tickets, ...control.tickets]) expect((await probe(port, ticket)).reused).toBe(false);
    }
  });

  it('takes a new certificate and new roots without a restart, and keeps the last good ones', async () => {
    await joins();
    material = foreign.server;
    await expect(joins()).rejects.toMatchObject({ reason: 'Unauthenticated' });
    material = { ...ours.server, bundlePem: ours.server.bundlePem + foreign.server.bundlePem };
    const connection = grpcHubConnector().connect(address, { ...foreign.identity('oslo'), bundlePem: ours.server.bundlePem });
    onTestFinished(() => connection.close());
    expect(await connection.renew(Uint8Array.of(1), never)).toEqual(issued);
    const damaged = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';
    for (const broken of [
      { ...ours.server, keyPem: foreign.server.keyPem }, { ...ours.server, keyPem: '' }, { ...ours.server, chainPem: 'no certificate' },
      { ...ours.server, bundlePem: '' }, { ...ours.server, bundlePem: ours.server.bundlePem + damaged },
    ]) {
      material = broken;
      const before = log.lines.length;
      const again = grpcHubConnector().connect(address, ours.identity('berlin'));
      onTestFinished(() => again.close());
      // Its certificate is judged by the roots that were last good.
      expect(await again.renew(Uint8Array.of(1), never)).toEqual(issued);
      expect(log.lines.slice(before)).toMatchObject([{ level: 'error', message: expect.stringContaining('keeping those in use') as string }]);
    }
    material = ours.server;
  });

  it('takes new certificates under open streams: those go on, over the connection that they have', async () => {
    const own = new AbortController();
    onTestFinished(() => { own.abort(); });
    const echo: GatewayHandler = { ...handler, async sync(_peer, stream) { for await (const message of stream.messages) await stream.send(message); } };
    let shown = ours.server;
    const { address: at } = await grpcGatewayServer({ listen: '127.0.0.1:0', log: silentLog }).serve(echo, () => shown, own.signal);
    const connection = grpcHubConnector().connect(at, ours.identity('berlin'));
    onTestFinished(() => connection.close());
    const stream = connection.sync(never);
    const heard = stream.messages[Symbol.asyncIterator]();
    let nonce = 0;
    const answers = async (): Promise<void> => {
      const message = { kind: 'ack', type: 'Question', nonce: String(nonce += 1), error: '' } as const;
      await stream.send(message);
      expect((await heard.next()).value).toEqual(message);
    };
    const joinsWith = (caPem: string): Promise<unknown> => grpcHubConnector().join({ address: at, trustDomain: 'mesh.test', caPem }, joinRequest, never);
    await answers();
    // Both are believed, then the new one is shown, then the old one is believed no more.
    for (const [next, believed] of [[{ ...ours.server, bundlePem: ours.server.bundlePem + foreign.server.bundlePem }, ours], [{ ...foreign.server, bundlePem: ours.server.bundlePem + foreign.server.bundlePem }, foreign], [foreign.server, foreign]] as const) {
      shown = next;
      await joinsWith(believed.server.bundlePem);
      await answers();
    }
    await expect(joinsWith(ours.server.bundlePem)).rejects.toMatchObject({ reason: 'Unauthenticated' });
    await answers();
  });

  it('judges at each call whether the certificate has expired, not once for a connection', async () => {
    const connection = grpcHubConnector().connect(address, ours.identity('berlin', 3));
    onTestFinished(() => connection.close());
    expect(await connection.renew(Uint8Array.of(1), never)).toEqual(issued);
    const now = Date.now();
    const clock = vi.spyOn(Date, 'now').mockImplementation(() => now + 4000);
    onTestFinished(() => { clock.mockRestore(); });
    await expect(connection.renew(Uint8Array.of(1), never)).rejects.toMatchObject({ reason: 'Unauthenticated', message: expect.stringContaining('expired at') as string });
  });

  it.each([
    ['no SPIFFE ID', []],
    ['two', ['spiffe://mesh.test/cluster/berlin', 'spiffe://mesh.test/cluster/oslo']],
    ['the hub\'s', ['spiffe://mesh.test/hub']],
    ['another trust domain\'s', ['spiffe://other.test/cluster/berlin']],
    ['one with a path behind the name', ['spiffe://mesh.test/cluster/berlin/x']],
    ['one that hides a second in a comma', ['spiffe://mesh.test/cluster/berlin, URI:spiffe://mesh.test/cluster/oslo']],
    ['one with upper case', ['spiffe://mesh.test/cluster/Berlin']],
  ])('refuses a certificate of our root with %s', async (_name, uris) => {
    const ca = p256Signer.generate();
    const key = p256Signer.generate();
    const serial = Uint8Array.of(1, 2, 3);
    const common = { issuer: { organization: 'Test', commonName: 'test root' }, serial, validity: { notBefore: Date.now() - 60_000, notAfter: Date.now() + 60_000 }, issuerPublicKeyDer: ca.publicKeyDer };
    const root = signCertificate({ ...common, subject: common.issuer, names: {}, publicKeyDer: ca.publicKeyDer, usage: { kind: 'authority', pathLength: 0 } }, ca);
    const leaf = signCertificate({ ...common, serial: Uint8Array.of(4), subject: { organization: 'Test' }, names: { uris }, publicKeyDer: key.publicKeyDer, usage: { kind: 'leaf', server: false, client: true } }, ca);
    material = { ...ours.server, bundlePem: ours.server.bundlePem + root };
    const connection = grpcHubConnector().connect(address, { cluster: 'berlin', trustDomain: 'mesh.test', keyPem: key.exportPem(), chainPem: leaf, bundlePem: ours.server.bundlePem });
    onTestFinished(() => { connection.close(); material = ours.server; });
    await expect(connection.renew(Uint8Array.of(1), never)).rejects.toMatchObject({ reason: 'Unauthenticated', message: expect.stringContaining('exactly one of the form') as string });
  });

  it('tells why it ended a stream that its session had closed before', async () => {
    const stop = new AbortController();
    onTestFinished(() => stop.abort());
    const closing: GatewayHandler = { ...handler, sync(_peer, stream) {
      stream.close('session ended');
      return Promise.reject(new TransportError('never', 'InvalidRequest', 'Sync: nonce "x" is not a whole number'));
    } };
    const { address: at } = await grpcGatewayServer({ listen: '127.0.0.1:0', log: silentLog }).serve(closing, () => ours.server, stop.signal);
    const connection = grpcHubConnector().connect(at, ours.identity('berlin'));
    onTestFinished(() => connection.close());
    const drained = (async () => { for await (const _ of connection.sync(never).messages); })();
    await expect(drained).rejects.toMatchObject({ reason: 'InvalidRequest', advice: 'never', message: 'Sync: nonce "x" is not a whole number', answered: true });
  });

  it('trusts nobody where it was given no root that can be read, and no public authority in place of them', async () => {
    const known = tls.getCACertificates('default');
    tls.setDefaultCACertificates([ours.server.bundlePem]);
    onTestFinished(() => { tls.setDefaultCACertificates(known); });
    for (const caPem of ['', 'no certificate']) {
      await expect(grpcHubConnector().join({ address, trustDomain: 'mesh.test', caPem }, joinRequest, never)).rejects.toMatchObject({ reason: 'Unauthenticated' });
    }
  });

  it('answers every call but Join without a certificate with UNAUTHENTICATED', async () => {
    for (const method of ['Renew', 'IssueMeshCertificates', 'Sync']) expect((await request(method, frame(Buffer.alloc(0)))).status).toBe('16');
  });

  /** A raw HTTP/2 request, so that the body can be anything. */
  async function request(method: string, body: Buffer, identity?: IdentityMaterial): Promise<{ status: string; message: string }> {
    const client = http2.connect(`https://${address}`, { createConnection: () => tls.connect(secure(identity)) });
    onTestFinished(() => client.destroy());
    const stream = client.request({ ':method': 'POST', ':path': `/isthmus.v1.Gateway/${method}`, 'content-type': 'application/grpc', te: 'trailers' });
    let headers: http2.IncomingHttpHeaders = {};
    stream.on('response', (given) => { headers = { ...headers, ...given }; });
    stream.on('trailers', (given) => { headers = { ...headers, ...given }; });
    stream.on('error', () => {});
    stream.resume();
    stream.end(body);
    await once(stream, 'close');
    return { status: String(headers['grpc-status']), message: decodeURIComponent(String(headers['grpc-message'] ?? '')) };
  }

  const frame = (message: Buffer, length = message.length): Buffer => {
    const head = Buffer.alloc(5);
    head.writeUInt32BE(length, 1);
    return Buffer.concat([head, message]);
  };

  it('answers damaged messages with a clear status, and serves the others on', async () => {
    const identity = ours.identity('berlin');
    const stream = connectSync(ours.identity('oslo'));
    let cut = false;
    void (async () => { try { for await (const _ of stream.messages); } catch { cut = true; } })();

    // A field of 120 bytes of which 3 came; then protobuf of another message; then a frame cut short, one too large, one of noise.
    expect(await request('Renew', frame(Buffer.from([0x0a, 120, 1, 2, 3])), identity)).toMatchObject({ status: '3', message: expect.stringContaining('Renew request: cannot be read') as string });
    expect(await request('Sync', frame(Buffer.from([0x12, 120, 8])), identity)).toMatchObject({ status: '3', message: expect.stringContaining('Sync message: cannot be read') as string });
    expect((await request('Renew', frame(Buffer.from([1, 2]), 100), identity)).status).not.toBe('0');
    expect((await request('Renew', frame(Buffer.from([1, 2]), 100 * 1024 * 1024), identity)).status).toBe('8');
    const noise = seededRandom(3);
    for (let attempt = 0; attempt < 20; attempt += 1) {
      const bytes = Buffer.from(noise.bytes(1 + Math.floor(noise.uniform() * 60)));
      expect((await request('Renew', attempt % 2 === 0 ? frame(bytes) : bytes, identity)).status).not.toBe('0');
    }
    expect((await request('NoSuchMethod', frame(Buffer.alloc(0)), identity)).status).toBe('12');
    expect(await joins()).toEqual(issued);
    expect(cut).toBe(false);
  });

  it('tells the hub of a message that is too large to be read, and how large', async () => {
    const before = broken.length;
    expect(await request('Sync', frame(Buffer.from([1, 2]), 10 * 1024 * 1024), ours.identity('berlin'))).toEqual({ status: '8', message: 'Received message larger than max (10485760 vs 4194304)' });
    await expect.poll(() => broken.slice(before)).toEqual(['InvalidRequest: Sync message: Received message larger than max (10485760 vs 4194304)']);
  });

  function connectSync(identity: IdentityMaterial) {
    const connection = grpcHubConnector().connect(address, identity);
    onTestFinished(() => connection.close());
    return connection.sync(never);
  }

  it('survives connections that are no TLS', async () => {
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
    const own = new AbortController();
    onTestFinished(() => own.abort());
    const limited = await grpcGatewayServer({ listen: '127.0.0.1:0', log: silentLog, joinLimit: { burst: 3, perSecond: 0.001 } }).serve(handler, () => ours.server, own.signal);
    const join = (): Promise<unknown> => grpcHubConnector().join({ address: limited.address, trustDomain: 'mesh.test', caPem: ours.server.bundlePem }, joinRequest, never);
    for (let attempt = 0; attempt < 3; attempt += 1) await join();
    await expect(join()).rejects.toMatchObject({ reason: 'Overloaded', advice: 'retry', message: expect.stringContaining('127.0.0.1') as string });
  });

  it('does not start with a key that is not the certificate\'s, or on a taken address', async () => {
    await expect(grpcGatewayServer({ listen: '127.0.0.1:0', log: silentLog }).serve(handler, () => ({ ...ours.server, keyPem: foreign.server.keyPem }), never)).rejects.toThrow(/private key is not/);
    await expect(grpcGatewayServer({ listen: address, log: silentLog }).serve(handler, () => ours.server, never)).rejects.toThrow(/EADDRINUSE/);
  });
});
