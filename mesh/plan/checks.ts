/** What is looked for before a mesh is written: what each finding means and what to do. The reference page is made from this table. */
import { SKIPPABLE_CHECKS } from '../model/mesh-check.ts';

interface Check {
  /**
   * `refuses`: the mesh stays as it is. `waits`: the clusters named stay out of the plan, the others are planned. `warns`: said, and planned.
   */
  readonly effect: 'refuses' | 'waits' | 'warns';
  readonly means: string;
  readonly wayOut: string;
}

/** In the order of the page. */
export const CHECKS = {
  InvalidSelector: { effect: 'refuses', means: '`spec.clusters` cannot be read.', wayOut: 'Correct the selector as the message says.' },
  ClusterInTwoMeshes: { effect: 'refuses', means: 'Two Mesh objects select one cluster; Cilium has one name and one id for it. Both meshes stay as they are.', wayOut: 'Narrow `spec.clusters` of one of them (`exclude_labels`).' },
  TooManyClusters: { effect: 'refuses', means: 'More clusters than `maxConnectedClusters`, or than ids that are free.', wayOut: 'Narrow the selector, or divide the mesh.' },
  ReportMissing: { effect: 'refuses', means: 'A cluster is peered already, and nobody remembers what its agent reported.', wayOut: 'Wait for its agent, or take the cluster out of the mesh.' },
  CiliumMissing: { effect: 'refuses', means: 'The agent finds no ConfigMap `cilium-config`, or no running version.', wayOut: 'Install Cilium there, set the agent\'s `ciliumNamespace`, or take the cluster out.' },
  CiliumTooOld: { effect: 'refuses', means: 'Cilium is older than 1.16: what is written for peers is not what it reads.', wayOut: 'Upgrade Cilium there, or take the cluster out.' },
  VersionSkew: { effect: 'refuses', means: 'Minor versions are further apart than `allowVersionSkewMinors`; Cilium tests neighbours only.', wayOut: 'Upgrade the oldest, or raise `allowVersionSkewMinors`.' },
  ClusterNameMismatch: { effect: 'refuses', means: 'Cilium\'s `cluster-name` is not the name of the Cluster: it was renamed, or joined under another name. Peers look for its data under the name that Cilium has.', wayOut: 'Set the Helm value `cluster.name` back, or join the cluster under Cilium\'s name.' },
  ClusterNameInvalid: { effect: 'refuses', means: 'A name that no mesh takes: 1 to 32 of `a-z`, `0-9` and `-`, not `default`.', wayOut: 'Set `cluster.name` anew, and join the cluster under it.' },
  ClusterIdConflict: { effect: 'refuses', means: 'Two clusters have one id, or an id is out of range or of no use to the cluster\'s IPAM. The cluster that would move is the one with less history: the one that was given the id keeps it, then the one that has an assigned state, then the one that is in the mesh for longer, then the first by name.', wayOut: 'Give the cluster that would move another id (`cluster.id`); the message names one that is free.' },
  ClusterIdHeld: { effect: 'waits', means: 'The id is that of a cluster that has left while others still name it as a peer, or less than 180 s ago.', wayOut: 'Wait, give the cluster another id, or `isthmus mesh release-id`.' },
  MaxConnectedClustersMismatch: { effect: 'refuses', means: 'Cilium was installed for another number of clusters than the mesh; ids and identities have other widths.', wayOut: 'Install Cilium there anew, or put the cluster into a mesh of its number.' },
  InvalidTopology: { effect: 'refuses', means: '`spec.topology` names nobody, or a cluster that is not selected, or one twice.', wayOut: 'Correct it as the message says.' },
  GroupUnknown: { effect: 'refuses', means: 'A regional mesh has a cluster without the property that names its group.', wayOut: 'Label the cluster, or take it out.' },
  GroupWithoutGateway: { effect: 'refuses', means: 'A group of a regional mesh has no gateway and would be cut off.', wayOut: 'Make one of its clusters a gateway.' },
  CidrOverlap: { effect: 'refuses', means: 'Pods or nodes of two clusters share addresses (IPv4 or IPv6): packets go to the wrong one.', wayOut: 'Give one of them other CIDRs, or take it out.' },
  ServiceCidrOverlap: { effect: 'refuses', means: 'One cluster\'s Services have addresses of another\'s pods or nodes: they are taken for a Service there and never leave. Service CIDRs that overlap each other do no harm.', wayOut: 'Give one of them other CIDRs, or take it out.' },
  IPFamilyMismatch: { effect: 'refuses', means: 'One cluster has IPv4 alone and another IPv6 alone.', wayOut: 'Install Cilium with both in one of them.' },
  RoutingModeMismatch: { effect: 'refuses', means: '`routingMode` differs: tunnel here, native there.', wayOut: 'Set the same in all, or divide the mesh.' },
  TunnelProtocolMismatch: { effect: 'refuses', means: '`tunnelProtocol` differs: VXLAN here, Geneve there.', wayOut: 'Set the same in all, or divide the mesh.' },
  EncryptionMismatch: { effect: 'refuses', means: 'One cluster encrypts (WireGuard, IPsec) and another does not, or otherwise.', wayOut: 'Set the same in all, or divide the mesh.' },
  IdentityModeMismatch: { effect: 'refuses', means: '`identityAllocationMode` differs: identities of `kvstore` clusters are in an etcd of their own, not in that of clustermesh-apiserver.', wayOut: 'Set the same in all, or divide the mesh.' },
  KvstoreIdentities: { effect: 'refuses', means: '`identityAllocationMode` is `kvstore`: clustermesh-apiserver then tells peers nothing of its cluster, they would have to read the etcd that Cilium itself uses (KVStoreMesh\'s `kvstoreMode: external` is for such clusters). Of its users and certificates Isthmus knows nothing.', wayOut: 'Migrate to `crd` (`doublewrite-readkvstore`, then `doublewrite-readcrd`), or take the cluster out.' },
  AuthModeLegacy: { effect: 'refuses', means: 'One user for all peers: none could be cut off, and the certificates that name each peer are refused.', wayOut: 'Set `clustermesh.apiserver.tls.authMode` to `migration` or `cluster`.' },
  RemoteUsersNotRead: { effect: 'refuses', means: 'clustermesh-apiserver does not mount ConfigMap `clustermesh-remote-users`, so it would refuse every peer whatever is written there.', wayOut: 'Set `clustermesh.apiserver.tls.authMode` to `cluster`, which mounts it, and `clustermesh.apiserver.kvstoremesh.kvstoreMode` to `internal`: with `external` there is no etcd of the mesh\'s own.' },
  MissingEndpoint: { effect: 'refuses', means: 'Nobody knows where peers reach its clustermesh-apiserver, or the address is none.', wayOut: 'Set `spec.meshEndpoint` of the Cluster, or give Service `clustermesh-apiserver` an address.' },
  EndpointUncertified: { effect: 'refuses', means: 'Peers would call it by a name that its server certificate does not have, so no connection could be trusted.', wayOut: 'Give `ips`, or point DNS name `<cluster>.mesh.cilium.io` at it and give that as `address`.' },
  EndpointUnreachable: { effect: 'waits', means: 'A cluster\'s agent cannot open the peer\'s etcd with the certificates of its Secrets. Each peer waits by itself until that succeeds; nothing else does.', wayOut: 'Open the network, or correct the address, as the agent\'s sentence says.' },
  TrustMismatch: { effect: 'refuses', means: 'Certificates that others made for a cluster\'s mesh are signed by a root that its peers do not believe, or it does not believe theirs.', wayOut: 'Delete those Secrets, and Isthmus issues them; or add the root to all clusters.' },
  AuthModeMixed: { effect: 'warns', means: 'Some clusters are in `migration`, where the common user `remote` still gets in, and others in `cluster`.', wayOut: 'Set `cluster` everywhere once all are peered.' },
  RemoteUsersRequired: { effect: 'warns', means: 'clustermesh-apiserver does not start without ConfigMap `clustermesh-remote-users`, and it is not there yet. Isthmus writes it with the first state.', wayOut: 'Nothing; its pod starts after that.' },
  KVStoreMeshMixed: { effect: 'warns', means: 'Some clusters have no KVStoreMesh: each of their agents has a connection to each peer, and peers given by `ips` restart them.', wayOut: 'Turn on `clustermesh.apiserver.kvstoremesh.enabled`.' },
  HostAliasesNeeded: { effect: 'warns', means: 'Cilium before 1.20 finds a peer that is given by `ips` through the pod\'s hosts file alone, which comes with a restart.', wayOut: 'Point DNS name `<peer>.mesh.cilium.io` at the peer and give that as `address`.' },
  KubeProxyReplacementOff: { effect: 'warns', means: 'Without kube-proxy replacement, NodePorts and pods in the host\'s network do not reach backends in other clusters.', wayOut: 'Set `kubeProxyReplacement`, where that is needed.' },
} as const satisfies Record<string, Check>;

export type CheckName = keyof typeof CHECKS;

export const CHECK_NAMES = Object.keys(CHECKS) as readonly CheckName[];

export const effectOf = (check: CheckName): Check['effect'] => CHECKS[check].effect;

export const isSkippable = (check: CheckName): boolean => SKIPPABLE_CHECKS.some((one) => one === check);
