/**
 * The pods of one cluster's clustermesh-apiserver with Cilium's own programs in them: etcd as etcdinit leaves it, clustermesh, and kvstoremesh, each with the volumes and flags
 * of Cilium's chart. A Service in front of them; a new pod takes over once it is ready, and the old one ends.
 */
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { KubernetesObject } from '../../mesh/ports/kubernetes.ts';
import { type ServerProcess, serverProcess } from '../kube/server-process.ts';
import type { PodVolumes } from '../kube/identity/pod-life.ts';
import { missingPrivateNetwork, type PrivateNetwork, startPrivateNetwork } from './private-network.ts';
import { type Files, project } from '../kube/identity/projection.ts';

type Count = 'nodes' | 'shared-services' | 'service-exports' | 'identities' | 'endpoints' | 'failures';
/** As kvstoremesh tells it; what is false or 0 is left out. */
export type PeerStatus = {
  readonly name: string; readonly connected?: boolean; readonly ready?: boolean; readonly status?: string;
  readonly synced?: Readonly<Record<string, boolean>>;
  readonly config?: { readonly required?: boolean; readonly retrieved?: boolean; readonly 'cluster-id'?: number; readonly 'sync-canaries'?: boolean };
} & { readonly [of in `num-${Count}`]?: number };

export interface CiliumPods {
  readonly cluster: string;
  /** Words before a command that is to run in the network of all pods, with the names that this cluster's know. */
  readonly inside: readonly string[];
  readonly running: number;
  /** How many there have been. */
  readonly made: number;
  project(volumes: PodVolumes): void;
  replace(volumes: PodVolumes): Promise<void>;
  peers(): Promise<readonly PeerStatus[]>;
  /** What the cluster's agents read of its etcd, with their certificate and by its Service. Throws what etcdctl says. */
  read(key: string): Promise<string>;
  /** Names of all keys below `prefix`, seen as by `read`. */
  keys(prefix: string): Promise<readonly string[]>;
  /** What Cilium's own check of a peer prints: a new connection of kvstoremesh, with its files as they are. */
  troubleshoot(peer: string): Promise<string>;
  /** What kvstoremesh in the newest pod has logged. */
  log(): string;
  /** The id that the next pods are started with, as if somebody had installed Cilium so. */
  installWith(id: number): void;
  /** What its pods mount is changed by this, from the kubelet's next look on, as where somebody mounts other Secrets there. */
  mountAs(change: (volumes: PodVolumes) => PodVolumes): void;
  /** Its etcd takes connections and answers nobody. Cilium's programs beside it end when that lasts for some 25 s. */
  freeze(): void;
  thaw(): void;
  /** Last lines of the logs of all its programs, for errors. */
  lastLines(): string;
  stop(): Promise<void>;
}

interface Pod { readonly directory: string; readonly address: string; readonly programs: readonly ServerProcess[] }
interface Member { readonly name: string; readonly id: number; readonly kubeconfig: string; readonly apiPort: number }

const READY_MILLISECONDS = 40_000;
const LOCAL_NAME = 'clustermesh-apiserver.kube-system.svc';
/** Of the chart's ConfigMap-like file in the image, but that several pods share the loopback here. */
const ETCD_CONFIG = `endpoints:
- https://localhost:2379
trusted-ca-file: /var/lib/cilium/etcd-secrets/ca.crt
key-file: /var/lib/cilium/etcd-secrets/tls.key
cert-file: /var/lib/cilium/etcd-secrets/tls.crt
`;
/** Paths in what our agents write are absolute. */
const IN_POD = 'mount -t tmpfs tmpfs /var/lib && mkdir /var/lib/cilium && mount --bind "$1" /var/lib/cilium && mount --bind "$1/hosts" /etc/hosts && shift && exec "$@"';
const WITH_HOSTS = 'mount --bind "$1" /etc/hosts && shift && exec "$@"';
const IN_INIT = 'ip link set lo up && mount --bind "$1" /usr/bin && shift && exec "$@"';
const program = (name: string): string => join(process.env['KUBEBUILDER_ASSETS'] ?? '', name);

/** Why Cilium's programs cannot run here; undefined: they can. */
export function missingCilium(): string | undefined {
  const lacking = ['clustermesh-apiserver', 'etcdctl'].filter((name) => !existsSync(program(name)));
  return lacking.length > 0 ? `KUBEBUILDER_ASSETS has no ${lacking.join(' and no ')}` : missingPrivateNetwork();
}

/** Kinds that clustermesh waits for; it reads nothing of them that these tests need. */
export const CILIUM_DEFINITIONS: readonly KubernetesObject[] = ([['CiliumNode', 'ciliumnodes', 'Cluster'], ['CiliumIdentity', 'ciliumidentities', 'Cluster'], ['CiliumEndpoint', 'ciliumendpoints', 'Namespaced']] as const).map(([kind, plural, scope]) => ({
  apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata: { name: `${plural}.cilium.io` },
  spec: { group: 'cilium.io', names: { kind, plural, singular: kind.toLowerCase() }, scope, versions: [{ name: 'v2', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } } }] },
} as KubernetesObject));

const remoteName = (cluster: string): string => `${cluster}.mesh.cilium.io`;

/** Of all clusters, in one network. `id` is 1 to 250. `outside`: further ports of this machine that are reached from within. */
export async function startCilium(members: readonly Member[], { outside = [] }: { readonly outside?: readonly number[] } = {}): Promise<{ readonly pods: readonly CiliumPods[]; stop(): Promise<void> }> {
  const service = ({ id }: Member): string => `127.0.1.${id}`;
  const network = await startPrivateNetwork({
    outside: [...members.map(({ apiPort }) => apiPort), ...outside],
    services: Object.fromEntries(members.flatMap((member) => [[member.name, { host: service(member), port: 2379 }], [`${member.name}-status`, undefined], [`${member.name}-probe`, undefined]])),
  });
  const hosts = members.map((member) => `${service(member)} ${remoteName(member.name)}\n`).join('');
  const pods = members.map((member) => createPods(member, network, `${hosts}${service(member)} ${LOCAL_NAME}\n`));
  return { pods, stop: async () => { await Promise.all(pods.map((each) => each.stop())); await network.stop(); } };
}

/** Answer of an HTTP server at a file socket. */
const ask = (socketPath: string, path: string): Promise<{ readonly code: number; readonly text: string }> => new Promise((resolve, reject) => {
  const request = get({ socketPath, path, agent: false, timeout: 3000 }, (response) => {
    let text = '';
    response.setEncoding('utf8').on('data', (part: string) => { text += part; }).once('end', () => resolve({ code: response.statusCode ?? 0, text })).once('error', reject);
  }).once('error', reject).once('timeout', () => request.destroy(new Error('no answer')));
});

function createPods({ name: cluster, id, kubeconfig }: Member, network: PrivateNetwork, hosts: string): CiliumPods {
  const folder = mkdtempSync(join(tmpdir(), `isthmus-cilium-${cluster}-`));
  const bin = join(folder, 'bin');
  mkdirSync(bin);
  symlinkSync(program('etcd'), join(bin, 'etcd'));
  const hostsFile = join(folder, 'hosts');
  writeFileSync(hostsFile, `127.0.0.1 localhost\n${hosts}`);
  const pods: Pod[] = [];
  const all: ServerProcess[] = [];
  let made = 0;
  let versions = 0;
  let installedId = id;
  let mounted = (volumes: PodVolumes): PodVolumes => volumes;
  const inPod = (directory: string): readonly string[] => [...network.inside, 'unshare', '-m', 'sh', '-c', IN_POD, 'sh', directory];

  const probe = `${cluster}-probe`;
  const serve = (address: string): void => {
    network.lead(cluster, { host: address, port: 2379 });
    network.lead(`${cluster}-status`, { host: address, port: 9889 });
  };
  const written = new Map<string, string>();
  /** The chart's volumes of the pod, and below `agents` those of a node's agent. */
  function fill(directory: string, volumesOfSecrets: PodVolumes): void {
    const { server, admin, remote, local, kvstoremesh, agents, users } = mounted(volumesOfSecrets);
    const client = (prefix: string, { 'ca.crt': ca, 'tls.crt': crt, 'tls.key': key }: Files): Files => (ca === undefined || crt === undefined || key === undefined ? {} : { [`${prefix}-etcd-client-ca.crt`]: ca, [`${prefix}-etcd-client.crt`]: crt, [`${prefix}-etcd-client.key`]: key });
    const volumes = { 'server': server, 'etcd-secrets': admin, 'etcd-config': users, 'clustermesh': { ...client('common', remote), ...kvstoremesh }, 'agents': { ...client('local', local), ...agents } };
    for (const [name, files] of Object.entries(volumes)) {
      const path = join(directory, name);
      const text = JSON.stringify(files);
      if (written.get(path) === text) continue;
      written.set(path, text);
      project(path, files, versions++);
    }
  }

  async function start(volumes: PodVolumes): Promise<Pod> {
    made += 1;
    const directory = join(folder, `pod-${made}`);
    const address = `127.1.${id}.${made}`;
    const data = join(directory, 'data');
    // Of the pod, as in the chart: by it clients tell that the etcd is another one, and read everything anew.
    const uid = `${cluster}-${made}`;
    mkdirSync(data, { recursive: true });
    fill(directory, volumes);
    writeFileSync(join(directory, 'hosts'), `${address} localhost\n${hosts}`);
    writeFileSync(join(directory, 'etcd-config.yaml'), ETCD_CONFIG);
    await promisify(execFile)('unshare', ['-n', '-m', 'sh', '-c', IN_INIT, 'sh', bin, program('clustermesh-apiserver'), 'etcdinit', '--etcd-cluster-name=clustermesh-apiserver', `--etcd-initial-cluster-token=${uid}`, `--etcd-data-dir=${data}`, `--cluster-name=${cluster}`], { timeout: READY_MILLISECONDS });
    const server = (name: string): string => join(directory, 'server', name);
    const healthPort = 2400 + id * 40 + made * 2;
    const own = [`--cluster-name=${cluster}`, `--cluster-id=${installedId}`, '--kvstore-opt=etcd.config=/var/lib/cilium/etcd-config.yaml', '--kvstore-opt=etcd.bootstrapQps=10000', '--enable-gops=false'];
    const programs = [
      serverProcess('etcd', [
        '--name=clustermesh-apiserver', `--data-dir=${data}`, `--initial-cluster-token=${uid}`, '--client-cert-auth', `--trusted-ca-file=${server('ca.crt')}`, `--cert-file=${server('tls.crt')}`, `--key-file=${server('tls.key')}`,
        `--listen-client-urls=https://${address}:2379`, '--advertise-client-urls=https://localhost:2379', `--listen-peer-urls=http://${address}:2380`, '--auto-compaction-retention=1', '--enable-grpc-gateway=false', '--unsafe-no-fsync', '--log-level=warn',
      ], join(directory, 'etcd.log'), { inside: network.inside }),
      serverProcess('clustermesh-apiserver', [
        'clustermesh', ...own, `--k8s-kubeconfig-path=${kubeconfig}`, '--kvstore-opt=etcd.qps=20', `--health-port=${healthPort}`, '--cluster-users-enabled', '--cluster-users-config-path=/var/lib/cilium/etcd-config/users.yaml', '--shell-sock-path=/var/lib/cilium/clustermesh.sock',
      ], join(directory, 'clustermesh.log'), { inside: inPod(directory) }),
      serverProcess('clustermesh-apiserver', [
        'kvstoremesh', ...own, '--kvstore-opt=etcd.qps=100', '--kvstore-opt=etcd.maxInflight=10', '--clustermesh-config=/var/lib/cilium/clustermesh', '--clustermesh-cache-ttl=0s', '--enable-heartbeat=false', `--health-port=${healthPort + 1}`, `--api-serve-addr=${address}:9889`, '--shell-sock-path=/var/lib/cilium/kvstoremesh.sock',
      ], join(directory, 'kvstoremesh.log'), { inside: inPod(directory) }),
    ];
    
    all.push(...programs);
    const [etcd, clustermesh, kvstoremesh] = programs;
    const giveUpAt = performance.now() + READY_MILLISECONDS;
    etcd?.start();
    for (const [port, program] of [[healthPort, clustermesh], [healthPort + 1, kvstoremesh]] as const) {
      program?.start();
      network.lead(probe, { host: address, port });
      while ((await ask(network.socketOf(probe), '/readyz').catch(() => undefined))?.code !== 200) {
        const dead = [etcd, program].find((each) => each?.running === false);
        if (dead === undefined && performance.now() < giveUpAt) { await sleep(100); continue; }
        const lines = [etcd, program].map((each) => each?.lastLines()).join('\n');
        await Promise.all(programs.map((each) => each.stop()));
        throw new Error(`a new pod of ${cluster} is never ready: ${lines}`);
      }
      // It would wait 15 s for peers, and they for it, where nobody has a pod yet.
      if (pods.length === 0) serve(address);
    }
    return { directory, address, programs };
  }

  const newest = (): Pod => {
    const pod = pods.at(-1);
    if (pod === undefined) throw new Error(`${cluster} has no pod of clustermesh-apiserver`);
    return pod;
  };

  function etcd(): ServerProcess {
    const [first] = newest().programs;
    if (first === undefined) throw new Error(`${cluster} has no etcd`);
    return first;
  }

  /** A program in the newest pod; what it prints. */
  async function inside(name: string, ...parameters: readonly string[]): Promise<string> {
    const [command, ...words] = [...inPod(newest().directory), program(name), ...parameters];
    return (await promisify(execFile)(command ?? '', words, { timeout: 10_000 })).stdout.trim();
  }

  function get(...words: readonly string[]): Promise<string> {
    const file = (kind: string): string => `/var/lib/cilium/agents/local-etcd-client${kind}`;
    return inside('etcdctl', '--command-timeout=5s', `--endpoints=https://${LOCAL_NAME}:2379`, `--cacert=${file('-ca.crt')}`, `--cert=${file('.crt')}`, `--key=${file('.key')}`, 'get', ...words);
  }

  return {
    cluster,
    inside: [...network.inside, 'unshare', '-m', 'sh', '-c', WITH_HOSTS, 'sh', hostsFile],
    get running() { return pods.length; },
    get made() { return made; },
    project(volumes) { for (const { directory } of pods) fill(directory, volumes); },
    async replace(volumes) {
      const pod = await start(volumes);
      serve(pod.address);
      const before = pods.splice(0, pods.length, pod);
      await Promise.all(before.flatMap(({ programs }) => programs.map((each) => each.stop())));
    },
    async peers() {
      newest();
      return JSON.parse((await ask(network.socketOf(`${cluster}-status`), '/v1/cluster')).text) as readonly PeerStatus[] | null ?? [];
    },
    troubleshoot: (peer) => inside('clustermesh-apiserver', 'kvstoremesh-dbg', 'troubleshoot', peer, '--timeout=3s'),
    read: (key) => get('--print-value-only', key),
    keys: async (prefix) => (await get('--prefix', '--keys-only', prefix)).split('\n').filter((line) => line !== ''),
    log: () => readFileSync(join(newest().directory, 'kvstoremesh.log'), 'utf8'),
    freeze: () => etcd().freeze(),
    thaw: () => etcd().thaw(),
    installWith(next) { installedId = next; },
    mountAs(change) { mounted = change; },
    lastLines: () => pods.flatMap(({ programs }) => programs).map(({ name, lastLines }) => `${cluster} ${name}: ${lastLines()}`).join('\n'),
    async stop() {
      // What needs its etcd goes before it.
      await Promise.all(all.filter(({ name }) => name !== 'etcd').map((each) => each.stop()));
      await Promise.all(all.map((each) => each.stop()));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
