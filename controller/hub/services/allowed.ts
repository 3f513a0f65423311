/** Whether an ExportPolicy allows one export. Asked for every fact that every agent holds while a restarted hub waits for its source, so each answer is kept until what it follows from changes. */
import type { ClusterObject } from '../../../mesh/api/resources/cluster.ts';
import type { ExportPolicyObject } from '../../../mesh/api/resources/policies.ts';
import { type ExportFact, serviceKey } from '../../../mesh/model/service.ts';
import { authoriseExports } from '../../../mesh/services/authorise.ts';
import type { Cache } from '../../runtime/cache.ts';
import { clusterView, exportPolicyValues } from '../views.ts';

export function createAllowed(clusters: Pick<Cache<ClusterObject>, 'get'>, policies: Pick<Cache<ExportPolicyObject>, 'list'>): (fact: ExportFact) => boolean {
  let objects: readonly ExportPolicyObject[] | undefined;
  let values = exportPolicyValues([]);
  /** Caches give the same object until it changes. */
  let answers = new WeakMap<ClusterObject, Map<string, boolean>>();
  return (fact) => {
    if (policies.list() !== objects) {
      objects = policies.list();
      values = exportPolicyValues(objects);
      answers = new WeakMap();
    }
    const cluster = clusters.get({ name: fact.cluster });
    if (cluster === undefined) return false;
    const known = answers.get(cluster) ?? new Map<string, boolean>();
    answers.set(cluster, known);
    const earlier = known.get(serviceKey(fact));
    if (earlier !== undefined) return earlier;
    const allowed = authoriseExports([fact], [clusterView(cluster, undefined)], values).allowed.length > 0;
    known.set(serviceKey(fact), allowed);
    return allowed;
  };
}
