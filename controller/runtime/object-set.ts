/** The objects that a cache holds, and the difference that each change makes. */
import type { KubernetesObject, ObjectRef } from '../../mesh/ports/kubernetes.ts';
import { type IndexedBy, ObjectIndex } from './object-index.ts';
import { ObjectMap } from './object-map.ts';
import { isOlder } from './resource-version.ts';

export interface CacheEvent<T extends KubernetesObject> {
  readonly type: 'added' | 'updated' | 'deleted';
  /** `deleted`: the last state known. */
  readonly object: T;
  /** Only with `updated`. */
  readonly previous?: T;
}

/** A list on its way: nothing of it is seen before it is complete. */
export interface Gathering<T extends KubernetesObject> {
  readonly size: number;
  put(object: T): void;
  remove(ref: ObjectRef): void;
}

export interface ObjectSet<T extends KubernetesObject> {
  readonly size: number;
  get(ref: ObjectRef): T | undefined;
  list(): readonly T[];
  /** Throws where there is no index of that name. */
  byIndex(index: string, value: string): readonly T[];
  /** Nothing where a newer state is held already. */
  put(object: T): readonly CacheEvent<T>[];
  remove(object: T): readonly CacheEvent<T>[];
  gather(): Gathering<T>;
  /** Takes over what was gathered, as one difference: deletions first, then the rest in the list's order. */
  replace(gathered: Gathering<T>): readonly CacheEvent<T>[];
}

export interface ObjectSetOptions<T extends KubernetesObject> {
  /** What is kept of an object. */
  readonly keep: (object: T) => T;
  readonly indexes: Readonly<Record<string, IndexedBy<T>>>;
}

const isSame = (a: KubernetesObject, b: KubernetesObject): boolean => a.metadata.uid === b.metadata.uid && a.metadata.resourceVersion === b.metadata.resourceVersion;

class Gathered<T extends KubernetesObject> implements Gathering<T> {
  readonly objects = new ObjectMap<T>();
  readonly #held: ObjectMap<T>;
  readonly #keep: (object: T) => T;

  constructor(held: ObjectMap<T>, keep: (object: T) => T) {
    this.#held = held;
    this.#keep = keep;
  }

  get size(): number { return this.objects.size; }

  /** What has not changed stays the object it was, and its second copy can go at once. */
  put(object: T): void {
    const held = this.#held.get(object.metadata);
    this.objects.set(held !== undefined && isSame(held, object) ? held : this.#keep(object));
  }

  remove(ref: ObjectRef): void { this.objects.delete(ref); }
}

export function createObjectSet<T extends KubernetesObject>({ keep, indexes }: ObjectSetOptions<T>): ObjectSet<T> {
  let objects = new ObjectMap<T>();
  let sorted: readonly T[] | undefined;
  const byName = new Map(Object.entries(indexes).map(([name, indexedBy]) => [name, new ObjectIndex(indexedBy)]));

  const difference = (old: T | undefined, object: T): readonly CacheEvent<T>[] => {
    if (old === undefined) return [{ type: 'added', object }];
    if (isSame(old, object)) return [];
    if (old.metadata.uid !== object.metadata.uid) return [{ type: 'deleted', object: old }, { type: 'added', object }];
    return [{ type: 'updated', object, previous: old }];
  };
  const reindex = (old: T | undefined, object: T | undefined): void => {
    if (old === object) return;
    for (const index of byName.values()) {
      if (old !== undefined) index.remove(old);
      if (object !== undefined) index.add(object);
    }
  };

  return {
    get size() { return objects.size; },
    get: (ref) => objects.get(ref),
    list: () => (sorted ??= objects.sorted()),
    byIndex(name, value) {
      const index = byName.get(name);
      if (index === undefined) throw new Error(`the cache has no index "${name}"; it has: ${[...byName.keys()].join(', ') || 'none'}`);
      return index.of(value);
    },
    put(received) {
      const old = objects.get(received.metadata);
      if (old !== undefined && (isSame(old, received) || isOlder(received.metadata.resourceVersion, old.metadata.resourceVersion))) return [];
      const object = keep(received);
      objects.set(object);
      reindex(old, object);
      sorted = undefined;
      return difference(old, object);
    },
    remove(received) {
      const old = objects.get(received.metadata);
      // A late event of an earlier object must not delete the one that took its name, nor one of an earlier time the object that came back into the selection.
      if (old === undefined || old.metadata.uid !== received.metadata.uid || isOlder(received.metadata.resourceVersion, old.metadata.resourceVersion)) return [];
      objects.delete(old.metadata);
      reindex(old, undefined);
      sorted = undefined;
      return [{ type: 'deleted', object: keep(received) }];
    },
    gather: () => new Gathered(objects, keep),
    replace(gathered) {
      const next = (gathered as Gathered<T>).objects;
      const deleted: CacheEvent<T>[] = [];
      const rest: CacheEvent<T>[] = [];
      for (const old of objects.values()) {
        if (next.get(old.metadata) !== undefined) continue;
        reindex(old, undefined);
        deleted.push({ type: 'deleted', object: old });
      }
      for (const object of next.values()) {
        const old = objects.get(object.metadata);
        reindex(old, object);
        rest.push(...difference(old, object));
      }
      objects = next;
      sorted = undefined;
      return [...deleted, ...rest];
    },
  };
}
