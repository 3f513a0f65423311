/** What is known of one cluster. */
import type { Instant } from './instant.ts';
import type { SelectorFact } from './selector-lookup.ts';

/** How to reach this cluster's clustermesh-apiserver from its peers: a DNS `address` or a list of `ips`, never both. */
export interface MeshEndpoint {
  readonly address?: string;
  readonly ips?: readonly string[];
  readonly port: number;
  /** Absent: readers take the certificate that is theirs for all peers. Declared by people alone: no agent reports it. */
  readonly tls?: PeerTls;
}

/** A client certificate for this one peer, by reference: a Secret in Cilium's namespace of each cluster that reads the peer, with `tls.crt` and `tls.key`. */
export interface PeerTls {
  readonly secretName: string;
  /** Who vouches for the peer's server certificate: `ca.crt` of that Secret, or the roots of the mesh. */
  readonly trust: 'Secret' | 'Mesh';
}

export const RELEASE_TOOLS = ['Argo CD', 'Flux HelmRelease', 'Flux Kustomization', 'Helm'] as const;
export const LONGEST_RELEASE_NAME = 253;

/** As marks on Cilium's objects tell: an Application, a HelmRelease, a Kustomization, or a release of Helm alone. */
export interface CiliumRelease {
  readonly tool: typeof RELEASE_TOOLS[number];
  readonly name: string;
  /** Absent: the mark does not say it. */
  readonly namespace?: string;
  /** The mark is one that charts set as well. */
  readonly byLabelAlone?: true;
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
  /** Of `CILIUM_SETTINGS`, those that ConfigMap `cilium-config` has, as they stand there; absent: an agent that does not tell them. */
  readonly settings?: Readonly<Partial<Record<CiliumSetting, string>>>;
  /** Addresses of nodes, as CIDRs that hold these and no others; absent: not told, or more than travel. */
  readonly nodeCidrs?: readonly string[];
  /** Absent: not told. */
  readonly serviceCidrs?: readonly string[];
  /** What the pods of clustermesh-apiserver make of ConfigMap `clustermesh-remote-users`; absent: not told. */
  readonly remoteUsers?: RemoteUsersMount;
  /** DNS names and addresses in the certificate that clustermesh-apiserver shows; absent: there is none yet, or not told. */
  readonly serverNames?: readonly string[];
  /** Of the Secrets `clustermesh-apiserver-*-cert`, where others made them: SHA-256 of the roots that they hold, and of those that signed their certificates. */
  readonly foreignTrust?: { readonly roots: readonly string[]; readonly signedBy: readonly string[] };
  /** What brings Cilium's own objects there; absent: nothing says so, or not told. */
  readonly release?: CiliumRelease;
}

/** `RequiredAndMissing`: the pods do not start without it, and it is not there. */
export const REMOTE_USERS_MOUNTS = ['Mounted', 'NotMounted', 'RequiredAndMissing'] as const;
export type RemoteUsersMount = (typeof REMOTE_USERS_MOUNTS)[number];

/** Bounds of what one cluster may say of its Cilium. */
export const MAX_NODE_CIDRS = 64;
export const MAX_SERVICE_CIDRS = 8;
export const MAX_SERVER_NAMES = 16;
export const MAX_FOREIGN_ROOTS = 16;

/** Keys of ConfigMap `cilium-config` that decide whether clusters can be peered (Cilium's chart, `templates/cilium-configmap.yaml`; documentation, "Cluster Mesh: prerequisites"). */
export const CILIUM_SETTINGS = [
  'cni-chaining-mode', 'datapath-mode', 'enable-ipsec', 'enable-ipv4', 'enable-ipv6', 'enable-non-default-deny-policies', 'enable-policy', 'enable-wireguard', 'identity-allocation-mode', 'ipam', 'kube-proxy-replacement', 'policy-default-local-cluster', 'routing-mode', 'tunnel-protocol',
] as const;
export type CiliumSetting = (typeof CILIUM_SETTINGS)[number];

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

/** Sums over nodes, or over what pods ask for. */
export interface ResourceAmounts {
  readonly cpuMilli: number;
  readonly memoryBytes: number;
  readonly pods: number;
  /** By extended-resource name, as `nvidia.com/gpu`. */
  readonly gpus: Readonly<Record<string, number>>;
}

export interface ClusterResources {
  readonly capacity: ResourceAmounts;
  readonly allocatable: ResourceAmounts;
  /** By pods that are bound to a node and have not ended; absent: the agent cannot read pods, which is not nothing. */
  readonly requested?: ResourceAmounts;
}

/** What pods with one value of a label ask for; the label is the pod's own or its namespace's. */
export interface LabelledRequests extends ResourceAmounts {
  readonly label: string;
  /** `(none)`: pods without that label; `(others)`: all values after the largest 64. */
  readonly value: string;
}

/** What is counted under one label beside its values. No label value begins with a bracket. */
export const WITHOUT_LABEL = '(none)';
export const OTHER_VALUES = '(others)';

/** Bounds of what one cluster may say of itself: the agent keeps them, the hub checks them. */
export const MAX_PROPERTIES = 128;
export const MAX_PROPERTY_NAME = 128;
export const MAX_PROPERTY_VALUE = 1024;
/** That an agent can be told to report; the hub takes MAX_PROPERTIES, with those that are read from nodes. */
export const MAX_REPORTED_PROPERTIES = 112;
export const MAX_CAPABILITIES = 16;
export const MAX_CAPABILITY_VALUES = 64;
/** The longest name of an extended resource: a DNS subdomain, `/` and a label. */
export const MAX_CAPABILITY_LENGTH = 317;
export const MAX_GPU_RESOURCES = 16;
export const MAX_REPORT_LABELS = 4;
export const MAX_LABEL_VALUES = 64;
/** Of each label its values, `(others)` and `(none)`. */
export const MAX_REQUEST_GROUPS = MAX_REPORT_LABELS * (MAX_LABEL_VALUES + 2);

/** What an agent says of its cluster; sent when it changes. Members that are absent are unknown. */
export interface ClusterReport {
  /** Of namespace kube-system: one for the life of a cluster, whatever it is called. */
  readonly uid?: string;
  /** `architecture`, `storage-class`, `zone`, `region`, `gpu`, `extended-resource`, `operating-system`, `kubelet-version`: names of what there is, sorted. */
  readonly capabilities?: Readonly<Record<string, readonly string[]>>;
  readonly resources?: ClusterResources;
  readonly requestedBy?: readonly LabelledRequests[];
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
  /** What selectors may ask for beside labels and properties, by name; absent: this view was made without. */
  readonly facts?: Readonly<Record<string, SelectorFact>>;
  /** The cluster redeemed a join token and holds an identity that counts. */
  readonly joined: boolean;
  /** It was cut off and has not joined anew: no part of any plan; absent: it is not. */
  readonly revoked?: true;
  readonly report: ClusterReport | null;
  /** Content id of the desired state that an update run assigned last. */
  readonly assignedId: string | null;
}
