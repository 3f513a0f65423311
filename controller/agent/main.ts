/** `isthmus agent`: the agent on real sockets, files and time. */
import { randomBytes } from 'node:crypto';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { clusterNameProblem } from '../../mesh/model/names.ts';
import type { MeshEndpoint } from '../../mesh/model/cluster.ts';
import { systemClock } from '../adapters/clock.ts';
import { sha256Hex } from '../adapters/digest.ts';
import { dnsSockets } from '../adapters/dns-sockets.ts';
import { etcdConnector } from '../adapters/etcd/connect.ts';
import { grpcHubConnector } from '../adapters/grpc/hub-connector.ts';
import { grpcPeerConnector } from '../adapters/grpc/peer-connector.ts';
import { grpcPeerServer } from '../adapters/grpc/peer-server.ts';
import { serveHealth } from '../adapters/health.ts';
import { connectKubernetes } from '../adapters/kubernetes/connect.ts';
import { createLog, type LogLevel } from '../adapters/log.ts';
import { createMetrics } from '../adapters/metrics.ts';
import { systemRandom } from '../adapters/random.ts';
import { p256Signer } from '../adapters/signer.ts';
import { watchedSigningPolicy } from '../adapters/signing-policy.ts';
import { fileSnapshots } from '../adapters/snapshot.ts';
import { cancelWithin } from '../runtime/cancel.ts';
import { AdvisedError } from '../runtime/errors.ts';
import type { AgentConfig } from './ports.ts';
import { type AgentAddresses, createAgent } from './wiring.ts';

export interface AgentOptions {
  readonly cluster: string;
  /** undefined: the pod's own account. */
  readonly kubeconfig?: string | undefined;
  readonly namespace: string;
  /** `host:port`; empty: the join token's. */
  readonly hubAddress: string;
  readonly joinToken?: string | undefined;
  /** Read instead of `joinToken`. A file that is not there counts as no token: the Secret may be gone once it was used. */
  readonly joinTokenFile?: string | undefined;
  /** File with a service-account token of the cluster, which the kubelet renews: joins with it, not with a join token. */
  readonly serviceAccountTokenFile?: string | undefined;
  /** For that: what a join token would have told. The file is PEM of the hub's roots. */
  readonly hubTrustDomain?: string | undefined;
  readonly hubCaFile?: string | undefined;
  readonly dataDir: string;
  readonly dnsListen: string;
  readonly peerListen: string;
  readonly advertisePeer: string;
  readonly healthListen: string;
  readonly ciliumNamespace: string;
  readonly properties: Readonly<Record<string, string>>;
  readonly meshEndpoint?: MeshEndpoint | undefined;
  readonly peerProbeIntervalSeconds: number;
  readonly peerProbeFailures: number;
  readonly trustSettleSeconds: number;
  /** undefined: the defaults of `observe/defaults.ts`. */
  readonly reportLabels?: readonly string[] | undefined;
  readonly gpuResources?: readonly string[] | undefined;
  /** File with the keys that bundles must be signed with; undefined: no signatures are asked for. */
  readonly bundleKeys?: string | undefined;
  /** Its own, and the account that it runs as; undefined: as `AgentConfig` says. */
  readonly deployment?: string | undefined;
  readonly serviceAccount?: string | undefined;
  readonly logLevel: LogLevel;
  readonly version: string;
  /** JSON of the bound addresses, written when they are known. */
  readonly statusFile?: string | undefined;
}

/** Runs until `signal` aborts. Rejects with a sentence for people where it cannot go on. */
export async function runAgent(options: AgentOptions, signal: AbortSignal): Promise<void> {
  const problem = clusterNameProblem('--cluster', options.cluster);
  if (problem !== undefined) throw new AdvisedError('user', problem);
  const log = createLog(options.logLevel, 'agent');
  const metrics = createMetrics({ processMetrics: true });
  const kubernetes = connectKubernetes({ ...(options.kubeconfig === undefined ? {} : { kubeconfig: options.kubeconfig }), userAgent: 'isthmus-agent', metrics });
  const peers = grpcPeerConnector();
  const status: { dns: string; peer: string; health: string } = { dns: '', peer: '', health: '' };
  const tell = (addresses: Partial<typeof status>): void => {
    Object.assign(status, addresses);
    log.info({ ...status }, 'listening');
    if (options.statusFile !== undefined) writeWhole(options.statusFile, JSON.stringify(status));
  };

  const agent = createAgent({
    clock: systemClock,
    random: systemRandom,
    kubernetes,
    discovery: kubernetes,
    hub: grpcHubConnector(),
    peerServer: grpcPeerServer({ listen: options.peerListen, log }),
    peers,
    etcd: etcdConnector(),
    dns: dnsSockets({ listen: options.dnsListen, log }),
    snapshots: fileSnapshots(join(options.dataDir, 'last-known-state.json'), log),
    signer: p256Signer,
    log,
    metrics,
    digest: sha256Hex,
  }, {
    cluster: options.cluster,
    namespace: options.namespace,
    hubAddress: options.hubAddress,
    joinToken: readToken(options),
    ...serviceAccountJoin(options),
    ciliumNamespace: options.ciliumNamespace,
    properties: options.properties,
    advertisedPeerAddress: options.advertisePeer,
    peerProbeIntervalSeconds: options.peerProbeIntervalSeconds,
    peerProbeFailures: options.peerProbeFailures,
    trustSettleSeconds: options.trustSettleSeconds,
    version: options.version,
    ...(options.reportLabels === undefined ? {} : { reportLabels: options.reportLabels }),
    ...(options.gpuResources === undefined ? {} : { gpuResources: options.gpuResources }),
    ...(options.meshEndpoint === undefined ? {} : { meshEndpoint: options.meshEndpoint }),
    ...(options.deployment === undefined ? {} : { deployment: options.deployment }),
    ...(options.serviceAccount === undefined ? {} : { serviceAccount: options.serviceAccount }),
    ...(options.bundleKeys === undefined ? {} : { bundleKeys: watchedSigningPolicy(options.bundleKeys, log) }),
  }, (addresses: AgentAddresses) => tell(addresses));

  const everything = cancelWithin(signal);
  try {
    const health = await serveHealth({ listen: options.healthListen, metrics, ready: () => agent.ready() }, everything.signal);
    tell({ health: health.address });
    await agent.start(everything.signal);
  } finally {
    everything.abort();
    everything.release();
    peers.close();
    await kubernetes.close();
  }
}

function readToken({ joinToken, joinTokenFile }: AgentOptions): string | undefined {
  if (joinTokenFile === undefined) return joinToken;
  try {
    return readFileSync(joinTokenFile, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return joinToken;
    throw new AdvisedError('user', `--join-token-file ${joinTokenFile}: cannot be read (${(error as NodeJS.ErrnoException).code ?? String(error)})`);
  }
}

function serviceAccountJoin({ serviceAccountTokenFile: path, hubTrustDomain: trustDomain, hubCaFile, hubAddress }: AgentOptions): Pick<AgentConfig, 'serviceAccountJoin'> {
  if (path === undefined) return {};
  if (trustDomain === undefined || hubCaFile === undefined || hubAddress === '') {
    throw new AdvisedError('user', '--service-account-token-file: give --hub, --hub-trust-domain and --hub-ca-file as well, which a join token would have held; "isthmus join CLUSTER --issuer URL --jwks FILE" prints them');
  }
  let caPem: string;
  try {
    caPem = readFileSync(hubCaFile, 'utf8');
  } catch (error) {
    throw new AdvisedError('user', `--hub-ca-file ${hubCaFile}: cannot be read (${(error as NodeJS.ErrnoException).code ?? String(error)})`);
  }
  const token = async (): Promise<string> => {
    try {
      return await readFile(path, 'utf8');
    } catch (error) {
      throw new AdvisedError('retry', `--service-account-token-file ${path}: cannot be read (${(error as NodeJS.ErrnoException).code ?? String(error)}); the pod needs a projected volume with a serviceAccountToken there`);
    }
  };
  return { serviceAccountJoin: { trustDomain, caPem, token } };
}

/** Whoever reads the file finds all of it or the one before. */
function writeWhole(path: string, text: string): void {
  const beside = `${path}.${randomBytes(4).toString('hex')}`;
  writeFileSync(beside, `${text}\n`);
  renameSync(beside, path);
}
