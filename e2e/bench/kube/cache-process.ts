/** One cache of ConfigMaps in a process of its own: `ours` (cache over our client) or `informer` (@kubernetes/client-node as its README uses it). */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { systemClock } from '../../../controller/adapters/clock.ts';
import { systemRandom } from '../../../controller/adapters/random.ts';
import { CONFIG_MAPS } from './objects.ts';
import { NAMESPACE } from './servers.ts';
import { answerQuestions, heapBytes } from './child.ts';
import { quantile } from './figures.ts';
import { SENT } from './writer-process.ts';

interface Cached { readonly metadata?: { readonly annotations?: Readonly<Record<string, string>> } }

interface Subject {
  /** Resolves once everything is held. */
  start(changed: (object: Cached) => void): Promise<void>;
  size(): number;
  read(name: string): Promise<unknown>;
}

export interface SyncFigures { readonly milliseconds: number; readonly heapBytes: number; readonly objects: number; readonly mostLoopDelayMilliseconds: number }
export interface ChangeFigures { readonly events: number; readonly delays: { readonly p50: number; readonly p99: number }; readonly loop: { readonly p50: number; readonly p99: number; readonly most: number } }

async function ours(kubeconfig: string): Promise<Subject> {
  const [{ connectKubernetes }, { createCache }, { fakeMetrics, silentLog }, { ConfigMap }] = await Promise.all([
    import('../../../controller/adapters/kubernetes/connect.ts'), import('../../../controller/runtime/cache.ts'), import('../../../controller/runtime/testing/fakes.ts'), import('../../../mesh/api/resources/core.ts'),
  ]);
  const never = new AbortController().signal;
  const metrics = fakeMetrics();
  const client = connectKubernetes({ kubeconfig, userAgent: 'isthmus-bench', metrics });
  const cache = createCache(client, ConfigMap, { namespace: NAMESPACE }, { clock: systemClock, random: systemRandom, log: silentLog, metrics });
  return {
    async start(changed) {
      cache.subscribe((event) => { if (event.type !== 'deleted') changed(event.object); });
      void cache.start(never);
      await cache.waitForSync(never);
    },
    size: () => cache.list().length,
    read: (name) => client.get(ConfigMap, { namespace: NAMESPACE, name }, never),
  };
}

async function informer(kubeconfig: string): Promise<Subject> {
  const { CoreV1Api, KubeConfig, makeInformer } = await import('@kubernetes/client-node');
  const config = new KubeConfig();
  config.loadFromFile(kubeconfig);
  const api = config.makeApiClient(CoreV1Api);
  const watched = makeInformer(config, CONFIG_MAPS, () => api.listNamespacedConfigMap({ namespace: NAMESPACE }));
  // It stops at every error; its example starts it again like this, after 5 s.
  watched.on('error', () => { setTimeout(() => { watched.start().catch(() => undefined); }, 1000); });
  return {
    async start(changed) {
      watched.on('add', changed);
      watched.on('update', changed);
      await watched.start();
    },
    size: () => watched.list().length,
    read: (name) => api.readNamespacedConfigMap({ namespace: NAMESPACE, name }),
  };
}

const [which, kubeconfig = ''] = process.argv.slice(2);
const subject = await (which === 'ours' ? ours : informer)(kubeconfig);
const loop = monitorEventLoopDelay({ resolution: 1 });
const ofNanoseconds = (value: number): number => value / 1e6;
let delays: number[] | undefined;

answerQuestions({
  async sync(): Promise<SyncFigures> {
    const before = heapBytes();
    loop.enable();
    const start = performance.now();
    await subject.start((object) => {
      const sent = object.metadata?.annotations?.[SENT];
      if (delays !== undefined && sent !== undefined) delays.push(Number(process.hrtime.bigint() - BigInt(sent)) / 1e6);
    });
    const milliseconds = performance.now() - start;
    // The histogram notes a delay when it is over.
    await new Promise((resolve) => { setTimeout(resolve, 20); });
    loop.disable();
    return { milliseconds, heapBytes: heapBytes() - before, objects: subject.size(), mostLoopDelayMilliseconds: ofNanoseconds(loop.max) };
  },
  async read({ names }) {
    for (const name of names as readonly string[]) await subject.read(name);
  },
  begin() {
    delays = [];
    loop.reset();
    loop.enable();
  },
  end(): ChangeFigures {
    loop.disable();
    const taken = delays ?? [];
    delays = undefined;
    return {
      events: taken.length, delays: { p50: quantile(taken, 0.5), p99: quantile(taken, 0.99) },
      loop: { p50: ofNanoseconds(loop.percentile(50)), p99: ofNanoseconds(loop.percentile(99)), most: ofNanoseconds(loop.max) },
    };
  },
});
