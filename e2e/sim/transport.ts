/** The transport ports over a simulated network. TLS is not simulated; what it would prove is read from the certificates: names, validity, and the root they come from. */
import { type CertificateFacts, clusterOfSpiffeId, keyFingerprint, readCertificate, spiffeIdOfHub } from '../../certs/index.ts';
import { fromPem, toPem } from '../../certs/pem.ts';
import { TransportError, type GatewayServer, type HubConnection, type HubConnector, type IdentityMaterial, type PeerConnector, type PeerIdentity, type PeerServer, type ServerMaterial, type SyncStream } from '../../mesh/ports/transport.ts';
import { isRefused } from '../../mesh/model/revocation.ts';
import * as codec from '../../mesh/api/codec/gateway.ts';
import { decodePeerFacts, encodePeerFacts } from '../../mesh/api/codec/peer.ts';
import { HUB_TYPES } from '../../mesh/model/sync.ts';
import type { CancelSignal } from '../../mesh/ports/cancel.ts';
import { type Fabric, type Link, type Service, unreachable } from './fabric.ts';
import { streamOver } from './stream.ts';

const UNARY_SECONDS = 10;
const PEER_SECONDS = 2;

type ServiceOf<Kind extends Service['kind']> = Extract<Service, { readonly kind: Kind }>;

/** Handshakes show the same few certificates over and over. */
const certificatesRead = new Map<string, readonly CertificateFacts[]>();
const MOST_READ = 1000;

function readAll(pem: string): readonly CertificateFacts[] {
  const held = certificatesRead.get(pem);
  if (held !== undefined) return held;
  if (certificatesRead.size >= MOST_READ) certificatesRead.clear();
  const facts = fromPem('CERTIFICATE', pem).map((der) => readCertificate(toPem('CERTIFICATE', der)));
  certificatesRead.set(pem, facts);
  return facts;
}

function checkChain(who: string, chainPem: string, bundlePem: string, now: number): { readonly uri: string; readonly serial: string; readonly notBefore: number; readonly notAfter: number; readonly publicKeyDer: Uint8Array } {
  const refused = (problem: string): TransportError => new TransportError('user', 'Unauthenticated', `${who}: ${problem}`);
  const chain = readAll(chainPem);
  const roots = readAll(bundlePem).map(({ commonName }) => commonName);
  const leaf = chain[0];
  const last = chain.at(-1);
  if (leaf === undefined || last === undefined) throw refused('there is no certificate');
  if (!roots.includes(last.issuer)) throw refused(`was not issued by a root that is trusted here, but by "${last.issuer}"`);
  if (now >= leaf.notAfter) throw refused(`expired at ${new Date(leaf.notAfter).toISOString()}; join the cluster again`);
  const [uri] = leaf.uris;
  if (uri === undefined || leaf.uris.length !== 1) throw refused('names no single SPIFFE ID');
  return { uri, serial: leaf.serial, notBefore: leaf.notBefore, notAfter: leaf.notAfter, publicKeyDer: leaf.publicKeyDer };
}

/** What a server's end of mutual TLS makes of a client. */
function peerOf(identity: IdentityMaterial, server: ServerMaterial, now: number): PeerIdentity & { readonly notAfter: number } {
  const { uri, serial, notBefore, notAfter, publicKeyDer } = checkChain('client certificate', identity.chainPem, server.bundlePem, now);
  const cluster = clusterOfSpiffeId(server.trustDomain, uri);
  if (cluster === undefined) throw new TransportError('user', 'Unauthenticated', `client certificate: names "${uri}"; "spiffe://${server.trustDomain}/cluster/NAME" is needed`);
  return { cluster, spiffeId: uri, certificateSerial: serial, notBefore, notAfter, keyFingerprint: keyFingerprint(publicKeyDer) };
}

function checkServer(address: string, server: ServerMaterial, bundlePem: string, expected: string, now: number): { readonly notBefore: number } {
  const { uri, notBefore } = checkChain(address, server.chainPem, bundlePem, now);
  if (uri !== expected) throw new TransportError('user', 'Unauthenticated', `${address}: SPIFFE ID is "${uri}", expected "${expected}"`);
  return { notBefore };
}

function register(fabric: Fabric, host: string, port: number, service: Service): Promise<{ readonly address: string }> {
  const address = `${host}:${port}`;
  if (fabric.services.has(address)) return Promise.reject(new Error(`${address}: in use`));
  fabric.services.set(address, service);
  service.signal.addEventListener('abort', () => {
    if (fabric.services.get(address) === service) fabric.services.delete(address);
  }, { once: true });
  return Promise.resolve({ address });
}

export function simulatedGatewayServer(fabric: Fabric, host: string, port: number): GatewayServer {
  return { serve: (handler, material, signal) => register(fabric, host, port, { kind: 'gateway', handler, material, signal }) };
}

export function simulatedPeerServer(fabric: Fabric, host: string, port: number): PeerServer {
  return { serve: (handler, material, signal) => register(fabric, host, port, { kind: 'peer', handler, material, signal }) };
}

const hostOf = (address: string): string => address.slice(0, address.lastIndexOf(':'));

/** What a handler threw, as its text would cross the wire. */
function overTheWire(error: unknown): TransportError {
  return error instanceof TransportError
    ? new TransportError(error.advice, error.reason, error.message)
    : new TransportError('retry', 'Unreachable', 'internal error; the server\'s log has more');
}

/** Dials, runs `exchange` at the server and brings its answer back; breaks off at the deadline or by `signal`. */
async function call<Kind extends Service['kind']>(
  fabric: Fabric, from: string, address: string, kind: Kind, deadlineSeconds: number, signal: CancelSignal,
  exchange: (service: ServiceOf<Kind>, cancel: AbortSignal) => Promise<Uint8Array>,
): Promise<Uint8Array> {
  const link = fabric.open(from, hostOf(address));
  const cancel = new AbortController();
  link.onBreak.add(() => cancel.abort());
  const abort = (): void => fabric.close(link, new TransportError('retry', 'Cancelled', `${address}: cancelled`));
  signal.addEventListener('abort', abort, { once: true });
  if (signal.aborted) abort();
  void fabric.clock.sleepUntil(fabric.clock.now() + deadlineSeconds * 1000, cancel.signal).then(() => fabric.close(link, unreachable(link, `no answer within ${deadlineSeconds} s`)));
  const broken = (): TransportError => link.broken ?? unreachable(link, 'the connection broke');
  try {
    if (!await fabric.arrive(link, fabric.departure(link))) throw broken();
    const service = fabric.services.get(address);
    if (service === undefined || service.kind !== kind) throw unreachable(link, `nobody listens on ${address}`);
    const stopped = (): void => fabric.close(link, unreachable(link, 'the server is stopping'));
    service.signal.addEventListener('abort', stopped, { once: true });
    const whenBroken = new Promise<never>((_resolve, reject) => { link.onBreak.add(() => reject(broken())); });
    try {
      const outcome = await Promise.race([exchange(service as ServiceOf<Kind>, cancel.signal).then((bytes) => ({ bytes }), (error: unknown) => ({ error: overTheWire(error) })), whenBroken]);
      if (!await fabric.arrive(link, fabric.departure(link))) throw broken();
      if ('error' in outcome) throw outcome.error;
      return outcome.bytes;
    } finally {
      service.signal.removeEventListener('abort', stopped);
    }
  } finally {
    signal.removeEventListener('abort', abort);
    fabric.close(link, unreachable(link, 'done'));
  }
}

export function simulatedHubConnector(fabric: Fabric, host: string): HubConnector {
  return {
    async join({ address, trustDomain, caPem }, request, signal) {
      return codec.decodeJoinResponse(await call(fabric, host, address, 'gateway', UNARY_SECONDS, signal, async ({ handler, material }, cancel) => {
        checkServer(address, material(), caPem, spiffeIdOfHub(trustDomain), fabric.clock.now());
        return codec.encodeJoinResponse(await handler.join(codec.decodeJoinRequest(codec.encodeJoinRequest(request)), cancel));
      }));
    },
    connect: (address, identity) => simulatedConnection(fabric, host, address, identity),
  };
}

function simulatedConnection(fabric: Fabric, host: string, address: string, identity: IdentityMaterial): HubConnection {
  const closed = new AbortController();
  const streams = new Set<SyncStream>();
  const authenticate = (material: ServerMaterial): ReturnType<typeof peerOf> => {
    checkServer(address, material, identity.bundlePem, spiffeIdOfHub(identity.trustDomain), fabric.clock.now());
    return peerOf(identity, material, fabric.clock.now());
  };
  return {
    async renew(csrDer, signal) {
      return codec.decodeRenewResponse(await call(fabric, host, address, 'gateway', UNARY_SECONDS, signal, async ({ handler, material }, cancel) =>
        codec.encodeRenewResponse(await handler.renew(authenticate(material()), codec.decodeRenewRequest(codec.encodeRenewRequest(csrDer)), cancel))));
    },
    async issueMeshCertificates(requests, signal) {
      return codec.decodeCertificates(await call(fabric, host, address, 'gateway', UNARY_SECONDS, signal, async ({ handler, material }, cancel) =>
        codec.encodeCertificates(await handler.issueMeshCertificates(authenticate(material()), codec.decodeCertificateRequests(codec.encodeCertificateRequests(requests)), cancel))));
    },
    sync(signal) {
      const link = fabric.open(host, hostOf(address));
      const { client, server, offer } = streamOver(fabric, link);
      const cancel = (): void => fabric.close(link, new TransportError('retry', 'Cancelled', 'Sync: cancelled'));
      if (signal.aborted || closed.signal.aborted) cancel();
      signal.addEventListener('abort', cancel, { once: true });
      streams.add(client);
      link.onBreak.add(() => {
        signal.removeEventListener('abort', cancel);
        streams.delete(client);
      });
      void acceptSync(fabric, link, address, server, offer, authenticate);
      return client;
    },
    close() {
      closed.abort();
      for (const stream of [...streams]) stream.close('connection closed');
    },
  };
}

/** The hub's end of a stream: who calls, until when, and the handler. */
async function acceptSync(fabric: Fabric, link: Link, address: string, stream: SyncStream, offer: (types: readonly string[]) => void, authenticate: (material: ServerMaterial) => PeerIdentity & { readonly notAfter: number }): Promise<void> {
  if (!await fabric.arrive(link, fabric.departure(link))) return;
  const service = fabric.services.get(address);
  if (service?.kind !== 'gateway') {
    fabric.close(link, unreachable(link, `nobody listens on ${address}`));
    return;
  }
  const gone = new AbortController();
  link.onBreak.add(() => gone.abort());
  const stop = (): void => fabric.close(link, unreachable(link, 'the hub is stopping'));
  service.signal.addEventListener('abort', stop, { once: true });
  try {
    const peer = authenticate(service.material());
    void fabric.clock.sleepUntil(peer.notAfter, gone.signal).then(() => {
      fabric.close(link, new TransportError('retry', 'Unauthenticated', `client certificate: expired at ${new Date(peer.notAfter).toISOString()}; connect with the renewed one`));
    });
    offer(HUB_TYPES);
    await service.handler.sync(peer, stream, gone.signal);
    stream.close('handler ended');
    // The last words are on their way; the connection closes behind them.
    await fabric.arrive(link, fabric.departure(link) + fabric.settings.latencyMilliseconds.most);
    fabric.close(link, unreachable(link, 'the hub ended the stream'));
  } catch (error) {
    if (await fabric.arrive(link, fabric.departure(link))) fabric.close(link, overTheWire(error));
  } finally {
    service.signal.removeEventListener('abort', stop);
    gone.abort();
  }
}

export function simulatedPeerConnector(fabric: Fabric, host: string): PeerConnector {
  return {
    async facts({ cluster, address, refused }, identity, signal) {
      const facts = decodePeerFacts(await call(fabric, host, address, 'peer', PEER_SECONDS, signal, async ({ handler, material }) => {
        const { notBefore } = checkServer(address, material(), identity.bundlePem, `spiffe://${identity.trustDomain}/cluster/${cluster}`, fabric.clock.now());
        if (refused !== undefined && isRefused(refused, notBefore)) throw new TransportError('user', 'Unauthenticated', `${address}: its certificate was issued before its cluster was revoked`);
        return encodePeerFacts(await handler.facts(peerOf(identity, material(), fabric.clock.now())));
      }));
      if (facts.cluster !== cluster || facts.exports.some((fact) => fact.cluster !== cluster)) throw new TransportError('never', 'PermissionDenied', `${address}: "${cluster}" answered with facts of another cluster`);
      return facts;
    },
  };
}
