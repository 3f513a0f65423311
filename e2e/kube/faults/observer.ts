/** One cache under test with what hangs on it: subscribers that replay its events, and a loop whose reconcile records what it saw. */
import { isDeepStrictEqual } from 'node:util';
import { type CacheOptions, createCache } from '../../../controller/runtime/cache.ts';
import { createLoop } from '../../../controller/runtime/loop.ts';
import type { CacheEvent } from '../../../controller/runtime/object-set.ts';
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import type { Clock } from '../../../mesh/ports/clock.ts';
import type { KubernetesClient, KubernetesObject, ResourceKind } from '../../../mesh/ports/kubernetes.ts';
import type { Log } from '../../../mesh/ports/log.ts';
import type { Metrics } from '../../../mesh/ports/metrics.ts';
import type { Random } from '../../../mesh/ports/random.ts';
import { freshList } from './fresh-list.ts';

export interface CacheUnderTest {
  readonly name: string;
  readonly kind: ResourceKind;
  readonly options: Pick<CacheOptions, 'namespace' | 'labelSelector'>;
}

export interface Observer {
  readonly name: string;
  /** Resolves when caches and loop have ended. */
  start(signal: CancelSignal): Promise<void>;
  waitForSync(signal: CancelSignal): Promise<void>;
  /** Asks the server for everything, past the cache. */
  fresh(direct: KubernetesClient): Promise<readonly KubernetesObject[]>;
  /** Where cache, replayed events or reconciles are not what `fresh` says; nothing: all equal. */
  differences(fresh: readonly KubernetesObject[]): readonly string[];
  /** Events that cannot be, such as a deletion of what was never added. */
  readonly violations: readonly string[];
  readonly events: number;
}

interface Ports { readonly clock: Clock; readonly random: Random; readonly log: Log; readonly metrics: Metrics }

const keyOf = ({ metadata }: KubernetesObject): string => `${metadata.namespace ?? ''}/${metadata.name}`;
const stateOf = (object: KubernetesObject | undefined): string => (object === undefined ? 'gone' : `${object.metadata.uid} at ${object.metadata.resourceVersion}`);

/** What the events alone tell; each must fit what came before it. */
function replay(name: string): { readonly listen: (event: CacheEvent<KubernetesObject>) => void; readonly held: Map<string, KubernetesObject>; readonly violations: string[] } {
  const held = new Map<string, KubernetesObject>();
  const violations: string[] = [];
  /** By uid, the last state of what went: out of the selection it may come back, but only later. */
  const went = new Map<string | undefined, bigint>();
  const versionOf = ({ metadata }: KubernetesObject): bigint => BigInt(metadata.resourceVersion ?? 0);
  return {
    held,
    violations,
    listen({ type, object, previous }) {
      const key = keyOf(object);
      const old = held.get(key);
      const wrong = (what: string): void => { violations.push(`${name}: ${type} ${key} (${stateOf(object)}) ${what}; held: ${stateOf(old)}`); };
      if (type === 'added' && old !== undefined) wrong('was there already');
      if (type !== 'added' && old === undefined) wrong('was not there');
      if (type !== 'added' && old !== undefined && old.metadata.uid !== object.metadata.uid) wrong('is another object');
      if (type === 'updated' && !isDeepStrictEqual(previous, old)) wrong(`names another previous state (${stateOf(previous)})`);
      if (old !== undefined && versionOf(object) < versionOf(old)) wrong('went back in time');
      if (type === 'added' && versionOf(object) <= (went.get(object.metadata.uid) ?? 0n)) wrong('came back from the past');
      if (type === 'deleted') {
        held.delete(key);
        went.set(object.metadata.uid, versionOf(object));
      } else held.set(key, object);
    },
  };
}

export function observe(client: KubernetesClient, { name, kind, options }: CacheUnderTest, ports: Ports): Observer {
  const { clock, random } = ports;
  const cache = createCache(client, kind, options, ports);
  let events = 0;
  const touched = new Set<string>();
  const reconciled = new Map<string, string>();
  const loop = createLoop({
    name, ...ports, workers: 2,
    async reconcile(key, signal) {
      await clock.sleepUntil(clock.now() + random.uniform() * 3, signal);
      if (random.uniform() < 0.05) throw new Error('fails sometimes, on purpose');
      const [namespace = '', objectName = ''] = key.split('/');
      reconciled.set(key, stateOf(cache.get({ namespace, name: objectName })));
      return {};
    },
  });
  const early = replay(`${name}, from the beginning`);
  const late = replay(`${name}, joined late`);
  // Stands before the others: what it throws must not reach them.
  cache.subscribe(() => { if (++events % 7 === 0) throw new Error('a listener fails'); });
  cache.subscribe(early.listen);
  cache.subscribe(({ object }) => {
    touched.add(keyOf(object));
    loop.add(keyOf(object));
  });

  return {
    name,
    async start(signal) { await Promise.all([cache.start(signal), loop.start(signal)]); },
    async waitForSync(signal) {
      await cache.waitForSync(signal);
      cache.subscribe(late.listen);
    },
    fresh: (direct) => freshList(direct, kind, options),
    differences(fresh) {
      const wanted = new Map(fresh.map((object) => [keyOf(object), object]));
      const found: string[] = [];
      const compare = (what: string, held: ReadonlyMap<string, KubernetesObject>): void => {
        for (const key of new Set([...wanted.keys(), ...held.keys()])) {
          if (isDeepStrictEqual(wanted.get(key), held.get(key))) continue;
          found.push(`${name}: ${what} has ${key} as ${stateOf(held.get(key))}, the server as ${stateOf(wanted.get(key))}`);
        }
      };
      compare('the cache', new Map(cache.list().map((object) => [keyOf(object), object])));
      compare('the replay of its events', early.held);
      compare('the replay of a late listener', late.held);
      for (const key of touched) {
        const state = stateOf(wanted.get(key));
        if (reconciled.get(key) !== state) found.push(`${name}: the last reconcile of ${key} saw ${reconciled.get(key) ?? 'nothing'}, the server has ${state}`);
      }
      return found;
    },
    get violations() { return [...early.violations, ...late.violations]; },
    get events() { return events; },
  };
}
