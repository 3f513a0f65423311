/** Which changes of a Cluster object runs follow from. Most show only what runs do, and what agents' reports have told already. */
import type { ClusterObject } from '../../../mesh/api/resources/cluster.ts';
import { isMomentary } from '../../../mesh/model/selector-facts.ts';
import type { CacheEvent } from '../../runtime/object-set.ts';
import { clusterView } from '../views.ts';

/** What selectors of windows and of runs may go by. */
function asSelected(object: ClusterObject): string {
  const { labels, properties, facts = {} } = clusterView(object, undefined);
  return JSON.stringify([labels, properties.map(({ name, value }) => [name, value]), Object.entries(facts).flatMap(([name, { value }]) => (isMomentary(name) ? [] : [[name, value]]))]);
}

/** Most changes are of these alone, and each report of an agent brings some: they are told apart without reading the rest. No selector goes by them. */
const MOMENTARY: ReadonlySet<string> = new Set(['current', 'desired', 'conditions', 'drift', 'driftOmitted', 'exports', 'exportCount', 'observedAt']);
const lasting = ({ metadata: { labels }, status = {} }: ClusterObject): string => JSON.stringify([labels, Object.entries(status).filter(([name]) => !MOMENTARY.has(name))]);

/** It came or went, a person changed its spec (a freeze), or selectors may mean another one. */
export const concernsRuns = ({ type, object, previous }: CacheEvent<ClusterObject>): boolean =>
  type !== 'updated' || previous === undefined || object.metadata.generation !== previous.metadata.generation
  || (lasting(object) !== lasting(previous) && asSelected(object) !== asSelected(previous));
