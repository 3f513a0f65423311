import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ConfigMap, type ConfigMapObject } from '../../mesh/api/resources/core.ts';
import { type Cache, createCache } from './cache.ts';
import type { CacheEvent } from './object-set.ts';
import { fakeMetrics, seededRandom, silentLog } from './testing/fakes.ts';
import { FlakyServer } from './testing/flaky-server.ts';
import { manualClock } from './testing/manual-clock.ts';

const NAMES = ['a', 'b', 'c', 'd', 'e'] as const;
const ACTIONS = ['write', 'write', 'write', 'delete', 'recreate', 'replace silently', 'repeat', 'repeat', 'bookmark', 'compact', 'close', 'reset', 'gone', 'down', 'up', 'lag', 'set back', 'advance', 'advance'] as const;
interface Step { readonly action: typeof ACTIONS[number]; readonly name: typeof NAMES[number]; readonly amount: number }

const step = fc.record<Step>({ action: fc.constantFrom(...ACTIONS), name: fc.constantFrom(...NAMES), amount: fc.integer({ min: 0, max: 3000 }) });
const identity = ({ metadata }: ConfigMapObject): string => `${metadata.name} ${metadata.uid} ${metadata.resourceVersion}`;

/** Believes every event, and complains about each that does not follow from the ones before. */
class DumbTwin {
  readonly held = new Map<string, string>();
  readonly complaints: string[] = [];
  mayGoBack = false;

  hear({ type, object, previous }: CacheEvent<ConfigMapObject>): void {
    const { name, uid, managedFields } = object.metadata;
    const held = this.held.get(name);
    if (managedFields !== undefined) this.complaints.push(`${name}: managedFields`);
    if ((type === 'added') !== (held === undefined)) this.complaints.push(`${type} ${identity(object)} over ${held}`);
    if (held !== undefined && held.split(' ')[1] !== uid) this.complaints.push(`${type} ${identity(object)} over another object, ${held}`);
    if (type === 'updated' && (previous === undefined || identity(previous) !== held)) this.complaints.push(`updated ${identity(object)} from ${previous && identity(previous)}, not from ${held}`);
    if (type === 'updated' && !this.mayGoBack && Number(object.metadata.resourceVersion) < Number(held?.split(' ')[2])) this.complaints.push(`${identity(object)} is older than ${held}`);
    if (type === 'deleted') this.held.delete(name);
    else this.held.set(name, identity(object));
  }
}

const sorted = (texts: Iterable<string>): string[] => [...texts].sort();
const contents = (cache: Cache<ConfigMapObject>): string[] => sorted(cache.list().map(identity));

test('whatever happens, the cache ends as the server is, and its events tell the same story', async () => {
  await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 60, size: 'max' }), fc.constantFrom('has', 'refuses', 'ignores'), fc.integer(), async (steps, streaming, seed) => {
    const server = new FlakyServer();
    server.streaming = streaming;
    const clock = manualClock(0);
    const cache = createCache<ConfigMapObject>(server.client(), ConfigMap, { indexes: { parity: (object) => [String(Number(object.metadata.resourceVersion) % 2)] } },
      { clock, random: seededRandom(seed), log: silentLog, metrics: fakeMetrics() });
    const twin = new DumbTwin();
    cache.subscribe(() => { throw new Error('a bad subscriber'); });
    cache.subscribe((event) => twin.hear(event));
    cache.subscribe(() => Promise.reject(new Error('a worse one')));
    const abort = new AbortController();
    const running = cache.start(abort.signal);

    for (const { action, name, amount } of steps) {
      if (action === 'write') server.write(name);
      else if (action === 'delete') server.delete(name);
      else if (action === 'recreate') { server.delete(name); server.write(name); }
      else if (action === 'replace silently') server.replaceSilently(name);
      else if (action === 'repeat') server.repeat(amount);
      else if (action === 'bookmark') server.bookmark();
      else if (action === 'compact') server.compact();
      else if (action === 'close' || action === 'reset' || action === 'gone') server.cut(action);
      else if (action === 'down') { server.down = true; server.cut('reset'); }
      else if (action === 'up') server.down = false;
      else if (action === 'lag') { server.lagging = true; server.cut('gone'); }
      else if (action === 'set back') {
        server.down = false;
        twin.mayGoBack = true;
        server.setBack(1 + amount % 8);
        // What is written under the same versions again before anybody looks cannot be told from what was written first, by nobody.
        await clock.advance(180_000);
      } else await clock.advance(amount);
      if (amount % 3 === 0) await clock.settle();
    }
    server.down = false;
    await clock.advance(180_000);

    const wanted = sorted([...server.objects.values()].map(identity));
    expect(contents(cache)).toEqual(wanted);
    expect(sorted(twin.held.values())).toEqual(wanted);
    expect(twin.complaints).toEqual([]);
    expect(sorted(['0', '1'].flatMap((parity) => cache.byIndex('parity', parity).map(identity)))).toEqual(wanted);
    abort.abort();
    await running;
    expect(clock.sleeping).toBe(0);
  }), { numRuns: 400, seed: 20_300_101 });
});
