import { describe, expect, test } from 'vitest';
import { ConfigMap, type ConfigMapObject } from '../../mesh/api/resources/core.ts';
import type { CancelSignal } from '../../mesh/ports/cancel.ts';
import { type KubernetesClient, KubernetesError, KubernetesUnreachable } from '../../mesh/ports/kubernetes.ts';
import { createCache } from './cache.ts';
import { fakeMetrics, recordingLog, seededRandom } from './testing/fakes.ts';
import { manualClock } from './testing/manual-clock.ts';
import { config, event, gone, list, play, type Watch } from './testing/play-cache.ts';

describe('cache', () => {
  test('reads every page, then watches from the list, stripped of managedFields', async () => {
    const { calls, events, cache } = await play({ lists: [list(10, [config('b', 1)], 'two'), list(10, [config('a', 2)])], watches: [[event('MODIFIED', config('a', 11)), 'hold']] });
    expect(calls).toEqual(['list @0', 'list two @0', 'watch 10 @0']);
    expect(events).toEqual(['added b 1', 'added a 2', 'updated a 2→11']);
    expect(cache.list().map((object) => object.metadata.name)).toEqual(['a', 'b']);
    expect(cache.get({ namespace: 'n', name: 'a' })?.metadata.managedFields).toBeUndefined();
    const kept = await play({ lists: [list(10, [config('b', 1)])], watches: [] }, { keepManagedFields: true });
    expect(kept.cache.list()[0]?.metadata.managedFields).toHaveLength(1);
  });

  test('a broken watch goes on from the last version, bookmarks included', async () => {
    const broken = new KubernetesUnreachable('socket closed');
    const { calls, events } = await play({
      lists: [list(10, [])],
      watches: [[event('ADDED', config('a', 12)), broken], [{ type: 'BOOKMARK', resourceVersion: '99' }, broken], [event('DELETED', config('a', 101)), 'hold']],
    });
    expect(calls.map((call) => call.replace(/ @.*/, ''))).toEqual(['list', 'watch 10', 'watch 12', 'watch 99']);
    expect(events).toEqual(['added a 12', 'deleted a 101']);
  });

  test('a 410, in the stream or on opening, lists again, and what happened in between is delivered: deletions first, new uid as delete and add', async () => {
    const { calls, events, metrics } = await play({
      lists: [list(10, [config('gone', 1), config('kept', 2), config('changed', 3), config('remade', 4, 'old')]), list(50, [config('kept', 2), config('changed', 40), config('remade', 41, 'new'), config('fresh', 42)])],
      watches: [[gone], ['hold']],
    });
    expect(calls).toEqual(['list @0', 'watch 10 @0', 'list NotOlderThan 10 @0', 'watch 50 @0']);
    expect(events.slice(4)).toEqual(['deleted gone 1', 'updated changed 3→40', 'deleted remade 4', 'added remade 41', 'added fresh 42']);
    expect(metrics.value('isthmus_cache_failures_total', { kind: 'ConfigMap', reason: 'Expired' })).toBe(1);
  });

  test('every failure of the first list is tried again with growing pauses, and sync waits for it', async () => {
    const failures = [new KubernetesUnreachable('refused'), new KubernetesError(403, 'Forbidden', 'no'), new KubernetesError(500, 'InternalError', 'oops'), new Error('bug')];
    const { calls, cache } = await play({ lists: [...failures, list(5, [config('a', 1)])], watches: [] });
    const times = calls.filter((call) => call.startsWith('list')).map((call) => Number(call.split('@')[1]));
    expect(times).toHaveLength(5);
    const pauses = times.slice(1).map((time, index) => time - times[index]!);
    for (const [index, pause] of pauses.entries()) {
      expect(pause).toBeGreaterThanOrEqual(200 * 2 ** index);
      expect(pause).toBeLessThanOrEqual(400 * 2 ** index);
    }
    expect(cache.synced).toBe(true);
  });

  test('a page that expires half way starts the list anew, and nothing of the half list is seen', async () => {
    const { calls, events } = await play({ lists: [list(10, [config('half', 1)], 'two'), gone, list(20, [config('whole', 2)])], watches: [] });
    expect(calls.map((call) => call.replace(/ @.*/, ''))).toEqual(['list', 'list two', 'list', 'watch 20']);
    expect(events).toEqual(['added whole 2']);
  });

  test('repeated 410 and watches that close at once do not become a hot loop; Retry-After is kept', async () => {
    const always410 = await play({ lists: Array.from({ length: 100 }, () => list(1, [])), watches: Array.from({ length: 100 }, () => [gone]) });
    expect(always410.calls.length).toBeLessThan(40);
    const closing = await play({ lists: [list(1, [])], watches: Array.from({ length: 1000 }, () => ['close'] as const) });
    expect(closing.calls.length).toBeLessThan(30);
    const busy = await play({ lists: [new KubernetesError(429, 'TooManyRequests', 'later', [], 25), list(1, [])], watches: [] });
    expect(busy.calls[1]).toBe('list @25000');
  });

  test('a quiet watch that stood for a while and then broke does not make the next pause longer', async () => {
    const quiet: Watch = [30_000, new KubernetesUnreachable('reset')];
    const { calls } = await play({ lists: [list(10, [])], watches: [quiet, quiet, quiet, quiet, quiet, quiet] }, {}, 250_000);
    const opened = calls.filter((call) => call.startsWith('watch')).map((call) => Number(call.split('@')[1]));
    expect(opened).toHaveLength(7);
    for (const [index, at] of opened.entries()) if (index > 0) expect(at - opened[index - 1]!).toBeLessThanOrEqual(30_400);
  });

  test('a watch that ends after its normal time is opened again at once', async () => {
    const { calls } = await play({ lists: [list(1, [])], watches: [[20_000, 'close'], [20_000, 'close']] });
    expect(calls).toEqual(['list @0', 'watch 1 @0', 'watch 1 @20000', 'watch 1 @40000']);
  });

  test('same name with a new uid is delete and add; a late DELETED of the old one is ignored; repeats are ignored', async () => {
    const { events, names } = await play({
      lists: [list(10, [config('a', 1, 'old')])],
      watches: [[event('ADDED', config('a', 11, 'new')), event('DELETED', config('a', 12, 'old')), event('MODIFIED', config('a', 11, 'new')), event('DELETED', config('stranger', 13)), 'hold']],
    });
    expect(events).toEqual(['added a 1', 'deleted a 1', 'added a 11']);
    expect(names).toEqual(['a']);
  });

  test('a subscriber that throws is logged and holds up nobody; a late one is told what is there', async () => {
    const clock = manualClock(0);
    const log = recordingLog();
    const client = {
      list: () => Promise.resolve(list(1, [config('a', 1), config('b', 1)])),
      async *watch(_kind: unknown, asked: { sendInitialEvents?: boolean }, signal: CancelSignal) {
        if (asked.sendInitialEvents === true) throw new KubernetesError(501, 'NotImplemented', 'no streaming lists');
        yield event('MODIFIED', config('a', 2));
        await new Promise<void>((resolve) => { signal.addEventListener('abort', () => resolve(), { once: true }); });
      },
    } as unknown as KubernetesClient;
    const cache = createCache<ConfigMapObject>(client, ConfigMap, {}, { clock, random: seededRandom(1), log, metrics: fakeMetrics() });
    const seen: string[] = [];
    cache.subscribe(() => { throw new Error('subscriber broke'); });
    cache.subscribe(() => Promise.reject(new Error('subscriber broke later')));
    cache.subscribe(({ type, object }) => seen.push(`${type} ${object.metadata.name}`));
    const abort = new AbortController();
    let synced = false;
    const waiting = cache.waitForSync(abort.signal).then(() => { synced = true; });
    await clock.settle();
    expect(synced).toBe(false);
    const running = cache.start(abort.signal);
    await clock.settle();
    await waiting;
    expect(seen).toEqual(['added a', 'added b', 'updated a']);
    expect(log.lines.filter((line) => line.level === 'error').map((line) => line.fields['error']).sort())
      .toEqual([...Array.from({ length: 3 }, () => 'subscriber broke'), ...Array.from({ length: 3 }, () => 'subscriber broke later')]);
    const late: string[] = [];
    cache.subscribe(({ type, object }) => late.push(`${type} ${object.metadata.name}`));
    expect(late).toEqual(['added a', 'added b']);
    const left: string[] = [];
    cache.subscribe(({ type }) => left.push(type))();
    expect(left).toEqual(['added', 'added']);
    abort.abort();
    await running;
  });

  test('waiting for sync ends with its signal', async () => {
    const clock = manualClock(0);
    const cache = createCache({} as KubernetesClient, ConfigMap, {}, { clock, random: seededRandom(1), log: recordingLog(), metrics: fakeMetrics() });
    await cache.waitForSync(AbortSignal.abort());
    expect(cache.synced).toBe(false);
  });

  test('a cache that a watch filled lists again, and goes on once there is room', async () => {
    const { names, metrics } = await play({
      lists: [{ resourceVersion: '1', items: [config('a', 1)] }, { resourceVersion: '5', items: [config('b', 2)] }],
      watches: [[event('ADDED', config('b', 2)), 'hold']],
    }, { maximumObjects: 1 });
    expect(names).toEqual(['b']);
    expect(metrics.value('isthmus_cache_failures_total', { kind: 'ConfigMap', reason: 'CacheFull' })).toBe(1);
  });

  test('more objects than its bound are refused with the way out', async () => {
    const { cache, log } = await play({ lists: Array.from({ length: 50 }, () => list(1, [config('a', 1), config('b', 1)])), watches: [] }, { maximumObjects: 1 });
    expect(cache.synced).toBe(false);
    expect(log.lines.map(({ fields }) => String(fields['error']))).toContainEqual(expect.stringContaining('more than 1 configmaps'));
  });
});

describe('indexes', () => {
  const byFirst = (object: ConfigMapObject): readonly string[] => [object.metadata.name[0] ?? '', object.metadata.labels?.['tier'] ?? 'none'];
  const labelled = (name: string, version: number, tier: string): ConfigMapObject => ({ ...config(name, version), metadata: { ...config(name, version).metadata, labels: { tier } } });

  test('follow every change, sorted, and give the same array until something under the value changes', async () => {
    const { cache } = await play({
      lists: [list(10, [labelled('ab', 1, 'x'), labelled('aa', 2, 'y'), labelled('b', 3, 'x')])],
      watches: [[event('MODIFIED', labelled('b', 11, 'y')), event('ADDED', labelled('ac', 12, 'x')), event('DELETED', labelled('ab', 13, 'x')), 'hold']],
    }, { indexes: { first: byFirst } });
    const names = (value: string): string[] => cache.byIndex('first', value).map(({ metadata }) => metadata.name);
    expect([names('a'), names('x'), names('y'), names('none')]).toEqual([['aa', 'ac'], ['ac'], ['aa', 'b'], []]);
    expect(cache.byIndex('first', 'a')).toBe(cache.byIndex('first', 'a'));
    expect(() => cache.byIndex('last', 'a')).toThrow('no index "last"; it has: first');
  });

  test('and transforms that throw cost their object its place, or its cut, and nothing else', async () => {
    const { cache, log } = await play({ lists: [list(10, [config('bad', 1), { ...config('good', 2), data: { large: 'x' } }])], watches: [] }, {
      transform(object) {
        if (object.metadata.name === 'bad') throw new Error('transform broke');
        const { data: _, ...rest } = object;
        return rest;
      },
      indexes: { name: ({ metadata }) => { if (metadata.name === 'bad') throw new Error('index broke'); return [metadata.name]; } },
    });
    expect(cache.list()).toHaveLength(2);
    expect(cache.get({ namespace: 'n', name: 'good' })).not.toHaveProperty('data');
    expect([cache.byIndex('name', 'bad'), cache.byIndex('name', 'good')].map(({ length }) => length)).toEqual([0, 1]);
    expect(log.lines.map(({ fields }) => fields['error'])).toEqual(expect.arrayContaining(['transform broke', 'index broke']));
  });
});
