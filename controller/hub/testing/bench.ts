/** A whole hub on a manual clock, the embedded API and SQLite in memory, with scripted agents over in-memory streams. */
import { createHash } from 'node:crypto';
import { deterministicSigner } from '../../../certs/testing/deterministic-signer.ts';
import { Cluster, HUB_RESOURCES } from '../../../mesh/api/resources/index.ts';
import type { ClusterObject } from '../../../mesh/api/resources/cluster.ts';
import { apiVersionOf, type ResourceDefinition } from '../../../mesh/api/resources/define.ts';
import type { SigningPolicy } from '../../../mesh/model/bundle.ts';
import type { ClusterReport } from '../../../mesh/model/cluster.ts';
import type { DesiredRevision } from '../../../mesh/model/desired.ts';
import { toRfc3339 } from '../../../mesh/model/instant.ts';
import type { ExportFact } from '../../../mesh/model/service.ts';
import { AGENT_TYPES, HUB_TYPES, type SyncMessage, type SyncResource, type SyncType } from '../../../mesh/model/sync.ts';
import { type Ask, AskFailed } from '../../../mesh/ports/ask.ts';
import type { KubernetesClient, KubernetesObject } from '../../../mesh/ports/kubernetes.ts';
import type { RecordStore } from '../../../mesh/ports/records.ts';
import type { GatewayHandler, ServerMaterial, SyncStream } from '../../../mesh/ports/transport.ts';
import { openSqliteRecords } from '../../adapters/records/sqlite.ts';
import { createEmbeddedApi } from '../../embedded/api.ts';
import { embeddedClient, inProcess } from '../../embedded/client.ts';
import { memoryObjectStore } from '../../embedded/store.ts';
import { createPublisher, type Publisher } from '../../runtime/sync/publisher.ts';
import { runSyncSession } from '../../runtime/sync/session.ts';
import { type FakeMetrics, fakeMetrics, recordingLog, seededRandom, silentLog } from '../../runtime/testing/fakes.ts';
import { manualClock, type ManualClock } from '../../runtime/testing/manual-clock.ts';
import type { HistoryRetention, InventoryConfig, NotificationSink } from '../ports.ts';
import { createHub, type Hub } from '../wiring.ts';

export const digest = (text: string): string => createHash('sha256').update(text).digest('hex');
const never = new AbortController().signal;

/** One direction of a stream: unbounded, in order, at once. */
function pipe(): { put(message: SyncMessage): void; end(): void; readonly messages: AsyncIterable<SyncMessage> } {
  const waiting: SyncMessage[] = [];
  let ended = false;
  let wake = (): void => {};
  return {
    put(message) { waiting.push(message); wake(); },
    end() { ended = true; wake(); },
    messages: {
      async* [Symbol.asyncIterator]() {
        for (;;) {
          const message = waiting.shift();
          if (message !== undefined) yield message;
          else if (ended) return;
          else await new Promise<void>((resolve) => { wake = resolve; });
        }
      },
    },
  };
}

function streamPair(): { readonly hub: SyncStream; readonly agent: SyncStream } {
  const [up, down] = [pipe(), pipe()];
  const close = (): void => { up.end(); down.end(); };
  return {
    hub: { send: async (message) => down.put(message), messages: up.messages, offered: Promise.resolve(AGENT_TYPES), close },
    agent: { send: async (message) => up.put(message), messages: down.messages, offered: Promise.resolve(HUB_TYPES), close },
  };
}

export interface ScriptedAgent {
  readonly cluster: string;
  readonly publisher: Publisher;
  /** `type name` of everything that the hub took away. */
  readonly removals: string[];
  holds(type: SyncType): string[];
  value<T>(type: SyncType, name: string): T | undefined;
  /** Does nothing while no hub listens. */
  connect(bench: Bench): void;
  disconnect(): void;
  /** Applies what it was assigned and says so. */
  apply(healthy?: boolean): void;
}

export const reportOf = (clusterId: number): ClusterReport => ({
  properties: { region: 'europe' }, kubernetesVersion: 'v1.34.0', agentVersion: '0.1.0', nodes: { total: 1, ready: 1 }, peerAddress: `127.0.0.1:90${clusterId}`,
  cilium: {
    version: '1.18.1', clusterName: '', clusterId, maxConnectedClusters: 255, podCidrs: [`10.${clusterId}.0.0/16`], namespace: 'kube-system',
    kvstoreMesh: true, authMode: 'cluster', endpoint: { ips: [`192.0.2.${clusterId}`], port: 2379 },
  },
});

export const exportOf = (cluster: string, name = 'checkout', ready = true): ExportFact => ({
  cluster, namespace: 'shop', name, version: { epoch: 1, sequence: 1 }, exportedAt: 1, type: 'ClusterSetIP', ports: [{ name: 'http', protocol: 'TCP', port: 80 }],
  ipFamilies: ['IPv4'], sessionAffinity: 'None', endpointsOmitted: 0, loadBalancerAddresses: [],
  endpoints: [{ addresses: ['10.1.0.1'], ready, ports: [{ name: 'http', protocol: 'TCP', port: 8080 }] }],
});

export function scriptedAgent(cluster: string, clusterId: number): ScriptedAgent {
  const publisher = createPublisher(digest);
  const held = new Map<SyncType, Map<string, SyncResource>>(HUB_TYPES.map((type) => [type, new Map()]));
  const removals: string[] = [];
  const report = reportOf(clusterId);
  publisher.set('ClusterReport', cluster, { ...report, cilium: report.cilium === null ? null : { ...report.cilium, clusterName: cluster } });
  publisher.set('AppliedReport', cluster, { id: null, appliedAt: null, healthy: true, message: '', drift: [] });
  let stop = new AbortController();
  return {
    cluster, publisher, removals,
    holds: (type) => [...held.get(type)?.keys() ?? []].sort(),
    value: <T>(type: SyncType, name: string) => held.get(type)?.get(name)?.value as T | undefined,
    connect(bench) {
      stop = new AbortController();
      const handler = bench.handler();
      if (handler === undefined) return;
      const { hub, agent } = streamPair();
      const { signal } = stop;
      void handler.sync({ cluster, spiffeId: `spiffe://test/cluster/${cluster}`, certificateSerial: '1' }, hub, signal).catch(() => hub.close('refused'));
      void runSyncSession({
        stream: agent, publisher, publishes: AGENT_TYPES, subscribes: HUB_TYPES, log: silentLog,
        known: (type) => Object.fromEntries([...held.get(type) ?? []].map(([name, { version }]) => [name, version])),
        receive(type, resources, removed) {
          for (const resource of resources) held.get(type)?.set(resource.name, resource);
          for (const name of removed) { held.get(type)?.delete(name); removals.push(`${type} ${name}`); }
          return '';
        },
      }, signal).catch(() => {});
    },
    disconnect: () => stop.abort(),
    apply(healthy = true) {
      const revision = held.get('DesiredRevision')?.get(cluster)?.value as DesiredRevision | undefined;
      const generation = revision?.generation === undefined ? {} : { generation: revision.generation };
      publisher.set('AppliedReport', cluster, { id: revision?.id ?? null, appliedAt: 1, healthy, message: healthy ? '' : 'Secret missing', drift: [], ...generation });
    },
  };
}

export interface Bench {
  readonly clock: ManualClock;
  readonly kubernetes: KubernetesClient;
  readonly records: RecordStore;
  readonly log: ReturnType<typeof recordingLog>;
  /** Of all hubs of this bench. */
  readonly metrics: FakeMetrics;
  /** What gates and notifications reach. */
  ask: Ask;
  /** Of hubs that are started from now on. */
  notifications: readonly NotificationSink[];
  /** Of hubs that are started from now on; undefined: as is usual. */
  history: HistoryRetention | undefined;
  /** undefined: no hub listens. */
  handler(): GatewayHandler | undefined;
  /** What the hub that listens shows agents now. */
  serverMaterial(): ServerMaterial | undefined;
  hub(): Hub;
  startHub(records?: RecordStore, inventory?: InventoryConfig, signingPolicy?: () => SigningPolicy, kubernetes?: KubernetesClient): Promise<void>;
  /** As SIGKILL would, for all that the hub has not written. */
  stopHub(): Promise<void>;
  create(kind: ResourceDefinition, name: string, spec: object): Promise<void>;
  /** With a person's hand: it is vouched for and written down who changes what. */
  as(person: string): KubernetesClient;
  get<T extends KubernetesObject>(kind: ResourceDefinition, name: string): Promise<T | undefined>;
  list<T extends KubernetesObject>(kind: ResourceDefinition): Promise<readonly T[]>;
  /** A cluster that has joined. */
  join(name: string, labels?: Record<string, string>): Promise<void>;
}

export async function createBench(): Promise<Bench> {
  const clock = manualClock();
  const api = createEmbeddedApi({ objects: memoryObjectStore(), clock, random: seededRandom(1), definitions: HUB_RESOURCES });
  const kubernetes = embeddedClient(api);
  const records = await openSqliteRecords(':memory:');
  const log = recordingLog();
  let handler: GatewayHandler | undefined;
  let serverMaterial: (() => ServerMaterial) | undefined;
  let hub: Hub | undefined;
  let stop = new AbortController();
  const bench: Bench = {
    clock, kubernetes, records, log, metrics: fakeMetrics(),
    ask: async () => { throw new AskFailed('retry', 'nobody answers'); },
    notifications: [],
    history: undefined,
    handler: () => handler,
    serverMaterial: () => serverMaterial?.(),
    hub() {
      if (hub === undefined) throw new Error('no hub runs');
      return hub;
    },
    async startHub(used = records, inventory, signingPolicy, client = kubernetes) {
      stop = new AbortController();
      hub = createHub({
        clock, random: seededRandom(2), kubernetes: client, records: used, signer: deterministicSigner('hub'), log, metrics: bench.metrics, digest, ask: (request, signal) => bench.ask(request, signal),
        gateway: { async serve(given, material, signal) {
          handler = given;
          serverMaterial = material;
          signal.addEventListener('abort', () => { handler = undefined; serverMaterial = undefined; }, { once: true });
          return { address: 'hub.test:8443' };
        } },
      }, { namespace: 'isthmus-system', trustDomain: 'test', advertisedAddress: '', createNamespace: true, notifications: bench.notifications, ...(bench.history === undefined ? {} : { history: bench.history }), ...(inventory === undefined ? {} : { inventory }), ...(signingPolicy === undefined ? {} : { signingPolicy }) });
      hub.start(stop.signal).catch((error: unknown) => log.error({ error: String(error) }, 'the hub ended'));
      for (let turn = 0; turn < 20 && handler === undefined; turn += 1) await clock.advance(1);
    },
    async stopHub() {
      stop.abort();
      await clock.advance(1);
    },
    async create(kind, name, spec) {
      await kubernetes.create(kind, { apiVersion: apiVersionOf(kind), kind: kind.kind, metadata: { name }, spec } as KubernetesObject, { fieldManager: 'test' }, never);
    },
    as: (person) => embeddedClient(api, inProcess(person)),
    get: (kind, name) => kubernetes.get(kind, { name }, never),
    list: async <T extends KubernetesObject>(kind: ResourceDefinition) => (await kubernetes.list<T>(kind, {}, never)).items,
    async join(name, labels = {}) {
      const created = await kubernetes.create<ClusterObject>(Cluster, { apiVersion: apiVersionOf(Cluster), kind: 'Cluster', metadata: { name, labels }, spec: {} }, { fieldManager: 'test' }, never);
      const identity = { spiffeId: `spiffe://test/cluster/${name}`, certificateSerial: '1', issuer: 'test', notAfter: toRfc3339(clock.now() + 86_400_000), joinedAt: toRfc3339(clock.now()) };
      await kubernetes.update(Cluster, { ...created, status: { identity } }, { fieldManager: 'test', subresource: 'status' }, never);
    },
  };
  return bench;
}
