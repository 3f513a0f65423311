/** CustomResourceDefinitions that go: first the objects of their kind, then themselves, as kube-apiserver's finalizer for them has it. */
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
  /** Kinds being emptied right now. */
  readonly #busy = new Set<string>();

  constructor(objects: Objects, kinds: KindRegistry, defined: DefinedKinds, changes: Changes) {
    this.#objects = objects;
    this.#kinds = kinds;
    this.#defined = defined;
    this.#changes = changes;
  }

  empty(definition: JsonObject): void {
    const { group, plural } = kindDefinedBy(definition);
    const kind = this.#kinds.byKey(group, plural);
    const name = `${plural}.${group}`;
    if (this.#busy.has(name) || !finalizersOf(definition).includes(CLEANUP)) return;
    this.#busy.add(name);
    try {
      for (const object of kind === undefined || !this.#defined.has(kind) ? [] : this.#objects.all(kind)) {
        const live = this.#objects.byUid(uidOf(object))?.object;
        if (kind !== undefined && live !== undefined && !isDeleting(live)) this.#changes.delete(kind, live, undefined);
      }
    } finally {
      this.#busy.delete(name);
    }
    this.#finish(name, { group, plural });
  }

  /** To be called after an object of the kind went. */
  removed(kind: Kind): void {
    const name = `${kind.plural}.${kind.group}`;
    if (!this.#busy.has(name)) this.#finish(name, kind);
  }

  #finish(name: string, kind: Kind): void {
    const definition = this.#objects.get(DEFINITIONS, '', name);
    const served = this.#kinds.byKey(DEFINITIONS.group, DEFINITIONS.plural);
    if (definition === undefined || served === undefined || !isDeleting(definition) || !finalizersOf(definition).includes(CLEANUP)) return;
    if (this.#defined.has(kind) && this.#objects.all(kind).length > 0) return;
    const next = clone(definition);
    const rest = finalizersOf(next).filter((finalizer) => finalizer !== CLEANUP);
    if (rest.length > 0) objectAt(next, 'metadata')['finalizers'] = rest;
    else delete objectAt(next, 'metadata')['finalizers'];
    this.#changes.put(served, next);
  }
}
