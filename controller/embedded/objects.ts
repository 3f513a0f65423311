/** All objects in memory, the version counter, and the one way to change them: durable first, visible after. */
import { clone, type JsonObject, objectAt, textAt } from './json.ts';
import { type Change, EventLog } from './events.ts';
import { kindKey } from './kinds.ts';
import { nameOf, namespaceOf, ownersOf, uidOf } from './metadata.ts';
import { cut, Shelf, type Snapshot } from './shelf.ts';
import type { ObjectStore, StoredWrite } from './store.ts';

interface Kind { readonly group: string; readonly plural: string; readonly keptAs?: { readonly kind: Kind } }

/** Where objects of a kind stand. */
const homeOf = (kind: Kind): Kind => kind.keptAs?.kind ?? kind;

/** An object and where it stands. */
export interface Placed { readonly kind: Kind; readonly object: JsonObject }

/** A change that is made and not yet stored. */
interface Held { readonly kind: Kind; readonly change: Change; readonly write: StoredWrite }

const keyOf = (namespace: string, name: string): string => `${namespace}/${name}`;

export class Objects {
  readonly #store: ObjectStore;
  readonly #kinds = new Map<string, Shelf>();
  readonly #byUid = new Map<string, Placed>();
  /** uid of an owner → uids of what it owns. */
  readonly #dependents = new Map<string, Set<string>>();
  /** While changes are to be stored together. */
  #held: Held[] | undefined;
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
      this.#of({ group, plural }).put(keyOf(namespace, name), object);
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
    return this.#of(kind).rows().map(({ object }) => object);
  }

  /** What there was at `version`, in `namespace` (undefined: in all) and after the key `after`, sorted by key. Throws 410 where that is forgotten. */
  snapshot(kind: Kind, version: number, namespace: string | undefined, after: string | undefined): Snapshot {
    const shelf = this.#of(kind);
    if (version >= this.#version) return cut(shelf.rows(), namespace, after);
    const before = new Map<string, JsonObject | undefined>();
    for (const change of this.events.backTo(version, kindKey(homeOf(kind)))) before.set(change.key, change.before);
    return cut(before.size === 0 ? shelf.rows() : shelf.rowsWith(before), namespace, after);
  }

  /** Stores `object` (which becomes ours) with the next version; throws, and changes nothing, where the store cannot. */
  put(kind: Kind, object: JsonObject): JsonObject {
    const version = this.#version + 1;
    objectAt(object, 'metadata')['resourceVersion'] = String(version);
    const key = keyOf(namespaceOf(object), nameOf(object));
    this.#keep(kind, { resourceVersion: version, kind: kindKey(homeOf(kind)), key, before: this.#of(kind).get(key), after: object, last: object }, JSON.stringify(object));
    return object;
  }

  remove(kind: Kind, object: JsonObject): JsonObject {
    const version = this.#version + 1;
    const last = clone(object);
    objectAt(last, 'metadata')['resourceVersion'] = String(version);
    const key = keyOf(namespaceOf(object), nameOf(object));
    this.#keep(kind, { resourceVersion: version, kind: kindKey(homeOf(kind)), key, before: this.#of(kind).get(key), after: undefined, last }, null);
    return last;
  }

  /**
   * All that `run` changes is stored in one piece: what it changed first it sees itself, watchers see it once it is durable. Throws, and changes nothing,
   * where the store cannot or `run` throws. Not to be nested.
   */
  together(run: () => void): void {
    const version = this.#version;
    const held: Held[] = [];
    this.#held = held;
    try {
      run();
      if (held.length > 0) this.#store.commit(this.#version, held.map(({ write }) => write));
    } catch (error) {
      for (const { kind, change } of held.toReversed()) this.#place(kind, change.key, change.after, change.before);
      this.#version = version;
      throw error;
    } finally {
      this.#held = undefined;
    }
    for (const { change } of held) this.events.append(change);
  }

  /** Durable first, visible after; both later where it happens `together` with other changes. */
  #keep(kind: Kind, change: Change, value: string | null): void {
    const write = { key: `${change.kind}/${change.key}`, value };
    if (this.#held === undefined) this.#store.commit(change.resourceVersion, [write]);
    this.#version = change.resourceVersion;
    this.#place(kind, change.key, change.before, change.after);
    if (this.#held === undefined) this.events.append(change);
    else this.#held.push({ kind, change, write });
  }

  #place(kind: Kind, key: string, before: JsonObject | undefined, after: JsonObject | undefined): void {
    if (after === undefined) this.#of(kind).delete(key);
    else this.#of(kind).put(key, after);
    this.#index(kind, before, after);
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
    this.#byUid.set(uid, { kind: homeOf(kind), object: after });
    for (const owner of ownersOf(after)) {
      const ownerUid = textAt(owner, 'uid') ?? '';
      const dependents = this.#dependents.get(ownerUid) ?? new Set();
      dependents.add(uid);
      this.#dependents.set(ownerUid, dependents);
    }
  }

  #of(kind: Kind): Shelf {
    const home = kindKey(homeOf(kind));
    let objects = this.#kinds.get(home);
    if (objects === undefined) {
      objects = new Shelf();
      this.#kinds.set(home, objects);
    }
    return objects;
  }
}
