/** What the transport contract needs of an implementation: servers, connectors, certificates and time. */
import { createAuthority, type Authority, createCertificateRequest, type KeyStore } from '../../certs/index.ts';
import { deterministicSigner } from '../../certs/testing/deterministic-signer.ts';
import { grpcGatewayServer } from '../../controller/adapters/grpc/gateway-server.ts';
import { grpcHubConnector } from '../../controller/adapters/grpc/hub-connector.ts';
import { grpcPeerConnector } from '../../controller/adapters/grpc/peer-connector.ts';
import { grpcPeerServer } from '../../controller/adapters/grpc/peer-server.ts';
import { p256Signer } from '../../controller/adapters/signer.ts';
import { systemClock } from '../../controller/adapters/clock.ts';
import { seededRandom, silentLog } from '../../controller/runtime/testing/fakes.ts';
import { manualClock } from '../../controller/runtime/testing/manual-clock.ts';
import type { Clock } from '../../mesh/ports/clock.ts';
import type { Signer } from '../../mesh/ports/signer.ts';
import type { GatewayServer, HubConnector, IdentityMaterial, PeerConnector, PeerServer, ServerMaterial } from '../../mesh/ports/transport.ts';
import { createNetwork } from './network.ts';

export const never = new AbortController().signal;

export interface Bench {
  readonly clock: Clock;
  readonly ours: Certificates;
  readonly foreign: Certificates;
  gatewayServer(): GatewayServer;
  hubConnector(): HubConnector;
  peerServer(): PeerServer;
  peerConnector(): PeerConnector;
  stop(): Promise<void>;
}

export interface Certificates {
  readonly server: ServerMaterial;
  /** `lifetimeSeconds` from now; negative: expired. */
  identity(cluster: string, lifetimeSeconds?: number): IdentityMaterial;
}

const DAY_SECONDS = 86_400;

export async function certificates(signer: Signer, clock: Clock, seed: number, trustDomain = 'mesh.test'): Promise<Certificates> {
  // Older than what it is to have issued: no certificate begins before its issuer's.
  let offset = -2 * DAY_SECONDS * 1000;
  let stored: { content: string; version: string } | undefined;
  const keys: KeyStore = {
    load: () => Promise.resolve(stored),
    save: (content) => { stored = { content, version: '1' }; return Promise.resolve(true); },
  };
  const shifted: Clock = { now: () => clock.now() + offset, sleepUntil: (at, signal) => clock.sleepUntil(at, signal) };
  const authority: Authority = createAuthority({ clock: shifted, random: seededRandom(seed), signer, keys, trustDomain, log: silentLog });
  await authority.open(never);
  offset = 0;
  return {
    server: authority.serverMaterial('127.0.0.1'),
    identity(cluster, lifetimeSeconds = DAY_SECONDS) {
      const key = signer.generate();
      offset = (lifetimeSeconds - DAY_SECONDS) * 1000;
      try {
        const { chainPem, bundlePem } = authority.issueAgent(cluster, createCertificateRequest(key));
        return { cluster, trustDomain, keyPem: key.exportPem(), chainPem, bundlePem };
      } finally {
        offset = 0;
      }
    },
  };
}

export async function grpcBench(): Promise<Bench> {
  const connectors: { close(): void }[] = [];
  return {
    clock: systemClock,
    ours: await certificates(p256Signer, systemClock, 1),
    foreign: await certificates(p256Signer, systemClock, 2),
    gatewayServer: () => grpcGatewayServer({ listen: '127.0.0.1:0', log: silentLog }),
    hubConnector: grpcHubConnector,
    peerServer: () => grpcPeerServer({ listen: '127.0.0.1:0', log: silentLog }),
    peerConnector() {
      const connector = grpcPeerConnector();
      connectors.push(connector);
      return connector;
    },
    stop() {
      for (const connector of connectors) connector.close();
      return Promise.resolve();
    },
  };
}

/** Virtual time runs by itself, as fast as the machine allows. */
export async function simulatedBench(): Promise<Bench> {
  const clock = manualClock();
  const network = createNetwork(clock, seededRandom(7));
  const [ours, foreign] = [await certificates(deterministicSigner('ours'), clock, 1), await certificates(deterministicSigner('foreign'), clock, 2)];
  let port = 1;
  let running = true;
  const ticking = (async () => { while (running) await clock.advance(5); })();
  return {
    clock,
    ours,
    foreign,
    gatewayServer: () => network.gatewayServer('hub', port++),
    hubConnector: () => network.hubConnector('berlin'),
    peerServer: () => network.peerServer('oslo', port++),
    peerConnector: () => network.peerConnector('berlin'),
    async stop() {
      running = false;
      await ticking;
    },
  };
}
