/** A certificate that a revocation refuses, over TLS and gRPC as in production: judged by when it was issued, told why, and left without a connection. */
import { once } from 'node:events';
import http2 from 'node:http2';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { systemClock } from '../../controller/adapters/clock.ts';
import { grpcGatewayServer } from '../../controller/adapters/grpc/gateway-server.ts';
import { grpcHubConnector } from '../../controller/adapters/grpc/hub-connector.ts';
import { grpcPeerConnector } from '../../controller/adapters/grpc/peer-connector.ts';
import { grpcPeerServer } from '../../controller/adapters/grpc/peer-server.ts';
import { p256Signer } from '../../controller/adapters/signer.ts';
import { refusingRevoked } from '../../controller/hub/identity/revocation.ts';
import { silentLog } from '../../controller/runtime/testing/fakes.ts';
import { BACKDATED_MILLISECONDS, isRefused, refusalText } from '../../mesh/model/revocation.ts';
import { TransportError } from '../../mesh/ports/transport.ts';
import { type Certificates, certificates, never } from './transport-bench.ts';

const issued = { chainPem: 'chain', bundlePem: 'bundle', trustDomain: 'mesh.test', notAfter: 1_900_000_000_000 };
const stop = new AbortController();
let ours: Certificates;
let address = '';
/** What counts; undefined: nobody is revoked. */
let at: number | undefined;

beforeAll(async () => {
  ours = await certificates(p256Signer, systemClock, 1);
  ({ address } = await grpcGatewayServer({ listen: '127.0.0.1:0', log: silentLog }).serve(refusingRevoked({
    admit({ cluster, notBefore }) {
      if (cluster !== 'berlin' || at === undefined || !isRefused({ at }, notBefore)) return;
      throw new TransportError('user', 'PermissionDenied', refusalText({ cluster, at, reason: 'stolen laptop' }));
    },
  }, {
    join: () => Promise.resolve(issued), renew: () => Promise.resolve(issued), issueMeshCertificates: () => Promise.resolve([]),
    async sync(_peer, stream) { for await (const message of stream.messages) void message; },
  }), () => ours.server, stop.signal));
});
afterAll(() => stop.abort());

/** A connection that is kept, as one who means harm would. */
async function kept(cluster: string) {
  const identity = ours.identity(cluster);
  const session = http2.connect(`https://${address}`, { ca: ours.server.bundlePem, checkServerIdentity: () => undefined, key: identity.keyPem, cert: identity.chainPem });
  onTestFinished(() => session.destroy());
  session.on('error', () => {});
  await once(session, 'connect');
  return {
    session,
    async renew(): Promise<string> {
      const call = session.request({ ':method': 'POST', ':path': '/isthmus.v1.Gateway/Renew', 'content-type': 'application/grpc', te: 'trailers' });
      let status = '';
      for (const event of ['response', 'trailers'] as const) call.on(event, (headers: http2.IncomingHttpHeaders) => { status ||= String(headers['grpc-status'] ?? ''); });
      call.resume();
      // A RenewRequest with one byte of a request.
      call.end(Buffer.from([0, 0, 0, 0, 3, 10, 1, 7]));
      await once(call, 'close');
      return status;
    },
  };
}

it('on a connection that was open before, each call is judged; the answer comes, and then the connection ends', async () => {
  at = undefined;
  const [berlin, oslo, idle] = await Promise.all([kept('berlin'), kept('oslo'), kept('berlin')]);
  expect(await berlin.renew()).toBe('0');
  at = Date.now();
  const closed = once(berlin.session, 'close');
  expect(await berlin.renew()).toBe('7');
  await closed;
  expect(await oslo.renew()).toBe('0');
  await sleep(1200);
  expect([oslo.session.closed, idle.session.closed]).toEqual([false, false]);
});

it('counts back as far as the authority does', () => {
  const issuedAt = Date.now();
  expect([issuedAt - 1, issuedAt].map((instant) => isRefused({ at: instant }, issuedAt - BACKDATED_MILLISECONDS))).toEqual([false, true]);
});

it('what was issued after counts, to the hub and between agents', async () => {
  at = Date.now() - 3_600_000;
  const connection = grpcHubConnector().connect(address, ours.identity('berlin'));
  onTestFinished(() => connection.close());
  await expect(connection.renew(Uint8Array.of(1), never)).resolves.toBeDefined();
  const asked: (number | undefined)[] = [];
  const peers = grpcPeerConnector();
  onTestFinished(() => peers.close());
  const served = await grpcPeerServer({ listen: '127.0.0.1:0', log: silentLog }).serve({
    facts({ notBefore }) {
      asked.push(notBefore);
      return Promise.resolve({ cluster: 'oslo', exports: [], reachability: [] });
    },
  }, () => ours.identity('oslo'), stop.signal);
  const facts = (refused?: { readonly at: number }) => peers.facts({ cluster: 'oslo', address: served.address, ...(refused === undefined ? {} : { refused }) }, ours.identity('berlin'), never).then(() => 'answered', (error: Error) => error.message);
  expect(await facts()).toBe('answered');
  expect(await facts({ at: Date.now() - 3_600_000 })).toBe('answered');
  expect(await facts({ at: Date.now() + 60_000 })).toContain('was issued before its cluster was revoked');
  expect(asked.every((notBefore) => notBefore !== undefined && notBefore <= Date.now() - 59_000)).toBe(true);
});
