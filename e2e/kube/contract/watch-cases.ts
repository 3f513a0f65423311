/** Watches: from a version on, by selector, bookmarks, expiry, cancellation; and the cache on top of them. */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { systemClock } from '../../../controller/adapters/clock.ts';
import { systemRandom } from '../../../controller/adapters/random.ts';
import { createCache } from '../../../controller/runtime/cache.ts';
import { fakeMetrics, silentLog } from '../../../controller/runtime/testing/fakes.ts';
import { ConfigMap, type ConfigMapObject } from '../../../mesh/api/resources/core.ts';
import { type KubernetesClient, KubernetesError, type WatchEvent, type WatchOptions } from '../../../mesh/ports/kubernetes.ts';
import { by, never } from './calls.ts';
import { Widget, widget } from './widget.ts';

const config = (name: string, data: Record<string, string>, labels: Record<string, string> = {}): ConfigMapObject =>
  ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'contract', labels }, data });

/** Collects in the background; `until` waits for a number of object events. */
function collect(client: KubernetesClient, options: WatchOptions): { readonly events: string[]; until(count: number): Promise<void>; stop(): Promise<void> } {
  const abort = new AbortController();
  const events: string[] = [];
  const running = (async () => {
    for await (const event of client.watch<ConfigMapObject>(ConfigMap, options, abort.signal)) {
      if (event.type !== 'BOOKMARK') events.push(`${event.type} ${event.object.metadata.name} ${event.object.data?.['v'] ?? ''}`.trim());
    }
  })();
  return {
    events,
    async until(count) {
      for (let attempt = 0; attempt < 100 && events.length < count; attempt++) await sleep(50);
    },
    async stop() {
      abort.abort();
      await running;
    },
  };
}

export function watchCases(client: () => KubernetesClient): void {
  describe('watch', () => {
    test('brings every change after the given version, in order, and ends when cancelled', async () => {
      const { resourceVersion } = await client().list(ConfigMap, { namespace: 'contract' }, never);
      await client().create(ConfigMap, config('watched', { v: '1' }), by, never);
      const watch = collect(client(), { namespace: 'contract', resourceVersion });
      await watch.until(1);
      await client().patch(ConfigMap, { namespace: 'contract', name: 'watched' }, { data: { v: '2' } }, { ...by, type: 'merge' }, never);
      await client().delete(ConfigMap, { namespace: 'contract', name: 'watched' }, {}, never);
      await watch.until(3);
      await watch.stop();
      expect(watch.events).toEqual(['ADDED watched 1', 'MODIFIED watched 2', 'DELETED watched 2']);
    });

    test('a selector turns leaving it into DELETED and entering it into ADDED', async () => {
      const { resourceVersion } = await client().list(ConfigMap, { namespace: 'contract' }, never);
      const watch = collect(client(), { namespace: 'contract', resourceVersion, labelSelector: 'picked=yes' });
      const ref = { namespace: 'contract', name: 'picky' };
      const label = (value: string | null): Promise<unknown> => client().patch(ConfigMap, ref, { metadata: { labels: { picked: value } } }, { ...by, type: 'merge' }, never);
      await client().create(ConfigMap, config('picky', {}), by, never);
      await label('yes');
      await label(null);
      await label('yes');
      await client().delete(ConfigMap, ref, {}, never);
      await watch.until(4);
      await watch.stop();
      expect(watch.events).toEqual(['ADDED picky', 'DELETED picky', 'ADDED picky', 'DELETED picky']);
    });

    test('a version from long ago is 410, or the server still knows what followed it', async () => {
      const error: unknown = await (async () => {
        for await (const event of client().watch(ConfigMap, { namespace: 'contract', resourceVersion: '1' }, never)) {
          // A server that still has version 1 would bring the whole history here.
          if (event.type !== 'BOOKMARK') return event;
        }
        return 'ended';
      })().catch((thrown: unknown) => thrown);
      if (!(error instanceof KubernetesError)) expect(error).toMatchObject({ type: 'ADDED' });
      else expect(error).toMatchObject({ code: 410, reason: 'Expired' });
    });

    test('cancelling before the first event, and while nothing happens, ends quietly', async () => {
      const aborted = AbortSignal.abort();
      const { resourceVersion } = await client().list(Widget, { namespace: 'contract' }, never);
      const events: WatchEvent[] = [];
      for await (const event of client().watch(Widget, { namespace: 'contract', resourceVersion }, aborted)) events.push(event);
      const abort = new AbortController();
      setTimeout(() => abort.abort(), 200);
      for await (const event of client().watch(Widget, { namespace: 'contract', resourceVersion }, abort.signal)) events.push(event);
      expect(events.filter((event) => event.type !== 'BOOKMARK')).toEqual([]);
    });

    test('leaving the loop closes the watch', async () => {
      const { resourceVersion } = await client().list(Widget, { namespace: 'contract' }, never);
      await client().create(Widget, widget('one-event', { size: 1 }), by, never);
      for await (const event of client().watch(Widget, { namespace: 'contract', resourceVersion }, never)) {
        if (event.type === 'ADDED') break;
      }
    });

    test('the cache follows the server', async () => {
      await client().create(Widget, widget('cached', { size: 1 }, { labels: { cached: 'yes' } }), by, never);
      const abort = new AbortController();
      const cache = createCache(client(), Widget, { namespace: 'contract', labelSelector: 'cached=yes' }, { clock: systemClock, random: systemRandom, log: silentLog, metrics: fakeMetrics() });
      const events: string[] = [];
      cache.subscribe((event) => events.push(`${event.type} ${event.object.metadata.name}`));
      const running = cache.start(abort.signal);
      await cache.waitForSync(never);
      expect(cache.get({ namespace: 'contract', name: 'cached' })?.metadata.managedFields).toBeUndefined();
      await client().create(Widget, widget('cached-too', { size: 1 }, { labels: { cached: 'yes' } }), by, never);
      await client().delete(Widget, { namespace: 'contract', name: 'cached' }, {}, never);
      for (let attempt = 0; attempt < 100 && events.length < 3; attempt++) await sleep(50);
      abort.abort();
      await running;
      expect(events).toEqual(['added cached', 'added cached-too', 'deleted cached']);
      expect(cache.list().map((object) => object.metadata.name)).toEqual(['cached-too']);
    });
  });
}
