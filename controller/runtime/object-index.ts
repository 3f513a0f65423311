/** Objects by values that are computed from them, kept up to date with each change. */
import type { KubernetesObject } from '../../mesh/ports/kubernetes.ts';
import { ObjectMap } from './object-map.ts';

/** The values under which an object is found. MUST depend on the object alone. */
export type IndexedBy<T extends KubernetesObject> = (object: T) => readonly string[];

interface Entry<T extends KubernetesObject> {
  readonly objects: ObjectMap<T>;
  /** undefined: changed since it was last asked for. */
  sorted: readonly T[] | undefined;
}

const NONE: readonly never[] = [];

export class ObjectIndex<T extends KubernetesObject> {
  readonly #indexedBy: IndexedBy<T>;
  readonly #entries = new Map<string, Entry<T>>();

  constructor(indexedBy: IndexedBy<T>) { this.#indexedBy = indexedBy; }

  /** Sorted by namespace, then name. The same array until something under this value changes. */
  of(value: string): readonly T[] {
    const entry = this.#entries.get(value);
    if (entry === undefined) return NONE;
    return entry.sorted ??= entry.objects.sorted();
  }

  add(object: T): void {
    for (const value of this.#indexedBy(object)) {
      let entry = this.#entries.get(value);
      if (entry === undefined) this.#entries.set(value, entry = { objects: new ObjectMap(), sorted: undefined });
      entry.objects.set(object);
      entry.sorted = undefined;
    }
  }

  remove(object: T): void {
    for (const value of this.#indexedBy(object)) {
      const entry = this.#entries.get(value);
      if (entry === undefined) continue;
      entry.objects.delete(object.metadata);
      entry.sorted = undefined;
      if (entry.objects.size === 0) this.#entries.delete(value);
    }
  }
}
