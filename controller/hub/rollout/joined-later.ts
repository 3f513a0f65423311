/** Clusters that would be in a run had they joined before it was frozen. They are told of, and left to the next run. Pure. */
import type { ClusterObject } from '../../../mesh/api/resources/cluster.ts';
import type { ClusterView } from '../../../mesh/model/cluster.ts';
import { toRfc3339 } from '../../../mesh/model/instant.ts';
import { type ClusterSelector, matchesSelector } from '../../../mesh/model/selector.ts';
import type { OpenRun } from './book.ts';
import type { RunSpec } from './intent-world.ts';

const MOST_LISTED = 1000;

/** The known ones and those that came since, sorted; the same list where none did. `inPlan`: whether the plan has a place for the cluster. */
export function joinedLater({ record, targets }: OpenRun, spec: RunSpec, clusters: readonly ClusterObject[], viewOf: (object: ClusterObject) => ClusterView, inPlan: (view: ClusterView) => boolean): readonly string[] {
  if (spec.undoOf !== undefined || spec.retryOf !== undefined || spec.removePackage !== undefined || record.joinedLater.length >= MOST_LISTED) return record.joinedLater;
  // Written by the hub in one form: texts of it are in the order of time.
  const since = toRfc3339(record.createdAt);
  const late = clusters.filter(({ status }) => (status?.identity?.joinedAt ?? '') > since);
  if (late.length === 0) return record.joinedLater;
  const known = new Set([...record.joinedLater, ...targets.map(({ cluster }) => cluster)]);
  const selector = spec.bundle?.clusters as ClusterSelector | undefined;
  const found = late.filter(({ metadata }) => !known.has(metadata.name)).map(viewOf).filter((view) => (selector === undefined ? inPlan(view) : matchesSelector(selector, view)));
  return found.length === 0 ? record.joinedLater : [...record.joinedLater, ...found.map(({ name }) => name)].sort().slice(0, MOST_LISTED);
}
