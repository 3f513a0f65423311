/** Clusters that other inventories and tools know, as an answer tells of them. */

export type DiscoverySource = 'ClusterProfile' | 'Cluster API' | 'Argo CD' | 'Flux';

export interface DiscoveredCluster {
  readonly source: DiscoverySource;
  /** What the other side calls it, as far as that can be told without reading credentials. */
  readonly name: string;
  /** Where that stands: `clusters.cluster.x-k8s.io fleet/berlin`. */
  readonly object: string;
  /** Of a ClusterProfile: who publishes it. */
  readonly manager: string | null;
  readonly kubernetesVersion: string | null;
  readonly phase: string | null;
  /** URL of its API server. */
  readonly endpoint: string | null;
  readonly detail: string | null;
  /** The Cluster of this hub that it is, and by what that is known; a name is the weakest sign. `joined` false: that Cluster waits for its agent. null: none. */
  readonly cluster: { readonly name: string; readonly by: 'uid' | 'endpoint' | 'name'; readonly joined: boolean } | null;
  /** Command that lets it join; null where it has, or where no name of at most 32 characters is free. */
  readonly join: string | null;
}

/** What became of one reading. `absent`: nobody installed the definition; `forbidden`: this hub may not list them; `off`: it was not told to. */
export interface SourceReading {
  readonly source: DiscoverySource;
  /** `helmreleases.helm.toolkit.fluxcd.io`, `secrets argocd`. */
  readonly what: string;
  readonly state: 'read' | 'absent' | 'forbidden' | 'off' | 'failed';
  readonly found: number;
  /** For people: the way out, the failure, or that there is more than was read. Empty: nothing to say. */
  readonly message: string;
}

/** What became of this hub's own ClusterProfiles. */
export interface PublishedProfiles {
  readonly state: 'published' | 'absent' | 'forbidden' | 'off' | 'unknown';
  readonly count: number;
  /** Left alone, because somebody else wrote them: a sentence each, by cluster; at most 100. */
  readonly held: readonly { readonly cluster: string; readonly problem: string }[];
}
