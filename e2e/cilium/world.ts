/**
 * A hub, and clusters with a real kube-apiserver, the agent with the rights that its chart gives it, and Cilium's own programs in pods that read as files what the agent
 * wrote. Agents are in the network of the pods, and know the names that their cluster's pods know.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ConnectedKubernetes, connectKubernetes } from '../../controller/adapters/kubernetes/connect.ts';
import { ciliumConfig, CLUSTERS, type DemoClusterDefinition } from '../../controller/demo/clusters.ts';
import { eventually } from '../../controller/demo/eventually.ts';
import { fakeMetrics } from '../../controller/runtime/testing/fakes.ts';
import type { ClusterObject } from '../../mesh/api/resources/cluster.ts';
import { ConfigMap, Deployment } from '../../mesh/api/resources/core.ts';
import { apiVersionOf, Cluster, type ResourceDefinition } from '../../mesh/api/resources/index.ts';
import type { KubernetesObject, ResourceKind } from '../../mesh/ports/kubernetes.ts';
import { findHelm } from '../charts/helm.ts';
import { type AgentProcess, type HubProcess, launch, launchAgent, type Outcome, startHub } from '../embedded/hub-process.ts';
import { CustomResourceDefinition, missingAssets } from '../kube/apiserver.ts';
import { livePods, meshDeployment, repeat } from '../kube/identity/pod-life.ts';
import { type RestrictedApi, startRestricted } from '../kube/restricted.ts';
import { CILIUM_DEFINITIONS, type CiliumPods, missingCilium, startCilium } from './pods.ts';

const helm = findHelm() ?? '';

/** Why there can be no such world here; undefined: there can. */
export const missingWorld = (): string | undefined =>
  missingAssets() ?? (helm === '' ? 'helm, which renders the chart\'s roles, is neither in KUBEBUILDER_ASSETS nor on PATH' : missingCilium());

export const PATIENCE = { timeout: 60_000, interval: 50 };
const CILIUM_VERSION = '1.19.6';
export const Service: ResourceKind = { group: '', version: 'v1', kind: 'Service', plural: 'services', namespaced: true };

const KUBELET_EVERY_MILLISECONDS = 700;
const LONG_MILLISECONDS = 90_000;
const LONGEST_LINE = 300;

/** Of the demo, but that each has an id of its own. */
export const MEMBERS: readonly DemoClusterDefinition[] = CLUSTERS.map((cluster, index) => ({ ...cluster, clusterId: index + 1, ciliumVersion: CILIUM_VERSION }));

export interface Member {
  readonly name: string;
  readonly restricted: RestrictedApi;
  /** Of its administrator. */
  readonly api: ConnectedKubernetes;
  readonly pods: CiliumPods;
  agent: AgentProcess;
}

export interface World {
  readonly hub: HubProcess;
  readonly clusters: readonly Omit<Member, 'agent'>[];
  /** Those that have joined before the tests. */
  readonly members: readonly Member[];
  readonly signal: AbortSignal;
  /** Of loops that go on beside the tests. */
  readonly surprises: readonly string[];
  /** Goes on until the end. */
  loop(everyMilliseconds: number, work: () => Promise<void>): void;
  make(kind: ResourceDefinition, name: string, spec: object): Promise<KubernetesObject>;
  /** `isthmus WORDS` at the hub; it has to succeed. */
  person(...words: string[]): Promise<string>;
  /** The same of one that waits for all clusters. */
  long(...words: string[]): Promise<string>;
  outcome(...words: string[]): Promise<Outcome>;
  /** An agent with a join token, which is asked for where none is given. */
  joins(member: Pick<Member, 'name' | 'restricted'>, token?: string): Promise<AgentProcess>;
  /** Reason of the Cluster's condition Ready. */
  ready(name: string): Promise<string | undefined>;
  allReady(): Promise<void>;
  /** Every agent has joined and told of its cluster's Cilium. */
  allReported(): Promise<void>;
  /** For a failed test. */
  lastLines(): string;
  /** Requests that the charts' roles do not grant. */
  refused(): readonly string[];
  stop(): Promise<void>;
}

function succeeded(words: readonly string[], { status, stdout, stderr }: Outcome): string {
  if (status !== 0) throw new Error(`isthmus ${words.join(' ')} ends with ${status}: ${stderr}`);
  return stdout;
}

/** Peers that a cluster's kvstoremesh calls ready, sorted. */
export const connectedOf = async ({ pods }: Pick<Member, 'pods'>): Promise<readonly string[]> =>
  (await pods.peers().catch(() => [])).filter((peer) => peer.ready === true).map((peer) => peer.name).sort();

interface WorldOptions {
  /** For every agent. */
  readonly agentWords?: readonly string[];
  /** Names of Secrets with credentials for single peers, which every agent may read. */
  readonly peerSecrets?: readonly string[];
  /** What is done before there are agents. */
  readonly before?: (clusters: readonly Pick<Member, 'name' | 'api' | 'pods'>[], signal: AbortSignal) => Promise<void>;
  /** false: no cluster joins, and there are no `members`. */
  readonly joined?: boolean;
}

/** What Cilium's chart would install is there, but nothing of a mesh. */
export async function startWorld(definitions: readonly DemoClusterDefinition[], { agentWords = [], peerSecrets = [], before = async () => {}, joined = true }: WorldOptions = {}): Promise<World> {
  const folder = mkdtempSync(join(tmpdir(), 'isthmus-cilium-'));
  const ended = new AbortController();
  const { signal } = ended;
  const loops: Promise<void>[] = [];
  const surprises: string[] = [];
  const watched = { signal, surprised: (error: string): void => { surprises.push(error); } };
  const apis: RestrictedApi[] = [];
  const clients: ConnectedKubernetes[] = [];
  const members: Member[] = [];
  let hub: HubProcess | undefined;
  let cilium: Awaited<ReturnType<typeof startCilium>> | undefined;
  const stop = async (): Promise<void> => {
    ended.abort();
    await Promise.all(loops);
    await Promise.all(members.map(({ agent }) => agent.running.stop()));
    await Promise.all([cilium?.stop(), hub?.stop(), ...clients.map((api) => api.close())]);
    await Promise.all(apis.map((api) => api.stop()));
    rmSync(folder, { recursive: true, force: true });
  };

  try {
    const starts = await Promise.allSettled([
      startHub(folder, { flags: ['--no-discover'] }).then((started) => { hub = started; }),
      ...definitions.map(({ name, serviceCidr }, index) => startRestricted({ helm, chart: 'isthmus-agent', values: ['--set', `cluster.name=${name}`, '--set', 'hub.address=hub.example.com:8443', '--set-json', `cilium.peerSecrets=${JSON.stringify(peerSecrets)}`], serviceCidr, namespaces: ['shop'] }).then((api) => { apis[index] = api; })),
    ]);
    for (const start of starts) if (start.status === 'rejected') throw start.reason;
    const running = hub as unknown as HubProcess;
    const { kubeconfig, client } = running;
    const portOf = (address: string): number => Number(new URL(address.includes('//') ? address : `https://${address}`).port);
    cilium = await startCilium(definitions.map(({ name, clusterId }, index) => ({ name, id: clusterId, kubeconfig: apis[index]?.admin ?? '', apiPort: portOf(apis[index]?.server.url ?? '') })), { outside: [portOf(running.gateway)] });
    const { pods } = cilium;

    const person = async (...words: string[]): Promise<string> => {
      return succeeded(words, await running.isthmus(...words));
    };
    const joins = async ({ name, restricted }: Pick<Member, 'name' | 'restricted'>, given?: string): Promise<AgentProcess> => {
      const token = given ?? (await person('join', name, '-o', 'token')).trim();
      const inside = pods.find(({ cluster }) => cluster === name)?.inside ?? [];
      return launchAgent(folder, name, restricted.restricted, { token, inside, more: ['--mesh-endpoint', `${name}.mesh.cilium.io:2379`, ...agentWords] });
    };
    const ready = async (name: string): Promise<string | undefined> => (await client.get<ClusterObject>(Cluster, { name }, signal))?.status?.conditions?.find(({ type }) => type === 'Ready')?.reason;

    const clusters = await Promise.all(definitions.map(async (definition, index) => {
      const { name } = definition;
      const restricted = apis[index] as RestrictedApi;
      const api = connectKubernetes({ kubeconfig: restricted.admin, userAgent: 'isthmus-e2e', metrics: fakeMetrics() });
      clients.push(api);
      const create = (kind: ResourceKind, object: object): Promise<KubernetesObject> => api.create(kind, object as KubernetesObject, { fieldManager: 'helm' }, signal);
      for (const each of CILIUM_DEFINITIONS) await create(CustomResourceDefinition, each);
      await create(ConfigMap, ciliumConfig(definition, definition.clusterId));
      await create(Deployment, meshDeployment(CILIUM_VERSION));
      return { name, restricted, api, pods: pods[index] as CiliumPods };
    }));
    for (const { pods: own, api } of clusters) loops.push(livePods(own, api, { kubeletEvery: KUBELET_EVERY_MILLISECONDS, ...watched }));
    await before(clusters, signal);
    if (joined) members.push(...await Promise.all(clusters.map(async (cluster) => ({ ...cluster, agent: await joins(cluster) }))));
    const allReady = async (): Promise<void> => {
      await Promise.all(members.map(({ name }) => eventually(`${name} is ready`, PATIENCE.timeout, async () => await ready(name) === 'Ready')));
    };
    const lastLines = (): string => [...surprises, ...clusters.map((each) => each.pods.lastLines()), ...members.map(({ name, agent }) => `agent of ${name}: ${agent.running.printed().stderr.split('\n').slice(-8).join('\n')}`)]
      .join('\n').split('\n').map((line) => line.slice(0, LONGEST_LINE)).join('\n');
    return {
      hub: running, clusters, members, signal, surprises, person, joins, ready, allReady, stop,
      async allReported() {
        await Promise.all(members.map(({ name }) => eventually(`${name} has told of its Cilium`, PATIENCE.timeout, async () => (await client.get<ClusterObject>(Cluster, { name }, signal))?.status?.cilium?.endpoint !== undefined, lastLines)));
      },
      loop: (everyMilliseconds, work) => { loops.push(repeat(everyMilliseconds, work, watched)); },
      make: (kind, name, spec) => client.create(kind, { apiVersion: apiVersionOf(kind), kind: kind.kind, metadata: { name }, spec } as unknown as KubernetesObject, { fieldManager: 'test' }, signal),
      outcome: (...words) => running.isthmus(...words),
      async long(...words) {
        const command = launch(['--kubeconfig', kubeconfig, ...words]);
        await eventually(`isthmus ${words.join(' ')} ends`, LONG_MILLISECONDS, async () => command.child.exitCode !== null);
        return succeeded(words, command.printed());
      },
      lastLines,
      refused: () => apis.flatMap((api) => api.audit.read().filter(({ status }) => status === 401 || status === 403).map(({ verb, resource, name }) => `${verb} ${resource} ${name}`)),
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

