/** What the hub has to tell each agent. A publisher outlives its agent's streams and even its Cluster object, so that a reconnect costs only what changed. */
import type { Digest } from '../../../mesh/model/canonical.ts';
import type { HUB_TYPES, SyncValues } from '../../../mesh/model/sync.ts';
import type { Log } from '../../../mesh/ports/log.ts';
import { createPublisher, type Measured, measure, type Publisher } from '../../runtime/sync/publisher.ts';

export type HubType = (typeof HUB_TYPES)[number];

export interface Publishers {
  /** Made on first use, with everything told to all so far. */
  of(cluster: string): Publisher;
  /** `measured`: of the value, where many are told the same. */
  tell<T extends HubType>(cluster: string, type: T, name: string, value: SyncValues[T], measured?: Measured): void;
  untell(cluster: string, type: HubType, name: string): void;
  /** To every agent, those that come later too. `except` is not told. `apart`: what those are told instead who are apart from its source (`divide`). */
  tellAll<T extends HubType>(type: T, name: string, value: SyncValues[T], except?: string, apart?: SyncValues[T]): void;
  untellAll(type: HubType, name: string): void;
  /** Who is apart from whom; `moved`: of whom another is true than before. What is told with an `apart` is called after its source: `SOURCE/…`. */
  divide(isApart: (recipient: string, source: string) => boolean, moved: ReadonlySet<string>): void;
  /** What is not known since this hub started is absent, but not removed: `unknown` says so for each agent. Given once. */
  withhold(unknown: (recipient: string, type: HubType, name: string) => boolean): void;
  /** What `unknown` answers may have changed. */
  reconsider(): void;
}

interface Told {
  readonly value: SyncValues[HubType];
  readonly measured: Measured;
}

interface Shared extends Told {
  readonly except: string | undefined;
  readonly apart: Told | undefined;
}

const sourceOf = (name: string): string => name.slice(0, name.indexOf('/'));

export function createPublishers(digest: Digest, log: Log): Publishers {
  const publishers = new Map<string, Publisher>();
  const shared = new Map<HubType, Map<string, Shared>>();
  /** Each is logged once, not for every agent and every change. */
  const tooMuch = new Set<string>();
  let unknown: Parameters<Publishers['withhold']>[0] = () => false;
  let isApart: Parameters<Publishers['divide']>[0] = () => false;

  /** A value too large or one too many stays untold and is logged; the rest goes on. */
  function set<T extends HubType>(cluster: string, publisher: Publisher, type: T, name: string, value: SyncValues[T], measured?: Measured): void {
    try {
      publisher.set(type, name, value, measured);
      tooMuch.delete(`${type} ${name}`);
    } catch (error) {
      if (tooMuch.has(`${type} ${name}`)) return;
      tooMuch.add(`${type} ${name}`);
      log.error({ cluster, type, name, error: String(error) }, 'cannot be told to the agent');
    }
  }

  function share(cluster: string, publisher: Publisher, type: HubType, name: string, { value, measured, except, apart }: Shared): void {
    if (cluster === except) return;
    const told = apart !== undefined && isApart(cluster, sourceOf(name)) ? apart : { value, measured };
    set(cluster, publisher, type, name, told.value, told.measured);
  }

  function withholding(cluster: string, publisher: Publisher): void {
    publisher.withhold((type, name) => unknown(cluster, type as HubType, name));
  }

  function of(cluster: string): Publisher {
    const found = publishers.get(cluster);
    if (found !== undefined) return found;
    const publisher = createPublisher(digest);
    publishers.set(cluster, publisher);
    withholding(cluster, publisher);
    for (const [type, entries] of shared) {
      for (const [name, entry] of entries) share(cluster, publisher, type, name, entry);
    }
    return publisher;
  }

  return {
    of,
    tell: (cluster, type, name, value, measured) => set(cluster, of(cluster), type, name, value, measured),
    untell: (cluster, type, name) => publishers.get(cluster)?.remove(type, name),
    tellAll(type, name, value, except, apart) {
      const entries = shared.get(type) ?? new Map<string, Shared>();
      shared.set(type, entries);
      const entry: Shared = { value, measured: measure(value, digest), except, apart: apart === undefined ? undefined : { value: apart, measured: measure(apart, digest) } };
      const before = entries.get(name);
      if (before?.measured.version === entry.measured.version && before.except === except && before.apart?.measured.version === entry.apart?.measured.version) return;
      entries.set(name, entry);
      for (const [cluster, publisher] of publishers) share(cluster, publisher, type, name, entry);
    },
    untellAll(type, name) {
      if (shared.get(type)?.delete(name) !== true) return;
      tooMuch.delete(`${type} ${name}`);
      for (const publisher of publishers.values()) publisher.remove(type, name);
    },
    divide(rule, moved) {
      isApart = rule;
      if (moved.size === 0) return;
      for (const [type, entries] of shared) {
        const divided = [...entries].filter(([, { apart }]) => apart !== undefined);
        const ofMoved = divided.filter(([name]) => moved.has(sourceOf(name)));
        for (const [cluster, publisher] of publishers) for (const [name, entry] of moved.has(cluster) ? divided : ofMoved) share(cluster, publisher, type, name, entry);
      }
    },
    withhold(rule) {
      unknown = rule;
      for (const [cluster, publisher] of publishers) withholding(cluster, publisher);
    },
    reconsider() {
      for (const [cluster, publisher] of publishers) withholding(cluster, publisher);
    },
  };
}
