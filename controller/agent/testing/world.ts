/** One agent, its cluster's API and a hub that says what the test tells it to, all on a manual clock. */
import { z } from 'zod';
import { Deployment } from '../../../mesh/api/resources/core.ts';
import type { ResourceDefinition } from '../../../mesh/api/resources/define.ts';
import { MEMBER_RESOURCES } from '../../../mesh/api/resources/index.ts';
import { canonicalJson } from '../../../mesh/model/canonical.ts';
import type { DesiredRevision, DesiredState } from '../../../mesh/model/desired.ts';
import { toRfc3339 } from '../../../mesh/model/instant.ts';
import type { ExportFact } from '../../../mesh/model/service.ts';
import { AGENT_TYPES, HUB_TYPES, type SyncType, type SyncValues } from '../../../mesh/model/sync.ts';
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import type { DnsPacketHandler } from '../../../mesh/ports/dns.ts';
import { type EtcdConnector, EtcdError } from '../../../mesh/ports/etcd.ts';
import type { ApiDiscovery, KubernetesClient } from '../../../mesh/ports/kubernetes.ts';
import { type PeerFacts, type PeerHandler, TransportError } from '../../../mesh/ports/transport.ts';
import { sha256Hex } from '../../adapters/digest.ts';
import { p256Signer } from '../../adapters/signer.ts';
import { createEmbeddedApi } from '../../embedded/api.ts';
import { embeddedClient } from '../../embedded/client.ts';
import { embeddedDiscovery } from '../../embedded/discovery.ts';
import { memoryObjectStore } from '../../embedded/store.ts';
import { createPublisher, type Publisher } from '../../runtime/sync/publisher.ts';
import { runSyncSession } from '../../runtime/sync/session.ts';
import { fakeMetrics, recordingLog, seededRandom } from '../../runtime/testing/fakes.ts';
import { type ManualClock, manualClock } from '../../runtime/testing/manual-clock.ts';
import { readAnswer, writeQuestion } from '../dns/client.ts';
import { typeNumber } from '../dns/types.ts';
import { testHub } from '../identity/testing/hub.ts';
import type { AgentConfig } from '../ports.ts';
import { type Agent, createAgent } from '../wiring.ts';
import { late } from './late.ts';
import { noting } from './noting.ts';
import { streamPair, type StreamPair } from './stream-pair.ts';

export interface World {
  readonly clock: ManualClock;
  readonly kubernetes: KubernetesClient;
  readonly log: ReturnType<typeof recordingLog>;
  /** Every write of the agent: `verb Kind name`. */
  readonly writes: string[];
  /** Throws where the API is to refuse a write of the agent. */
  refuse: (write: string) => void;
  /** How late the agent hears of changes of objects, at most; each change by a part of it. 0 at first. */
  watchesLateMilliseconds: number;
  /** What the hub tells. */
  readonly hub: Publisher;
  /** What the hub heard: its newest value of that name. */
  heard<T extends SyncType>(type: T, name: string): SyncValues[T] | undefined;
  /** false: the hub is gone, and streams break. */
  setHub(up: boolean): void;
  readonly streams: number;
  /** Calls for certificates that the hub got. */
  readonly hubCalls: readonly string[];
  /** How many messages the hub got so far. */
  readonly messages: number;
  /** What other agents answer; absent: no answer. */
  readonly peers: Map<string, PeerFacts>;
  /** What a peer's etcd throws when it is opened; absent: it opens itself. */
  readonly closed: Map<string, EtcdError>;
  askAsPeer(): Promise<PeerFacts>;
  dig(name: string, type?: string): { readonly rcode: string; readonly records: readonly string[] };
  /** The saved snapshot. */
  snapshot: string | undefined;
  start(): Promise<Agent>;
  stop(): Promise<void>;
}

const never = new AbortController().signal;

const free = z.looseObject({}).meta({ 'x-kubernetes-preserve-unknown-fields': true });
const DEPLOYMENTS: ResourceDefinition = { ...Deployment, singular: 'deployment', shortNames: [], description: 'Deployment', spec: free, status: free, printColumns: [] };

/** `on`: another API and clock than those in memory; its `advance` waits. */
export async function createWorld(on?: { readonly kubernetes: KubernetesClient; readonly clock: ManualClock; readonly discovery?: ApiDiscovery; readonly config?: Partial<AgentConfig> }): Promise<World> {
  const clock = on?.clock ?? manualClock();
  const log = recordingLog();
  const identityHub = await testHub(clock);
  const api = on === undefined ? createEmbeddedApi({
    objects: memoryObjectStore(), clock, random: seededRandom(1), definitions: [...MEMBER_RESOURCES, DEPLOYMENTS], namespaces: ['shop', 'isthmus-system'], serviceCidrs: ['10.110.0.0/16'],
  }) : undefined;
  const kubernetes = on?.kubernetes ?? embeddedClient(api!);
  const discovery = on?.discovery ?? (api === undefined ? { kindsOf: async () => undefined, versionsOf: async () => [] } : embeddedDiscovery(api));
  const hub = createPublisher(sha256Hex);
  const values = new Map<SyncType, Map<string, { version: string; value: unknown }>>();
  const open = new Set<StreamPair>();
  const peers = new Map<string, PeerFacts>();
  const closed = new Map<string, EtcdError>();
  const token = await identityHub.token('berlin');
  let messages = 0;
  let up = true;
  let dns: DnsPacketHandler | undefined;
  let peerHandler: PeerHandler | undefined;
  let running: { stop: AbortController; ended: Promise<void> } | undefined;

  function serve(signal: CancelSignal): StreamPair {
    const pair = streamPair(() => { messages += 1; });
    const close = (): void => pair.agent.close('aborted');
    signal.addEventListener('abort', close, { once: true });
    const gone = (): void => { open.delete(pair); signal.removeEventListener('abort', close); };
    if (!up) { pair.breakOff(); gone(); return pair; }
    open.add(pair);
    void runSyncSession({
      stream: pair.hub, publisher: hub, publishes: HUB_TYPES, subscribes: AGENT_TYPES, log,
      known: (type) => Object.fromEntries([...values.get(type) ?? []].map(([name, { version }]) => [name, version])),
      receive(type, resources, removed) {
        const held = values.get(type) ?? new Map<string, { version: string; value: unknown }>();
        values.set(type, held);
        for (const { name, version, value } of resources) held.set(name, { version, value });
        for (const name of removed) held.delete(name);
        return '';
      },
    }, never).catch(() => {}).finally(gone);
    return pair;
  }

  const world: World = {
    clock, kubernetes, log, hub, peers, closed, snapshot: undefined, writes: [], refuse: () => {}, watchesLateMilliseconds: 0,
    heard: <T extends SyncType>(type: T, name: string) => values.get(type)?.get(name)?.value as SyncValues[T] | undefined,
    setHub(next) {
      up = next;
      identityHub.lose = next ? {} : { request: true };
      if (!next) for (const pair of open) pair.breakOff();
    },
    get streams() { return open.size; },
    hubCalls: identityHub.calls,
    get messages() { return messages; },
    async askAsPeer() {
      if (peerHandler === undefined) throw new Error('the agent serves no peers');
      return peerHandler.facts({ cluster: 'oslo', spiffeId: 'spiffe://mesh.example/cluster/oslo', certificateSerial: '1' });
    },
    dig(name, type = 'A') {
      const answer = dns?.(writeQuestion(name, typeNumber(type) ?? 1), 'tcp');
      if (answer === undefined) throw new Error('no answer');
      return readAnswer(answer);
    },
    async start() {
      const stop = new AbortController();
      const agent = createAgent({
        clock, random: seededRandom(7), discovery, kubernetes: noting(late(kubernetes, clock, () => world.watchesLateMilliseconds), world.writes, (write) => world.refuse(write)), log, metrics: fakeMetrics(), digest: sha256Hex, signer: p256Signer,
        hub: {
          join: (target, request, signal) => identityHub.connector.join(target, request, signal),
          connect: (address, identity) => ({ ...identityHub.connector.connect(address, identity), sync: (signal) => serve(signal).agent }),
        },
        peerServer: { async serve(handler) { peerHandler = handler; return { address: '127.0.0.1:4001' }; } },
        peers: {
          async facts({ cluster }) {
            const answer = peers.get(cluster);
            if (answer === undefined) throw new TransportError('retry', 'Unreachable', 'no route');
            return answer;
          },
        },
        etcd: etcdOfPeers(closed, () => (hub.get('DesiredRevision', 'berlin')?.value as DesiredRevision | undefined)?.content, clock.now),
        dns: { async serve(handler) { dns = handler; return { address: '127.0.0.1:53' }; } },
        snapshots: { load: async () => world.snapshot, async save(content) { world.snapshot = content; } },
      }, {
        cluster: 'berlin', namespace: 'isthmus-system', hubAddress: 'hub:7443', joinToken: token, ciliumNamespace: 'kube-system', properties: { country: 'de' },
        advertisedPeerAddress: '', peerProbeIntervalSeconds: 1, peerProbeFailures: 2, version: '0.0.0-test', meshEndpoint: { address: 'berlin.mesh.example', port: 2379 }, ...on?.config,
      });
      running = { stop, ended: agent.start(stop.signal) };
      running.ended.catch(() => {});
      await clock.advance(50);
      return agent;
    },
    async stop() {
      running?.stop.abort();
      for (const pair of open) pair.breakOff();
      await clock.settle();
      await running?.ended;
      running = undefined;
      dns = undefined;
      peerHandler = undefined;
    },
  };
  return world;
}

/** Peers that are well, each under the id that the desired state has, and the own copy of them. */
const etcdOfPeers = (closed: ReadonlyMap<string, EtcdError>, content: () => string | undefined, now: () => number): EtcdConnector => ({
  async open({ endpoint }) {
    const problem = closed.get(/^https:\/\/([^.:]+)/.exec(endpoint)?.[1] ?? '');
    if (problem !== undefined) throw problem;
    const copy = endpoint.startsWith('https://clustermesh-apiserver.');
    const beat = toRfc3339(now());
    const place = copy ? 'cache' : 'state';
    return {
      server: { notBefore: 0, notAfter: now() + 365 * 86_400_000 },
      async range({ key, rangeEnd }) {
        if (!copy && ['cilium/cache/', 'cilium/cluster-config/', 'cilium/synced/'].includes(key)) throw new EtcdError('PermissionDenied', `${endpoint}: permission denied`);
        const { peering } = JSON.parse(content() ?? '{}') as DesiredState;
        const peer = peering?.peers.find(({ name }) => key === `cilium/cluster-config/${name}`);
        const synced = key.startsWith('cilium/synced/') ? ['nodes', 'services', 'identities', 'ip'].map((kind) => ({ key: `${key.split('/', 3).join('/')}/cilium/${place}/${kind}/v1`, value: beat, modRevision: 1 })) : [];
        const value = key === 'cilium/.heartbeat' ? beat : JSON.stringify({ id: peer?.clusterId, capabilities: { maxConnectedClusters: peering?.maxConnectedClusters, cached: copy } });
        const entries = rangeEnd === undefined ? [{ key, value, modRevision: 1 }] : synced;
        return { entries, count: entries.length, revision: 1 };
      },
      mayWrite: async () => false,
      close() {},
    };
  },
});

export function revision(state: Partial<DesiredState> = {}): DesiredRevision {
  const content = canonicalJson({
    schema: 1, cluster: 'berlin', mesh: 'europe', peering: null, failover: [], globalServices: [],
    trust: { trustDomain: 'mesh.example', sequence: 1, bundlePem: 'set by the test' }, ...state,
  } satisfies DesiredState);
  return { id: `sha256-${sha256Hex(content)}`, cluster: 'berlin', content };
}

export function checkoutFact(cluster: string, ready: readonly string[], version = 1): ExportFact {
  return {
    namespace: 'shop', name: 'checkout', cluster, version: { epoch: version, sequence: 1 }, exportedAt: 0, type: 'ClusterSetIP', ipFamilies: ['IPv4'], sessionAffinity: 'None',
    ports: [{ name: 'http', protocol: 'TCP', port: 80 }], endpointsOmitted: 0, loadBalancerAddresses: [],
    endpoints: ready.map((address) => ({ addresses: [address], ready: true, ports: [{ name: 'http', protocol: 'TCP', port: 8080 }] })),
  };
}
