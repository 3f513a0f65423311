/** Objects and their owners, by the rules of kube-controller-manager's garbage collector (`pkg/controller/garbagecollector`), which works here as soon as something changes. */
import { clone, type JsonObject, objectAt, textAt } from './json.ts';
import type { KindRegistry, ServedKind } from './kinds.ts';
import { finalizersOf, FOREGROUND, isDeleting, namespaceOf, ORPHAN, ownersOf, type Propagation, uidOf } from './metadata.ts';
import type { Objects, Placed } from './objects.ts';

/** How this changes objects; each change comes back through `written` or `removed`. */
export interface Changes {
  put(kind: ServedKind, object: JsonObject): void;
  delete(kind: ServedKind, object: JsonObject, propagation: Propagation | undefined): void;
}

/** `unknown`: nobody serves its kind, or it could not own this object. Nothing is collected for it. */
type OwnerState = 'solid' | 'dangling' | 'waiting' | 'unknown';

const awaitsDependents = (object: JsonObject): boolean => isDeleting(object) && finalizersOf(object).includes(FOREGROUND);
const blocks = (dependent: JsonObject, uid: string): boolean => ownersOf(dependent).some((owner) => owner['uid'] === uid && owner['blockOwnerDeletion'] === true);

export class Garbage {
  readonly #objects: Objects;
  readonly #kinds: KindRegistry;
  readonly #changes: Changes;
  /** Uids to look at, in order. Every look either writes or is the last one, so that the queue runs dry. */
  readonly #queue = new Set<string>();
  #working = false;

  constructor(objects: Objects, kinds: KindRegistry, changes: Changes) {
    this.#objects = objects;
    this.#kinds = kinds;
    this.#changes = changes;
  }

  written(before: JsonObject | undefined, after: JsonObject): void {
    this.#queue.add(uidOf(after));
    if (awaitsDependents(after)) this.#addDependents(uidOf(after));
    this.#addOwners([...before === undefined ? [] : ownersOf(before), ...ownersOf(after)]);
    this.#work();
  }

  removed(object: JsonObject): void {
    this.#addDependents(uidOf(object));
    this.#addOwners(ownersOf(object));
    this.#work();
  }

  #addDependents(uid: string): void {
    for (const { object } of this.#objects.dependentsOf(uid)) this.#queue.add(uidOf(object));
  }

  /** Only owners that wait for what they own. */
  #addOwners(owners: readonly JsonObject[]): void {
    for (const owner of owners) {
      const uid = textAt(owner, 'uid') ?? '';
      const placed = this.#objects.byUid(uid);
      if (placed !== undefined && awaitsDependents(placed.object)) this.#queue.add(uid);
    }
  }

  #work(): void {
    if (this.#working) return;
    this.#working = true;
    try {
      for (const uid of this.#queue) {
        this.#queue.delete(uid);
        const placed = this.#objects.byUid(uid);
        const kind = placed === undefined ? undefined : this.#kinds.byKey(placed.kind.group, placed.kind.plural);
        if (placed !== undefined && kind !== undefined) this.#look(kind, placed);
      }
    } finally {
      this.#working = false;
      this.#queue.clear();
    }
  }

  #look(kind: ServedKind, { object }: Placed): void {
    if (isDeleting(object) && finalizersOf(object).includes(ORPHAN)) this.#orphan(kind, object);
    else if (awaitsDependents(object)) this.#awaitDependents(kind, object);
    else if (!isDeleting(object) && ownersOf(object).length > 0) this.#collect(kind, object);
  }

  #orphan(kind: ServedKind, owner: JsonObject): void {
    const uid = uidOf(owner);
    for (const dependent of this.#objects.dependentsOf(uid)) this.#withOwners(dependent, (owners) => owners.filter((each) => each['uid'] !== uid));
    this.#withoutFinalizer(kind, owner, ORPHAN);
  }

  #awaitDependents(kind: ServedKind, owner: JsonObject): void {
    const blocking = this.#objects.dependentsOf(uidOf(owner)).filter(({ object }) => blocks(object, uidOf(owner)));
    if (blocking.length === 0) return this.#withoutFinalizer(kind, owner, FOREGROUND);
    for (const { object } of blocking) if (!awaitsDependents(object)) this.#queue.add(uidOf(object));
  }

  #collect(kind: ServedKind, object: JsonObject): void {
    const states = ownersOf(object).map((owner) => this.#stateOf(kind, object, owner));
    if (states.includes('unknown')) return;
    if (states.includes('solid')) {
      if (states.every((state) => state === 'solid')) return;
      return this.#withOwners({ kind, object }, (owners) => owners.filter((_, index) => states[index] === 'solid'));
    }
    const dependents = this.#objects.dependentsOf(uidOf(object));
    if (states.includes('waiting') && dependents.length > 0) {
      // Two that wait for each other would wait for ever.
      if (dependents.some((dependent) => awaitsDependents(dependent.object))) {
        this.#withOwners({ kind, object }, (owners) => owners.map((owner) => (owner['blockOwnerDeletion'] === true ? { ...owner, blockOwnerDeletion: false } : owner)));
      }
      return this.#deleteNow(kind, object, 'Foreground');
    }
    const finalizers = finalizersOf(object);
    this.#deleteNow(kind, object, finalizers.includes(ORPHAN) ? 'Orphan' : finalizers.includes(FOREGROUND) ? 'Foreground' : 'Background');
  }

  #deleteNow(kind: ServedKind, object: JsonObject, propagation: Propagation): void {
    const live = this.#objects.byUid(uidOf(object));
    if (live !== undefined) this.#changes.delete(kind, live.object, propagation);
  }

  /** Owners are found by kind and name, in the namespace of what they own or cluster-wide; the uid must be theirs. */
  #stateOf(kind: ServedKind, object: JsonObject, owner: JsonObject): OwnerState {
    const apiVersion = textAt(owner, 'apiVersion') ?? '';
    const [group, version] = apiVersion.includes('/') ? apiVersion.split('/') as [string, string] : ['', apiVersion];
    const ownerKind = this.#kinds.byKind(group, textAt(owner, 'kind') ?? '');
    if (ownerKind === undefined || !ownerKind.versions.includes(version)) return 'unknown';
    if (!kind.namespaced && ownerKind.namespaced) return 'unknown';
    const found = this.#objects.get(ownerKind, ownerKind.namespaced ? namespaceOf(object) : '', textAt(owner, 'name') ?? '');
    if (found === undefined || uidOf(found) !== owner['uid']) return 'dangling';
    return awaitsDependents(found) ? 'waiting' : 'solid';
  }

  #withOwners({ kind, object }: { readonly kind: { readonly group: string; readonly plural: string }; readonly object: JsonObject }, change: (owners: readonly JsonObject[]) => readonly JsonObject[]): void {
    const served = this.#kinds.byKey(kind.group, kind.plural);
    if (served === undefined) return;
    const next = clone(object);
    const owners = change(ownersOf(next));
    if (owners.length > 0) objectAt(next, 'metadata')['ownerReferences'] = owners;
    else delete objectAt(next, 'metadata')['ownerReferences'];
    this.#changes.put(served, next);
  }

  #withoutFinalizer(kind: ServedKind, object: JsonObject, finalizer: string): void {
    const next = clone(object);
    const rest = finalizersOf(next).filter((each) => each !== finalizer);
    if (rest.length > 0) objectAt(next, 'metadata')['finalizers'] = rest;
    else delete objectAt(next, 'metadata')['finalizers'];
    this.#changes.put(kind, next);
  }
}
