/** What one side of a Sync stream has to tell: named values by type, each with a version. Outlives streams; sessions read from it. */
import { canonicalJson, type Digest } from '../../../mesh/model/canonical.ts';
import { AGENT_TYPES, HUB_TYPES, type SyncResource, type SyncType, type SyncValues } from '../../../mesh/model/sync.ts';

/** Names of one type, so that a subscriber's whole `known` map fits into one message. */
export const MAX_RESOURCES_PER_TYPE = 16_000;
/** As canonical JSON in UTF-8; one resource must fit into one message (4 MiB) with room for its envelope. */
export const MAX_RESOURCE_BYTES = 3 * 1024 * 1024;

interface PublishedResource<T extends SyncType = SyncType> extends SyncResource<T> {
  /** Size as canonical JSON in UTF-8: close enough to the size on the wire to fill deltas by. */
  readonly bytes: number;
}

/** What a publisher needs to know of a value; the same for all publishers that are to tell it. */
export interface Measured {
  readonly version: string;
  readonly bytes: number;
}

export function measure(value: unknown, digest: Digest): Measured {
  const text = canonicalJson(value);
  return { version: digest(text), bytes: Buffer.byteLength(text) };
}

export interface Publisher {
  /** An equal value changes nothing. Throws RangeError beyond `MAX_RESOURCES_PER_TYPE` or `MAX_RESOURCE_BYTES`; the value held before stays. */
  set<T extends SyncType>(type: T, name: string, value: SyncValues[T], measured?: Measured): void;
  remove(type: SyncType, name: string): void;
  /** Makes `entries` all there is of a type. */
  replace<T extends SyncType>(type: T, entries: ReadonlyMap<string, SyncValues[T]> | Readonly<Record<string, SyncValues[T]>>): void;
  /**
   * Names that this side cannot speak of yet (a hub that has just started and has not heard from their source): while `unknown` says so, their
   * absence is no removal. Replaces the rule given before and looks again at every removal it held back.
   */
  withhold(unknown: (type: SyncType, name: string) => boolean): void;
  withheld(type: SyncType, name: string): boolean;
  get(type: SyncType, name: string): PublishedResource | undefined;
  names(type: SyncType): readonly string[];
  /** Called after each change, with the name that was set or removed (empty: what is withheld may have changed); returns how to stop. */
  subscribe(listener: (type: SyncType, name: string) => void): () => void;
}

export function createPublisher(digest: Digest): Publisher {
  const resources = new Map<SyncType, Map<string, PublishedResource>>();
  const listeners = new Set<(type: SyncType, name: string) => void>();
  let unknown = (_type: SyncType, _name: string): boolean => false;
  const notify = (type: SyncType, name: string): void => { for (const listener of [...listeners]) listener(type, name); };

  function byName(type: SyncType): Map<string, PublishedResource> {
    const found = resources.get(type) ?? new Map<string, PublishedResource>();
    resources.set(type, found);
    return found;
  }

  const publisher: Publisher = {
    set(type, name, value, measured = measure(value, digest)) {
      const held = byName(type);
      const { version, bytes } = measured;
      if (bytes > MAX_RESOURCE_BYTES) throw new RangeError(`${type} ${name}: has ${bytes} bytes; at most ${MAX_RESOURCE_BYTES} can be sent. Make it smaller`);
      if (!held.has(name) && held.size >= MAX_RESOURCES_PER_TYPE) throw new RangeError(`${type} ${name}: there are ${held.size} already; at most ${MAX_RESOURCES_PER_TYPE} of a type can be sent`);
      if (held.get(name)?.version === version) return;
      held.set(name, { name, version, value, bytes });
      notify(type, name);
    },
    remove(type, name) {
      if (byName(type).delete(name)) notify(type, name);
    },
    replace(type, entries) {
      const wanted = entries instanceof Map ? entries as ReadonlyMap<string, SyncValues[typeof type]> : new Map(Object.entries(entries as Readonly<Record<string, SyncValues[typeof type]>>));
      for (const name of [...byName(type).keys()]) if (!wanted.has(name)) publisher.remove(type, name);
      for (const [name, value] of wanted) publisher.set(type, name, value);
    },
    withhold(rule) {
      unknown = rule;
      for (const type of [...HUB_TYPES, ...AGENT_TYPES]) notify(type, '');
    },
    withheld: (type, name) => unknown(type, name),
    get: (type, name) => resources.get(type)?.get(name),
    names: (type) => [...(resources.get(type)?.keys() ?? [])],
    subscribe(listener) {
      listeners.add(listener);
      return () => { listeners.delete(listener); };
    },
  };
  return publisher;
}
