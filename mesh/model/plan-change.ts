/** What a plan changes of one cluster, for people: whom it gets as peers, what is written there, and what restarts. */
export interface PlanChange {
  readonly cluster: string;
  /** null: none. */
  readonly mesh: string | null;
  /** Under which it is peered; 0: none. */
  readonly clusterId: number;
  readonly clusterIdBefore: number;
  /** Names, sorted. Of a plan that changes very many, the first few: `peerCounts` has all. */
  readonly peersAdded: readonly string[];
  readonly peersRemoved: readonly string[];
  /** The same peer at another address or under another id. */
  readonly peersChanged: readonly string[];
  /** Absent: as many as are named. */
  readonly peerCounts?: { readonly added: number; readonly removed: number; readonly changed: number };
  /** `Secret kube-system/cilium-clustermesh`, …: objects with another content, sorted. */
  readonly writes: readonly string[];
  /** AccessPolicies whose rules here come, go or change, sorted. */
  readonly policies: readonly string[];
  /** Sentences; empty: no pod restarts. */
  readonly restarts: readonly string[];
}
