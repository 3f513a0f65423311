/** Whom the gateway believes over gRPC, and what it shows: certificates that change under way, expire, say too much, or are none. */
import tls from 'node:tls';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { grpcGatewayServer } from '../../controller/adapters/grpc/gateway-server.ts';
import { grpcHubConnector } from '../../controller/adapters/grpc/hub-connector.ts';
import { p256Signer } from '../../controller/adapters/signer.ts';
import { silentLog } from '../../controller/runtime/testing/fakes.ts';
import { signCertificate } from '../../certs/authority/certificate.ts';
import type { GatewayHandler } from '../../mesh/ports/transport.ts';
import { type Gateway, handler, issued, joinRequest, openGateway } from './grpc-gateway.ts';
import { never } from './transport-bench.ts';

describe('the gateway over gRPC', () => {
  let gateway: Gateway;
  beforeAll(async () => { gateway = await openGateway(); });
  afterAll(() => gateway.stop());

  it('takes a new certificate and new roots without a restart, and keeps the last good ones', async () => {
    const { ours, foreign, address, log, joins } = gateway;
    await joins();
    gateway.material = foreign.server;
    await expect(joins()).rejects.toMatchObject({ reason: 'Unauthenticated' });
    gateway.material = { ...ours.server, bundlePem: ours.server.bundlePem + foreign.server.bundlePem };
    const connection = grpcHubConnector().connect(address, { ...foreign.identity('oslo'), bundlePem: ours.server.bundlePem });
    onTestFinished(() => connection.close());
    expect(await connection.renew(Uint8Array.of(1), never)).toEqual(issued);
    const damaged = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';
    for (const broken of [
      { ...ours.server, keyPem: foreign.server.keyPem }, { ...ours.server, keyPem: '' }, { ...ours.server, chainPem: 'no certificate' },
      { ...ours.server, bundlePem: '' }, { ...ours.server, bundlePem: ours.server.bundlePem + damaged },
    ]) {
      gateway.material = broken;
      const before = log.lines.length;
      const again = grpcHubConnector().connect(address, ours.identity('berlin'));
      onTestFinished(() => again.close());
      // Its certificate is judged by the roots that were last good.
      expect(await again.renew(Uint8Array.of(1), never)).toEqual(issued);
      expect(log.lines.slice(before)).toMatchObject([{ level: 'error', message: expect.stringContaining('keeping those in use') as string }]);
    }
    gateway.material = ours.server;
  });

  it('takes new certificates under open streams: those go on, over the connection that they have', async () => {
    const { ours, foreign } = gateway;
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
    const { ours, address } = gateway;
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
    const { ours, address } = gateway;
    const ca = p256Signer.generate();
    const key = p256Signer.generate();
    const serial = Uint8Array.of(1, 2, 3);
    const common = { issuer: { organization: 'Test', commonName: 'test root' }, serial, validity: { notBefore: Date.now() - 60_000, notAfter: Date.now() + 60_000 }, issuerPublicKeyDer: ca.publicKeyDer };
    const root = signCertificate({ ...common, subject: common.issuer, names: {}, publicKeyDer: ca.publicKeyDer, usage: { kind: 'authority', pathLength: 0 } }, ca);
    const leaf = signCertificate({ ...common, serial: Uint8Array.of(4), subject: { organization: 'Test' }, names: { uris }, publicKeyDer: key.publicKeyDer, usage: { kind: 'leaf', server: false, client: true } }, ca);
    gateway.material = { ...ours.server, bundlePem: ours.server.bundlePem + root };
    const connection = grpcHubConnector().connect(address, { cluster: 'berlin', trustDomain: 'mesh.test', keyPem: key.exportPem(), chainPem: leaf, bundlePem: ours.server.bundlePem });
    onTestFinished(() => { connection.close(); gateway.material = ours.server; });
    await expect(connection.renew(Uint8Array.of(1), never)).rejects.toMatchObject({ reason: 'Unauthenticated', message: expect.stringContaining('exactly one of the form') as string });
  });

  it('trusts nobody where it was given no root that can be read, and no public authority in place of them', async () => {
    const { ours, address } = gateway;
    const known = tls.getCACertificates('default');
    tls.setDefaultCACertificates([ours.server.bundlePem]);
    onTestFinished(() => { tls.setDefaultCACertificates(known); });
    for (const caPem of ['', 'no certificate']) {
      await expect(grpcHubConnector().join({ address, trustDomain: 'mesh.test', caPem }, joinRequest, never)).rejects.toMatchObject({ reason: 'Unauthenticated' });
    }
  });

  it('does not start with a key that is not the certificate\'s, or on a taken address', async () => {
    const { ours, foreign, address } = gateway;
    await expect(grpcGatewayServer({ listen: '127.0.0.1:0', log: silentLog }).serve(handler, () => ({ ...ours.server, keyPem: foreign.server.keyPem }), never)).rejects.toThrow(/private key is not/);
    await expect(grpcGatewayServer({ listen: address, log: silentLog }).serve(handler, () => ours.server, never)).rejects.toThrow(/EADDRINUSE/);
  });
});
