/** CustomResourceDefinitions that go: first the objects of their kind, then themselves, as kube-apiserver's finalizer for them has it. */
import { Emptying, type Later } from './emptying.ts';
import type { Changes } from './garbage.ts';
import { clone, isObject, type JsonObject, objectAt, textAt } from './json.ts';
import type { KindRegistry } from './kinds.ts';
import { finalizersOf, isDeleting, uidOf } from './metadata.ts';
import type { Objects } from './objects.ts';

interface Kind { readonly group: string; readonly plural: string }

const DEFINITIONS: Kind = { group: 'apiextensions.k8s.io', plural: 'customresourcedefinitions' };
const CLEANUP = 'customresourcecleanup.apiextensions.k8s.io';

export const isDefinition = (kind: Kind): boolean => kind.group === DEFINITIONS.group && kind.plural === DEFINITIONS.plural;

const kindDefinedBy = (definition: JsonObject): Kind => {
  const spec = objectAt(definition, 'spec');
  return { group: textAt(spec, 'group') ?? '', plural: textAt(objectAt(spec, 'names'), 'plural') ?? '' };
};

/** `definition` is ours to change. */
export function ending(definition: JsonObject, now: string): JsonObject {
  if (!finalizersOf(definition).includes(CLEANUP)) objectAt(definition, 'metadata')['finalizers'] = [...finalizersOf(definition), CLEANUP];
  const given = objectAt(definition, 'status')['conditions'];
  const conditions = (Array.isArray(given) ? given.filter(isObject) : []).filter((condition) => condition['type'] !== 'Terminating');
  definition['status'] = {
    ...objectAt(definition, 'status'),
    conditions: [...conditions, { type: 'Terminating', status: 'True', lastTransitionTime: now, reason: 'InstanceDeletionPending', message: 'CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon' }],
  };
  return definition;
}

/** What the rest of the API knows of kinds that definitions brought. */
export interface DefinedKinds {
  /** Whether the kind is here because of a definition. */
  has(kind: Kind): boolean;
  /** The definition is no more. */
  removed(definition: JsonObject): void;
}

export class DefinitionContents {
  readonly #objects: Objects;
  readonly #kinds: KindRegistry;
  readonly #defined: DefinedKinds;
  readonly #changes: Changes;
  readonly #emptying: Emptying;

  constructor(objects: Objects, kinds: KindRegistry, defined: DefinedKinds, changes: Changes, later: Later) {
    this.#emptying = new Emptying(later);
    this.#objects = objects;
    this.#kinds = kinds;
    this.#defined = defined;
    this.#changes = changes;
  }

  empty(definition: JsonObject): void {
    const kind = kindDefinedBy(definition);
    const name = `${kind.plural}.${kind.group}`;
    if (this.#isGoing(definition)) this.#emptying.begin(name, () => this.#slice(name, kind));
  }

  /** To be called after an object of the kind went. */
  removed(kind: Kind): void {
    const name = `${kind.plural}.${kind.group}`;
    if (!this.#emptying.isBusy(name)) this.#finish(name, kind);
  }

  #isGoing(definition: JsonObject): boolean {
    return isDeleting(definition) && finalizersOf(definition).includes(CLEANUP);
  }

  /** true: there is more to delete. */
  #slice(name: string, { group, plural }: Kind): boolean {
    const definition = this.#objects.get(DEFINITIONS, '', name);
    if (definition === undefined || !this.#isGoing(definition)) return false;
    const kind = this.#kinds.byKey(group, plural);
    if (kind !== undefined && this.#defined.has(kind) && this.#emptying.deleteSome(this.#objects.all(kind), (object) => {
      const live = this.#objects.byUid(uidOf(object))?.object;
      if (live === undefined || isDeleting(live)) return false;
      this.#changes.delete(kind, live, undefined);
      return true;
    })) return true;
    this.#finish(name, { group, plural });
    return false;
  }

  #finish(name: string, kind: Kind): void {
    const definition = this.#objects.get(DEFINITIONS, '', name);
    const served = this.#kinds.byKey(DEFINITIONS.group, DEFINITIONS.plural);
    if (definition === undefined || served === undefined || !this.#isGoing(definition)) return;
    if (this.#defined.has(kind) && this.#objects.all(kind).length > 0) return;
    const next = clone(definition);
    const rest = finalizersOf(next).filter((finalizer) => finalizer !== CLEANUP);
    if (rest.length > 0) objectAt(next, 'metadata')['finalizers'] = rest;
    else delete objectAt(next, 'metadata')['finalizers'];
    this.#changes.put(served, next);
  }
}
