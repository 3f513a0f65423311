/** Objects by namespace and name. The keys are the objects' own strings: a joined key for each would cost as much as a small object's metadata. */
import type { KubernetesObject, ObjectRef } from '../../mesh/ports/kubernetes.ts';

export class ObjectMap<T extends KubernetesObject> {
  readonly #namespaces = new Map<string, Map<string, T>>();
  #size = 0;

  get size(): number { return this.#size; }

  get(ref: ObjectRef): T | undefined { return this.#namespaces.get(ref.namespace ?? '')?.get(ref.name); }

  set(object: T): void {
    const { namespace = '', name } = object.metadata;
    let names = this.#namespaces.get(namespace);
    if (names === undefined) this.#namespaces.set(namespace, names = new Map());
    const before = names.size;
    names.set(name, object);
    this.#size += names.size - before;
  }

  delete(ref: ObjectRef): void {
    const namespace = ref.namespace ?? '';
    const names = this.#namespaces.get(namespace);
    if (names?.delete(ref.name) !== true) return;
    this.#size -= 1;
    if (names.size === 0) this.#namespaces.delete(namespace);
  }

  *values(): Generator<T> {
    for (const names of this.#namespaces.values()) yield* names.values();
  }

  /** By namespace, then name. */
  sorted(): T[] {
    const byText = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number => (a < b ? -1 : a > b ? 1 : 0);
    return [...this.#namespaces].sort(byText).flatMap(([, names]) => [...names].sort(byText).map(([, object]) => object));
  }
}
