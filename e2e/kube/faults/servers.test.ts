/** Faults of the servers themselves: a compacted etcd, a killed kube-apiserver, an etcd without a majority. */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test, type TestContext } from 'vitest';
import { connectKubernetes } from '../../../controller/adapters/kubernetes/connect.ts';
import { fakeMetrics } from '../../../controller/runtime/testing/fakes.ts';
import { ConfigMap } from '../../../mesh/api/resources/core.ts';
import type { KubernetesClient } from '../../../mesh/ports/kubernetes.ts';
import { type ApiServer, type ApiServerOptions, missingAssets, startApiServer } from '../apiserver.ts';
import { widgetDefinition } from '../contract/widget.ts';
import { skewedClock } from './skewed-clock.ts';
import { createWorld, type World } from './world.ts';

const missing = missingAssets();
if (missing !== undefined) console.log(`no real kube-apiserver: ${missing}`);
const never = new AbortController().signal;
/** Pauses between attempts grow to a minute with the outage; the caches' minutes are short here. */
const CLOCK_RATE = 4;
const QUORUM_LOST_MILLISECONDS = 30_000;

describe.skipIf(missing !== undefined)('caches, loops and writers over servers that fail', () => {
  /** What it starts is ended when the test is over, the last first. */
  async function begin({ onTestFinished }: TestContext, name: string, options: ApiServerOptions): Promise<{ readonly server: ApiServer; readonly direct: KubernetesClient; readonly world: World }> {
    const server = await startApiServer({ definitions: [widgetDefinition], ...options });
    onTestFinished(() => server.stop());
    const direct = connectKubernetes({ kubeconfig: server.kubeconfigPath, userAgent: 'isthmus-faults-direct', metrics: fakeMetrics(), limits: { requestMilliseconds: 3000 } });
    onTestFinished(() => direct.close());
    const world = await createWorld({ server, direct, name, seed: 1, clock: skewedClock(CLOCK_RATE), pageSize: 50, configMaps: 60, widgets: 200, pauseMilliseconds: 10, mayFail: true });
    return { server, direct, world };
  }
  /** Writers work all the time; `strike` happens meanwhile. */
  async function during(world: World, strike: () => Promise<void>): Promise<void> {
    const writing = new AbortController();
    const written = world.write(writing.signal);
    try {
      await sleep(300);
      await strike();
      await sleep(300);
    } finally {
      writing.abort();
      await written;
    }
  }
  const failures = (world: World, reason: string): number => Object.entries(world.metrics.all())
    .filter(([name]) => name.startsWith('isthmus_cache_failures_total') && name.includes(`"${reason}"`)).reduce((sum, [, count]) => sum + count, 0);

  test.concurrent('etcd compacted while the caches were cut off: they list again and miss nothing', async (context) => {
    // Without its own memory of events, kube-apiserver's horizon is etcd's.
    const { server, direct, world } = await begin(context, 'compaction', { flags: ['--watch-cache=false'] });
    for (let round = 0; round < 3; round++) {
      await during(world, async () => {
        await world.proxy.refuse();
        await sleep(700);
        const { resourceVersion } = await direct.list(ConfigMap, { limit: 1 }, never);
        const answer = await fetch(`${server.etcdUrl}/v3/kv/compaction`, { method: 'POST', body: JSON.stringify({ revision: resourceVersion, physical: true }) });
        expect(answer.status).toBe(200);
        await world.proxy.listen();
      });
      await world.settle(`compaction ${round + 1}`);
    }
    expect(failures(world, 'Expired')).toBeGreaterThanOrEqual(world.observers.length);
    await world.stop();
  });

  test.concurrent('kube-apiserver killed and started again on its port, twice', async (context) => {
    const { server, world } = await begin(context, 'killed', {});
    const settled: number[] = [];
    for (let round = 0; round < 2; round++) {
      await during(world, async () => {
        await server.apiServer.kill();
        expect(server.apiServer.running).toBe(false);
        await sleep(500 * round);
        server.apiServer.start();
        await server.ready();
      });
      settled.push(Math.round(await world.settle(`kill ${round + 1}`)));
    }
    console.log(`kube-apiserver killed: well again ${settled.join(', ')} ms after it answered`);
    await world.stop();
  });

  test.concurrent('etcd without a majority for 30 s: one member frozen, one killed, then both back', async (context) => {
    const { server, direct, world } = await begin(context, 'quorum', { etcdMembers: 3 });
    await during(world, async () => {
      server.etcd[1]!.freeze();
      await server.etcd[2]!.kill();
      const lost = performance.now();
      await sleep(1000);
      await expect(direct.patch(ConfigMap, { namespace: 'quorum-a', name: 'counter' }, { metadata: { annotations: { lost: 'yes' } } }, { type: 'merge', fieldManager: 'fault-writers' }, never)).rejects.toThrow();
      await sleep(QUORUM_LOST_MILLISECONDS - (performance.now() - lost));
      server.etcd[1]!.thaw();
      server.etcd[2]!.start();
      await server.ready();
    });
    console.log(`etcd without a majority for 30 s: well again ${Math.round(await world.settle('quorum'))} ms after it answered`);
    await world.stop();
  });
});
