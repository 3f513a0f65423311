/** What is known of one cluster. */
import type { Instant } from './instant.ts';

/** How to reach this cluster's clustermesh-apiserver from its peers: a DNS `address` or a list of `ips`, never both. */
export interface MeshEndpoint {
  readonly address?: string;
  readonly ips?: readonly string[];
  readonly port: number;
}

/** The settings of a cluster's Cilium that decide whether and how it can be peered; read from ConfigMap `cilium-config` and the running pods. */
export interface CiliumFacts {
  /** `1.18.12`; empty where Cilium was not found. */
  readonly version: string;
  readonly clusterName: string;
  /** 0: none set. */
  readonly clusterId: number;
  readonly maxConnectedClusters: 255 | 511;
  readonly podCidrs: readonly string[];
  /** Namespace that holds Cilium and its peering Secrets. */
  readonly namespace: string;
  readonly kvstoreMesh: boolean;
  readonly authMode: 'legacy' | 'migration' | 'cluster';
  readonly endpoint?: MeshEndpoint;
}

interface NodeCount {
  readonly total: number;
  readonly ready: number;
}

/** A named fact of a cluster, with its origin and age. Values are text; a query compares them as text. */
interface Property {
  readonly name: string;
  readonly value: string;
  /** Who says so: the hub's administrators (`declared`) or the cluster's own agent (`observed`). */
  readonly source: 'declared' | 'observed';
  readonly observedAt: Instant;
}

/** What an agent says of its cluster; sent when it changes. */
export interface ClusterReport {
  readonly properties: Readonly<Record<string, string>>;
  readonly kubernetesVersion: string;
  readonly agentVersion: string;
  readonly cilium: CiliumFacts | null;
  readonly nodes: NodeCount;
  /** `host:port` where other agents reach this agent; empty: not offered. */
  readonly peerAddress: string;
}

/** One cluster as planners and queries see it: declared, observed and believed. */
export interface ClusterView {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly properties: readonly Property[];
  /** The cluster redeemed a join token and holds an identity. */
  readonly joined: boolean;
  readonly report: ClusterReport | null;
  /** Content id of the desired state that an update run assigned last. */
  readonly assignedId: string | null;
}
