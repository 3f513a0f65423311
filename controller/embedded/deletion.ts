/** Deleting: finalizers, owners and what they own, namespaces and what they hold. Does what kube-controller-manager does elsewhere, at once. */
import { clone, type JsonObject, objectAt, textAt } from './json.ts';
import type { KindRegistry, ServedKind } from './kinds.ts';
import { finalizersOf, isDeleting, nameOf, namespaceOf, ownersOf, uidOf } from './metadata.ts';
import type { Objects, Placed } from './objects.ts';

export type Propagation = 'Background' | 'Foreground' | 'Orphan';
const FOREGROUND = 'foregroundDeletion';

const NAMESPACES = { group: '', plural: 'namespaces' };
const isNamespace = (kind: { readonly group: string; readonly plural: string }): boolean => kind.group === '' && kind.plural === 'namespaces';

export class Deletion {
  readonly #objects: Objects;
  readonly #kinds: KindRegistry;
  readonly #now: () => string;

  constructor(objects: Objects, kinds: KindRegistry, now: () => string) {
    this.#objects = objects;
    this.#kinds = kinds;
    this.#now = now;
  }

  /** The object as it is now: marked while finalizers hold it (`gone` false), else as it went. */
  delete(kind: ServedKind, object: JsonObject, propagation: Propagation): { readonly object: JsonObject; readonly gone: boolean } {
    if (propagation === 'Orphan') this.#orphan(uidOf(object));
    const blocked = propagation === 'Foreground' && this.#objects.dependentsOf(uidOf(object)).length > 0;
    if (!blocked && !isNamespace(kind) && finalizersOf(object).length === 0) return { object: this.#remove(kind, object), gone: true };
    const marked = isDeleting(object) && !blocked ? object : this.#objects.put(kind, this.#mark(kind, object, blocked));
    if (isNamespace(kind)) this.#empty(nameOf(object));
    else if (blocked) this.#releaseDependents(marked);
    const left = this.#objects.get(kind, namespaceOf(object), nameOf(object));
    return { object: left ?? marked, gone: left === undefined };
  }

  /** To be called after every write: a deleted object whose last finalizer went is removed. True: it was. */
  finish(kind: ServedKind, object: JsonObject): boolean {
    if (!isDeleting(object) || finalizersOf(object).length > 0) return false;
    if (isNamespace(kind)) return false;
    this.#remove(kind, object);
    return true;
  }

  /** What a stop in the middle left undone, and objects whose owners are all gone. */
  resume(): void {
    for (const { kind, object } of this.#objects.everything()) {
      const served = this.#kinds.byKey(kind.group, kind.plural);
      if (served === undefined || this.#objects.byUid(uidOf(object)) === undefined) continue;
      if (isNamespace(kind) && isDeleting(object)) this.#empty(nameOf(object));
      else if (isDeleting(object)) this.finish(served, object);
      else if (ownersOf(object).length > 0) this.#collect({ kind, object });
    }
  }

  #mark(kind: ServedKind, object: JsonObject, foreground: boolean): JsonObject {
    const marked = clone(object);
    const metadata = objectAt(marked, 'metadata');
    metadata['deletionTimestamp'] ??= this.#now();
    metadata['deletionGracePeriodSeconds'] = 0;
    if (kind.hasGeneration) metadata['generation'] = Number(metadata['generation'] ?? 0) + 1;
    if (foreground && !finalizersOf(marked).includes(FOREGROUND)) metadata['finalizers'] = [...finalizersOf(marked), FOREGROUND];
    if (isNamespace(kind)) marked['status'] = { ...objectAt(marked, 'status'), phase: 'Terminating' };
    return marked;
  }

  #remove(kind: ServedKind, object: JsonObject): JsonObject {
    const last = this.#objects.remove(kind, object);
    for (const dependent of this.#objects.dependentsOf(uidOf(object))) this.#collect(dependent);
    for (const owner of ownersOf(object)) {
      const placed = this.#objects.byUid(textAt(owner, 'uid') ?? '');
      if (placed !== undefined) this.#releaseOwner(placed);
    }
    this.#finishNamespace(namespaceOf(object));
    return last;
  }

  /** Goes when none of its owners is left. */
  #collect({ kind, object }: Placed): void {
    const served = this.#kinds.byKey(kind.group, kind.plural);
    if (served === undefined || ownersOf(object).some((owner) => this.#objects.byUid(textAt(owner, 'uid') ?? '') !== undefined)) return;
    this.delete(served, object, 'Background');
  }

  #orphan(uid: string): void {
    for (const { kind, object } of this.#objects.dependentsOf(uid)) {
      const freed = clone(object);
      const rest = ownersOf(freed).filter((owner) => owner['uid'] !== uid);
      if (rest.length > 0) objectAt(freed, 'metadata')['ownerReferences'] = rest;
      else delete objectAt(freed, 'metadata')['ownerReferences'];
      this.#objects.put(kind, freed);
    }
  }

  #releaseDependents(owner: JsonObject): void {
    for (const { kind, object } of this.#objects.dependentsOf(uidOf(owner))) {
      const served = this.#kinds.byKey(kind.group, kind.plural);
      const others = ownersOf(object).filter((reference) => reference['uid'] !== uidOf(owner) && this.#objects.byUid(textAt(reference, 'uid') ?? '') !== undefined);
      if (served !== undefined && others.length === 0 && !isDeleting(object)) this.delete(served, object, 'Background');
    }
  }

  /** An owner that waits for what it owns, and owns nothing any more, goes on. */
  #releaseOwner({ kind, object }: Placed): void {
    const served = this.#kinds.byKey(kind.group, kind.plural);
    if (served === undefined || !isDeleting(object) || !finalizersOf(object).includes(FOREGROUND) || this.#objects.dependentsOf(uidOf(object)).length > 0) return;
    const released = clone(object);
    const rest = finalizersOf(released).filter((finalizer) => finalizer !== FOREGROUND);
    if (rest.length > 0) objectAt(released, 'metadata')['finalizers'] = rest;
    else delete objectAt(released, 'metadata')['finalizers'];
    this.finish(served, this.#objects.put(kind, released));
  }

  #empty(namespace: string): void {
    for (const kind of this.#kinds.all()) {
      if (!kind.namespaced) continue;
      for (const object of this.#objects.all(kind)) {
        if (namespaceOf(object) === namespace && !isDeleting(object) && this.#objects.byUid(uidOf(object)) !== undefined) this.delete(kind, object, 'Background');
      }
    }
    this.#finishNamespace(namespace);
  }

  #finishNamespace(name: string): void {
    const namespace = name === '' ? undefined : this.#objects.get(NAMESPACES, '', name);
    if (namespace === undefined || !isDeleting(namespace) || finalizersOf(namespace).length > 0) return;
    const holds = this.#kinds.all().some((kind) => kind.namespaced && this.#objects.all(kind).some((object) => namespaceOf(object) === name));
    if (!holds) this.#objects.remove(NAMESPACES, namespace);
  }
}
