/** What is said over gRPC that cannot be taken: without a certificate, damaged, too large, or against the protocol. The caller is told, and the others are served on. */
import { once } from 'node:events';
import http2 from 'node:http2';
import tls from 'node:tls';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { grpcGatewayServer } from '../../controller/adapters/grpc/gateway-server.ts';
import { grpcHubConnector } from '../../controller/adapters/grpc/hub-connector.ts';
import { seededRandom, silentLog } from '../../controller/runtime/testing/fakes.ts';
import { type GatewayHandler, type IdentityMaterial, TransportError } from '../../mesh/ports/transport.ts';
import { type Gateway, handler, issued, openGateway } from './grpc-gateway.ts';
import { never } from './transport-bench.ts';

/** How Sync streams broke, as the hub hears it. */
const broken: string[] = [];
const hearing: GatewayHandler = { ...handler, async sync(_peer, stream) {
  try {
    for await (const _ of stream.messages);
  } catch (error) {
    broken.push(`${(error as TransportError).reason}: ${(error as Error).message}`);
    throw error;
  }
} };

const frame = (message: Buffer, length = message.length): Buffer => {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(length, 1);
  return Buffer.concat([head, message]);
};

describe('the gateway over gRPC', () => {
  let gateway: Gateway;
  beforeAll(async () => { gateway = await openGateway(hearing); });
  afterAll(() => gateway.stop());

  /** A raw HTTP/2 request, so that the body can be anything. */
  async function request(method: string, body: Buffer, identity?: IdentityMaterial): Promise<{ status: string; message: string }> {
    const { address, secure } = gateway;
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

  it('answers every call but Join without a certificate with UNAUTHENTICATED', async () => {
    for (const method of ['Renew', 'IssueMeshCertificates', 'Sync']) expect((await request(method, frame(Buffer.alloc(0)))).status).toBe('16');
  });

  it('answers damaged messages with a clear status, and serves the others on', async () => {
    const { ours, address, joins } = gateway;
    const identity = ours.identity('berlin');
    const connection = grpcHubConnector().connect(address, ours.identity('oslo'));
    onTestFinished(() => connection.close());
    const stream = connection.sync(never);
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
    expect(await request('Sync', frame(Buffer.from([1, 2]), 10 * 1024 * 1024), gateway.ours.identity('berlin'))).toEqual({ status: '8', message: 'Received message larger than max (10485760 vs 4194304)' });
    await expect.poll(() => broken.slice(before)).toEqual(['InvalidRequest: Sync message: Received message larger than max (10485760 vs 4194304)']);
  });

  it('tells why it ended a stream that its session had closed before', async () => {
    const { ours } = gateway;
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
});
