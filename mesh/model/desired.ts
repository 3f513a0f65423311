/** The one value that a cluster is asked to be: what an update run assigns and an agent applies. */
import type { AccessRule } from './access.ts';
import type { BundleReference } from './bundle.ts';
import type { MeshEndpoint } from './cluster.ts';
import type { FailoverPolicyValue, GlobalServiceValue } from './policy.ts';
import type { RevocationEffect } from './revocation.ts';
import type { TrustUse } from './trust.ts';

export interface PeerState {
  readonly name: string;
  readonly clusterId: number;
  readonly endpoint: MeshEndpoint;
}

export interface PeeringState {
  readonly clusterName: string;
  readonly clusterId: number;
  readonly maxConnectedClusters: 255 | 511;
  readonly ciliumVersion: string;
  readonly namespace: string;
  readonly kvstoreMesh: boolean;
  readonly authMode: 'legacy' | 'migration' | 'cluster';
  /** Whom this cluster reads, sorted by name. */
  readonly peers: readonly PeerState[];
  /** Who reads this cluster, sorted; absent: those whom it reads. */
  readonly readers?: readonly string[];
  /** `Always`: entries of peers are written whether their etcds open themselves or not, as a recorded skip of `EndpointUnreachable` asks; absent: as soon as they do. */
  readonly connect?: 'Always';
}

export const readersOf = ({ peers, readers }: Pick<PeeringState, 'peers' | 'readers'>): readonly string[] => readers ?? peers.map(({ name }) => name);

export interface TrustState {
  readonly trustDomain: string;
  /** Grows with every change of the bundle. */
  readonly sequence: number;
  /** Root certificates, PEM, one after another. */
  readonly bundlePem: string;
  /** Common names of issuing CAs whose client (server) leaves are to be replaced now; absent: of none. Sorted. */
  readonly renewClientsOf?: readonly string[];
  readonly renewServersOf?: readonly string[];
}

export interface DesiredState {
  readonly schema: 1;
  readonly cluster: string;
  /** Mesh that selected this cluster; null: none, and whatever peering we wrote is to be removed. */
  readonly mesh: string | null;
  readonly peering: PeeringState | null;
  readonly trust: TrustState;
  readonly failover: readonly FailoverPolicyValue[];
  readonly globalServices: readonly GlobalServiceValue[];
  /** What AccessPolicies ask of this cluster; absent: nothing. Sorted by policy. */
  readonly access?: readonly AccessRule[];
  /** What runs have brought beside the plan; absent: nothing. Sorted by package. The content travels apart, by digest. */
  readonly bundles?: readonly BundleReference[];
  /** What people decided on changes by others; absent: nothing. Sorted by object, path, `actual`. */
  readonly overrides?: readonly DriftOverride[];
}

/** Permission for one change by others, known by what stands there: a newer change is not meant. */
export interface DriftOverride {
  readonly object: string;
  /** As `DriftEntry.path`. */
  readonly path: string;
  /** `keep`: what stands there is as desired. `overwrite`: it may be written over, once. */
  readonly action: 'keep' | 'overwrite';
  /** As `DriftEntry.actual`. */
  readonly actual: string;
  /** Name of the DriftDecision. */
  readonly decision: string;
}

/** `id` is `sha256-` and the digest of `content`, which is `canonicalJson` of a `DesiredState`. */
export interface DesiredRevision {
  readonly id: string;
  readonly cluster: string;
  readonly content: string;
  /** Counts the cluster's assignments; absent: a hub that does not count. */
  readonly generation?: number;
}

/** What an agent says it has applied. Health counts only for `id`. */
export interface AppliedReport {
  /** null: nothing applied yet. */
  readonly id: string | null;
  readonly appliedAt: number | null;
  /** Everything of `id` is written and was read back equal. */
  readonly healthy: boolean;
  readonly message: string;
  readonly drift: readonly DriftEntry[];
  /** Changes by others beyond `drift`, which is bounded. */
  readonly driftOmitted?: number;
  /** Everything of this desired state is in place but what others changed; absent: it is not, or nothing is changed. */
  readonly inPlaceButDrift?: string;
  /** Of the assignment that this speaks of; absent: of none, or of one without. */
  readonly generation?: number;
  /** The cluster's API server has refused it for some time, for a reason that waiting does not cure; absent: it has not, or an agent that does not say. */
  readonly refused?: true;
  /** Absent: nothing is applied yet, or an agent of a version that does not say. */
  readonly trust?: TrustUse;
  /** What was done about each revocation that the agent knows; absent: it knows none, or is of a version without. */
  readonly revocations?: readonly RevocationEffect[];
  /** Absent: nothing was assigned yet, or an agent of a version that does not say. */
  readonly peering?: PeeringReport;
}

/** As many peers as the largest mesh has. */
export const MAX_PEERS = 511;
export const LONGEST_WAITING_REASON = 200;
/** In a status, by name. */
export const MAX_SHOWN_PEERINGS = 8;

/** How far a cluster is with those whom it reads and who read it. Sorted by name, at most `MAX_PEERS` of each. */
export interface PeeringReport {
  /** Peers with an entry in one of its Secrets, whoever wrote it. */
  readonly reads: readonly string[];
  /** Desired peers without one yet, and what they are waited for. */
  readonly waiting: readonly WaitingPeer[];
  /** Former readers whose users stay: the hub says of each whether it still reads. Absent: none. */
  readonly keeps?: readonly string[];
}

export interface WaitingPeer {
  readonly peer: string;
  readonly reason: string;
}

/** One field that is not what we last wrote. Secret values appear as digests only. */
export interface DriftEntry {
  /** `Secret kube-system/cilium-clustermesh`. */
  readonly object: string;
  /** `.data.oslo`; empty: the object as a whole. */
  readonly path: string;
  /** `sha256:` and hex, or `absent`; short values of what is no Secret stand as they are. */
  readonly expected: string;
  readonly actual: string;
  /** Field manager of the change (`managedFields`), `unknown` where the server does not say. */
  readonly manager: string;
  readonly firstSeen: number;
  /** Who is behind the manager, for people: `Argo CD application shop`, `kubectl-edit (Update)`; absent: unknown. */
  readonly actor?: string;
  /** When the manager last wrote, by the server's clock; absent: unknown. */
  readonly changedAt?: number;
  /** Absent: `Changed`. `PutBack`: a live fact (import), written again at once. `Contended`: the same manager undoes our write again and again; we have backed off. */
  readonly reason?: DriftReason;
}

export type DriftReason = 'Changed' | 'PutBack' | 'Contended';
