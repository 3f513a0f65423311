/**
 * A network in memory: hosts, latency, partitions and breaking connections in virtual time, the same for the same seed. Every message passes the
 * wire's codec. Streams are reliable until they break, as TCP's are: a partition delays, and after `silenceSeconds` both ends notice.
 */
import type { Clock } from '../../mesh/ports/clock.ts';
import type { Random } from '../../mesh/ports/random.ts';
import type { GatewayServer, HubConnector, PeerConnector, PeerServer } from '../../mesh/ports/transport.ts';
import { DEFAULT_NETWORK, Fabric, type NetworkSettings } from './fabric.ts';
import { simulatedGatewayServer, simulatedHubConnector, simulatedPeerConnector, simulatedPeerServer } from './transport.ts';

export interface SimulatedNetwork {
  /** The transports of one host. Servers take the port given, which must be free on that host; the address is `host:port`. */
  gatewayServer(host: string, port: number): GatewayServer;
  hubConnector(host: string): HubConnector;
  peerServer(host: string, port: number): PeerServer;
  peerConnector(host: string): PeerConnector;
  /** Nothing passes between the two, either way, until `heal`. */
  partition(a: string, b: string): void;
  heal(a: string, b: string): void;
  /** Breaks every connection of a host and stops its servers, as SIGKILL would. */
  crash(host: string): void;
  /** Open streams, for a test's eye. */
  readonly connections: number;
}

export function createNetwork(clock: Clock, random: Random, settings: Partial<NetworkSettings> = {}): SimulatedNetwork {
  const fabric = new Fabric(clock, random, { ...DEFAULT_NETWORK, ...settings });
  return {
    gatewayServer: (host, port) => simulatedGatewayServer(fabric, host, port),
    hubConnector: (host) => simulatedHubConnector(fabric, host),
    peerServer: (host, port) => simulatedPeerServer(fabric, host, port),
    peerConnector: (host) => simulatedPeerConnector(fabric, host),
    partition: (a, b) => fabric.partition(a, b),
    heal: (a, b) => fabric.heal(a, b),
    crash: (host) => fabric.crash(host),
    get connections() { return fabric.links.size; },
  };
}
