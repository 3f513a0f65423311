/** Policies as values: the parts of the custom resources that decisions are made from. */
import type { CheckSkip } from './mesh-check.ts';
import type { ClusterSelector } from './selector.ts';
import type { ServiceKey } from './service.ts';
import type { Topology } from './topology.ts';

/** Who may export what. No policy that matches: not allowed. */
export interface ExportPolicyValue {
  readonly name: string;
  readonly clusters: ClusterSelector;
  /** Globs. */
  readonly namespaces: readonly string[];
  /** Globs; empty: every service. */
  readonly services: readonly string[];
}

/** When answers leave a cluster and when they come back. Durations in seconds. */
export interface FailoverPolicyValue {
  readonly name: string;
  readonly service: ServiceKey;
  /** Preferred first. Clusters that export but are not listed come last, by name. Empty: all healthy clusters serve together. */
  readonly priority: readonly string[];
  /** Fewer ready endpoints than this is unhealthy. */
  readonly minimumReady: number;
  readonly unhealthyAfterSeconds: number;
  readonly healthyAfterSeconds: number;
  /** How long a preferred cluster must have been healthy before answers return to it. */
  readonly failbackDelaySeconds: number;
}

/** A DNS name for clients in and outside the clusters, answered from the clusters that its failover policy chooses. */
export interface GlobalServiceValue {
  readonly name: string;
  /** Fully qualified, lower case, no trailing dot: `checkout.global.example.com`. */
  readonly host: string;
  readonly service: ServiceKey;
  readonly ttlSeconds: number;
}

/** How a fleet that is larger than one Cluster Mesh can be is divided into cells, each a mesh of its own. */
export interface CellsValue {
  /** Clusters of a cell; absent: as many as `maxConnectedClusters`. */
  readonly maxClusters?: number;
  /** Label, property or fact: clusters with the same value belong in one cell as far as it has room. */
  readonly region: string;
  /** The same, of those of one region. */
  readonly affinity?: string;
}

export interface MeshValue {
  readonly name: string;
  readonly generation: number;
  readonly clusters: ClusterSelector;
  readonly maxConnectedClusters: 255 | 511;
  /** Name of the UpdateStrategy that rolls this mesh's changes out. */
  readonly strategy: string;
  readonly allowVersionSkewMinors: number;
  /** Absent: everybody with everybody. */
  readonly topology?: Topology;
  /** Absent: all clusters are in one mesh. */
  readonly cells?: CellsValue;
  /** Findings that people go without; absent: none. */
  readonly skips?: readonly CheckSkip[];
}
