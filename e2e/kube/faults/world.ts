/** Everything that one seed needs: a proxy, caches and writers behind it, writers beside it; and the look whether all is well after a fault. */
import { getEventListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { connectKubernetes } from '../../../controller/adapters/kubernetes/connect.ts';
import { type FakeMetrics, fakeMetrics, seededRandom, silentLog } from '../../../controller/runtime/testing/fakes.ts';
import { ConfigMap, Namespace } from '../../../mesh/api/resources/core.ts';
import type { Clock } from '../../../mesh/ports/clock.ts';
import type { KubernetesClient } from '../../../mesh/ports/kubernetes.ts';
import type { ApiServer } from '../apiserver.ts';
import { Widget } from '../contract/widget.ts';
import { type DirectWriters, directWriters } from './direct-writers.ts';
import { observe, type Observer } from './observer.ts';
import { type ProxiedWriters, proxiedWriters } from './proxied-writers.ts';
import { type FaultProxy, startFaultProxy } from './proxy.ts';

export interface WorldOptions {
  readonly server: ApiServer;
  /** Past the proxy. */
  readonly direct: KubernetesClient;
  /** Names its namespaces and labels its objects. */
  readonly name: string;
  readonly seed: number;
  readonly clock: Clock;
  readonly pageSize: number;
  readonly streaming?: boolean;
  readonly configMaps: number;
  readonly widgets: number;
  readonly pauseMilliseconds: number;
  readonly mayFail?: boolean;
}

export interface World {
  readonly proxy: FaultProxy;
  readonly observers: readonly Observer[];
  readonly proxied: ProxiedWriters;
  readonly metrics: FakeMetrics;
  /** All writers until `signal` aborts. */
  write(signal: AbortSignal): Promise<void>;
  /** Most connections of the client that were open after a fault had settled. */
  readonly mostConnections: number;
  /** With all writers at rest: resolves, with how long it took, when everything is as the server says and nothing is left over; throws what is not. */
  settle(what: string): Promise<number>;
  /** Listeners on the signal that ends it all. */
  abortListeners(): number;
  /** Ends everything and sees that no connection stays open. */
  stop(): Promise<void>;
}

const SETTLE_MILLISECONDS = 60_000;
/** What else a client may keep, resting until it is used again or for 30 s: one for each of the 4 writers and 4 lists that ran at once, and as many that undici opened while one of those was just becoming free. */
const IDLE_CONNECTIONS = 16;

export async function createWorld(options: WorldOptions): Promise<World> {
  const { server, direct, name, clock } = options;
  const random = seededRandom(options.seed);
  const namespaces = [`${name}-a`, `${name}-b`] as const;
  const label = ['world', name] as const;
  const never = new AbortController().signal;
  for (const namespace of namespaces) await direct.create(Namespace, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } }, { fieldManager: 'fault-writers' }, never);
  const writers: DirectWriters = directWriters({ ...options, client: direct, random, namespaces, label, writers: 2 });
  await writers.fill();

  const proxy = await startFaultProxy({ upstream: { url: server.url, certificateAuthorityPem: server.certificateAuthorityPem, token: server.adminToken }, pageSize: options.pageSize, streaming: options.streaming !== false });
  const metrics = fakeMetrics();
  const client = connectKubernetes({ kubeconfig: proxy.kubeconfigPath, userAgent: 'isthmus-faults', metrics, limits: { connectMilliseconds: 1000, requestMilliseconds: 1500, watchQuietMilliseconds: 2500 } });
  const all = `world=${name}`;
  const observers = [
    { name: 'config maps', kind: ConfigMap, options: { labelSelector: all } },
    { name: 'widgets of one namespace', kind: Widget, options: { namespace: namespaces[0] } },
    { name: 'golden widgets', kind: Widget, options: { labelSelector: `${all},tier=gold` } },
    { name: 'silver config maps of one namespace', kind: ConfigMap, options: { namespace: namespaces[1], labelSelector: 'tier=silver' } },
  ].map((one) => observe(client, one, { clock, random, log: silentLog, metrics }));
  const proxied = proxiedWriters(client, namespaces[0], label, options.pauseMilliseconds * 2);
  await proxied.prepare(direct);
  let mostConnections = 0;
  const life = new AbortController();
  const lives = observers.map((observer) => observer.start(life.signal));
  await Promise.all(observers.map((observer) => observer.waitForSync(life.signal)));

  return {
    proxy,
    observers,
    proxied,
    metrics,
    get mostConnections() { return mostConnections; },
    async write(signal) { await Promise.all([writers.run(signal), proxied.run(signal)]); },
    async settle(what) {
      const began = performance.now();
      const fresh = await Promise.all(observers.map((observer) => observer.fresh(direct)));
      for (;;) {
        const wrong = observers.flatMap((observer, index) => observer.differences(fresh[index]!));
        if (proxy.watches !== observers.length) wrong.push(`${proxy.watches} watches are open, for ${observers.length} caches`);
        if (proxy.connections > observers.length + IDLE_CONNECTIONS) wrong.push(`${proxy.connections} connections are open, for ${observers.length} caches`);
        if (wrong.length === 0) break;
        if (performance.now() - began > SETTLE_MILLISECONDS) throw new Error(`${what}: after ${SETTLE_MILLISECONDS / 1000} s still ${wrong.length} wrong: ${wrong.slice(0, 8).join('; ')}`);
        await sleep(20);
      }
      const took = performance.now() - began;
      mostConnections = Math.max(mostConnections, proxy.connections);
      const broken = [...observers.flatMap(({ violations }) => violations), ...await proxied.problems(direct)];
      if (broken.length > 0) throw new Error(`${what}: ${broken.slice(0, 8).join('; ')}`);
      return took;
    },
    abortListeners: () => getEventListeners(life.signal, 'abort').length,
    async stop() {
      life.abort();
      await Promise.all(lives);
      await client.close();
      try {
        for (let attempt = 0; proxy.connections > 0; attempt++) {
          if (attempt === 100) throw new Error(`${proxy.connections} connections stay open after the client was closed: ${proxy.describeConnections().join('; ')}`);
          await sleep(20);
        }
      } finally {
        await proxy.close();
      }
    },
  };
}
