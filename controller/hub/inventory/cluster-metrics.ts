/** What a Prometheus reads of the fleet: how many clusters have a condition, and for how long the one that has had it longest. Names of clusters are not told: there may be thousands. */
import type { ClusterObject } from '../../../mesh/api/resources/cluster.ts';
import { fromRfc3339 } from '../../../mesh/model/instant.ts';
import type { Cache } from '../../runtime/cache.ts';
import type { HubPorts } from '../ports.ts';
import { conditionsOf } from '../views.ts';

const OF_REVOKED: readonly string[] = ['Joined', 'Ready'];

interface Parts {
  readonly ports: Pick<HubPorts, 'clock' | 'metrics'>;
  readonly clusters: Cache<ClusterObject>;
}

/** The result ends it. */
export function measureClusters({ ports: { clock, metrics }, clusters }: Parts): () => void {
  const labels = ['condition', 'status', 'reason'];
  const counted = metrics.gauge('isthmus_hub_clusters', 'Clusters, by condition, its status and its reason.', labels);
  const longest = metrics.gauge('isthmus_hub_clusters_longest_seconds', 'For how long the condition of the cluster that has had it longest has had its status, by condition, status and reason.', labels);

  return metrics.beforeReading(() => {
    const now = clock.now();
    const found = new Map<string, { readonly labels: Readonly<Record<string, string>>; count: number; since: number }>();
    for (const cluster of clusters.list()) {
      for (const { type: condition, status, reason, lastTransitionTime } of conditionsOf(cluster)) {
        // One that people cut off is away and behind because they want it so.
        if (cluster.status?.revocation !== undefined && !OF_REVOKED.includes(condition)) continue;
        const key = `${condition} ${status} ${reason}`;
        const one = found.get(key) ?? { labels: { condition, status, reason }, count: 0, since: now };
        one.count += 1;
        one.since = Math.min(one.since, fromRfc3339(String(lastTransitionTime)) ?? now);
        found.set(key, one);
      }
    }
    counted.clear();
    longest.clear();
    for (const { labels: of, count, since } of found.values()) {
      counted.set(of, count);
      longest.set(of, (now - since) / 1000);
    }
  });
}
