import { describe, expect, test } from 'vitest';
import type { ConfigMapObject } from '../../mesh/api/resources/core.ts';
import { KubernetesError, KubernetesUnreachable, type WatchEvent } from '../../mesh/ports/kubernetes.ts';
import { config, event, gone, list, play } from './testing/play-cache.ts';

const end = (version: number): WatchEvent<ConfigMapObject> => ({ type: 'BOOKMARK', resourceVersion: String(version), initialEventsEnd: true });

describe('a streaming list', () => {
  test('is one difference, and the same stream goes on as the watch', async () => {
    const { calls, events } = await play({
      lists: [], watches: [],
      streams: [[event('ADDED', config('b', 2)), event('ADDED', config('a', 3)), 5000, event('ADDED', config('c', 4)), event('DELETED', config('c', 5)), end(10), event('MODIFIED', config('a', 11)), 'hold']],
    });
    expect(calls).toEqual(['stream  @0']);
    expect(events).toEqual(['added b 2', 'added a 3', 'updated a 3→11']);
  });

  test.each([400, 405, 406, 415, 422, 501])('refused with %i gives pages at once, and is not tried again', async (code) => {
    const { calls, events, metrics } = await play({
      lists: [list(10, [config('a', 1)]), list(20, [config('a', 1)])], watches: [[gone], ['hold']], streams: [[new KubernetesError(code, 'No', 'no')]],
    });
    expect(calls).toEqual(['stream  @0', 'list @0', 'watch 10 @0', 'list NotOlderThan 10 @0', 'watch 20 @0']);
    expect(events).toEqual(['added a 1']);
    expect(metrics.value('isthmus_cache_lists_total', { kind: 'ConfigMap' })).toBe(2);
  });

  test('whose end never comes gives pages: the server does not know the parameter', async () => {
    const { calls, events } = await play({ lists: [list(10, [config('a', 1)])], watches: [], streams: [[event('ADDED', config('a', 1)), 4000, event('MODIFIED', config('a', 9)), 'hold']] });
    expect(calls).toEqual(['stream  @0', 'list @10000', 'watch 10 @10000']);
    expect(events).toEqual(['added a 1']);
  });

  test('that is closed early again and again gives pages; nothing of the halves is seen', async () => {
    const half = [event('ADDED', config('half', 1)), 'close'] as const;
    const { calls, events } = await play({ lists: [list(10, [config('a', 1)])], watches: [], streams: [half, half, half] });
    expect(calls.map((call) => call.split(' ')[0])).toEqual(['stream', 'stream', 'stream', 'list', 'watch']);
    expect(events).toEqual(['added a 1']);
  });

  test('that breaks is asked for anew; after a 410 it asks for nothing older, and for the newest where that is refused', async () => {
    const broken = new KubernetesUnreachable('reset');
    const { calls, events } = await play({
      lists: [], watches: [[gone]],
      streams: [[event('ADDED', config('half', 1)), broken], [event('ADDED', config('a', 1)), end(10), 2000, broken], [gone], [event('ADDED', config('b', 12)), end(20), 'hold']],
    });
    expect(calls.map((call) => call.replace(/ @.*/, ''))).toEqual(['stream ', 'stream ', 'watch 10', 'stream 10', 'stream ']);
    expect(events).toEqual(['added a 1', 'deleted a 1', 'added b 12']);
  });
});

describe('time never goes back', () => {
  test('a replica that lags is not believed: what it lists or bookmarks from the past changes nothing', async () => {
    const { events, calls, metrics } = await play({
      lists: [list(100, [config('a', 90)]), list(50, [config('a', 40), config('deleted since', 30)]), list(120, [config('a', 110)])],
      watches: [[gone], ['hold']],
    });
    expect(events).toEqual(['added a 90', 'updated a 90→110']);
    expect(calls.map((call) => call.replace(/ @.*/, ''))).toEqual(['list', 'watch 100', 'list NotOlderThan 100', 'list', 'watch 120']);
    expect(metrics.value('isthmus_cache_failures_total', { kind: 'ConfigMap', reason: 'FromThePast' })).toBe(1);
    const bookmark = await play({ lists: [list(100, []), list(101, [])], watches: [[{ type: 'BOOKMARK', resourceVersion: '99' }], ['hold']] });
    expect(bookmark.calls.map((call) => call.replace(/ @.*/, ''))).toEqual(['list', 'watch 100', 'list NotOlderThan 100', 'watch 101']);
  });

  test('repeats of earlier events change nothing, not even for what was deleted since', async () => {
    const { events, names } = await play({
      lists: [list(10, [config('a', 5)])],
      watches: [[event('MODIFIED', config('a', 12)), event('MODIFIED', config('a', 11)), event('ADDED', config('b', 13)), event('DELETED', config('b', 14)), event('ADDED', config('b', 13)), event('DELETED', config('a', 12)), event('ADDED', config('a', 16)), event('DELETED', config('a', 12)), 'hold']],
    });
    expect(events).toEqual(['added a 5', 'updated a 5→12', 'added b 13', 'deleted b 14', 'deleted a 12', 'added a 16']);
    expect(names).toEqual(['a']);
  });

  test('a server that was set back is believed after it has said so again and again', async () => {
    const tooLarge = new KubernetesError(504, 'Timeout', 'Too large resource version: 500, current: 7', [{ reason: 'ResourceVersionTooLarge' }], 1);
    const restored = list(7, [config('a', 3, 'other')]);
    const { events, calls, log } = await play({ lists: [list(500, [config('a', 400)]), tooLarge, restored, restored, restored], watches: [[tooLarge], ['hold']] });
    expect(calls.map((call) => call.replace(/ @.*/, ''))).toEqual(['list', 'watch 500', 'list NotOlderThan 500', 'list', 'list', 'list', 'watch 7']);
    expect(events).toEqual(['added a 400', 'deleted a 400', 'added a 3']);
    expect(log.lines.some(({ message }) => message.includes('set back'))).toBe(true);
  });
});
