/** All objects in memory, the version counter, and the one way to change them: durable first, visible after. */
import { clone, type JsonObject, objectAt, textAt } from './json.ts';
import { EventLog } from './events.ts';
import { kindKey } from './kinds.ts';
import { nameOf, namespaceOf, ownersOf, uidOf } from './metadata.ts';
import type { ObjectStore } from './store.ts';

interface Kind { readonly group: string; readonly plural: string }

/** An object and where it stands. */
export interface Placed { readonly kind: Kind; readonly object: JsonObject }

const keyOf = (namespace: string, name: string): string => `${namespace}/${name}`;

export class Objects {
  readonly #store: ObjectStore;
  readonly #kinds = new Map<string, Map<string, JsonObject>>();
  /** Sorted keys per kind, made when asked for. */
  readonly #sorted = new Map<string, readonly string[]>();
  readonly #byUid = new Map<string, Placed>();
  /** uid of an owner → uids of what it owns. */
  readonly #dependents = new Map<string, Set<string>>();
  #version: number;
  readonly events: EventLog;

  constructor(store: ObjectStore, eventLogSize: number) {
    this.#store = store;
    const { resourceVersion, entries } = store.load();
    this.#version = Math.max(1, resourceVersion);
    this.events = new EventLog(eventLogSize, this.#version);
    for (const { key, value } of entries) {
      const [group = '', plural = '', namespace = '', name = ''] = key.split('/');
      const object = JSON.parse(value) as JsonObject;
      this.#of({ group, plural }).set(keyOf(namespace, name), object);
      this.#index({ group, plural }, undefined, object);
    }
  }

  get version(): number {
    return this.#version;
  }

  /** The stored object itself: copy before changing. */
  get(kind: Kind, namespace: string, name: string): JsonObject | undefined {
    return this.#of(kind).get(keyOf(namespace, name));
  }

  /** Sorted by namespace and name. */
  all(kind: Kind): readonly JsonObject[] {
    const objects = this.#of(kind);
    return this.#keys(kind).map((key) => objects.get(key) as JsonObject);
  }

  /** As it was at `version`, sorted; throws 410 where that is forgotten. */
  allAt(kind: Kind, version: number): readonly JsonObject[] {
    if (version === this.#version) return this.all(kind);
    const objects = new Map(this.#of(kind));
    for (const change of this.events.backTo(version, kindKey(kind))) {
      if (change.before === undefined) objects.delete(change.key);
      else objects.set(change.key, change.before);
    }
    return [...objects.keys()].sort().map((key) => objects.get(key) as JsonObject);
  }

  /** Stores `object` (which becomes ours) with the next version; throws, and changes nothing, where the store cannot. */
  put(kind: Kind, object: JsonObject): JsonObject {
    const version = this.#version + 1;
    objectAt(object, 'metadata')['resourceVersion'] = String(version);
    const key = keyOf(namespaceOf(object), nameOf(object));
    this.#store.commit(version, [{ key: `${kindKey(kind)}/${key}`, value: JSON.stringify(object) }]);
    const objects = this.#of(kind);
    const before = objects.get(key);
    this.#version = version;
    objects.set(key, object);
    this.#index(kind, before, object);
    if (before === undefined) this.#sorted.delete(kindKey(kind));
    this.events.append({ resourceVersion: version, kind: kindKey(kind), key, before, after: object, last: object });
    return object;
  }

  remove(kind: Kind, object: JsonObject): JsonObject {
    const version = this.#version + 1;
    const last = clone(object);
    objectAt(last, 'metadata')['resourceVersion'] = String(version);
    const key = keyOf(namespaceOf(object), nameOf(object));
    this.#store.commit(version, [{ key: `${kindKey(kind)}/${key}`, value: null }]);
    const objects = this.#of(kind);
    const before = objects.get(key);
    this.#version = version;
    objects.delete(key);
    this.#index(kind, object, undefined);
    this.#sorted.delete(kindKey(kind));
    this.events.append({ resourceVersion: version, kind: kindKey(kind), key, before, after: undefined, last });
    return last;
  }

  byUid(uid: string): Placed | undefined {
    return this.#byUid.get(uid);
  }

  /** What names `uid` as an owner, oldest first. */
  dependentsOf(uid: string): readonly Placed[] {
    return [...this.#dependents.get(uid) ?? []].flatMap((dependent) => this.#byUid.get(dependent) ?? []);
  }

  /** Everything, for looking over at start. */
  everything(): readonly Placed[] {
    return [...this.#byUid.values()];
  }

  close(): void {
    this.events.endAll();
    this.#store.close();
  }

  #index(kind: Kind, before: JsonObject | undefined, after: JsonObject | undefined): void {
    const uid = uidOf((after ?? before) as JsonObject);
    for (const owner of before === undefined ? [] : ownersOf(before)) {
      const dependents = this.#dependents.get(textAt(owner, 'uid') ?? '');
      dependents?.delete(uid);
      if (dependents?.size === 0) this.#dependents.delete(textAt(owner, 'uid') ?? '');
    }
    if (after === undefined) {
      this.#byUid.delete(uid);
      return;
    }
    this.#byUid.set(uid, { kind, object: after });
    for (const owner of ownersOf(after)) {
      const ownerUid = textAt(owner, 'uid') ?? '';
      const dependents = this.#dependents.get(ownerUid) ?? new Set();
      dependents.add(uid);
      this.#dependents.set(ownerUid, dependents);
    }
  }

  #of(kind: Kind): Map<string, JsonObject> {
    let objects = this.#kinds.get(kindKey(kind));
    if (objects === undefined) {
      objects = new Map();
      this.#kinds.set(kindKey(kind), objects);
    }
    return objects;
  }

  #keys(kind: Kind): readonly string[] {
    let keys = this.#sorted.get(kindKey(kind));
    if (keys === undefined) {
      keys = [...this.#of(kind).keys()].sort();
      this.#sorted.set(kindKey(kind), keys);
    }
    return keys;
  }
}
