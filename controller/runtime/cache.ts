/** A live copy of one kind of object: lists, then watches, and repairs itself after every failure. */
import type { CancelSignal } from '../../mesh/ports/cancel.ts';
import type { Clock } from '../../mesh/ports/clock.ts';
import type { KubernetesClient, KubernetesObject, ObjectRef, ResourceKind } from '../../mesh/ports/kubernetes.ts';
import type { Log } from '../../mesh/ports/log.ts';
import type { Metrics } from '../../mesh/ports/metrics.ts';
import type { Random } from '../../mesh/ports/random.ts';
import { messageOf } from './errors.ts';
import { CacheFull, type Selected } from './initial-list.ts';
import type { IndexedBy } from './object-index.ts';
import { type CacheEvent, createObjectSet } from './object-set.ts';
import { reflect } from './reflector.ts';
import { SharedStrings } from './shared-strings.ts';
import { type Subscriber, Subscribers } from './subscribers.ts';

const DEFAULT_MAXIMUM_OBJECTS = 100_000;

export interface CacheOptions<T extends KubernetesObject = KubernetesObject> extends Selected {
  /** managedFields are half of an object; kept only for those who apply by them. */
  readonly keepManagedFields?: boolean;
  /** What is kept of an object: large parts that nobody reads can be left out. Identity, version, labels and annotations MUST stay. */
  readonly transform?: (object: T) => T;
  /** For `byIndex`: the values under which an object is found. */
  readonly indexes?: Readonly<Record<string, IndexedBy<T>>>;
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
  /** The objects with this value in the index of that name, sorted likewise. The same array until something under this value changes. */
  byIndex(index: string, value: string): readonly T[];
  /**
   * Called in order, synchronously, after the cache holds the new state. What was missed during a gap is delivered as one difference, deletions included;
   * an object that was deleted and made again is `deleted`, then `added`. A subscriber that joins late first gets `added` for everything held. What it throws, or rejects
   * with, is logged. The result ends it.
   */
  subscribe(subscriber: Subscriber<T>): () => void;
}

export function createCache<T extends KubernetesObject>(
  client: KubernetesClient, kind: ResourceKind, options: CacheOptions<T>,
  { clock, random, log: parentLog, metrics }: { readonly clock: Clock; readonly random: Random; readonly log: Log; readonly metrics: Metrics },
): Cache<T> {
  const log = parentLog.child({ cache: kind.kind });
  const { namespace, labelSelector, fieldSelector, keepManagedFields = false, transform, indexes = {}, maximumObjects = DEFAULT_MAXIMUM_OBJECTS } = options;
  const selected: Selected = {
    ...(namespace === undefined ? {} : { namespace }), ...(labelSelector === undefined ? {} : { labelSelector }), ...(fieldSelector === undefined ? {} : { fieldSelector }),
  };

  /** Callers' functions must not stop the cache. */
  const guarded = <R>(what: string, work: (object: T) => R, instead: (object: T) => R) => (object: T): R => {
    try {
      return work(object);
    } catch (error) {
      log.error({ namespace: object.metadata.namespace, name: object.metadata.name, error: messageOf(error) }, `${what} failed on an object`);
      return instead(object);
    }
  };
  const strings = new SharedStrings();
  const strip = (object: T): T => {
    if (keepManagedFields || object.metadata.managedFields === undefined) return object;
    const { managedFields: _, ...metadata } = object.metadata;
    return { ...object, metadata };
  };
  const transformed = transform === undefined ? undefined : guarded('the transform', transform, (object) => object);
  const objects = createObjectSet<T>({
    keep(object) {
      const kept = transformed === undefined ? strip(object) : transformed(strip(object));
      strings.share(kept);
      return kept;
    },
    indexes: Object.fromEntries(Object.entries(indexes).map(([name, indexedBy]) => [name, guarded(`index "${name}"`, indexedBy, () => [])])),
  });
  const subscribers = new Subscribers<T>(log);
  const syncWaiters = new Set<() => void>();
  let synced = false;

  const size = metrics.gauge('isthmus_cache_objects', 'Objects held, by kind.', ['kind']);
  const lists = metrics.counter('isthmus_cache_lists_total', 'Full lists taken, by kind.', ['kind']);
  const failures = metrics.counter('isthmus_cache_failures_total', 'Lists and watches that failed, by kind and reason.', ['kind', 'reason']);

  const deliver = (events: readonly CacheEvent<T>[]): void => {
    subscribers.deliver(events);
    size.set({ kind: kind.kind }, objects.size);
  };
  const sink = {
    gather: () => objects.gather(),
    replace(gathered: ReturnType<typeof objects.gather>): void {
      lists.inc({ kind: kind.kind });
      deliver(objects.replace(gathered));
      synced = true;
      for (const resolve of syncWaiters) resolve();
      syncWaiters.clear();
    },
    put(object: T): void {
      if (objects.size >= maximumObjects && objects.get(object.metadata) === undefined) throw new CacheFull(maximumObjects, kind);
      deliver(objects.put(object));
    },
    remove: (object: T): void => deliver(objects.remove(object)),
    failed: (reason: string): void => failures.inc({ kind: kind.kind, reason }),
  };

  return {
    start: (signal) => reflect({ client, kind, selected, maximumObjects, sink, clock, random, log }, signal),
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
    byIndex: (index, value) => objects.byIndex(index, value),
    subscribe: (subscriber) => subscribers.add(subscriber, objects.list()),
  };
}
