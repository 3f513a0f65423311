/** Isthmus on the clusters of the harness: the hub beside the underlay, an agent in each cluster's control plane, as the processes that people start. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isthmus, launch, type Running } from '../embedded/hub-process.ts';
import { agentChart } from './agent-chart.ts';
import { controlPlaneOf, createHarness, type Harness, nodeOf, NotUp, SCRIPTS, UNDERLAY } from './harness.ts';
import { type Records, timelineOf } from './timeline.ts';
import type { Call, World } from './world.ts';

export const NODE_PORT = 32_379;
const READY_MILLISECONDS = 150_000;
const HUB = `${UNDERLAY}:8443`;
const HEALTH = '127.0.0.1:8081';
const SETTLE_SECONDS = 3;
const LOOK_MILLISECONDS = 100;
const processOf = (name: string): string => join(import.meta.dirname, `${name}-process.ts`);
/** As a pod of the cluster sees its clustermesh-apiserver; agents are no pods here. */
const LOCAL_SERVER = { name: 'clustermesh-apiserver.kube-system.svc', host: '127.0.0.2', port: 2379 };

export interface DatapathWorld extends World {
  readonly harness: Harness;
  /** What the hub and the agents have said last. */
  said(): string;
  /** Peers them by the script that comes with them, which writes Cilium's Secrets and waits; gives what it says. */
  connectByHand(): Promise<string>;
  /** How often Cilium's processes of a cluster have said that they connected another one. */
  connections(cluster: string): number;
  /** Hub and agents of those that have come up without. */
  join(): Promise<void>;
}

const serverNameOf = (cluster: string): string => `${cluster}.mesh.cilium.io`;

/** The scripts wait a minute for each of their steps, which a machine with very much else to do may not keep. */
const ATTEMPTS = 2;

export interface WorldOptions {
  /** Begins the names of all namespaces. */
  readonly prefix: string;
  /** Of the hub, made before any cluster joins. */
  readonly objects: string;
  /** Clusters come up as Cilium's chart leaves them, without a hub and agents: these join where `join` is called. Else everything comes up side by side. */
  readonly later?: boolean;
}

export async function startWorld(clusters: readonly string[], folder: string, options: WorldOptions): Promise<DatapathWorld> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await oneWorld(clusters, join(folder, `${attempt}`), options);
    } catch (error) {
      if (!(error instanceof NotUp) || attempt === ATTEMPTS) throw error;
      console.log(`${error.message}\nonce more`);
    }
  }
}

/** Clusters and fleet come up side by side: Cilium's clustermesh-apiserver waits for the certificates that agents write once a Mesh has them. */
async function oneWorld(clusters: readonly string[], folder: string, { prefix, objects, later = false }: WorldOptions): Promise<DatapathWorld> {
  const harness = createHarness({ prefix, state: folder, values: later ? '' : join(import.meta.dirname, 'values.yaml') }, clusters);
  const idOf = (cluster: string): number => clusters.indexOf(cluster) + 1;
  const running: { readonly name: string; readonly process: Running }[] = [];
  const run = (name: string, namespace: string, words: readonly string[], environment: Readonly<Record<string, string>> = {}): void => {
    running.push({ name, process: launch(words, { inside: harness.inside(namespace), environment }) });
  };
  const said = (): string => running.map(({ name, process }) => `${name}: ${process.printed().stderr.split('\n').slice(-6).join('\n')}`).join('\n');
  const hubKubeconfig = join(folder, 'hub.kubeconfig');
  const atApi = (words: readonly string[], input?: string): Promise<string> => inNamespace(harness, 'net', ['kubectl', '--kubeconfig', hubKubeconfig, ...words], input);
  const atHub = (...words: string[]) => isthmus(['--kubeconfig', hubKubeconfig, ...words], { inside: harness.inside('net') });

  async function ready(namespace: string, health: string): Promise<void> {
    for (const giveUpAt = performance.now() + READY_MILLISECONDS; ; await sleep(100)) {
      if (await inNamespace(harness, namespace, ['curl', '-sf', '-m', '2', `http://${health}/readyz`]).then(() => true, () => false)) return;
      const ended = running.find(({ process }) => process.child.exitCode !== null);
      if (ended !== undefined || performance.now() > giveUpAt) throw new Error(`${namespace}: not ready: ${said()}`);
    }
  }

  const standing: ChildProcess[] = [];
  /** For what is around clusters elsewhere. */
  const stand = (namespace: string, ...command: string[]): void => {
    const [program = '', ...words] = [...harness.inside(namespace), process.execPath, ...command];
    standing.push(spawn(program, words, { stdio: 'ignore' }));
  };

  async function startHub(): Promise<void> {
    const names = { ...Object.fromEntries(clusters.map((cluster) => [serverNameOf(cluster), nodeOf(idOf(cluster))])), [LOCAL_SERVER.name]: LOCAL_SERVER.host };
    stand('net', processOf('names'), JSON.stringify(names), UNDERLAY);
    run('hub', 'net', ['hub', '--embedded', '--api-listen', '127.0.0.1:6443', '--write-kubeconfig', hubKubeconfig, '--data-dir', join(folder, 'hub'), '--listen', HUB, '--health-listen', HEALTH, '--no-discover', '--advertise', HUB]);
    await ready('net', HEALTH);
    await atApi(['apply', '-f', '-'], objects);
  }

  async function startAgent(cluster: string, hub: Promise<void>): Promise<void> {
    await Promise.all([hub, agentChart(cluster, HUB).then((manifests) => harness.call(['kc', cluster, 'apply', '--server-side', '-f', '-'], manifests))]);
    const { status, stdout, stderr } = await atHub('join', cluster, '-o', 'token');
    if (status !== 0) throw new Error(`isthmus join ${cluster}: ${stderr}`);
    const address = controlPlaneOf(idOf(cluster));
    stand(`${cluster}-cp`, processOf('service'), `${LOCAL_SERVER.host}:${LOCAL_SERVER.port}`, `${nodeOf(idOf(cluster))}:${NODE_PORT}`);
    run(`agent of ${cluster}`, `${cluster}-cp`, [
      'agent', '--cluster', cluster, '--kubeconfig', join(folder, cluster, 'kubeconfig'), '--data-dir', join(folder, cluster, 'agent'), '--dns-listen', '127.0.0.1:5353', '--health-listen', HEALTH,
      '--peer-listen', `${address}:8444`, '--mesh-endpoint', `${later ? nodeOf(idOf(cluster)) : serverNameOf(cluster)}:${NODE_PORT}`, '--trust-settle', `${SETTLE_SECONDS}`,
    ], { ISTHMUS_JOIN_TOKEN: stdout.trim() });
    await ready(`${cluster}-cp`, HEALTH);
  }

  const readyAt = new Map<string, number>();
  /** Looks into the kubelet's log, whose own times are whole seconds, until everybody is ready. */
  const looking = setInterval(() => {
    for (const cluster of clusters) {
      const log = join(folder, cluster, 'kubelet.log');
      if (!readyAt.has(cluster) && existsSync(log) && /pod clustermesh-apiserver\S* Running ready/.test(readFileSync(log, 'utf8'))) readyAt.set(cluster, Date.now());
    }
    if (readyAt.size === clusters.length) clearInterval(looking);
  }, LOOK_MILLISECONDS);
  /** Of all pods and containers whose names begin and end so. */
  function logOf(cluster: string, pod: string, container: string): string {
    const logs = join(folder, cluster, 'log');
    return readdirSync(logs).filter((name) => name.startsWith(`${pod}-`) && name.endsWith(`.${container}.log`)).map((name) => readFileSync(join(logs, name), 'utf8')).join('\n');
  }
  const agentLog = (cluster: string): string => running.find(({ name }) => name === `agent of ${cluster}`)?.process.printed().stderr ?? '';
  const recordsOf = (cluster: string): Records => ({
    readyAt: readyAt.get(cluster) ?? Number.NaN, agent: agentLog(cluster), kvstoremesh: logOf(cluster, 'clustermesh-apiserver', 'kvstoremesh'), cilium: logOf(cluster, 'cilium', 'cilium-agent'),
  });

  async function meshEtcd(cluster: string, ...words: string[]): Promise<string> {
    const { data } = JSON.parse(await harness.call(['kc', cluster, 'get', 'secret', '-n', 'kube-system', 'clustermesh-apiserver-admin-cert', '-o', 'json'])) as { readonly data: Readonly<Record<string, string>> };
    const files = join(folder, cluster, 'etcd-admin');
    mkdirSync(files, { recursive: true });
    for (const [name, text] of Object.entries(data)) writeFileSync(join(files, name), Buffer.from(text, 'base64'), { mode: 0o600 });
    const path = (name: string): string => join(files, name);
    return inNamespace(harness, 'net', [
      join(process.env['KUBEBUILDER_ASSETS'] ?? '', 'etcdctl'), '--endpoints', `https://${serverNameOf(cluster)}:${NODE_PORT}`, '--cacert', path('ca.crt'), '--cert', path('tls.crt'), '--key', path('tls.key'), ...words,
    ]);
  }

  async function stop(): Promise<void> {
    clearInterval(looking);
    await Promise.all(running.map(({ process }) => process.stop()));
    for (const child of standing) child.kill();
    await harness.down();
  }

  let byHandAt: number | undefined;
  let hub: Promise<void> | undefined;
  const agents: Promise<void>[] = [];
  const failed = new AbortController();
  let failure: unknown;
  const watched = (work: Promise<void>): Promise<void> => {
    work.catch((error: unknown) => { failure ??= error; failed.abort(); });
    return work;
  };
  try {
    await harness.up((line) => {
      console.log(line);
      if (later) return;
      if (line.includes('namespaces, charts rendered')) hub = watched(startHub());
      const found = /cluster (\S+): API ready/.exec(line)?.[1];
      if (found !== undefined && hub !== undefined) agents.push(watched(startAgent(found, hub)));
    }, failed.signal);
    await Promise.all(agents);
  } catch (error) {
    const told = said();
    await stop();
    // Agents of clusters that were taken down end as well.
    if (failure === undefined || error instanceof NotUp) throw error;
    throw new Error(`${(failure as Error).message}\n${told}`, { cause: failure });
  }

  return {
    clusters, harness, said, stop, meshEtcd, volumeSeconds: 1,
    timeline: () => timelineOf(new Map(clusters.map((cluster) => [cluster, { ...recordsOf(cluster), ...(byHandAt === undefined ? {} : { writtenAt: byHandAt }) }]))),
    async connectByHand() {
      const begun = Date.now();
      const said = await harness.call([join(SCRIPTS, 'connect.sh')]);
      byHandAt = begun + 1000 * Number(/Secrets written after ([\d.]+) s/.exec(said)?.[1]);
      return said;
    },
    connections(cluster) {
      const { kvstoremesh, cilium } = recordsOf(cluster);
      return `${kvstoremesh}\n${cilium}`.split('Connection to remote cluster established').length - 1;
    },
    async join() {
      await startHub();
      await Promise.all(clusters.map((cluster) => startAgent(cluster, Promise.resolve())));
    },
    kubectl: (cluster, words, input) => harness.call(['kc', cluster, ...words], input),
    hub: atApi, isthmus: atHub,
    exec: (cluster, pod, ...command) => harness.call(['in_pod', cluster, pod, ...command]),
    agents: async (cluster, ...words) => [await harness.call(['node', cluster, 'cilium-dbg', ...words])],
    async runEcho(cluster) {
      await harness.call(['kc', cluster, 'apply', '-f', '-'], readFileSync(join(SCRIPTS, 'echo.yaml'), 'utf8').replaceAll('@NAME@', cluster));
      await harness.call(['kc', cluster, 'wait', '--for=condition=Ready', 'pod/echo', 'pod/client', '--timeout=50s']);
    },
    async probe(cluster, url, seconds) {
      return callsIn(await harness.call(['in_pod', cluster, 'client', 'python3', '/.img/opt/rdp/probe.py', url, `${seconds}`]));
    },
    async running(cluster) {
      return (await harness.call(['node', cluster, 'bash', '-c', 'cd /run/kubelet && for f in */*/pid; do echo "$f $(cat "$f")"; done'])).trim().split('\n').filter((line) => !line.includes('/init')).sort();
    },
    async kill(cluster) { await harness.call(['kill', '-9', readFileSync(join(folder, cluster, 'node.pid'), 'utf8').trim()]); },
  };
}

const inNamespace = (harness: Harness, namespace: string, words: readonly string[], input?: string): Promise<string> => harness.call([...harness.inside(namespace), ...words], input);

const callsIn = (text: string): readonly Call[] => text.trim().split('\n').map((line) => {
  const [at = '', answer = '-'] = line.split(' ');
  return { at: Number(at), answer: answer === '-' ? null : answer };
});
