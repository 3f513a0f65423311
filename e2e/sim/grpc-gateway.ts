/** A gateway over gRPC on a port of its own. What it shows and whom it believes, a test may replace under way. */
import type tls from 'node:tls';
import { systemClock } from '../../controller/adapters/clock.ts';
import { grpcGatewayServer } from '../../controller/adapters/grpc/gateway-server.ts';
import { grpcHubConnector } from '../../controller/adapters/grpc/hub-connector.ts';
import { p256Signer } from '../../controller/adapters/signer.ts';
import { recordingLog } from '../../controller/runtime/testing/fakes.ts';
import type { GatewayHandler, IdentityMaterial, ServerMaterial } from '../../mesh/ports/transport.ts';
import { type Certificates, certificates, never } from './transport-bench.ts';

export const issued = { chainPem: 'chain', bundlePem: 'bundle', trustDomain: 'mesh.test', notAfter: 1_900_000_000_000 };
/** Says yes to all, and nothing over Sync. */
export const handler: GatewayHandler = {
  join: () => Promise.resolve(issued),
  renew: () => Promise.resolve(issued),
  issueMeshCertificates: () => Promise.resolve([]),
  async sync(_peer, stream) { for await (const _ of stream.messages); },
};
export const joinRequest = { cluster: 'berlin', secret: Uint8Array.of(1), csrDer: Uint8Array.of(2) };

export interface Gateway {
  readonly ours: Certificates;
  /** Of an authority with the same trust domain. */
  readonly foreign: Certificates;
  readonly address: string;
  readonly host: string;
  readonly port: number;
  readonly log: ReturnType<typeof recordingLog>;
  /** `ours.server`, until a test says otherwise; a test that does puts it back. */
  material: ServerMaterial;
  joins(): Promise<unknown>;
  /** For a client of Node's own, with this certificate or none. */
  secure(identity: IdentityMaterial | undefined, options?: tls.ConnectionOptions): tls.ConnectionOptions;
  stop(): void;
}

export async function openGateway(answering: GatewayHandler = handler): Promise<Gateway> {
  const ours = await certificates(p256Signer, systemClock, 1);
  const foreign = await certificates(p256Signer, systemClock, 2);
  const log = recordingLog();
  const stop = new AbortController();
  const shown = { material: ours.server };
  const { address } = await grpcGatewayServer({ listen: '127.0.0.1:0', log }).serve(answering, () => shown.material, stop.signal);
  const [host = '', port = ''] = address.split(':');
  return Object.assign(shown, {
    ours, foreign, address, host, port: Number(port), log,
    joins: () => grpcHubConnector().join({ address, trustDomain: 'mesh.test', caPem: ours.server.bundlePem }, joinRequest, never),
    secure: (identity: IdentityMaterial | undefined, options: tls.ConnectionOptions = {}) => ({
      host, port: Number(port), ca: ours.server.bundlePem, checkServerIdentity: () => undefined, ALPNProtocols: ['h2'],
      ...(identity === undefined ? {} : { key: identity.keyPem, cert: identity.chainPem }), ...options,
    }),
    stop: () => stop.abort(),
  });
}
