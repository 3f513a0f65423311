/** Three clusters in a Mesh, and what the tests look at. */
import { eventually } from '../../controller/demo/eventually.ts';
import type { ClusterObject } from '../../mesh/api/resources/cluster.ts';
import { ConfigMap, type ConfigMapObject, Deployment, EndpointSlice, Secret, type SecretObject } from '../../mesh/api/resources/core.ts';
import { Cluster, Mesh, UpdateStrategy } from '../../mesh/api/resources/index.ts';
import type { MeshObject } from '../../mesh/api/resources/mesh.ts';
import type { KubernetesObject } from '../../mesh/ports/kubernetes.ts';
import type { Matrix, MatrixCell } from '../../mesh/verify/matrix.ts';
import { connectedOf, type Member, MEMBERS, PATIENCE, Service, startWorld, type World } from './world.ts';

export const ALL = MEMBERS.map(({ name }) => name).sort();
export const othersOf = (name: string): readonly string[] => ALL.filter((each) => each !== name);
/** Who is connected to whom when everybody is. */
export const EVERYBODY = Object.fromEntries(ALL.map((name) => [name, othersOf(name)]));

/** Global in every cluster after `makeShop`. */
export const SHOP = { namespace: 'shop', name: 'checkout' };

/** What agents may read of credentials for a single peer. */
export const PEER_SECRET = 'oslo-client';

/** The one behind the Service in a cluster. */
export const backendOf = (name: string): string => `10.${10 * (ALL.indexOf(name) + 1)}.0.11`;
export const endpoint = (address: string): object => ({ addresses: [address], conditions: { ready: true, serving: true, terminating: false } });

const NAMESPACE = 'kube-system';
const MESH = 'europe';

export interface Scene {
  readonly world: World;
  readonly members: readonly Member[];
  member(name: string): Member;
  mesh(): Promise<MeshObject | undefined>;
  /** Whom it selects from now on, by name. */
  select(names: readonly string[]): Promise<void>;
  condition(type: string): Promise<{ readonly status: string; readonly reason: string; readonly message: string } | undefined>;
  cluster(name: string): Promise<ClusterObject | undefined>;
  connected(): Promise<Readonly<Record<string, readonly string[]>>>;
  /** A global Service in each cluster, with one backend. */
  makeShop(): Promise<void>;
  /** A change of the global Service in `from` is seen in the cache of `to`, however long ago they connected. */
  arrives(from: string, to: string): Promise<void>;
  /** Fresh connections of its kvstoremesh to a peer are `let in` or `refused` by the peer's etcd; else what Cilium says. */
  access(from: string, to: string): Promise<string>;
  /** `isthmus mesh verify`: what agents see when they look now. */
  verify(...words: readonly string[]): Promise<Matrix>;
  /** Of a ConfigMap or Secret in Cilium's namespace, decoded. */
  text(at: string, object: string, key: string): Promise<string | undefined>;
  /** A person with another tool writes it. */
  edit(at: string, object: string, key: string, text: string): Promise<void>;
  /** `kubectl rollout restart` of clustermesh-apiserver, and until the new pod runs. */
  restart(at: string): Promise<void>;
}

/** An etcd is without a heartbeat for a minute after its pod's start, as Cilium writes it: that is left out here. */
export function said({ from, to, reasons }: MatrixCell): string {
  const codes = reasons.map(({ code }) => code).filter((code) => code !== 'HeartbeatPending');
  return `${from} ${to} ${codes.length === 0 ? 'well' : codes.join(' ')}`;
}

const kindOf = (object: string): typeof Secret => (object === 'clustermesh-remote-users' || object === 'cilium-config' ? ConfigMap : Secret);

/** Agents have told of their clusters, and there is a strategy `canary-first`; no Mesh yet. */
export async function startScene(): Promise<Scene> {
  const world = await startWorld(MEMBERS, { peerSecrets: [PEER_SECRET] });
  const { members, signal, hub } = world;
  await world.make(UpdateStrategy, 'canary-first', { stages: [{ name: 'canary', clusters: { labels: { stage: 'canary' } } }, { name: 'rest', clusters: {}, maxConcurrency: '100%' }], progressDeadlineSeconds: 60 });
  await world.allReported().catch(async (error: unknown) => { await world.stop(); throw error; });
  const member = (name: string): Member => {
    const found = members.find((each) => each.name === name);
    if (found === undefined) throw new Error(`there is no cluster ${name}`);
    return found;
  };
  const mesh = (): Promise<MeshObject | undefined> => hub.client.get<MeshObject>(Mesh, { name: MESH }, signal);
  let marks = 0;
  return {
    world, members, member, mesh,
    async select(names) { await hub.client.patch(Mesh, { name: MESH }, { spec: { clusters: { names } } }, { type: 'merge', fieldManager: 'test' }, signal); },
    condition: async (type) => (await mesh())?.status?.conditions?.find((each) => each.type === type),
    cluster: (name) => hub.client.get<ClusterObject>(Cluster, { name }, signal),
    connected: async () => Object.fromEntries(await Promise.all(members.map(async (each) => [each.name, await connectedOf(each)] as const))),
    async makeShop() {
      for (const { name, api } of members) {
        await api.create(Service, { apiVersion: 'v1', kind: 'Service', metadata: { ...SHOP, annotations: { 'service.cilium.io/global': 'true' } }, spec: { ports: [{ name: 'http', port: 80, targetPort: 8080 }] } } as KubernetesObject, { fieldManager: 'test' }, signal);
        // As the controller of EndpointSlices makes it of a Service with ready pods.
        await api.create(EndpointSlice, {
          apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', metadata: { ...SHOP, labels: { 'kubernetes.io/service-name': SHOP.name } }, addressType: 'IPv4',
          endpoints: [endpoint(backendOf(name))], ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
        } as KubernetesObject, { fieldManager: 'test' }, signal);
      }
    },
    async arrives(from, to) {
      marks += 1;
      await member(from).api.patch(Service, SHOP, { metadata: { labels: { mark: `${marks}` } } }, { type: 'merge', fieldManager: 'test' }, signal);
      const wanted = `"mark":"${marks}"`;
      await eventually(`a mark of ${from} is at ${to}`, PATIENCE.timeout, async () => (await member(to).pods.read(`cilium/cache/services/v1/${from}/${SHOP.namespace}/${SHOP.name}`)).includes(wanted));
    },
    async access(from, to) {
      const said = await member(from).pods.troubleshoot(to).catch(String);
      return said.includes('Etcd connection successfully established') ? 'let in' : said.includes('permission denied') ? 'refused' : said;
    },
    async verify(...words) {
      const { stdout, stderr } = await world.outcome('mesh', 'verify', MESH, '--fresh', '-o', 'json', ...words);
      if (stdout === '') throw new Error(`mesh verify: ${stderr}`);
      return JSON.parse(stdout) as Matrix;
    },
    async text(at, object, key) {
      const data = (await member(at).api.get<SecretObject | ConfigMapObject>(kindOf(object), { namespace: NAMESPACE, name: object }, signal))?.data?.[key];
      return data === undefined || kindOf(object) === ConfigMap ? data : Buffer.from(data, 'base64').toString('utf8');
    },
    async edit(at, object, key, text) {
      const value = kindOf(object) === ConfigMap ? text : Buffer.from(text, 'utf8').toString('base64');
      await member(at).api.patch(kindOf(object), { namespace: NAMESPACE, name: object }, { data: { [key]: value } }, { type: 'merge', fieldManager: 'kubectl-edit' }, signal);
    },
    async restart(at) {
      const { api, pods } = member(at);
      const before = pods.made;
      await api.patch(Deployment, { namespace: NAMESPACE, name: 'clustermesh-apiserver' }, { spec: { template: { metadata: { annotations: { 'kubectl.kubernetes.io/restartedAt': `${before}` } } } } }, { type: 'merge', fieldManager: 'kubectl-rollout' }, signal);
      await eventually(`${at} has a new pod`, PATIENCE.timeout, async () => pods.made > before && pods.running === 1);
    },
  };
}
