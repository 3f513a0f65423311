/** The kinds that CustomResourceDefinitions bring, beside those that this API serves by itself. */
import { CRDS, kindOfCrd } from './builtin/custom-resource-definition.ts';
import { isEstablished, namingStatus } from './builtin/definition-names.ts';
import type { DefinedKinds } from './definition-contents.ts';
import { clone, equal, type JsonObject, objectAt, textAt } from './json.ts';
import { type KindRegistry, kindKey } from './kinds.ts';
import { isDeleting } from './metadata.ts';
import type { Objects } from './objects.ts';

export class CrdKinds implements DefinedKinds {
  readonly #objects: Objects;
  readonly #kinds: KindRegistry;
  readonly #now: () => string;
  /** Kinds that are here because of a CRD, and go with it. */
  readonly #registered = new Set<string>();

  constructor(objects: Objects, kinds: KindRegistry, now: () => string) {
    this.#objects = objects;
    this.#kinds = kinds;
    this.#now = now;
  }

  /** Takes up the CRDs that were stored before. */
  resume(): void {
    for (const crd of this.#objects.all(CRDS)) this.register(crd, []);
  }

  /** From now on the kind is served. `warnings` gets what the definition says in vain. */
  register(crd: JsonObject, warnings: string[]): void {
    const kind = isEstablished(crd) ? kindOfCrd(crd) : undefined;
    if (kind === undefined) {
      this.removed(crd);
      return;
    }
    if (this.#kinds.byKey(kind.group, kind.plural) !== undefined && !this.#registered.has(kindKey(kind))) {
      warnings.push(`${kind.plural}.${kind.group} is served by this API itself: the definition is kept, and changes nothing`);
      return;
    }
    this.#kinds.add(kind);
    this.#registered.add(kindKey(kind));
  }

  has(kind: { readonly group: string; readonly plural: string }): boolean {
    return this.#registered.has(kindKey(kind));
  }

  /** The kind is served no more; its objects went before. */
  removed(crd: JsonObject): void {
    const spec = objectAt(crd, 'spec');
    const kind = { group: textAt(spec, 'group') ?? '', plural: textAt(objectAt(spec, 'names'), 'plural') ?? '' };
    if (!this.#registered.delete(kindKey(kind))) return;
    this.#kinds.remove(kind.group, kind.plural);
    this.#acceptWaiting();
  }

  /** Names that went may be what other definitions wait for. */
  #acceptWaiting(): void {
    for (const crd of this.#objects.all(CRDS)) {
      if (isEstablished(crd)) continue;
      const status = namingStatus(crd, this.#objects.all(CRDS), this.#now());
      if (equal(objectAt(objectAt(crd, 'status'), 'acceptedNames'), status['acceptedNames'])) continue;
      this.register(this.#objects.put(CRDS, { ...clone(crd), status: { ...objectAt(crd, 'status'), ...status } }), []);
    }
  }

  /** Whether the kind goes as soon as its last object went. */
  isEnding(kind: { readonly group: string; readonly plural: string }): boolean {
    const crd = this.has(kind) ? this.#objects.get(CRDS, '', `${kind.plural}.${kind.group}`) : undefined;
    return crd !== undefined && isDeleting(crd);
  }
}
