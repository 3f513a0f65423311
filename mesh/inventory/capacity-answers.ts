/** Answers about capacity, for a fleet of one moment: reports and searches, in parts that a hub can send. */
import type { FindAnswer, FoundCluster, ReportAnswer, ReportBy, ReportGroup } from '../model/fleet-report.ts';
import type { Instant } from '../model/instant.ts';
import type { Head } from './answer.ts';
import type { ClusterFigures } from './figures.ts';
import { findClusters, type Wish } from './find.ts';
import { type FleetReport, idleOf, reportFleet } from './report.ts';

/** The clusters that a query matched. */
export interface MatchedFleet {
  readonly head: Head;
  readonly figures: readonly ClusterFigures[];
}

/** What is told once, and what comes in pages. */
export interface Told<Answer, Part> { readonly about: Answer; readonly parts: readonly Part[] }

const MOST_NAMES = 100;
const MOST_GAPS = 200;

const matchedOf = ({ answer: { query, at, from, matched, undecided, undecidedNames, total, notes } }: Head) => ({ query, at, from, matched, undecided, undecidedNames, total, notes });

const named = ({ clusters, ...sums }: FleetReport['total']): ReportGroup => ({ ...sums, clusterCount: clusters.length, clusters: clusters.slice(0, MOST_NAMES) });

export function reportAnswer({ head, figures }: MatchedFleet, by: ReportBy): Told<Omit<ReportAnswer, 'groups' | 'continue'>, ReportGroup> {
  const { groups, total, unknown } = reportFleet(figures, by);
  return { about: { ...matchedOf(head), by, sum: named(total), unknown: unknown.slice(0, MOST_GAPS), unknownCount: unknown.length }, parts: groups.map(named) };
}

/** `now`: the moment that is answered for. */
export function findAnswer({ head, figures }: MatchedFleet, wish: Wish, explain: boolean, now: Instant): Told<Omit<FindAnswer, 'clusters' | 'continue'>, FoundCluster> {
  const { chosen, others } = findClusters(figures, wish, now);
  const byName = new Map(figures.map((one) => [one.name, one]));
  return {
    about: { ...matchedOf(head), chosenCount: chosen.length },
    parts: [
      ...chosen.map(({ cluster, why }): FoundCluster => ({ name: cluster.name, chosen: true, free: idleOf(cluster), reasons: why })),
      ...explain ? others.map(({ name, reasons }): FoundCluster => ({ name, chosen: false, free: idleOf(byName.get(name)!), reasons })) : [],
    ],
  };
}
