/** A hub and clusters in one process: the wiring of their `main.ts` on simulated ports. Kubernetes APIs, records and snapshots outlive every crash. */
import { deterministicSigner } from '../../certs/testing/deterministic-signer.ts';
import { sha256Hex } from '../../controller/adapters/digest.ts';
import { openSqliteRecords } from '../../controller/adapters/records/sqlite.ts';
import { createAgent } from '../../controller/agent/wiring.ts';
import { CLUSTERS, type DemoClusterDefinition, seedCluster } from '../../controller/demo/clusters.ts';
import { createEmbeddedApi, type EmbeddedApi } from '../../controller/embedded/api.ts';
import { embeddedClient, inProcess } from '../../controller/embedded/client.ts';
import { embeddedDiscovery } from '../../controller/embedded/discovery.ts';
import { memoryObjectStore } from '../../controller/embedded/store.ts';
import { createHub } from '../../controller/hub/wiring.ts';
import { createJoinToken } from '../../controller/runtime/new-join-token.ts';
import { fakeMetrics, seededRandom } from '../../controller/runtime/testing/fakes.ts';
import { ConfigMap, type ConfigMapObject } from '../../mesh/api/resources/core.ts';
import { hubAccount } from '../../mesh/api/resources/guards.ts';
import { apiVersionOf, Cluster, HUB_RESOURCES, JoinToken, MEMBER_RESOURCES } from '../../mesh/api/resources/index.ts';
import type { Instant } from '../../mesh/model/instant.ts';
import type { DnsPacketHandler } from '../../mesh/ports/dns.ts';
import type { KubernetesClient, KubernetesObject, ObjectRef, ResourceKind } from '../../mesh/ports/kubernetes.ts';
import type { Random } from '../../mesh/ports/random.ts';
import { type ClusterClaim, claimingKubernetes } from './claims.ts';
import { createSimClock } from './clock.ts';
import { beginLife, type Life } from './life.ts';
import type { NetworkSettings } from './fabric.ts';
import { createOutside } from './outside.ts';
import { createNetwork } from './network.ts';
import { generatedClusters } from './generated.ts';
import type { Fleet, Host, Member } from './hosts.ts';
import { simulatedEtcds } from './mesh-etcds.ts';
import { MEMBER_SOFTWARE } from './member-kinds.ts';
import { countedKubernetes, livingDiscovery, livingKubernetes, livingRecords, livingSnapshots, memoryDns, memorySnapshots, type SeenConditions, tracedKubernetes, tracedRecords } from './ports.ts';
import { createTrace } from './trace.ts';

export interface FleetOptions {
  readonly seed: number;
  readonly network?: Partial<NetworkSettings>;
  /** Calls of a process to its own Kubernetes API, disk and records, each way. */
  readonly callMilliseconds?: { readonly least: number; readonly most: number };
  /** Clocks of hosts are wrong by up to this, either way. */
  readonly mostSkewMilliseconds?: number;
  /** Instead of berlin, oslo and virginia so many, in regions in turn. Absent: those three. */
  readonly generated?: number;
  /** Called for every request that a hub or an agent makes of its Kubernetes API, with its RBAC verb. */
  readonly requested?: (host: string, verb: keyof KubernetesClient, kind: ResourceKind) => void;
}

export const NAMESPACE = 'isthmus-system';
const HUB_ADDRESS = 'hub:6443';
const TRUST_DOMAIN = 'sim.isthmus.test';
const PEER_PORT = 7443;
export const PERSON = 'person';
export const never = new AbortController().signal;

const pair = (a: string, b: string): string => [a, b].sort().join(' ');

export async function createFleet(options: FleetOptions): Promise<Fleet> {
  const { seed, callMilliseconds = { least: 0, most: 3 }, mostSkewMilliseconds = 0 } = options;
  const clock = createSimClock();
  const trace = createTrace(clock);
  const randomOf = (what: string): Random => seededRandom(Number.parseInt(sha256Hex(`${seed} ${what}`).slice(0, 8), 16));
  const network = createNetwork(clock.ownedBy('network'), randomOf('network'), options.network);
  const { records, journal, assignments, targets, steps, bundlesOf } = tracedRecords(await openSqliteRecords(':memory:'), trace);
  const outside = createOutside(trace);
  const parted = new Set<string>();
  const stoppedEtcds = new Set<string>();
  /** Host or pair of hosts → when it was last started or healed. */
  const calm = new Map<string, Instant>();
  let failure: string | undefined;

  const conditions = new Map<string, SeenConditions>();
  const conditionsOf = (name: string): SeenConditions => {
    const seen = conditions.get(name) ?? new Map<string, string>();
    conditions.set(name, seen);
    return seen;
  };

  /** `run` starts the process on ports of this life. */
  function host(name: string, api: EmbeddedApi, run: (life: Life, number: number) => Promise<void>, down: () => void): Host {
    const target = (kind: ResourceKind): ReturnType<EmbeddedApi['target']> => api.target(kind.group, kind.version, kind.plural);
    const skewMilliseconds = Math.round((randomOf(`${name} clock`).uniform() * 2 - 1) * mostSkewMilliseconds);
    let lives = 0;
    const seen = conditionsOf(name);
    const self: Host = {
      name,
      kubernetes: tracedKubernetes(embeddedClient(api, inProcess(PERSON)), name, trace, seen),
      own: tracedKubernetes(embeddedClient(api, inProcess(name === 'hub' ? hubAccount(NAMESPACE) : `agent-${name}`)), name, trace, seen),
      read: <T extends KubernetesObject>(kind: ResourceKind, ref: ObjectRef) => api.list(target(kind), { ...(ref.namespace === undefined ? {} : { namespace: ref.namespace }), fieldSelector: `metadata.name=${ref.name}` }).items[0] as unknown as T | undefined,
      readAll: <T extends KubernetesObject>(kind: ResourceKind) => api.list(target(kind), {}).items as unknown as readonly T[],
      life: undefined,
      start() {
        if (self.life !== undefined) return;
        lives += 1;
        const life = beginLife({ host: name, clock: clock.ownedBy(name), random: randomOf(`${name} calls ${lives}`), trace, callMilliseconds, skewMilliseconds });
        self.life = life;
        calm.set(name, clock.now());
        trace.add(name, 'process', lives === 1 ? 'starts' : 'restarts');
        run(life, lives).then(
          () => { if (!life.over) failure ??= `${name} ended by itself`; },
          (error: unknown) => { if (!life.over) failure ??= `${name} failed: ${error instanceof Error ? error.stack : String(error)}`; },
        );
      },
      crash() {
        if (self.life === undefined) return;
        trace.add(name, 'process', 'is killed');
        const { life } = self;
        self.life = undefined;
        down();
        life.kill(() => network.crash(name));
      },
    };
    return self;
  }

  const counted = ({ name, own: kubernetes }: Host): KubernetesClient =>
    (options.requested === undefined ? kubernetes : countedKubernetes(kubernetes, (verb, kind) => options.requested?.(name, verb, kind)));
  const common = (name: string, life: Life, number: number) => ({
    clock: life.clock, random: randomOf(`${name} ${number}`), signer: deterministicSigner(`${seed} ${name} ${number}`), log: life.log, metrics: fakeMetrics(), digest: sha256Hex,
  });

  const hubApi = createEmbeddedApi({ objects: memoryObjectStore(), clock, random: randomOf('hub api'), definitions: HUB_RESOURCES });
  const hub = host('hub', hubApi, (life, number) => createHub({
    ...common('hub', life, number), kubernetes: livingKubernetes(counted(hub), life), records: livingRecords(records, life), gateway: network.gatewayServer('hub', 6443), ask: outside.askFor('hub', life),
  }, { namespace: NAMESPACE, trustDomain: TRUST_DOMAIN, advertisedAddress: HUB_ADDRESS, createNamespace: true }).start(life.signal), () => {});

  const tokens = new Map<string, string>();

  async function createMember(definition: DemoClusterDefinition, index: number): Promise<Member> {
    const { name } = definition;
    const api = createEmbeddedApi({ objects: memoryObjectStore(), clock, random: randomOf(`${name} api`), definitions: [...MEMBER_RESOURCES, ...MEMBER_SOFTWARE], serviceCidrs: [definition.serviceCidr] });
    const snapshots = memorySnapshots();
    const claim: ClusterClaim = {};
    let dns: DnsPacketHandler | undefined;
    const self = host(name, api, (life, number) => createAgent({
      ...common(name, life, number), kubernetes: livingKubernetes(claimingKubernetes(counted(self), claim), life), discovery: livingDiscovery(embeddedDiscovery(api), life), snapshots: livingSnapshots(snapshots, life),
      hub: network.hubConnector(name), peers: network.peerConnector(name), peerServer: network.peerServer(name, PEER_PORT),
      etcd: simulatedEtcds({ from: name, life, now: () => clock.now(), members: () => members, parted: (a, b) => parted.has(pair(a, b)), stopped: stoppedEtcds }),
      dns: memoryDns(`192.0.2.${index + 1}:53`, life, (handler) => { dns = handler; }),
    }, {
      cluster: name, namespace: NAMESPACE, hubAddress: HUB_ADDRESS, joinToken: tokens.get(name), ciliumNamespace: 'kube-system', properties: claim.properties ?? definition.properties,
      advertisedPeerAddress: `${name}:${PEER_PORT}`, peerProbeIntervalSeconds: 1, peerProbeFailures: 2, meshEndpoint: { address: `${name}.mesh.cilium.io`, port: 2379 }, version: '0.1.0',
    }).start(life.signal), () => { dns = undefined; });
    await seedCluster(self.kubernetes, definition, never);
    return Object.defineProperties(self, { definition: { value: definition }, claim: { value: claim }, dns: { get: () => dns } }) as Member;
  }

  const members: Member[] = [];
  for (const [index, definition] of (options.generated === undefined ? CLUSTERS : generatedClusters(options.generated)).entries()) members.push(await createMember(definition, index));

  const member = (name: string): Member => {
    const found = members.find((one) => one.name === name);
    if (found === undefined) throw new Error(`there is no cluster "${name}": ${members.map((one) => one.name).join(', ')}`);
    return found;
  };

  const fleet: Fleet = {
    seed, clock, trace, network, journal, assignments, targets, steps, bundlesOf, personEdits: [], outside, hub, members, member, stoppedEtcds,
    as: (user, groups) => tracedKubernetes(embeddedClient(hubApi, inProcess(user, groups)), 'hub', trace, conditionsOf('hub')),
    host: (name) => (name === 'hub' ? hub : member(name)),
    async join(cluster) {
      const { definition } = member(cluster);
      const trust = hub.read<ConfigMapObject>(ConfigMap, { namespace: NAMESPACE, name: 'isthmus-trust' })?.data;
      if (trust === undefined) throw new Error('the hub has not published its trust bundle yet');
      const { text, object } = createJoinToken(
        { cluster, hubAddress: trust['hubAddress'] ?? '', trustDomain: trust['trustDomain'] ?? '', bundlePem: trust['bundle.pem'] ?? '' },
        { random: randomOf(`token of ${cluster}${tokens.has(cluster) ? ` ${clock.now()}` : ''}`), digest: sha256Hex, now: clock.now() },
      );
      const apply = { type: 'apply', fieldManager: PERSON } as const;
      await hub.kubernetes.patch(Cluster, { name: cluster }, { apiVersion: apiVersionOf(Cluster), kind: 'Cluster', metadata: { name: cluster, labels: definition.labels }, spec: {} }, apply, never);
      await hub.kubernetes.create(JoinToken, object, { fieldManager: PERSON }, never);
      tokens.set(cluster, text);
      // A token is given to a process that starts.
      member(cluster).crash();
      member(cluster).start();
    },
    partition(a, b) {
      parted.add(pair(a, b));
      trace.add('network', 'network', `${a} and ${b} part`);
      network.partition(a, b);
    },
    heal(a, b) {
      if (!parted.delete(pair(a, b))) return;
      calm.set(pair(a, b), clock.now());
      trace.add('network', 'network', `${a} and ${b} meet again`);
      network.heal(a, b);
    },
    calmSince: (a, b) => (parted.has(pair(a, b)) || fleet.host(a).life === undefined || fleet.host(b).life === undefined
      ? undefined
      : Math.max(...[a, b, pair(a, b)].map((one) => calm.get(one) ?? 0))),
    get failure() { return failure; },
  };
  return fleet;
}
