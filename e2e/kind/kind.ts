/** The world of `e2e/datapath` on kind: clusters of containers, with kubelets, RBAC and DNS of their own. Hub and agents are processes of the machine. */
import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { agentChart } from '../datapath/agent-chart.ts';
import type { Call, World } from '../datapath/world.ts';
import { type HubProcess, launch, type Running, startHub } from '../embedded/hub-process.ts';
import { freePort } from '../../controller/demo/free-port.ts';
import { onPath } from '../kube/assets.ts';

const CILIUM = '1.19.6';
const LONGEST_MILLISECONDS = 300_000;
/** A kubelet looks once a minute, and its cache may be as old again. */
const VOLUME_SECONDS = 120;
const ENGINES = ['docker', 'podman'];

function run(program: string, words: readonly string[], input?: string): Promise<string> {
  return new Promise((done, failed) => {
    const child = execFile(program, words, { timeout: LONGEST_MILLISECONDS, maxBuffer: 32 << 20 }, (error, stdout, stderr) => {
      if (error === null) done(stdout);
      else failed(new Error(`${program} ${words.join(' ')}: ${stderr.trim() || error.message}`));
    });
    child.stdin?.end(input);
  });
}

async function engine(): Promise<string | undefined> {
  for (const name of ENGINES) if (onPath(name) !== undefined && await run(name, ['info']).then(() => true, () => false)) return name;
  return undefined;
}

/** Why no such cluster can run here; undefined: they can. */
export async function missingKind(): Promise<string | undefined> {
  const tools = ['kind', 'kubectl', 'helm'].filter((tool) => onPath(tool) === undefined);
  if (await engine() === undefined) return `no container engine answers (${ENGINES.join(', ')})`;
  return tools.length === 0 ? undefined : `${tools.join(', ')}: not installed`;
}

const contextOf = (cluster: string): string => `isthmus-${cluster}`;
const serverNameOf = (cluster: string): string => `${cluster}.mesh.cilium.io`;

/** `objects`: of the hub, made before any cluster joins. */
export async function startKindWorld(clusters: readonly string[], folder: string, objects: string): Promise<World> {
  const containers = await engine() ?? 'docker';
  const kubeconfigOf = (cluster: string): string => join(folder, `${cluster}.kubeconfig`);
  const kubectl = (cluster: string, words: readonly string[], input?: string): Promise<string> => run('kubectl', ['--kubeconfig', kubeconfigOf(cluster), ...words], input);
  const running: Running[] = [];
  let hub: HubProcess | undefined;
  const stop = async (): Promise<void> => {
    await Promise.all(running.map((agent) => agent.stop()));
    await hub?.stop();
    await Promise.all(clusters.map((cluster) => run('kind', ['delete', 'cluster', '--name', contextOf(cluster)])));
  };

  async function makeCluster(cluster: string, place: number): Promise<string> {
    const config = JSON.stringify({ kind: 'Cluster', apiVersion: 'kind.x-k8s.io/v1alpha4', networking: { disableDefaultCNI: true, kubeProxyMode: 'none', podSubnet: `10.${10 + place}.0.0/16`, serviceSubnet: `10.${100 + place}.0.0/16` } });
    await run('kind', ['create', 'cluster', '--name', contextOf(cluster), '--kubeconfig', kubeconfigOf(cluster), '--config', '-'], config);
    return (await kubectl(cluster, ['get', 'nodes', '-o', 'jsonpath={.items[0].status.addresses[?(@.type=="InternalIP")].address}'])).trim();
  }

  async function install(cluster: string, place: number, addresses: ReadonlyMap<string, string>): Promise<void> {
    const node = addresses.get(cluster) ?? '';
    await run('helm', [
      'upgrade', '--install', 'cilium', 'cilium', '--repo', 'https://helm.cilium.io', '--version', CILIUM, '--namespace', 'kube-system', '--kubeconfig', kubeconfigOf(cluster), '-f', join(import.meta.dirname, 'values.yaml'),
      '--set', `cluster.name=${cluster}`, '--set', `cluster.id=${place}`, '--set', `k8sServiceHost=${node}`, '--set', 'k8sServicePort=6443',
    ]);
    // As a company's DNS would know them.
    const names = [...addresses].map(([name, address]) => `    ${address} ${serverNameOf(name)}`).join('\n');
    const corefile = await kubectl(cluster, ['get', 'configmap', '-n', 'kube-system', 'coredns', '-o', 'jsonpath={.data.Corefile}']);
    const changed = corefile.replace('.:53 {', `.:53 {\n  hosts {\n${names}\n    fallthrough\n  }`);
    await kubectl(cluster, ['patch', 'configmap', '-n', 'kube-system', 'coredns', '--type=merge', '-p', JSON.stringify({ data: { Corefile: changed } })]);
  }

  async function startAgent(cluster: string, started: HubProcess): Promise<void> {
    await kubectl(cluster, ['apply', '--server-side', '-f', '-'], await agentChart(cluster, started.gateway));
    const { status, stdout, stderr } = await started.isthmus('join', cluster, '-o', 'token');
    if (status !== 0) throw new Error(`isthmus join ${cluster}: ${stderr}`);
    const [dns, health, peer] = [await freePort(), await freePort(), await freePort()].map((port) => `127.0.0.1:${port}`);
    running.push(launch([
      'agent', '--cluster', cluster, '--kubeconfig', kubeconfigOf(cluster), '--data-dir', join(folder, `${cluster}-agent`), '--dns-listen', dns ?? '', '--health-listen', health ?? '', '--peer-listen', peer ?? '',
      '--trust-settle', `${VOLUME_SECONDS}`,
    ], { environment: { ISTHMUS_JOIN_TOKEN: stdout.trim() } }));
  }

  async function meshServerReady(cluster: string): Promise<void> {
    for (const giveUpAt = performance.now() + LONGEST_MILLISECONDS; ; await sleep(1000)) {
      if (await kubectl(cluster, ['rollout', 'status', '-n', 'kube-system', 'deployment/clustermesh-apiserver', '--timeout=10s']).then(() => true, () => false)) return;
      if (performance.now() > giveUpAt) throw new Error(`${cluster}: clustermesh-apiserver is never ready: ${running.map((agent) => agent.printed().stderr.slice(-600)).join('\n')}`);
    }
  }

  try {
    mkdirSync(folder, { recursive: true });
    const started = hub = await startHub(folder, { flags: ['--no-discover'] });
    await run('kubectl', ['--kubeconfig', started.kubeconfig, 'apply', '-f', '-'], objects);
    const addresses = new Map<string, string>();
    for (const [index, cluster] of clusters.entries()) addresses.set(cluster, await makeCluster(cluster, index + 1));
    await Promise.all(clusters.map((cluster, index) => install(cluster, index + 1, addresses)));
    for (const cluster of clusters) await startAgent(cluster, started);
    await Promise.all(clusters.map(meshServerReady));
    return {
      clusters, kubectl, stop, volumeSeconds: VOLUME_SECONDS,
      hub: (words, input) => run('kubectl', ['--kubeconfig', started.kubeconfig, ...words], input),
      isthmus: (...words) => started.isthmus(...words),
      exec: async (cluster, pod, ...command) => (await kubectl(cluster, ['exec', pod, '--', ...command])).trim(),
      async agents(cluster, ...words) {
        const pods = (await kubectl(cluster, ['get', 'pods', '-n', 'kube-system', '-l', 'k8s-app=cilium', '-o', 'jsonpath={.items[*].metadata.name}'])).split(' ');
        return Promise.all(pods.map((pod) => kubectl(cluster, ['exec', '-n', 'kube-system', pod, '-c', 'cilium-agent', '--', 'cilium-dbg', ...words])));
      },
      meshEtcd: (cluster, ...words) => kubectl(cluster, [
        'exec', '-n', 'kube-system', 'deploy/clustermesh-apiserver', '-c', 'apiserver', '--', 'etcdctl', '--endpoints', 'https://127.0.0.1:2379',
        ...['cacert=ca.crt', 'cert=tls.crt', 'key=tls.key'].map((file) => `--${file.replace('=', '=/var/lib/cilium/etcd-secrets/')}`), ...words,
      ]),
      async runEcho(cluster) {
        await kubectl(cluster, ['apply', '-f', '-'], readFileSync(join(import.meta.dirname, 'echo.yaml'), 'utf8').replaceAll('@NAME@', cluster));
        await kubectl(cluster, ['wait', '--for=condition=Ready', 'pod/echo', 'pod/client', '--timeout=180s']);
      },
      async probe(cluster, url, seconds) {
        const script = `end=$(($(date +%s) + ${seconds})); while [ "$(date +%s)" -lt $end ]; do echo "$(date +%s) $(curl -s -m .5 ${url} || echo -)"; sleep .05; done`;
        return (await kubectl(cluster, ['exec', 'client', '--', 'sh', '-c', script])).trim().split('\n').map((line): Call => {
          const [at = '', answer = '-'] = line.split(' ');
          return { at: Number(at), answer: answer === '-' ? null : answer };
        });
      },
      running: async (cluster) => (await kubectl(cluster, ['get', 'pods', '-A', '-o', 'jsonpath={range .items[*]}{.metadata.uid} {.status.containerStatuses[*].restartCount}{"\\n"}{end}'])).trim().split('\n').sort(),
      async kill(cluster) {
        const nodes = (await run('kind', ['get', 'nodes', '--name', contextOf(cluster)])).trim().split('\n');
        await run(containers, ['kill', ...nodes]);
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
