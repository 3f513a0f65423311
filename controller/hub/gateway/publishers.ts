/** What the hub has to tell each agent. A publisher outlives its agent's streams and even its Cluster object, so that a reconnect costs only what changed. */
import type { Digest } from '../../../mesh/model/canonical.ts';
import type { HUB_TYPES, SyncValues } from '../../../mesh/model/sync.ts';
import type { Log } from '../../../mesh/ports/log.ts';
import { createPublisher, type Publisher } from '../../runtime/sync/publisher.ts';

export type HubType = (typeof HUB_TYPES)[number];

export interface Publishers {
  /** Made on first use, with everything told to all so far. */
  of(cluster: string): Publisher;
  tell<T extends HubType>(cluster: string, type: T, name: string, value: SyncValues[T]): void;
  untell(cluster: string, type: HubType, name: string): void;
  /** To every agent, those that come later too. `except` is not told. */
  tellAll<T extends HubType>(type: T, name: string, value: SyncValues[T], except?: string): void;
  untellAll(type: HubType, name: string): void;
  /** What is not known since this hub started is absent, but not removed: `unknown` says so for each agent. Given once. */
  withhold(unknown: (recipient: string, type: HubType, name: string) => boolean): void;
  /** What `unknown` answers may have changed. */
  reconsider(): void;
}

export function createPublishers(digest: Digest, log: Log): Publishers {
  const publishers = new Map<string, Publisher>();
  const shared = new Map<HubType, Map<string, { readonly value: SyncValues[HubType]; readonly except: string | undefined }>>();
  let unknown: Parameters<Publishers['withhold']>[0] = () => false;

  /** A value too large or one too many stays untold and is logged; the rest goes on. */
  function set<T extends HubType>(cluster: string, publisher: Publisher, type: T, name: string, value: SyncValues[T]): void {
    try {
      publisher.set(type, name, value);
    } catch (error) {
      log.error({ cluster, type, name, error: String(error) }, 'cannot be told to the agent');
    }
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
      for (const [name, { value, except }] of entries) if (except !== cluster) set(cluster, publisher, type, name, value);
    }
    return publisher;
  }

  return {
    of,
    tell: (cluster, type, name, value) => set(cluster, of(cluster), type, name, value),
    untell: (cluster, type, name) => publishers.get(cluster)?.remove(type, name),
    tellAll(type, name, value, except) {
      const entries = shared.get(type) ?? new Map();
      shared.set(type, entries);
      entries.set(name, { value, except });
      for (const [cluster, publisher] of publishers) if (cluster !== except) set(cluster, publisher, type, name, value);
    },
    untellAll(type, name) {
      if (shared.get(type)?.delete(name) !== true) return;
      for (const publisher of publishers.values()) publisher.remove(type, name);
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
