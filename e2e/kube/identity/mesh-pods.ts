/**
 * The pods of one cluster's clustermesh-apiserver, as far as certificates go: a real etcd each, which reads its roots at its start alone, and clients that read theirs as
 * Cilium's programs do. A Service in front of them; a new pod takes over before the old one ends.
 */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, connect as dial, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePorts } from '../free-ports.ts';
import { type ServerProcess, serverProcess } from '../server-process.ts';
import { attempt } from './mesh-attempt.ts';
import { type Files, project } from './projection.ts';

export const VOLUMES = {
  server: 'clustermesh-apiserver-server-cert', admin: 'clustermesh-apiserver-admin-cert', remote: 'clustermesh-apiserver-remote-cert', local: 'clustermesh-apiserver-local-cert',
  kvstoremesh: 'cilium-kvstoremesh', agents: 'cilium-clustermesh',
} as const;
/** Contents of the Secrets of these names; empty: not there. */
export type Volumes = Readonly<Record<keyof typeof VOLUMES, Files>>;

interface Attempts {
  readonly made: number;
  /** What each that was not let in was told, with who tried it where. */
  readonly failed: readonly string[];
}

export interface MeshPods {
  readonly cluster: string;
  /** Of the Service. */
  readonly port: number;
  readonly running: number;
  /** A kubelet's look at the Secrets: files of running pods follow them. */
  project(volumes: Volumes): void;
  /** Starts one with the Secrets as they are, gives it the Service, and ends the one before. */
  replace(volumes: Volumes): Promise<void>;
  /** One new connection of each client of this cluster: of KVStoreMesh to each peer, of clustermesh to its own etcd, of the nodes' agents to the Service. */
  tryAll(peers: readonly MeshPods[]): Promise<void>;
  attempts(): Attempts;
  /** Lines in which the etcds tell whom they turned away; of connections that just ended, with a pod or by their client, they say nothing of trust. */
  turnedAway(): readonly string[];
  stop(): Promise<void>;
}

interface Pod {
  readonly directory: string;
  readonly port: number;
  readonly etcd: ServerProcess;
  /** Roots as clustermesh read them at its start. */
  readonly adminCa: string;
}

/** Reads its roots when it makes a client: at its start, and when the peer's text changes. */
interface Client { readonly caPem: string; readonly text: string }

const START_MILLISECONDS = 20_000;
const LONGEST_DRAIN_MILLISECONDS = 5000;
const SERVICE_NAME = 'clustermesh-apiserver.kube-system.svc';
const LOG = 'etcd.log';
/** As Go words it: here, there, and before a handshake was over. */
const CONNECTION_ENDED = /use of closed network connection|connection reset by peer|"error":"EOF"/;

export async function createMeshPods(cluster: string): Promise<MeshPods> {
  const folder = mkdtempSync(join(tmpdir(), `isthmus-mesh-${cluster}-`));
  const pods: Pod[] = [];
  const directories: string[] = [];
  let volumes: Volumes | undefined;
  let versions = 0;
  let made = 0;
  const failed: string[] = [];
  const kvstoremesh = new Map<string, Client>();
  let agents: Client | undefined;
  const open = new Set<Socket>();
  const service = createServer((socket) => {
    const target = pods.at(-1);
    if (target === undefined) { socket.destroy(); return; }
    const onward = dial(target.port, '127.0.0.1');
    for (const [one, other] of [[socket, onward], [onward, socket]] as const) {
      open.add(one);
      one.on('error', () => {}).on('close', () => { open.delete(one); other.destroy(); }).pipe(other);
    }
  });
  await new Promise<void>((resolve) => { service.listen(0, '127.0.0.1', resolve); });
  const port = (service.address() as AddressInfo).port;

  /** Whom each client asks with what, now. */
  function clientsMoveOn(now: Volumes, restarted: boolean): void {
    const { remote: { 'ca.crt': remoteCa }, local: { 'ca.crt': localCa } } = now;
    // Without its files a client is not made, and they are looked for again.
    if (remoteCa !== undefined) for (const [peer, text] of Object.entries(now.kvstoremesh)) if (restarted || kvstoremesh.get(peer)?.text !== text) kvstoremesh.set(peer, { caPem: remoteCa, text });
    const text = JSON.stringify(now.agents);
    if (localCa !== undefined && agents?.text !== text) agents = { caPem: localCa, text };
  }

  async function start(now: Volumes): Promise<Pod> {
    const directory = join(folder, `pod-${directories.length}`);
    mkdirSync(directory);
    directories.push(directory);
    project(directory, now.server, versions++);
    const [client, peer] = await freePorts(2);
    const url = `https://127.0.0.1:${client}`;
    const file = (name: string): string => join(directory, '..data', name);
    const etcd = serverProcess('etcd', [
      '--name=clustermesh-apiserver', `--data-dir=${join(directory, 'data')}`, '--client-cert-auth', `--trusted-ca-file=${file('ca.crt')}`, `--cert-file=${file('tls.crt')}`, `--key-file=${file('tls.key')}`,
      `--listen-client-urls=${url}`, `--advertise-client-urls=${url}`, `--listen-peer-urls=http://127.0.0.1:${peer}`, `--initial-advertise-peer-urls=http://127.0.0.1:${peer}`,
      `--initial-cluster=clustermesh-apiserver=http://127.0.0.1:${peer}`, '--unsafe-no-fsync', '--enable-grpc-gateway=false', '--log-level=warn',
    ], join(directory, LOG));
    etcd.start();
    const pod: Pod = { directory, port: client ?? 0, etcd, adminCa: now.admin['ca.crt'] ?? '' };
    for (const giveUpAt = performance.now() + START_MILLISECONDS; ;) {
      const problem = await asAdmin(pod, now);
      if (problem === undefined) return pod;
      if (!problem.includes('ECONNREFUSED') || !etcd.running || performance.now() > giveUpAt) {
        const told = `${problem}; its etcd ${etcd.running ? 'runs' : 'has ended'} and said last:\n${etcd.lastLines()}`;
        await etcd.stop();
        failed.push(`clustermesh of ${cluster} in a pod that starts: ${told}`);
        throw new Error(`a new pod of ${cluster} is never ready: ${told}`);
      }
      await sleep(50);
    }
  }
  const asAdmin = (pod: Pod, { admin }: Volumes): Promise<string | undefined> => attempt({ port: pod.port, serverName: 'localhost', caPem: pod.adminCa, chainPem: admin['tls.crt'] ?? '', keyPem: admin['tls.key'] ?? '' });

  /** `pod`: in which the client itself lives: with it the client ends. */
  async function count(what: string, tried: Promise<string | undefined>, pod?: Pod): Promise<void> {
    const problem = await tried;
    if (problem !== undefined && pod !== undefined && pods.at(-1) !== pod) return;
    made += 1;
    if (problem !== undefined) failed.push(`${new Date().toISOString()} ${what}: ${problem}`);
  }

  return {
    cluster, port,
    get running() { return pods.length; },
    project(now) {
      if (JSON.stringify(now.server) !== JSON.stringify(volumes?.server)) for (const { directory } of pods) project(directory, now.server, versions++);
      volumes = now;
      clientsMoveOn(now, false);
    },
    async replace(now) {
      const pod = await start(now);
      volumes = now;
      const [before] = pods.splice(0, pods.length, pod);
      clientsMoveOn(now, true);
      if (before === undefined) return;
      // What was begun ends first; the old pod's own clients end with it.
      const begun = [...open];
      for (const giveUpAt = performance.now() + LONGEST_DRAIN_MILLISECONDS; begun.some((one) => open.has(one)) && performance.now() < giveUpAt;) await sleep(20);
      await before.etcd.stop();
    },
    async tryAll(peers) {
      const [pod, now] = [pods.at(-1), volumes];
      if (pod === undefined || now === undefined) return;
      const leaf = ({ 'tls.crt': chainPem = '', 'tls.key': keyPem = '' }: Files): { readonly chainPem: string; readonly keyPem: string } => ({ chainPem, keyPem });
      await Promise.all([
        count(`clustermesh of ${cluster} at its own etcd`, asAdmin(pod, now), pod),
        ...agents === undefined ? [] : [count(`agents of ${cluster} at its Service`, attempt({ port, serverName: SERVICE_NAME, caPem: agents.caPem, ...leaf(now.local) }))],
        ...peers.flatMap((peer) => {
          const client = kvstoremesh.get(peer.cluster);
          return client === undefined || peer.running === 0 ? [] : [count(`KVStoreMesh of ${cluster} at ${peer.cluster}`, attempt({ port: peer.port, serverName: `${peer.cluster}.mesh.cilium.io`, caPem: client.caPem, ...leaf(now.remote) }))];
        }),
      ]);
    },
    attempts: () => ({ made, failed }),
    turnedAway: () => directories.map((directory) => join(directory, LOG)).filter((path) => existsSync(path)).flatMap((path) => readFileSync(path, 'utf8').split('\n').filter((line) => line.includes('rejected connection') && !CONNECTION_ENDED.test(line))),
    async stop() {
      const closed = new Promise((resolve) => { service.close(resolve); });
      for (const socket of open) socket.destroy();
      await closed;
      await Promise.all(pods.map(({ etcd }) => etcd.stop()));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
