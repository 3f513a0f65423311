/** What reports of the fleet and searches for clusters are answered with: figures, where they come from, and what they lack. */
import type { ResourceAmounts } from './cluster.ts';
import type { Instant } from './instant.ts';
import type { QueryAnswer } from './query-answer.ts';

/** How a report is made: by a label or else a property of clusters (`name`: each by itself), or by a label of pods and namespaces that agents sum by. */
export type ReportBy = { readonly cluster: string } | { readonly workload: string };

export interface ReportSums {
  readonly value: string;
  /** null: of no cluster of the group. */
  readonly capacity: ResourceAmounts | null;
  readonly allocatable: ResourceAmounts | null;
  readonly requested: ResourceAmounts | null;
  /** Allocatable less requested, cluster by cluster, of those of which both are known. */
  readonly idle: ResourceAmounts | null;
  /** Of what is requested, of what is idle, of all that there is: an hour of it, of the clusters that have a price. */
  readonly cost: { readonly requested: number; readonly idle: number; readonly whole: number } | null;
  /** Clusters of the group without a price, so that `cost` lacks them. */
  readonly unpriced: number;
  /** The oldest of the figures; null: all are of the moment that is answered for. */
  readonly asOf: Instant | null;
}

/** The clusters of which there is at least one figure. */
export interface ReportGroup extends ReportSums {
  readonly clusterCount: number;
  /** The first of them, by name. */
  readonly clusters: readonly string[];
}

/** A cluster that the sums lack, wholly or in part, and why. */
export interface ReportGap {
  readonly cluster: string;
  readonly value: string;
  readonly what: string;
}

/** Of the clusters that a query matched. */
type Matched = Pick<QueryAnswer, 'query' | 'at' | 'from' | 'matched' | 'undecided' | 'undecidedNames' | 'total' | 'notes'>;

export interface ReportAnswer extends Matched {
  readonly by: ReportBy;
  /** Sorted by value. */
  readonly groups: readonly ReportGroup[];
  readonly sum: ReportGroup;
  /** The first of them, by name. */
  readonly unknown: readonly ReportGap[];
  readonly unknownCount: number;
  /** More groups follow: ask again with `continue`, within a minute. */
  readonly continue?: string;
}

export interface FoundCluster {
  readonly name: string;
  readonly chosen: boolean;
  /** null: unknown. */
  readonly free: ResourceAmounts | null;
  /** Why it is chosen, or everything that speaks against it. */
  readonly reasons: readonly string[];
}

export interface FindAnswer extends Matched {
  readonly chosenCount: number;
  /** The chosen ones, most to give first; then, where they are asked for, the others by name. */
  readonly clusters: readonly FoundCluster[];
  readonly continue?: string;
}
