/** A hub's cache and rows over an API server, in a process of its own: from the moment a property is written until a query finds it. */
import { systemClock } from '../../../controller/adapters/clock.ts';
import { connectKubernetes } from '../../../controller/adapters/kubernetes/connect.ts';
import { systemRandom } from '../../../controller/adapters/random.ts';
import { createLiveRows } from '../../../controller/hub/inventory/freshness.ts';
import { createCache } from '../../../controller/runtime/cache.ts';
import { fakeMetrics, silentLog } from '../../../controller/runtime/testing/fakes.ts';
import type { ClusterObject } from '../../../mesh/api/resources/cluster.ts';
import { Cluster } from '../../../mesh/api/resources/index.ts';
import { parseQuery } from '../../../mesh/inventory/query.ts';
import { answerQuestions } from '../kube/child.ts';
import { quantile } from '../kube/figures.ts';

export interface SeenFigures { readonly event: { readonly p50: number; readonly p99: number }; readonly seen: { readonly p50: number; readonly p99: number } }

const [kubeconfig = ''] = process.argv.slice(2);
const never = new AbortController().signal;
const metrics = fakeMetrics();
const client = connectKubernetes({ kubeconfig, userAgent: 'isthmus-bench', metrics });
const cache = createCache<ClusterObject>(client, Cluster, {}, { clock: systemClock, random: systemRandom, log: silentLog, metrics });
let arrived: ((object: ClusterObject) => void) | undefined;
const noAgents = { connection: () => undefined, heard: () => undefined, subscribe: () => undefined };
cache.subscribe(({ object }) => arrived?.(object));
const live = createLiveRows({ clusters: cache, fleet: noAgents as unknown as Parameters<typeof createLiveRows>[0]['fleet'] });

const property = (value: string) => ({ status: { properties: [{ name: 'bench', value, source: 'observed', observedAt: '2026-11-01T00:00:00.000Z' }] } });

answerQuestions({
  async sync() {
    void cache.start(never);
    await cache.waitForSync(never);
    return live.index.size;
  },
  async change({ writes }): Promise<SeenFigures> {
    const [event, seen]: number[][] = [[], []];
    const names = cache.list().slice(0, 100).map(({ metadata }) => metadata.name);
    for (let write = 0; write < Number(writes); write += 1) {
      const name = names[write % names.length]!;
      const value = `v${write}`;
      const parsed = parseQuery(`bench=${value}`);
      if (!('query' in parsed)) throw new Error(parsed.problem);
      const start = performance.now();
      const found = new Promise<void>((resolve) => {
        arrived = (object) => {
          if (object.metadata.name !== name) return;
          event!.push(performance.now() - start);
          // Later subscribers of the same event have it then.
          queueMicrotask(() => {
            if (live.index.run(parsed.query, systemClock.now()).rows[0]?.name !== name) throw new Error(`${name} has ${value}, and no query finds it`);
            seen!.push(performance.now() - start);
            resolve();
          });
        };
      });
      await client.patch(Cluster, { name }, property(value), { type: 'merge', fieldManager: 'bench', subresource: 'status' }, never);
      await found;
    }
    return { event: { p50: quantile(event!, 0.5), p99: quantile(event!, 0.99) }, seen: { p50: quantile(seen!, 0.5), p99: quantile(seen!, 0.99) } };
  },
});
