/** A cache against a server that does what a script says, on a manual clock. */
import { expect } from 'vitest';
import { ConfigMap, type ConfigMapObject } from '../../../mesh/api/resources/core.ts';
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import { type KubernetesClient, KubernetesError, KubernetesUnreachable, type ObjectList, type WatchEvent } from '../../../mesh/ports/kubernetes.ts';
import { type CacheOptions, createCache } from '../cache.ts';
import { fakeMetrics, recordingLog, seededRandom } from './fakes.ts';
import { manualClock } from './manual-clock.ts';

export const config = (name: string, version: number, uid = `uid-${name}`): ConfigMapObject =>
  ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'n', uid, resourceVersion: String(version), managedFields: [{ manager: 'x' }] } });
export const event = (type: 'ADDED' | 'MODIFIED' | 'DELETED', object: ConfigMapObject): WatchEvent<ConfigMapObject> => ({ type, object });
export const gone = new KubernetesError(410, 'Expired', 'too old');

type Page = ObjectList<ConfigMapObject> | Error;
/** What one watch does: events, failures, `'hold'` stays open until cancelled, `'close'` ends. */
export type Watch = readonly (WatchEvent<ConfigMapObject> | Error | 'hold' | 'close' | number)[];

/** Plays a script and records what it was asked. Without `streams` the server has no streaming lists. Numbers sleep that many milliseconds. */
export async function play(script: { readonly lists: readonly Page[]; readonly watches: readonly Watch[]; readonly streams?: readonly Watch[] }, options: CacheOptions<ConfigMapObject> = {}, milliseconds = 60_000) {
  const clock = manualClock(0);
  const log = recordingLog();
  const metrics = fakeMetrics();
  const calls: string[] = [];
  const lists = [...script.lists];
  const watches = [...script.watches];
  const streams = script.streams === undefined ? undefined : [...script.streams];
  const client = {
    list(_kind: unknown, asked: { continueToken?: string; limit?: number; resourceVersion?: string; resourceVersionMatch?: string }) {
      const since = asked.resourceVersion === undefined ? '' : ` ${asked.resourceVersionMatch} ${asked.resourceVersion}`;
      calls.push(`list${asked.continueToken === undefined ? '' : ` ${asked.continueToken}`}${since} @${clock.now()}`);
      expect(asked.limit).toBe(500);
      const next = lists.shift() ?? new KubernetesUnreachable('no more lists');
      return next instanceof Error ? Promise.reject(next) : Promise.resolve(next);
    },
    async *watch(_kind: unknown, asked: { resourceVersion: string; sendInitialEvents?: boolean }, signal: CancelSignal) {
      const streaming = asked.sendInitialEvents === true;
      if (streaming && streams === undefined) throw new KubernetesError(422, 'Invalid', 'sendInitialEvents is forbidden for watch');
      calls.push(`${streaming ? 'stream' : 'watch'} ${asked.resourceVersion} @${clock.now()}`);
      for (const next of (streaming ? streams : watches)?.shift() ?? ['hold' as const]) {
        if (next === 'close') return;
        if (next instanceof Error) throw next;
        if (typeof next === 'number') await clock.sleepUntil(clock.now() + next, signal);
        else if (next === 'hold') {
          await new Promise<void>((resolve) => { signal.addEventListener('abort', () => resolve(), { once: true }); });
          return;
        } else yield next;
      }
    },
  } as unknown as KubernetesClient;
  const cache = createCache<ConfigMapObject>(client, ConfigMap, options, { clock, random: seededRandom(1), log, metrics });
  const events: string[] = [];
  cache.subscribe(({ type, object, previous }) => {
    events.push(`${type} ${object.metadata.name} ${previous === undefined ? '' : `${previous.metadata.resourceVersion}→`}${object.metadata.resourceVersion}`);
  });
  const abort = new AbortController();
  const running = cache.start(abort.signal);
  await clock.advance(milliseconds);
  abort.abort();
  await running;
  return { cache, calls, events, log, metrics, names: cache.list().map((object) => object.metadata.name) };
}

export const list = (version: number, items: ConfigMapObject[], continueToken?: string): ObjectList<ConfigMapObject> =>
  ({ resourceVersion: String(version), items, ...(continueToken === undefined ? {} : { continueToken }) });
