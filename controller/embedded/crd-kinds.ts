/** The kinds that CustomResourceDefinitions bring, beside those that this API serves by itself. */
import { CRDS, crdRemarks, kindOfCrd } from './builtin/custom-resource-definition.ts';
import type { DefinedKinds } from './definition-contents.ts';
import type { JsonObject } from './json.ts';
import { type KindRegistry, kindKey } from './kinds.ts';
import { isDeleting } from './metadata.ts';
import type { Objects } from './objects.ts';

export class CrdKinds implements DefinedKinds {
  readonly #objects: Objects;
  readonly #kinds: KindRegistry;
  /** Kinds that are here because of a CRD, and go with it. */
  readonly #registered = new Set<string>();

  constructor(objects: Objects, kinds: KindRegistry) {
    this.#objects = objects;
    this.#kinds = kinds;
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

  has(kind: { readonly group: string; readonly plural: string }): boolean {
    return this.#registered.has(kindKey(kind));
  }

  /** The kind is served no more; its objects went before. */
  removed(crd: JsonObject): void {
    const kind = kindOfCrd(crd);
    if (kind !== undefined && this.#registered.delete(kindKey(kind))) this.#kinds.remove(kind.group, kind.plural);
  }

  /** Whether the kind goes as soon as its last object went. */
  isEnding(kind: { readonly group: string; readonly plural: string }): boolean {
    const crd = this.has(kind) ? this.#objects.get(CRDS, '', `${kind.plural}.${kind.group}`) : undefined;
    return crd !== undefined && isDeleting(crd);
  }
}
