/** What the hub needs from outside, and its settings. `createHub(ports, config)` in `wiring.ts` is all of the hub; `main.ts` and the simulator differ only in these values. */
import type { RootKeys } from '../../certs/index.ts';
import type { IssuerReference } from '../../mesh/api/resources/cert-manager.ts';
import type { SigningPolicy } from '../../mesh/model/bundle.ts';
import type { Digest } from '../../mesh/model/canonical.ts';
import type { Ask } from '../../mesh/ports/ask.ts';
import type { Clock } from '../../mesh/ports/clock.ts';
import type { KubernetesClient } from '../../mesh/ports/kubernetes.ts';
import type { Log } from '../../mesh/ports/log.ts';
import type { Metrics } from '../../mesh/ports/metrics.ts';
import type { Random } from '../../mesh/ports/random.ts';
import type { RecordStore } from '../../mesh/ports/records.ts';
import type { Signer } from '../../mesh/ports/signer.ts';
import type { GatewayServer } from '../../mesh/ports/transport.ts';
import type { AcceptClusters } from './identity/acceptance.ts';

export interface HubPorts {
  readonly clock: Clock;
  /** Does not jump when the machine's clock is set: leader election counts by it. Unset: `clock`. */
  readonly steadyClock?: Clock;
  readonly random: Random;
  readonly kubernetes: KubernetesClient;
  readonly records: RecordStore;
  readonly signer: Signer;
  readonly gateway: GatewayServer;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly digest: Digest;
  /** Unset: metric and webhook gates hold and say so, and nobody is notified. */
  readonly ask?: Ask;
}

/** Of other inventories and of GitOps tools. */
export interface InventoryConfig {
  /** Publish a ClusterProfile for each Cluster, where the server has that kind. */
  readonly clusterProfiles: boolean;
  /** Answer which clusters others know; false: their objects are not asked for. */
  readonly discover: boolean;
  /** Where the Secrets are that tell Argo CD of clusters. Their metadata alone is read. */
  readonly argoNamespaces: readonly string[];
}

/** A webhook that is told of the transitions of runs. */
export interface NotificationSink {
  readonly url: string;
  /** CloudEvents types; one that ends in `*` stands for all that begin so. Unset: those of runs as a whole, and clusters that failed. */
  readonly types?: readonly string[];
  /** As of a metric gate. */
  readonly authSecret?: string;
}

export interface HistoryRetention {
  /** Days for which every change of a cluster is kept. */
  readonly changeDays: number;
  /** Days for which its state at the end of each day with changes is kept; at least `changeDays`. */
  readonly stateDays: number;
  /** Days for which an ended run is kept that no UpdateRun object tells of any more. */
  readonly runDays: number;
  /** UpdateRun objects of ended runs that stand at most, for each strategy; those that something still needs stand beside them. */
  readonly runsPerStrategy: number;
  /** Days after its end for which an UpdateRun object stands. */
  readonly runObjectDays: number;
}

export interface HubConfig {
  /** Namespace of the hub's own Secret and ConfigMap. */
  readonly namespace: string;
  readonly trustDomain: string;
  /** `host:port` that agents dial; its host is a SAN of the hub's certificate. Empty: the address that the gateway listens on. */
  readonly advertisedAddress: string;
  /** Where the root's key is. Unset: the hub makes a root and keeps its key in its Secret. */
  readonly roots?: RootKeys;
  /** Issuer of cert-manager that signs issuing CAs; with `roots` whose keys are out of reach. Unset: people sign them. */
  readonly certManager?: IssuerReference;
  /** Several replicas: only the holder of Lease `isthmus-hub` works. `identity` is unique to the process. Unset: this hub is alone. */
  readonly leaderElection?: { readonly identity: string };
  /** How long the past of clusters is kept. Unset: `USUAL_RETENTION`. */
  readonly history?: HistoryRetention;
  /** Make `namespace` where it does not exist, and what makes the API vouch for people (embedded API, simulator); else both are the administrator's to make, with the chart. */
  readonly createNamespace?: boolean;
  /** Keys that bundles must be signed with, pinned outside of this hub's API; read anew for each use. Unset: no signatures are asked for. */
  readonly signingPolicy?: () => SigningPolicy;
  /** Whether a cluster that has shown a token joins at once, or once somebody has accepted its key. Unset: `Automatically`. */
  readonly acceptClusters?: AcceptClusters;
  /** Unset: nobody is told. */
  readonly notifications?: readonly NotificationSink[];
  /** Unset: everything but Argo CD's Secrets. */
  readonly inventory?: InventoryConfig;
}
