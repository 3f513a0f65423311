/** Who is peered with whom within a mesh. */
import type { ClusterSelector } from './selector.ts';

/** `OneWay`: `from` reads of `to` and not the other way round. */
export interface TopologyPair {
  readonly from: string;
  readonly to: string;
  readonly direction: 'Both' | 'OneWay';
}

export type Topology =
  /** Everybody with everybody. */
  | { readonly type: 'FullMesh' }
  /** Hubs with everybody, the others with hubs alone. */
  | { readonly type: 'HubAndSpoke'; readonly hubs: ClusterSelector }
  /** Everybody within a group, and gateways of one group with those of another. `groupBy`: a label, property or fact; its value names the group. */
  | { readonly type: 'Regional'; readonly groupBy: string; readonly gateways: ClusterSelector }
  /** Whom somebody wrote down. */
  | { readonly type: 'Pairs'; readonly pairs: readonly TopologyPair[] };
