/** Isthmus on the clusters of the harness: the hub beside the underlay, an agent in each cluster's control plane, as the processes that people start. */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isthmus, launch, type Running } from '../embedded/hub-process.ts';
import { agentChart } from './agent-chart.ts';
import { controlPlaneOf, createHarness, type Harness, nodeOf, NotUp, SCRIPTS, UNDERLAY } from './harness.ts';
import type { Call, World } from './world.ts';

const NODE_PORT = 32_379;
const READY_MILLISECONDS = 150_000;
const HUB = `${UNDERLAY}:8443`;
const HEALTH = '127.0.0.1:8081';
const SETTLE_SECONDS = 3;
const processOf = (name: string): string => join(import.meta.dirname, `${name}-process.ts`);
/** As a pod of the cluster sees its clustermesh-apiserver; agents are no pods here. */
const LOCAL_SERVER = { name: 'clustermesh-apiserver.kube-system.svc', host: '127.0.0.2', port: 2379 };

export interface DatapathWorld extends World {
  readonly harness: Harness;
  /** What the hub and the agents have said. */
  said(): string;
}

const serverNameOf = (cluster: string): string => `${cluster}.mesh.cilium.io`;

/** Of a machine that had too much to do at that moment: a kube-controller-manager whose API server is not healthy within 10 s ends for good. */
const ATTEMPTS = 2;

/** `objects`: of the hub, made before any cluster joins. */
export async function startWorld(clusters: readonly string[], folder: string, prefix: string, objects: string): Promise<DatapathWorld> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await oneWorld(clusters, join(folder, `${attempt}`), prefix, objects);
    } catch (error) {
      if (!(error instanceof NotUp) || attempt === ATTEMPTS) throw error;
      console.log(`${error.message}\nonce more`);
    }
  }
}

/** Clusters and fleet come up side by side: Cilium's clustermesh-apiserver waits for the certificates that agents write once a Mesh has them. */
async function oneWorld(clusters: readonly string[], folder: string, prefix: string, objects: string): Promise<DatapathWorld> {
  const harness = createHarness({ prefix, state: folder, values: join(import.meta.dirname, 'values.yaml') }, clusters);
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
      '--peer-listen', `${address}:8444`, '--mesh-endpoint', `${serverNameOf(cluster)}:${NODE_PORT}`, '--trust-settle', `${SETTLE_SECONDS}`,
    ], { ISTHMUS_JOIN_TOKEN: stdout.trim() });
    await ready(`${cluster}-cp`, HEALTH);
  }

  async function stop(): Promise<void> {
    await Promise.all(running.map(({ process }) => process.stop()));
    for (const child of standing) child.kill();
    await harness.down();
  }

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
      if (line.includes('namespaces, charts rendered')) hub = watched(startHub());
      const found = /cluster (\S+): API ready/.exec(line)?.[1];
      if (found !== undefined && hub !== undefined) agents.push(watched(startAgent(found, hub)));
    }, failed.signal);
    await Promise.all(agents);
  } catch (error) {
    const told = said();
    await stop();
    if (failure === undefined) throw error;
    throw new Error(`${(failure as Error).message}\n${told}`, { cause: failure });
  }

  return {
    clusters, harness, said, stop, volumeSeconds: 1,
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
