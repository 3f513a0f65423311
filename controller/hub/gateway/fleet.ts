/** What the agents said since this hub started: live facts in memory, authoritative at their source, told again after a restart. */
import type { Instant } from '../../../mesh/model/instant.ts';
import type { AGENT_TYPES, SyncResource, SyncType, SyncValues } from '../../../mesh/model/sync.ts';
import type { Clock } from '../../../mesh/ports/clock.ts';
import type { PeerIdentity } from '../../../mesh/ports/transport.ts';

export type AgentType = (typeof AGENT_TYPES)[number];

interface Connection {
  readonly connected: boolean;
  /** When `connected` last changed. */
  readonly since: Instant;
  /** Who spoke last, by certificate. */
  readonly identity: PeerIdentity;
}

interface Held<T extends AgentType = AgentType> {
  readonly version: string;
  readonly value: SyncValues[T];
  readonly receivedAt: Instant;
}

interface FleetEvent {
  readonly cluster: string;
  readonly type: AgentType | 'Connection';
}

/** Values of a cluster that lost its connection stay: nobody's silence is evidence against its services. */
export interface Fleet {
  /** undefined: not seen since this hub started. */
  connection(cluster: string): Connection | undefined;
  /** When deltas of that type came since this hub started; undefined: none did. Many resources come in several deltas, one after another. */
  heard(cluster: string, type: AgentType): { readonly firstAt: Instant; readonly lastAt: Instant } | undefined;
  values<T extends AgentType>(cluster: string, type: T): ReadonlyMap<string, Held<T>>;
  value<T extends AgentType>(cluster: string, type: T, name: string): Held<T> | undefined;
  /** Why what the agent says of its cluster was refused, until a report of it is taken; undefined: it was not. */
  refusal(cluster: string): string | undefined;
  /** Seen since this hub started, sorted. */
  clusters(): readonly string[];
  connect(identity: PeerIdentity): void;
  disconnect(cluster: string): void;
  receive(cluster: string, type: AgentType, resources: readonly SyncResource[], removed: readonly string[]): void;
  refuse(cluster: string, why: string): void;
  /** Since when agents can be heard: until then their absence is this hub's own doing. Now, while the gateway is not open yet. */
  listeningSince(): Instant;
  /** The gateway opened. */
  listen(): void;
  /** The cluster left the fleet. */
  forget(cluster: string): void;
  /** Called after each change. Listeners must not throw. */
  subscribe(listener: (event: FleetEvent) => void): () => void;
}

interface Entry {
  connection: Connection;
  refusal?: string;
  readonly values: Map<SyncType, Map<string, Held>>;
  readonly heard: Map<SyncType, { readonly firstAt: Instant; readonly lastAt: Instant }>;
}

const LONGEST_REFUSAL = 512;

export function createFleet(clock: Clock): Fleet {
  const entries = new Map<string, Entry>();
  let openedAt: Instant | undefined;
  const listeners = new Set<(event: FleetEvent) => void>();
  const nothing = new Map<string, never>();
  const notify = (cluster: string, type: FleetEvent['type']): void => { for (const listener of [...listeners]) listener({ cluster, type }); };

  return {
    connection: (cluster) => entries.get(cluster)?.connection,
    heard: (cluster, type) => entries.get(cluster)?.heard.get(type),
    values: <T extends AgentType>(cluster: string, type: T) => (entries.get(cluster)?.values.get(type) ?? nothing) as ReadonlyMap<string, Held> as ReadonlyMap<string, Held<T>>,
    value: <T extends AgentType>(cluster: string, type: T, name: string) => entries.get(cluster)?.values.get(type)?.get(name) as Held<T> | undefined,
    refusal: (cluster) => entries.get(cluster)?.refusal,
    clusters: () => [...entries.keys()].sort(),
    connect(identity) {
      const connection = { connected: true, since: clock.now(), identity };
      const entry = entries.get(identity.cluster);
      if (entry === undefined) entries.set(identity.cluster, { connection, values: new Map(), heard: new Map() });
      else entry.connection = entry.connection.connected ? { ...entry.connection, identity } : connection;
      notify(identity.cluster, 'Connection');
    },
    disconnect(cluster) {
      const entry = entries.get(cluster);
      if (entry === undefined || !entry.connection.connected) return;
      entry.connection = { ...entry.connection, connected: false, since: clock.now() };
      notify(cluster, 'Connection');
    },
    receive(cluster, type, resources, removed) {
      const entry = entries.get(cluster);
      if (entry === undefined) return;
      const held = entry.values.get(type) ?? new Map<string, Held>();
      entry.values.set(type, held);
      entry.heard.set(type, { firstAt: entry.heard.get(type)?.firstAt ?? clock.now(), lastAt: clock.now() });
      for (const { name, version, value } of resources) held.set(name, { version, value: value as Held['value'], receivedAt: clock.now() });
      for (const name of removed) held.delete(name);
      // Nothing new after a reconnection: what is held of it is what it says.
      if (type === 'ClusterReport') delete entry.refusal;
      notify(cluster, type);
    },
    refuse(cluster, why) {
      const entry = entries.get(cluster);
      if (entry === undefined) return;
      entry.refusal = why.slice(0, LONGEST_REFUSAL);
      notify(cluster, 'ClusterReport');
    },
    listeningSince: () => openedAt ?? clock.now(),
    listen() { openedAt ??= clock.now(); },
    forget(cluster) {
      if (entries.delete(cluster)) notify(cluster, 'Connection');
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => { listeners.delete(listener); };
    },
  };
}
