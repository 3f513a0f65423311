/** `isthmus hub`: the hub on real sockets, databases and time. */
import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { hubAccount } from '../../mesh/api/resources/guards.ts';
import { HUB_RESOURCES } from '../../mesh/api/resources/index.ts';
import type { KubernetesClient } from '../../mesh/ports/kubernetes.ts';
import type { Log } from '../../mesh/ports/log.ts';
import type { RecordStore } from '../../mesh/ports/records.ts';
import { steadyClock, systemClock } from '../adapters/clock.ts';
import { sha256Hex } from '../adapters/digest.ts';
import { grpcGatewayServer } from '../adapters/grpc/gateway-server.ts';
import { type Readiness, serveHealth } from '../adapters/health.ts';
import { createHttpAsk } from '../adapters/http/ask.ts';
import { connectKubernetes } from '../adapters/kubernetes/connect.ts';
import { parseListen } from '../adapters/listen.ts';
import { createLog, type LogLevel } from '../adapters/log.ts';
import { createMetrics, type MetricsRegistry } from '../adapters/metrics.ts';
import { readNotifications } from '../adapters/notifications.ts';
import { inTurns } from '../adapters/objects/in-turns.ts';
import { systemRandom } from '../adapters/random.ts';
import { openPostgresRecords } from '../adapters/records/postgres.ts';
import { openSqliteRecords } from '../adapters/records/sqlite.ts';
import { certManagerOf, type RootOptions, rootKeysOf } from '../adapters/root-options.ts';
import { p256Signer } from '../adapters/signer.ts';
import { watchedSigningPolicy } from '../adapters/signing-policy.ts';
import { embeddedClient, inProcess } from '../embedded/client.ts';
import { runEmbedded } from '../embedded/main.ts';
import { cancelWithin } from '../runtime/cancel.ts';
import { AdvisedError } from '../runtime/errors.ts';
import type { AcceptClusters } from './identity/acceptance.ts';
import type { HistoryRetention } from './ports.ts';
import { createHub } from './wiring.ts';

export interface HubOptions extends RootOptions {
  /** Serve the hub's Kubernetes API from this very process, kept in `dataDir`. */
  readonly embedded: boolean;
  /** `host:port` of the embedded API. */
  readonly apiListen: string;
  /** File that gets the embedded API's administrator's kubeconfig. */
  readonly writeKubeconfig?: string | undefined;
  /** File with the authorities of the embedded API's callers' certificates. */
  readonly clientCaFile?: string | undefined;
  /** Not embedded; undefined: the pod's own account. */
  readonly kubeconfig?: string | undefined;
  readonly dataDir: string;
  readonly namespace: string;
  readonly trustDomain: string;
  readonly listen: string;
  /** `host:port` that agents dial; empty: where `listen` came to listen. */
  readonly advertise: string;
  readonly healthListen: string;
  /** `postgres://…`, or the path of a SQLite file; undefined: `records.sqlite` in `dataDir`. */
  readonly records?: string | undefined;
  /** How long the past of clusters is kept; undefined: as is usual. */
  readonly history?: HistoryRetention | undefined;
  /** Several replicas on one Kubernetes API and one PostgreSQL. */
  readonly leaderElection?: boolean;
  readonly clusterProfiles: boolean;
  readonly discover: boolean;
  readonly argocdNamespace: readonly string[];
  /** undefined: `Automatically`. */
  readonly acceptClusters?: AcceptClusters;
  /** File with the keys that bundles must be signed with; undefined: no signatures are asked for. */
  readonly bundleKeys?: string | undefined;
  /** File (YAML) with the webhooks that are told of update runs; undefined: none is. */
  readonly notifications?: string | undefined;
  /** File (PEM) with authorities that gates and notifications believe beside the usual ones; undefined: none. */
  readonly askCaFile?: string | undefined;
  readonly logLevel: LogLevel;
}

interface Api {
  readonly client: KubernetesClient;
  /** Why the embedded API cannot keep objects, in a sentence. */
  readonly problem?: () => string | undefined;
  close(): Promise<void>;
}

const EVERYWHERE = ['0.0.0.0', '::'];
const isPostgres = (records: string): boolean => /^postgres(ql)?:\/\//.test(records);

/** Runs until `signal` aborts. Rejects with a sentence for people where it cannot go on: a locked or full data folder, a port in use, a wrong option. */
export async function runHub(options: HubOptions, signal: AbortSignal): Promise<void> {
  check(options);
  const roots = rootKeysOf(options);
  const certManager = certManagerOf(options);
  const http = createHttpAsk({ userAgent: 'isthmus-hub', caFile: options.askCaFile });
  const log = createLog(options.logLevel, 'hub');
  const metrics = createMetrics({ processMetrics: true });
  makeFolder(options.dataDir);
  const records = await openRecords(options);
  const everything = cancelWithin(signal);
  try {
    const api = await openApi(options, log, metrics);
    try {
      const hub = createHub({
        clock: systemClock, steadyClock, random: systemRandom, kubernetes: api.client, records, signer: p256Signer, gateway: grpcGatewayServer({ listen: options.listen, log }), log, metrics, digest: sha256Hex,
        ask: http.ask,
      }, {
        namespace: options.namespace, trustDomain: options.trustDomain, advertisedAddress: options.advertise, createNamespace: options.embedded,
        inventory: { clusterProfiles: options.clusterProfiles, discover: options.discover, argoNamespaces: options.argocdNamespace },
        ...(options.acceptClusters === undefined ? {} : { acceptClusters: options.acceptClusters }),
        ...(roots === undefined ? {} : { roots }),
        ...(certManager === undefined ? {} : { certManager }),
        ...(options.bundleKeys === undefined ? {} : { signingPolicy: watchedSigningPolicy(options.bundleKeys, log) }),
        ...(options.notifications === undefined ? {} : { notifications: readNotifications(options.notifications) }),
        ...(options.history === undefined ? {} : { history: options.history }),
        ...(options.leaderElection === true ? { leaderElection: { identity: `${hostname()}_${randomBytes(6).toString('hex')}` } } : {}),
      });
      const ready = (): Readiness => withProblem(hub.ready(), api.problem?.());
      const told = metrics.gauge('isthmus_hub_ready', '1 where /readyz answers ok, else 0: on replicas that do not lead, too.');
      metrics.beforeReading(() => told.set({}, ready().ok ? 1 : 0));
      const health = await serveHealth({ listen: options.healthListen, metrics, ready }, everything.signal);
      log.info({ health: health.address }, 'health and metrics are served');
      await hub.start(everything.signal);
    } finally {
      await api.close();
    }
  } finally {
    everything.abort();
    everything.release();
    await http.close();
    await records.close();
  }
}

const withProblem = ({ ok, reasons }: Readiness, problem: string | undefined): Readiness => (problem === undefined ? { ok, reasons } : { ok: false, reasons: [...reasons, problem] });

function check({ listen, advertise, embedded, kubeconfig, clientCaFile, leaderElection, records }: HubOptions): void {
  const { host } = parseListen(listen);
  if (advertise === '' && EVERYWHERE.includes(host)) {
    throw new AdvisedError('user', `--listen ${listen} listens on every address, so nobody can tell which of them agents should dial: give --advertise HOST:PORT`);
  }
  if (advertise !== '') parseListen(advertise);
  if (embedded && kubeconfig !== undefined) throw new AdvisedError('user', '--embedded serves an API of its own: leave out --kubeconfig, or leave out --embedded');
  if (!embedded && clientCaFile !== undefined) throw new AdvisedError('user', '--client-ca-file is for callers of the embedded API: give --embedded, or leave it out');
  if (leaderElection === true && (embedded || records === undefined || !isPostgres(records))) {
    throw new AdvisedError('user', '--leader-election is for several replicas, which share a Kubernetes API and a PostgreSQL: give --records postgres://… and leave out --embedded');
  }
}

function makeFolder(path: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new AdvisedError('user', `--data-dir ${path}: cannot be made (${(error as NodeJS.ErrnoException).code ?? String(error)}); give a folder that this user may write`);
  }
}

function openRecords({ records, dataDir }: HubOptions): Promise<RecordStore> {
  return records !== undefined && isPostgres(records) ? openPostgresRecords(records) : openSqliteRecords(records ?? join(dataDir, 'records.sqlite'));
}

/** The embedded API lets go of its files after the hub has stopped, not when people ask it to. */
async function openApi(options: HubOptions, log: Log, metrics: MetricsRegistry): Promise<Api> {
  if (!options.embedded) {
    const client = connectKubernetes({ ...(options.kubeconfig === undefined ? {} : { kubeconfig: options.kubeconfig }), userAgent: 'isthmus-hub', metrics });
    return { client, close: () => client.close() };
  }
  const stop = new AbortController();
  const embedded = await runEmbedded({
    ...parseListen(options.apiListen), dataDir: options.dataDir, definitions: HUB_RESOURCES, namespaces: [options.namespace], serviceCidrs: [],
    writeKubeconfig: options.writeKubeconfig, clientCaFile: options.clientCaFile, name: 'isthmus', log: log.child({ part: 'embedded API' }),
  }, stop.signal);
  return {
    client: inTurns(embeddedClient(embedded.api, inProcess(hubAccount(options.namespace)))),
    problem: embedded.problem,
    close: async () => {
      stop.abort();
      await embedded.closed;
    },
  };
}
