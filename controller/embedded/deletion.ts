/** Deleting: marks and finalizers, and what goes with an object. Does at once what kube-controller-manager does elsewhere. */
import { type DefinedKinds, DefinitionContents, ending, isDefinition } from './definition-contents.ts';
import type { Later } from './emptying.ts';
import { Garbage } from './garbage.ts';
import { clone, equal, type JsonObject, objectAt } from './json.ts';
import type { KindRegistry, ServedKind } from './kinds.ts';
import { finalizersOf, FOREGROUND, isDeleting, namespaceOf, ORPHAN, ownersOf, type Propagation, uidOf } from './metadata.ts';
import { isNamespace, NamespaceContents, terminated, terminating } from './namespace-contents.ts';
import type { Objects } from './objects.ts';


export class Deletion {
  readonly #objects: Objects;
  readonly #kinds: KindRegistry;
  readonly #now: () => string;
  readonly #garbage: Garbage;
  readonly #contents: NamespaceContents;
  readonly #defined: DefinedKinds;
  readonly #definitions: DefinitionContents;

  constructor(objects: Objects, kinds: KindRegistry, defined: DefinedKinds, now: () => string, later: Later) {
    this.#objects = objects;
    this.#kinds = kinds;
    this.#now = now;
    this.#defined = defined;
    const changes = {
      put: (kind: ServedKind, object: JsonObject): void => this.change(kind, object),
      delete: (kind: ServedKind, object: JsonObject, propagation: Propagation | undefined): void => { this.delete(kind, object, propagation); },
    };
    this.#garbage = new Garbage(objects, kinds, changes);
    this.#contents = new NamespaceContents(objects, kinds, now, changes, later);
    this.#definitions = new DefinitionContents(objects, kinds, defined, changes, later);
  }

  /** The object as the deletion left it: marked while finalizers hold it (`gone` false), else as it went. No `propagation`: as its finalizers say. */
  delete(kind: ServedKind, object: JsonObject, propagation: Propagation | undefined): { readonly object: JsonObject; readonly gone: boolean } {
    const marked = this.marked(kind, object, propagation);
    if (marked === undefined) return { object: this.#remove(kind, object), gone: true };
    const stored = equal(marked, object) ? object : this.#objects.put(kind, marked);
    this.#follow(kind, object, stored);
    return { object: stored, gone: false };
  }

  /** What a deletion would store; undefined: nothing holds the object. */
  marked(kind: ServedKind, object: JsonObject, propagation: Propagation | undefined): JsonObject | undefined {
    if (isNamespace(kind)) return terminated(object) ? undefined : terminating(object, this.#now());
    const marked = isDefinition(kind) && !isDeleting(object) ? ending(clone(object), this.#now()) : clone(object);
    const finalizers = finalizersFor(finalizersOf(marked), propagation);
    if (finalizers.length === 0) return undefined;
    const metadata = objectAt(marked, 'metadata');
    if (!isDeleting(object) && typeof metadata['generation'] === 'number') metadata['generation'] += 1;
    metadata['deletionTimestamp'] ??= this.#now();
    metadata['deletionGracePeriodSeconds'] = 0;
    metadata['finalizers'] = finalizers;
    return marked;
  }

  /** Stores a next state and what follows from it: an object whose last finalizer went is removed instead, and nobody sees it without. */
  replace(kind: ServedKind, live: JsonObject, next: JsonObject): JsonObject {
    if (isDeleting(next) && (isNamespace(kind) ? terminated(next) : finalizersOf(next).length === 0)) {
      this.#remove(kind, live);
      return next;
    }
    const stored = this.#objects.put(kind, next);
    this.#follow(kind, live, stored);
    return stored;
  }

  /** To be called once a new object is stored: one whose owners are all gone goes too. */
  created(kind: ServedKind, stored: JsonObject): void {
    this.#follow(kind, undefined, stored);
  }

  /** As `replace`, for states that this process itself decides; the object may be gone after. */
  change(kind: ServedKind, next: JsonObject): void {
    const live = this.#objects.byUid(uidOf(next))?.object;
    if (live !== undefined && !equal(live, next)) this.replace(kind, live, next);
  }

  /** What a stop in the middle left undone, and objects whose owners are all gone. */
  resume(): void {
    for (const { kind, object } of this.#objects.everything()) {
      const served = this.#kinds.byKey(kind.group, kind.plural);
      const live = this.#objects.byUid(uidOf(object))?.object;
      if (served === undefined || live === undefined) continue;
      if (isDeleting(live) && !isNamespace(kind) && finalizersOf(live).length === 0) this.#remove(served, live);
      else this.#follow(served, undefined, live);
    }
  }

  #remove(kind: ServedKind, object: JsonObject): JsonObject {
    const last = this.#objects.remove(kind, object);
    this.#garbage.removed(object);
    this.#contents.removed(namespaceOf(object));
    if (isDefinition(kind)) this.#defined.removed(object);
    else if (this.#defined.has(kind)) this.#definitions.removed(kind);
    return last;
  }

  #follow(kind: ServedKind, before: JsonObject | undefined, after: JsonObject): void {
    if (isDeleting(after) || ownersOf(after).length > 0 || (before !== undefined && ownersOf(before).length > 0)) this.#garbage.written(before, after);
    if (isNamespace(kind) && isDeleting(after)) this.#contents.empty(after);
    if (isDefinition(kind) && isDeleting(after)) this.#definitions.empty(after);
  }
}

/** As kube-apiserver's `deletionFinalizersForGarbageCollection`: what the caller says replaces what earlier ones said. */
function finalizersFor(finalizers: readonly string[], propagation: Propagation | undefined): readonly string[] {
  if (propagation === undefined) return finalizers;
  return [
    ...finalizers.filter((finalizer) => finalizer !== ORPHAN && finalizer !== FOREGROUND),
    ...(propagation === 'Orphan' ? [ORPHAN] : propagation === 'Foreground' ? [FOREGROUND] : []),
  ];
}
