/** What an agent needs from outside, and its settings. `createAgent(ports, config)` in `wiring.ts` is all of the agent; `main.ts` and the simulator differ only in these values. */
import type { SigningPolicy } from '../../mesh/model/bundle.ts';
import type { Digest } from '../../mesh/model/canonical.ts';
import type { MeshEndpoint } from '../../mesh/model/cluster.ts';
import type { Clock } from '../../mesh/ports/clock.ts';
import type { DnsServer } from '../../mesh/ports/dns.ts';
import type { EtcdConnector } from '../../mesh/ports/etcd.ts';
import type { ApiDiscovery, KubernetesClient } from '../../mesh/ports/kubernetes.ts';
import type { Log } from '../../mesh/ports/log.ts';
import type { Metrics } from '../../mesh/ports/metrics.ts';
import type { Random } from '../../mesh/ports/random.ts';
import type { Signer } from '../../mesh/ports/signer.ts';
import type { SnapshotStore } from '../../mesh/ports/snapshot.ts';
import type { HubConnector, PeerConnector, PeerServer } from '../../mesh/ports/transport.ts';
import type { ServiceAccountJoin } from './identity/join.ts';

export interface AgentPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly kubernetes: KubernetesClient;
  readonly discovery: ApiDiscovery;
  readonly hub: HubConnector;
  readonly peerServer: PeerServer;
  readonly peers: PeerConnector;
  /** Opens mesh etcds of peers. */
  readonly etcd: EtcdConnector;
  readonly dns: DnsServer;
  readonly snapshots: SnapshotStore;
  readonly signer: Signer;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly digest: Digest;
}

export interface AgentConfig {
  readonly cluster: string;
  /** Namespace of the agent's own Secret. */
  readonly namespace: string;
  readonly hubAddress: string;
  /** What `isthmus join` printed; needed once, until an identity is stored in Secret `isthmus-agent-identity`. */
  readonly joinToken: string | undefined;
  /** Unset: the cluster joins by a join token. */
  readonly serviceAccountJoin?: ServiceAccountJoin;
  /** Namespace of Cilium. */
  readonly ciliumNamespace: string;
  /** Properties to report beside those read from the cluster (`country=de`). */
  readonly properties: Readonly<Record<string, string>>;
  /** `host:port` where other agents reach this one; empty: the address that the peer server listens on. */
  readonly advertisedPeerAddress: string;
  readonly peerProbeIntervalSeconds: number;
  /** A peer unanswered this often in a row is unreachable. */
  readonly peerProbeFailures: number;
  /** How long after changed roots, issuers of leaves or peers' texts they count as in use; unset: as `identity/settle-seconds.ts` says. */
  readonly trustSettleSeconds?: number;
  /** How peers reach this cluster's clustermesh-apiserver; unset: read from its Service (load balancer, else node port). */
  readonly meshEndpoint?: MeshEndpoint;
  /** Label keys by which requests of pods are summed, at most 4; unset: `team`. */
  readonly reportLabels?: readonly string[];
  /** Globs of the extended resources that are GPUs; unset: those of `observe/defaults.ts`. */
  readonly gpuResources?: readonly string[];
  /** The agent's own Deployment, in its namespace; unset: it cannot change its own version. */
  readonly deployment?: string;
  /** The account that it runs as; unset: `isthmus-agent`. */
  readonly serviceAccount?: string;
  /** Pinned keys of bundles' signers, as they are now; unset: signatures are not asked for. */
  readonly bundleKeys?: () => SigningPolicy;
  /** Version of this program, for the report. */
  readonly version?: string;
}
