/** A live copy of one kind of object: lists, then watches, and repairs itself after every failure. */
import type { CancelSignal } from '../../mesh/ports/cancel.ts';
import type { Clock } from '../../mesh/ports/clock.ts';
import { type KubernetesClient, KubernetesError, type KubernetesObject, type ObjectRef, type ResourceKind } from '../../mesh/ports/kubernetes.ts';
import type { Log } from '../../mesh/ports/log.ts';
import type { Metrics } from '../../mesh/ports/metrics.ts';
import type { Random } from '../../mesh/ports/random.ts';
import { type BackoffLimits, backoffMilliseconds } from './backoff.ts';
import { messageOf } from './errors.ts';
import { type CacheEvent, createObjectSet } from './object-set.ts';

/** kube-apiserver's own page size for controllers (client-go `pager`). */
const PAGE_SIZE = 500;
const DEFAULT_MAXIMUM_OBJECTS = 100_000;
/** Quick at first, because most gaps are a connection that broke; client-go's ceiling. */
const RESTART_LIMITS: BackoffLimits = { baseMilliseconds: 200, maximumMilliseconds: 30_000, jitter: 1 };
/** A watch that ends sooner and brings nothing counts as a failure, or a broken proxy would make a hot loop. */
const SHORT_WATCH_MILLISECONDS = 1000;

export interface CacheOptions {
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  /** managedFields are half of an object; kept only for those who apply by them. */
  readonly keepManagedFields?: boolean;
  readonly maximumObjects?: number;
}

export interface Cache<T extends KubernetesObject> {
  /** Runs until `signal` aborts; never rejects. */
  start(signal: CancelSignal): Promise<void>;
  /** Resolves after the first full list was delivered to subscribers, or when `signal` aborts: then look at `synced`. */
  waitForSync(signal: CancelSignal): Promise<void>;
  readonly synced: boolean;
  get(ref: ObjectRef): T | undefined;
  /** Sorted by namespace, then name. The same array until something changes. */
  list(): readonly T[];
  /**
   * Called in order, synchronously, after the cache holds the new state. What was missed during a gap is delivered as one difference, deletions included;
   * an object that was deleted and made again is `deleted`, then `added`. A listener that joins late first gets `added` for everything held. What it throws is logged.
   */
  subscribe(listener: (event: CacheEvent<T>) => void): void;
}

export function createCache<T extends KubernetesObject>(
  client: KubernetesClient, kind: ResourceKind, options: CacheOptions,
  { clock, random, log: parentLog, metrics }: { readonly clock: Clock; readonly random: Random; readonly log: Log; readonly metrics: Metrics },
): Cache<T> {
  const log = parentLog.child({ cache: kind.kind });
  const { maximumObjects = DEFAULT_MAXIMUM_OBJECTS, keepManagedFields = false } = options;
  const where = {
    ...(options.namespace === undefined ? {} : { namespace: options.namespace }),
    ...(options.labelSelector === undefined ? {} : { labelSelector: options.labelSelector }),
    ...(options.fieldSelector === undefined ? {} : { fieldSelector: options.fieldSelector }),
  };
  const objects = createObjectSet<T>(keepManagedFields);
  const listeners: ((event: CacheEvent<T>) => void)[] = [];
  const syncWaiters = new Set<() => void>();
  let synced = false;
  /** Watch from here; undefined: list again. */
  let version: string | undefined;

  const size = metrics.gauge('isthmus_cache_objects', 'Objects held, by kind.', ['kind']);
  const relists = metrics.counter('isthmus_cache_lists_total', 'Full lists taken, by kind.', ['kind']);
  const failuresTotal = metrics.counter('isthmus_cache_failures_total', 'Lists and watches that failed, by kind and reason.', ['kind', 'reason']);

  const tell = (listener: (event: CacheEvent<T>) => void, event: CacheEvent<T>): void => {
    try {
      listener(event);
    } catch (error) {
      log.error({ type: event.type, namespace: event.object.metadata.namespace, name: event.object.metadata.name, error: messageOf(error) }, 'a subscriber failed');
    }
  };
  const deliver = (events: readonly CacheEvent<T>[]): void => {
    for (const event of events) for (const listener of listeners) tell(listener, event);
    size.set({ kind: kind.kind }, objects.size);
  };
  const tooMany = (): Error => new Error(`more than ${maximumObjects} ${kind.plural}: the cache is full; narrow it by a selector or raise its bound`);

  async function relist(signal: CancelSignal): Promise<void> {
    const items: T[] = [];
    let page = await client.list<T>(kind, { ...where, limit: PAGE_SIZE }, signal);
    const listed = page.resourceVersion;
    for (const item of page.items) items.push(item);
    while (page.continueToken !== undefined && page.continueToken !== '') {
      if (items.length > maximumObjects) throw tooMany();
      page = await client.list<T>(kind, { ...where, limit: PAGE_SIZE, continueToken: page.continueToken }, signal);
      for (const item of page.items) items.push(item);
    }
    if (items.length > maximumObjects) throw tooMany();
    if (signal.aborted) return;
    relists.inc({ kind: kind.kind });
    deliver(objects.replace(items));
    version = listed;
    synced = true;
    for (const resolve of syncWaiters) resolve();
    syncWaiters.clear();
  }

  async function watch(from: string, signal: CancelSignal, progress: () => void): Promise<void> {
    for await (const event of client.watch<T>(kind, { ...where, resourceVersion: from }, signal)) {
      if (signal.aborted) return;
      progress();
      if (event.type === 'BOOKMARK') {
        version = event.resourceVersion;
        continue;
      }
      if (event.type === 'DELETED') deliver(objects.remove(event.object));
      else {
        deliver(objects.put(event.object));
        if (objects.size > maximumObjects) {
          version = undefined;
          throw tooMany();
        }
      }
      version = event.object.metadata.resourceVersion ?? version;
    }
  }

  async function run(signal: CancelSignal): Promise<void> {
    let failures = 0;
    while (!signal.aborted) {
      let pauseAtLeast = 0;
      const began = clock.now();
      let brought = false;
      let expired = false;
      try {
        if (version === undefined) await relist(signal);
        if (version === undefined) continue;
        await watch(version, signal, () => { brought = true; failures = 0; });
        if (!brought && clock.now() - began < SHORT_WATCH_MILLISECONDS) failures += 1;
        else failures = 0;
      } catch (error) {
        if (signal.aborted) return;
        failures += 1;
        expired = error instanceof KubernetesError && error.code === 410;
        if (expired) version = undefined;
        if (error instanceof KubernetesError && error.retryAfterSeconds !== undefined) pauseAtLeast = error.retryAfterSeconds * 1000;
        failuresTotal.inc({ kind: kind.kind, reason: error instanceof KubernetesError ? error.reason : 'Unreachable' });
        const fields = { failures, error: messageOf(error) };
        if (expired || failures < 3) log.info(fields, expired ? 'the version is too old: listing again' : 'interrupted, trying again');
        else log.warn(fields, 'still interrupted, trying again');
      }
      // The first relist after an expired version is normal working; only repeated ones wait.
      if (failures === 0 || (expired && failures === 1)) continue;
      await clock.sleepUntil(clock.now() + Math.max(pauseAtLeast, backoffMilliseconds(failures, RESTART_LIMITS, random)), signal);
    }
  }

  return {
    start: run,
    waitForSync(signal) {
      return new Promise((resolve) => {
        if (synced || signal.aborted) { resolve(); return; }
        const finish = (): void => {
          syncWaiters.delete(finish);
          signal.removeEventListener('abort', finish);
          resolve();
        };
        syncWaiters.add(finish);
        signal.addEventListener('abort', finish, { once: true });
      });
    },
    get synced() { return synced; },
    get: (ref) => objects.get(ref),
    list: () => objects.list(),
    subscribe(listener) {
      for (const object of objects.list()) tell(listener, { type: 'added', object });
      listeners.push(listener);
    },
  };
}
