/** Namespaces that go: first what they hold, then themselves, as kube-controller-manager's namespace controller has it. */
import { Emptying, type Later } from './emptying.ts';
import type { Changes } from './garbage.ts';
import { clone, isObject, type JsonObject, objectAt } from './json.ts';
import type { KindRegistry, ServedKind } from './kinds.ts';
import { finalizersOf, isDeleting, nameOf, uidOf } from './metadata.ts';
import type { Objects } from './objects.ts';
import type { Row } from './shelf.ts';

const NAMESPACES = { group: '', plural: 'namespaces' };
/** In `spec.finalizers`: whoever empties the namespace takes it away at the end. */
const CONTENTS = 'kubernetes';

export const isNamespace = (kind: { readonly group: string; readonly plural: string }): boolean => kind.group === '' && kind.plural === 'namespaces';

const specFinalizers = (namespace: JsonObject): readonly unknown[] => {
  const finalizers = objectAt(namespace, 'spec')['finalizers'];
  return Array.isArray(finalizers) ? finalizers : [];
};

/** Nothing holds it any more. */
export const terminated = (namespace: JsonObject): boolean => specFinalizers(namespace).length === 0 && finalizersOf(namespace).length === 0;

export function terminating(namespace: JsonObject, now: string): JsonObject {
  const marked = clone(namespace);
  objectAt(marked, 'metadata')['deletionTimestamp'] ??= now;
  marked['status'] = { ...objectAt(marked, 'status'), phase: 'Terminating' };
  return marked;
}

interface Remaining { readonly kind: ServedKind; readonly object: JsonObject }

export class NamespaceContents {
  readonly #objects: Objects;
  readonly #kinds: KindRegistry;
  readonly #now: () => string;
  readonly #changes: Changes;
  /** What goes in a namespace that is being emptied is no reason to look again. */
  readonly #emptying: Emptying;

  constructor(objects: Objects, kinds: KindRegistry, now: () => string, changes: Changes, later: Later) {
    this.#emptying = new Emptying(later);
    this.#objects = objects;
    this.#kinds = kinds;
    this.#now = now;
    this.#changes = changes;
  }

  empty(namespace: JsonObject): void {
    const name = nameOf(namespace);
    if (this.#isGoing(namespace)) this.#emptying.begin(name, () => this.#slice(name));
  }

  /** To be called after an object of the namespace went. */
  removed(namespace: string): void {
    if (namespace !== '' && !this.#emptying.isBusy(namespace)) this.#finish(namespace);
  }

  #isGoing(namespace: JsonObject): boolean {
    return isDeleting(namespace) && specFinalizers(namespace).includes(CONTENTS);
  }

  /** true: there is more to delete. */
  #slice(name: string): boolean {
    const namespace = this.#objects.get(NAMESPACES, '', name);
    if (namespace === undefined || !this.#isGoing(namespace)) return false;
    if (this.#emptying.deleteSome(this.#contentsOf(name), ({ kind, object }) => {
      const live = this.#objects.byUid(uidOf(object))?.object;
      if (live === undefined || isDeleting(live)) return false;
      this.#changes.delete(kind, live, undefined);
      return true;
    })) return true;
    this.#finish(name);
    return false;
  }

  #finish(name: string): void {
    const namespace = this.#objects.get(NAMESPACES, '', name);
    const kind = this.#kinds.byKey(NAMESPACES.group, NAMESPACES.plural);
    if (namespace === undefined || kind === undefined || !this.#isGoing(namespace)) return;
    const remaining = [...this.#contentsOf(name)];
    const next = clone(namespace);
    if (remaining.length > 0) {
      objectAt(next, 'status')['conditions'] = conditionsOf(namespace, remaining, this.#now());
    } else {
      const rest = specFinalizers(next).filter((finalizer) => finalizer !== CONTENTS);
      next['spec'] = rest.length > 0 ? { ...objectAt(next, 'spec'), finalizers: rest } : {};
    }
    this.#changes.put(kind, next);
  }

  *#contentsOf(name: string): Generator<Remaining> {
    for (const kind of this.#kinds.all().filter(({ namespaced }) => namespaced)) {
      const { rows, from, to } = this.#objects.snapshot(kind, this.#objects.version, name, undefined);
      for (let index = from; index < to; index += 1) yield { kind, object: (rows[index] as Row).object };
    }
  }
}

/** Texts of `pkg/controller/namespace/deletion/status_condition_utils.go`. */
function conditionsOf(namespace: JsonObject, remaining: readonly Remaining[], now: string): JsonObject[] {
  const counted = (names: readonly string[], text: (name: string, count: number) => string): string => {
    const counts = new Map<string, number>();
    for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
    return [...counts].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, count]) => text(name, count)).join(', ');
  };
  const resources = counted(remaining.map(({ kind }) => `${kind.plural}.${kind.group}`), (name, count) => `${name} has ${count} resource instances`);
  const finalizers = counted(remaining.flatMap(({ object }) => [...finalizersOf(object)]), (name, count) => `${name} in ${count} resource instances`);
  const wanted: readonly (readonly [type: string, status: 'True' | 'False', reason: string, message: string])[] = [
    ['NamespaceDeletionDiscoveryFailure', 'False', 'ResourcesDiscovered', 'All resources successfully discovered'],
    ['NamespaceDeletionGroupVersionParsingFailure', 'False', 'ParsedGroupVersions', 'All legacy kube types successfully parsed'],
    ['NamespaceDeletionContentFailure', 'False', 'ContentDeleted', 'All content successfully deleted, may be waiting on finalization'],
    ['NamespaceContentRemaining', 'True', 'SomeResourcesRemain', `Some resources are remaining: ${resources}`],
    finalizers === '' ? ['NamespaceFinalizersRemaining', 'False', 'ContentHasNoFinalizers', 'All content-preserving finalizers finished']
      : ['NamespaceFinalizersRemaining', 'True', 'SomeFinalizersRemain', `Some content in the namespace has finalizers remaining: ${finalizers}`],
  ];
  const given = objectAt(namespace, 'status')['conditions'];
  const before = Array.isArray(given) ? given.filter(isObject) : [];
  return wanted.map(([type, status, reason, message]) => {
    const known = before.find((condition) => condition['type'] === type && condition['status'] === status);
    return { type, status, lastTransitionTime: known?.['lastTransitionTime'] ?? now, reason, message };
  });
}
