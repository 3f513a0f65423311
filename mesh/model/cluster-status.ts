/** `Cluster.status` as a value: what the hub believes of one cluster, and how fresh that is. Timestamps are RFC 3339. */
import type { CiliumRelease, RemoteUsersMount } from './cluster.ts';
import type { DriftReason } from './desired.ts';
import type { DriftClass } from './drift.ts';

export interface StatusProperty {
  name: string;
  value: string;
  source: 'declared' | 'observed';
  observedAt: string;
}

export interface StatusCondition {
  type: string;
  status: 'True' | 'False' | 'Unknown';
  reason: string;
  message: string;
  lastTransitionTime: string;
  observedGeneration?: number | undefined;
}

export interface StatusAmounts {
  cpuMilli: number;
  memoryBytes: number;
  pods: number;
  gpus: Record<string, number>;
}

interface StatusRequests extends StatusAmounts {
  label: string;
  value: string;
}

export interface StatusDrift {
  object: string;
  path: string;
  expected: string;
  actual: string;
  manager: string;
  firstSeen: string;
  actor?: string | undefined;
  changedAt?: string | undefined;
  reason?: DriftReason | undefined;
  class?: DriftClass | undefined;
  heldUntil?: string | undefined;
  decision?: string | undefined;
}

/** A key that asks to join as the cluster, and waits until somebody accepts it. */
export interface StatusPending {
  /** Of the public key, hex. */
  keySha256: string;
  since: string;
  /** What it has shown. */
  by: string;
}

export interface StatusRevocation {
  at: string;
  reason: string;
  streamsCutAt?: string | undefined;
  clusters: number;
  usersRemoved: number;
  podsReplaced: number;
  lastUserRemovedAt?: string | undefined;
  lastWatchGoneAt?: string | undefined;
  peers?: { cluster: string; userRemovedAt?: string | undefined; podsReplacedAt?: string | undefined; problem?: string | undefined }[] | undefined;
}

/** Equal to `z.infer<typeof clusterStatus>` of `mesh/api/resources/cluster.ts`; a test compares the two types. */
export interface ClusterStatusValue {
  identity?: { spiffeId: string; certificateSerial: string; issuer: string; notAfter: string; joinedAt: string; trustDomain?: string | undefined; issuingCaGeneration?: number | undefined; keyFingerprint?: string | undefined; previousKeyFingerprint?: string | undefined } | undefined;
  trust?: { sequence: number; clientIssuers: string[]; serverIssuers: string[] } | undefined;
  pending?: StatusPending | undefined;
  uid?: string | undefined;
  properties?: StatusProperty[] | undefined;
  cilium?: {
    version: string;
    clusterName: string;
    clusterId: number;
    maxConnectedClusters: number;
    podCidrs: string[];
    namespace: string;
    kvstoreMesh: boolean;
    authMode: 'legacy' | 'migration' | 'cluster';
    endpoint?: { address?: string | undefined; ips?: string[] | undefined; port: number } | undefined;
    nodeCidrs?: string[] | undefined;
    serviceCidrs?: string[] | undefined;
    remoteUsers?: RemoteUsersMount | undefined;
    serverNames?: string[] | undefined;
    foreignTrust?: { roots: string[]; signedBy: string[] } | undefined;
    release?: { tool: CiliumRelease['tool']; name: string; namespace?: string | undefined; byLabelAlone?: true | undefined } | undefined;
    settings?: Record<string, string> | undefined;
  } | undefined;
  kubernetesVersion?: string | undefined;
  agentVersion?: string | undefined;
  nodes?: { total: number; ready: number } | undefined;
  capabilities?: Record<string, string[]> | undefined;
  resources?: { capacity: StatusAmounts; allocatable: StatusAmounts; requested?: StatusAmounts | undefined } | undefined;
  requestedBy?: StatusRequests[] | undefined;
  /** When each fact that the agent observed became what it is, by field: `uid`, `cilium`, `nodes`, `capabilities.zone`, `resources.requested`, … */
  observedAt?: Record<string, string> | undefined;
  exports?: string[] | undefined;
  exportCount?: number | undefined;
  peering?: { reads: number; waiting: number; waitsFor?: { peer: string; reason: string }[] | undefined; keeps?: string[] | undefined } | undefined;
  current?: { id: string; appliedAt: string; by: string } | undefined;
  desired?: { id: string; run: string; stage: string } | undefined;
  revocation?: StatusRevocation | undefined;
  drift?: StatusDrift[] | undefined;
  driftOmitted?: number | undefined;
  conditions?: StatusCondition[] | undefined;
}

