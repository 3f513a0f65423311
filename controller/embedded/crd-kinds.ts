/** The kinds that CustomResourceDefinitions bring, beside those that this API serves by itself. */
import { CRDS, crdRemarks, kindOfCrd } from './builtin/custom-resource-definition.ts';
import type { Deletion } from './deletion.ts';
import type { JsonObject } from './json.ts';
import { type KindRegistry, kindKey } from './kinds.ts';
import type { Objects } from './objects.ts';

export class CrdKinds {
  readonly #objects: Objects;
  readonly #kinds: KindRegistry;
  readonly #deletion: Deletion;
  /** Kinds that are here because of a CRD, and go with it. */
  readonly #registered = new Set<string>();

  constructor(objects: Objects, kinds: KindRegistry, deletion: Deletion) {
    this.#objects = objects;
    this.#kinds = kinds;
    this.#deletion = deletion;
  }

  /** Takes up the CRDs that were stored before. */
  resume(): void {
    for (const crd of this.#objects.all(CRDS)) this.register(crd, []);
  }

  /** From now on the kind is served. `warnings` gets what the definition says in vain. */
  register(crd: JsonObject, warnings: string[]): void {
    const kind = kindOfCrd(crd);
    if (kind === undefined) return;
    if (this.#kinds.byKey(kind.group, kind.plural) !== undefined && !this.#registered.has(kindKey(kind))) {
      warnings.push(`${kind.plural}.${kind.group} is served by this API itself: the definition is kept, and changes nothing`);
      return;
    }
    warnings.push(...crdRemarks(crd));
    this.#kinds.add(kind);
    this.#registered.add(kindKey(kind));
  }

  /** The kind goes, and its objects with it. */
  unregister(crd: JsonObject): void {
    const kind = kindOfCrd(crd);
    if (kind === undefined || !this.#registered.delete(kindKey(kind))) return;
    for (const object of this.#objects.all(kind)) this.#deletion.delete(kind, object, 'Background');
    this.#kinds.remove(kind.group, kind.plural);
  }
}
