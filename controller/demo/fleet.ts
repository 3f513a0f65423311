/** A hub and clusters as processes of this machine, on 127.0.0.1, with the embedded API or with Kubernetes API servers that are given. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { KubernetesClient } from '../../mesh/ports/kubernetes.ts';
import { connectKubernetes } from '../adapters/kubernetes/connect.ts';
import { createMetrics } from '../adapters/metrics.ts';
import { CLUSTERS, type DemoClusterDefinition } from './clusters.ts';
import { eventually } from './eventually.ts';
import { freePort } from './free-port.ts';
import { type ProcessGroup, type RunningProcess } from './processes.ts';

/** A Kubernetes API server that stands ready: `admin` for the walk's own looks, `restricted` with just the rights that the chart gives. */
export interface GivenApi { readonly admin: string; readonly restricted: string }

export interface FleetOptions {
  readonly folder: string;
  readonly processes: ProcessGroup;
  /** By `hub` and cluster name; absent: the embedded API. */
  readonly apis?: Readonly<Record<string, GivenApi>>;
  /** The demo's three unless given. */
  readonly definitions?: readonly DemoClusterDefinition[];
  readonly signal: AbortSignal;
}

export interface DemoCluster extends DemoClusterDefinition {
  readonly api: KubernetesClient;
  readonly kubeconfig: string;
  readonly dnsAddress: string;
  readonly healthAddress: string;
  agent: RunningProcess | undefined;
  /** Starts the agent; a token is needed the first time only. */
  startAgent(token?: string): Promise<void>;
}

interface DemoHub {
  readonly api: KubernetesClient;
  readonly kubeconfig: string;
  readonly gatewayAddress: string;
  readonly healthAddress: string;
  process: RunningProcess;
  /** Returns once it is ready. */
  start(): Promise<void>;
}

export interface DemoFleet { readonly hub: DemoHub; readonly clusters: readonly DemoCluster[]; readonly folder: string }

const READY_TIMEOUT_MILLISECONDS = 60_000;

const client = (kubeconfig: string): Promise<KubernetesClient> | KubernetesClient =>
  connectKubernetes({ kubeconfig, userAgent: 'isthmus-demo', metrics: createMetrics({ processMetrics: false }) });

async function waitReady(process: RunningProcess, address: string, logPath: string): Promise<void> {
  let last = '';
  await eventually(`${process.name} ready (its log: ${logPath})`, READY_TIMEOUT_MILLISECONDS, async () => {
    if (process.exited) throw new Error(`ended: ${await process.ending}`);
    const response = await fetch(`http://${address}/readyz`);
    last = (await response.text()).trim();
    return response.ok;
  }, () => (process.exited ? `${process.name} has ended` : last));
}

async function startHub(options: FleetOptions): Promise<DemoHub> {
  const { folder, processes } = options;
  const given = options.apis?.['hub'];
  const kubeconfig = given?.admin ?? join(folder, 'hub.kubeconfig');
  const [gatewayAddress, healthAddress, apiAddress] = [`127.0.0.1:${await freePort()}`, `127.0.0.1:${await freePort()}`, `127.0.0.1:${await freePort()}`];
  const logPath = join(folder, 'hub.log');
  const parameters = [
    'hub', '--data-dir', join(folder, 'hub'), '--listen', gatewayAddress, '--advertise', gatewayAddress, '--health-listen', healthAddress, '--log-level', 'info',
    ...(given === undefined ? ['--embedded', '--api-listen', apiAddress, '--write-kubeconfig', kubeconfig] : ['--kubeconfig', given.restricted]),
  ];
  const launch = async (): Promise<RunningProcess> => {
    const process = processes.start('hub', parameters, { logPath });
    await waitReady(process, healthAddress, logPath);
    return process;
  };
  const process = await launch();
  const hub: DemoHub = { api: await client(kubeconfig), kubeconfig, gatewayAddress, healthAddress, process, start: async () => { hub.process = await launch(); } };
  return hub;
}

async function startCluster(definition: DemoClusterDefinition, options: FleetOptions, hub: DemoHub): Promise<DemoCluster> {
  const { folder, processes } = options;
  const given = options.apis?.[definition.name];
  const kubeconfig = given?.admin ?? join(folder, `${definition.name}.kubeconfig`);
  if (given === undefined) {
    const address = `127.0.0.1:${await freePort()}`;
    const logPath = join(folder, `${definition.name}-api.log`);
    const api = processes.start(`${definition.name}-api`, [
      'embedded', '--data-dir', join(folder, `${definition.name}-api`), '--listen', address, '--service-cidr', definition.serviceCidr, '--write-kubeconfig', kubeconfig,
    ], { logPath });
    await eventually(`${definition.name}-api ready (its log: ${logPath})`, READY_TIMEOUT_MILLISECONDS, async () => {
      if (api.exited) throw new Error(`ended: ${await api.ending}`);
      return (await (await client(kubeconfig)).list({ group: '', version: 'v1', plural: 'namespaces', kind: 'Namespace', namespaced: false }, { limit: 1 }, options.signal)) !== undefined;
    });
  }
  const [dnsAddress, healthAddress, peerAddress] = [`127.0.0.1:${await freePort()}`, `127.0.0.1:${await freePort()}`, `127.0.0.1:${await freePort()}`];
  const logPath = join(folder, `${definition.name}-agent.log`);
  const parameters = [
    'agent', '--cluster', definition.name, '--hub', hub.gatewayAddress, '--kubeconfig', given?.restricted ?? kubeconfig, '--data-dir', join(folder, `${definition.name}-agent`),
    '--dns-listen', dnsAddress, '--health-listen', healthAddress, '--peer-listen', peerAddress, '--advertise-peer', peerAddress,
    '--mesh-endpoint', `${definition.name}.mesh.cilium.io:2379`, '--property', 'cilium-auth-mode=cluster', '--peer-probe-interval', '1', '--peer-probe-failures', '2', '--log-level', 'info',
    // No kubelet of a minute is waited for; whoever plays one is quicker than this.
    '--trust-settle', '1',
    ...Object.entries(definition.properties).flatMap(([name, value]) => ['--property', `${name}=${value}`]),
  ];
  const cluster: DemoCluster = {
    ...definition, api: await client(kubeconfig), kubeconfig, dnsAddress, healthAddress, agent: undefined,
    async startAgent(token) {
      cluster.agent = processes.start(`${definition.name}-agent`, parameters, { logPath, ...(token === undefined ? {} : { environment: { ISTHMUS_JOIN_TOKEN: token } }) });
      await waitReady(cluster.agent, healthAddress, logPath);
    },
  };
  return cluster;
}

/** Starts the hub and every cluster's API; agents are started by joining. */
export async function startFleet(options: FleetOptions): Promise<DemoFleet> {
  mkdirSync(options.folder, { recursive: true });
  const hub = await startHub(options);
  const clusters = await Promise.all((options.definitions ?? CLUSTERS).map((definition) => startCluster(definition, options, hub)));
  return { hub, clusters, folder: options.folder };
}
