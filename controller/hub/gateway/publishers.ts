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
  /** To every agent, those that come later too. `except` is not told. */
  tellAll<T extends HubType>(type: T, name: string, value: SyncValues[T], except?: string): void;
  untellAll(type: HubType, name: string): void;
  /** What is not known since this hub started is absent, but not removed: `unknown` says so for each agent. Given once. */
  withhold(unknown: (recipient: string, type: HubType, name: string) => boolean): void;
  /** What `unknown` answers may have changed. */
  reconsider(): void;
}

interface Shared {
  readonly value: SyncValues[HubType];
  readonly measured: Measured;
  readonly except: string | undefined;
}

export function createPublishers(digest: Digest, log: Log): Publishers {
  const publishers = new Map<string, Publisher>();
  const shared = new Map<HubType, Map<string, Shared>>();
  /** Each is logged once, not for every agent and every change. */
  const tooMuch = new Set<string>();
  let unknown: Parameters<Publishers['withhold']>[0] = () => false;

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
      for (const [name, { value, measured, except }] of entries) if (except !== cluster) set(cluster, publisher, type, name, value, measured);
    }
    return publisher;
  }

  return {
    of,
    tell: (cluster, type, name, value, measured) => set(cluster, of(cluster), type, name, value, measured),
    untell: (cluster, type, name) => publishers.get(cluster)?.remove(type, name),
    tellAll(type, name, value, except) {
      const entries = shared.get(type) ?? new Map<string, Shared>();
      shared.set(type, entries);
      const measured = measure(value, digest);
      const before = entries.get(name);
      if (before?.measured.version === measured.version && before.except === except) return;
      entries.set(name, { value, measured, except });
      for (const [cluster, publisher] of publishers) if (cluster !== except) set(cluster, publisher, type, name, value, measured);
    },
    untellAll(type, name) {
      if (shared.get(type)?.delete(name) !== true) return;
      tooMuch.delete(`${type} ${name}`);
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
