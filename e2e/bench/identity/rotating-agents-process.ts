/**
 * Agents that follow a rotation, in one process: connections, Sync and certificates are the product's; clusters behind them are not there, so whatever is asked of one is in use at
 * once. Beside that they are busy: each renews its identity and its mesh certificates and tells news, again and again.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { createCertificateRequest, readCertificate } from '../../../certs/index.ts';
import { systemClock } from '../../../controller/adapters/clock.ts';
import { sha256Hex } from '../../../controller/adapters/digest.ts';
import { grpcHubConnector } from '../../../controller/adapters/grpc/hub-connector.ts';
import { systemRandom } from '../../../controller/adapters/random.ts';
import { p256Signer } from '../../../controller/adapters/signer.ts';
import { createState } from '../../../controller/agent/state/state.ts';
import { keepSynchronised } from '../../../controller/agent/sync/sync.ts';
import { exportOf, reportOf } from '../../../controller/hub/testing/bench.ts';
import { createPublisher } from '../../../controller/runtime/sync/publisher.ts';
import { fakeMetrics } from '../../../controller/runtime/testing/fakes.ts';
import type { Log } from '../../../mesh/ports/log.ts';
import { type HubConnection, type IdentityMaterial, type MeshCertificateRole, TransportError } from '../../../mesh/ports/transport.ts';
import { answerQuestions } from '../kube/child.ts';

export interface RotatingCounts {
  readonly connected: number;
  readonly renewals: number;
  readonly meshCertificates: number;
  readonly streams: number;
  readonly news: number;
  /** By what it was and what was said: how often. */
  readonly failures: Readonly<Record<string, number>>;
  /** Sequence of the bundle that is in use → agents. */
  readonly bundles: Readonly<Record<string, number>>;
}

const ROLES = ['server', 'admin', 'remote', 'local'] as const satisfies readonly MeshCertificateRole[];
const LOAD_MILLISECONDS = 60_000;
const NEWS_MILLISECONDS = 20_000;

const stop = new AbortController();
const connected = new Set<string>();
const bundles = new Map<string, number>();
const counts = { renewals: 0, meshCertificates: 0, streams: 0, news: 0 };
const failures: Record<string, number> = {};
let busy = false;

function failed(what: string, error: unknown): void {
  const key = `${what}: ${error instanceof TransportError ? error.reason : 'error'}: ${String(error instanceof Error ? error.message : error).replaceAll(/cluster-\d+|127\.0\.0\.1:\d+/g, '…').slice(0, 160)}`;
  failures[key] = (failures[key] ?? 0) + 1;
}

function start(address: string, first: IdentityMaterial, clusterId: number): void {
  const { cluster } = first;
  const connector = grpcHubConnector();
  let material = first;
  let connection: HubConnection = connector.connect(address, material);
  let changed = (): void => {};
  let serverIssuer = '';
  let clientIssuer = '';
  const adopt = (next: IdentityMaterial): void => {
    const old = connection;
    material = next;
    connection = connector.connect(address, next);
    changed();
    old.close();
  };
  const publisher = createPublisher(sha256Hex);
  const report = reportOf(clusterId);
  publisher.set('ClusterReport', cluster, { ...report, cilium: report.cilium === null ? null : { ...report.cilium, clusterName: cluster } });
  publisher.set('AppliedReport', cluster, { id: null, appliedAt: null, healthy: true, message: '', drift: [] });
  const state = createState(cluster, sha256Hex);
  const log: Log = {
    debug() {}, error() {}, child: () => log,
    info(fields, message) { if (message.startsWith('no stream')) failed('Sync', fields['error']); },
    warn(fields, message) { if (message.startsWith('no stream')) failed('Sync', fields['error']); },
  };

  async function renew(): Promise<void> {
    const key = p256Signer.generate();
    const { chainPem } = await connection.renew(createCertificateRequest(key), stop.signal);
    counts.renewals += 1;
    adopt({ ...material, keyPem: key.exportPem(), chainPem });
  }
  async function renewMesh(): Promise<void> {
    const issued = await connection.issueMeshCertificates(ROLES.map((role) => ({ role, csrDer: createCertificateRequest(p256Signer.generate()) })), stop.signal);
    counts.meshCertificates += issued.length;
    const of = (role: MeshCertificateRole): string => readCertificate(issued.find((one) => one.role === role)?.chainPem ?? '').issuer;
    [serverIssuer, clientIssuer] = [of('server'), of('remote')];
  }
  /** In the order of the agent: roots, leaves, and then what is in use is said. */
  async function obey(): Promise<void> {
    const { desired } = state;
    if (desired === undefined) return;
    const { trust } = desired.state;
    if (trust.bundlePem !== material.bundlePem) adopt({ ...material, bundlePem: trust.bundlePem });
    const own = (): string => readCertificate(material.chainPem).issuer;
    if (trust.renewClientsOf?.includes(own()) === true) await renew();
    if (serverIssuer === '' || trust.renewServersOf?.includes(serverIssuer) === true || trust.renewClientsOf?.includes(clientIssuer) === true) await renewMesh();
    bundles.set(cluster, trust.sequence);
    publisher.set('AppliedReport', cluster, {
      id: desired.id, appliedAt: 1, healthy: true, message: '', drift: [], ...(desired.generation === undefined ? {} : { generation: desired.generation }),
      trust: { sequence: trust.sequence, clientIssuers: [...new Set([own(), clientIssuer])].sort(), serverIssuers: [serverIssuer] },
    });
  }

  // One thing after another, as in an agent.
  let last: Promise<unknown> = Promise.resolve();
  const then = (what: string, work: () => Promise<void>): Promise<void> => {
    const next = last.then(work).catch((error: unknown) => { if (!stop.signal.aborted) failed(what, error); });
    last = next;
    return next;
  };
  state.subscribe((type) => { if (type === 'DesiredRevision') void then('what was asked', obey); });
  const repeat = async (every: number, work: () => Promise<void>): Promise<void> => {
    await sleep(Math.random() * every);
    for (; !stop.signal.aborted; await sleep(every)) if (busy) await work();
  };
  void then('Renew', renew);
  void repeat(LOAD_MILLISECONDS, async () => {
    await then('Renew', renew);
    await then('IssueMeshCertificates', renewMesh);
    await then('what was asked', obey);
  });
  void repeat(NEWS_MILLISECONDS, async () => {
    counts.news += 1;
    const news = exportOf(cluster, `service-of-${cluster}`);
    publisher.set('ExportFact', `shop/${news.name}`, { ...news, version: { epoch: 1, sequence: counts.news } });
  });
  void keepSynchronised({
    ports: { clock: systemClock, random: systemRandom, log, metrics: fakeMetrics() } as never, publisher, connection: () => connection, onConnectionChange: (listener) => { changed = listener; }, state,
    onStream: { began: () => { counts.streams += 1; connected.add(cluster); }, ended: () => { connected.delete(cluster); } },
  }, stop.signal);
}

answerQuestions({
  start({ address, identities, from }) {
    for (const [index, material] of (identities as readonly IdentityMaterial[]).entries()) start(String(address), material, Number(from) + index + 1);
    return connected.size;
  },
  busy() { busy = true; },
  rest() { busy = false; },
  counts(): RotatingCounts {
    const inUse: Record<string, number> = {};
    for (const sequence of bundles.values()) inUse[String(sequence)] = (inUse[String(sequence)] ?? 0) + 1;
    return { connected: connected.size, ...counts, failures, bundles: inUse };
  },
});
