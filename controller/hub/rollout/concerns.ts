/** Which changes of a Cluster object runs follow from. Most show only what runs do, and what agents' reports have told already. */
import type { ClusterObject } from '../../../mesh/api/resources/cluster.ts';
import { canonicalJson } from '../../../mesh/model/canonical.ts';
import { isMomentary } from '../../../mesh/model/selector-facts.ts';
import type { CacheEvent } from '../../runtime/object-set.ts';
import { clusterView } from '../views.ts';

/** Of the last state of each object: caches give the same one until it changes. */
const known = new WeakMap<ClusterObject, string>();

/** What selectors of windows and of runs may go by. */
function asSelected(object: ClusterObject): string {
  const before = known.get(object);
  if (before !== undefined) return before;
  const { labels, properties, facts = {} } = clusterView(object, undefined);
  const lasting = Object.entries(facts).filter(([name]) => !isMomentary(name)).map(([name, { value }]) => [name, value]);
  const text = canonicalJson({ labels, properties: properties.map(({ name, value }) => [name, value]), facts: Object.fromEntries(lasting) as Record<string, unknown> });
  known.set(object, text);
  return text;
}

/** It came or went, a person changed its spec (a freeze), or selectors may mean another one. */
export const concernsRuns = ({ type, object, previous }: CacheEvent<ClusterObject>): boolean =>
  type !== 'updated' || previous === undefined || object.metadata.generation !== previous.metadata.generation || asSelected(object) !== asSelected(previous);
