/** What the fleet has, gives, has given away and leaves idle, and what that costs: by what people say of clusters, or by whose pods ask for it. Unknown is said, never counted as zero. */
import { OTHER_VALUES, type ResourceAmounts, WITHOUT_LABEL } from '../model/cluster.ts';
import type { ReportBy, ReportGap, ReportSums } from '../model/fleet-report.ts';
import type { Instant } from '../model/instant.ts';
import { compareText } from '../model/order.ts';
import { type ClusterFigures, costOf, minus, NOTHING, plus } from './figures.ts';

interface Group extends ReportSums {
  /** Of which there is at least one figure, sorted. */
  readonly clusters: readonly string[];
}

export interface FleetReport {
  readonly by: ReportBy;
  /** Sorted by value. */
  readonly groups: readonly Group[];
  readonly total: Group;
  /** Sorted by name. */
  readonly unknown: readonly ReportGap[];
}

/** Beside the values of a workload label: what nobody asked for. */
export const IDLE = '(idle)';

export function reportFleet(clusters: readonly ClusterFigures[], by: ReportBy): FleetReport {
  const sorted = [...clusters].sort((a, b) => compareText(a.name, b.name));
  return 'workload' in by ? byWorkload(sorted, by) : byCluster(sorted, by);
}

function byCluster(clusters: readonly ClusterFigures[], by: Extract<ReportBy, { cluster: string }>): FleetReport {
  const valueOf = ({ name, labels, properties }: ClusterFigures): string => (by.cluster === 'name' ? name : labels[by.cluster] ?? properties[by.cluster] ?? WITHOUT_LABEL);
  const groups = new Map<string, ClusterFigures[]>();
  for (const cluster of clusters) groups.set(valueOf(cluster), [...groups.get(valueOf(cluster)) ?? [], cluster]);
  return {
    by,
    groups: [...groups].sort(([a], [b]) => compareText(a, b)).map(([value, members]) => sumOf(value, members)),
    total: sumOf('', clusters),
    unknown: clusters.flatMap((cluster) => {
      const what = unknownOf(cluster);
      return what === undefined ? [] : [{ cluster: cluster.name, value: valueOf(cluster), what }];
    }),
  };
}

function sumOf(value: string, members: readonly ClusterFigures[]): Group {
  const known = members.filter(({ capacity, requested }) => capacity !== null || requested !== null);
  const sum = (of: (cluster: ClusterFigures) => ResourceAmounts | null): ResourceAmounts | null => {
    const amounts = known.flatMap((cluster) => of(cluster) ?? []);
    return amounts.length === 0 ? null : amounts.reduce(plus, NOTHING);
  };
  const priced = known.filter(({ price }) => price !== null);
  const cost = (of: (cluster: ClusterFigures) => ResourceAmounts | null): number => priced.reduce((all, cluster) => all + costOf(of(cluster) ?? NOTHING, cluster.price!), 0);
  return {
    value, clusters: known.map(({ name }) => name),
    capacity: sum(({ capacity }) => capacity), allocatable: sum(({ allocatable }) => allocatable), requested: sum(({ requested }) => requested), idle: sum(idleOf),
    cost: priced.length === 0 ? null : { requested: cost(({ requested }) => requested), idle: cost(idleOf), whole: cost(({ capacity }) => capacity) },
    unpriced: known.length - priced.length, asOf: oldest(known),
  };
}

export const idleOf = ({ allocatable, requested }: Pick<ClusterFigures, 'allocatable' | 'requested'>): ResourceAmounts | null => (allocatable === null || requested === null ? null : minus(allocatable, requested));

function unknownOf({ capacity, requested, connected, asOf }: ClusterFigures): string | undefined {
  if (capacity === null) return `capacity and requests: ${connected ? 'its agent does not tell them' : asOf === 0 ? 'no agent has joined' : 'its agent is away and has not told them'}`;
  return requested === null ? 'requests: its agent cannot read pods' : undefined;
}

function byWorkload(clusters: readonly ClusterFigures[], by: Extract<ReportBy, { workload: string }>): FleetReport {
  const groupsOf = ({ requestedBy }: ClusterFigures) => requestedBy?.filter(({ label }) => label === by.workload) ?? [];
  const summed = (cluster: ClusterFigures): boolean => groupsOf(cluster).length > 0 || (cluster.requestedBy !== null && cluster.requested?.pods === 0);
  const known = clusters.filter(summed);
  const values = [...new Set(known.flatMap((cluster) => groupsOf(cluster).map(({ value }) => value)))].sort(byValue);
  /** One value's share of each cluster, as if the cluster gave and held nothing else. */
  const share = (value: string): ClusterFigures[] => known.flatMap((cluster) => {
    const group = groupsOf(cluster).find((one) => one.value === value);
    return group === undefined ? [] : [{ ...cluster, capacity: null, allocatable: null, requested: group }];
  });
  const idle = known.filter((cluster) => idleOf(cluster) !== null).map((cluster): ClusterFigures => ({ ...cluster, capacity: null }));
  return {
    by,
    groups: [...values.map((value) => sumOf(value, share(value))), ...idle.length === 0 ? [] : [onlyIdle(sumOf(IDLE, idle))]],
    total: sumOf('', known),
    unknown: clusters.filter((cluster) => !summed(cluster)).map((cluster) => ({
      cluster: cluster.name, value: '',
      what: unknownOf(cluster) ?? `requests by ${by.workload}: its agent does not sum by this label; add it to the agent chart's reportLabels`,
    })),
  };
}

const onlyIdle = (group: Group): Group => ({ ...group, requested: null, allocatable: null, cost: group.cost === null ? null : { requested: 0, idle: group.cost.idle, whole: group.cost.idle } });

/** Values first, then what is no value. */
const byValue = (a: string, b: string): number => {
  const last = [OTHER_VALUES, WITHOUT_LABEL];
  return last.indexOf(a) - last.indexOf(b) || compareText(a, b);
};

function oldest(clusters: readonly ClusterFigures[]): Instant | null {
  const past = clusters.flatMap(({ asOf }) => asOf ?? []);
  return past.length === 0 ? null : Math.min(...past);
}
