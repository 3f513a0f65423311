/** The objects that a cache holds, and the difference that each change makes. */
import type { KubernetesObject, ObjectRef } from '../../mesh/ports/kubernetes.ts';

export interface CacheEvent<T extends KubernetesObject> {
  readonly type: 'added' | 'updated' | 'deleted';
  /** `deleted`: the last state known. */
  readonly object: T;
  /** Only with `updated`. */
  readonly previous?: T;
}

export interface ObjectSet<T extends KubernetesObject> {
  readonly size: number;
  get(ref: ObjectRef): T | undefined;
  list(): readonly T[];
  put(object: T): readonly CacheEvent<T>[];
  remove(object: T): readonly CacheEvent<T>[];
  /** Everything that is, as one difference: deletions first, then the rest in the list's order. */
  replace(items: readonly T[]): readonly CacheEvent<T>[];
}

/** Neither part may hold a slash, so no two objects share a key. */
const keyOf = (ref: ObjectRef): string => `${ref.namespace ?? ''}/${ref.name}`;

export function createObjectSet<T extends KubernetesObject>(keepManagedFields: boolean): ObjectSet<T> {
  let byKey = new Map<string, T>();
  let sorted: readonly T[] | undefined = [];

  const strip = (object: T): T => {
    if (keepManagedFields || object.metadata.managedFields === undefined) return object;
    const { managedFields: _, ...metadata } = object.metadata;
    return { ...object, metadata };
  };
  const difference = (old: T | undefined, object: T): readonly CacheEvent<T>[] => {
    if (old === undefined) return [{ type: 'added', object }];
    if (old.metadata.uid !== object.metadata.uid) return [{ type: 'deleted', object: old }, { type: 'added', object }];
    if (old.metadata.resourceVersion === object.metadata.resourceVersion) return [];
    return [{ type: 'updated', object, previous: old }];
  };
  const compare = (a: T, b: T): number => {
    const left = a.metadata.namespace ?? '';
    const right = b.metadata.namespace ?? '';
    if (left !== right) return left < right ? -1 : 1;
    return a.metadata.name < b.metadata.name ? -1 : a.metadata.name > b.metadata.name ? 1 : 0;
  };

  return {
    get size() { return byKey.size; },
    get: (ref) => byKey.get(keyOf(ref)),
    list: () => (sorted ??= [...byKey.values()].sort(compare)),
    put(received) {
      const object = strip(received);
      const key = keyOf(object.metadata);
      const events = difference(byKey.get(key), object);
      if (events.length > 0) {
        byKey.set(key, object);
        sorted = undefined;
      }
      return events;
    },
    remove(received) {
      const key = keyOf(received.metadata);
      const old = byKey.get(key);
      // A late event of an earlier object must not delete the one that took its name.
      if (old === undefined || old.metadata.uid !== received.metadata.uid) return [];
      byKey.delete(key);
      sorted = undefined;
      return [{ type: 'deleted', object: strip(received) }];
    },
    replace(items) {
      const next = new Map(items.map((item) => [keyOf(item.metadata), strip(item)]));
      const deleted: CacheEvent<T>[] = [];
      for (const [key, old] of byKey) if (!next.has(key)) deleted.push({ type: 'deleted', object: old });
      const rest = [...next].flatMap(([key, object]) => difference(byKey.get(key), object));
      byKey = next;
      sorted = undefined;
      return [...deleted, ...rest];
    },
  };
}
