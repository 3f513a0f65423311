/** Two hubs as processes on one real kube-apiserver and one PostgreSQL: one leads, the other takes over, and an agent finds it. */
import { connect, createServer, type Server, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connectKubernetes, type ConnectedKubernetes } from '../../controller/adapters/kubernetes/connect.ts';
import { findPostgres, startPostgres, type TestPostgres } from '../../controller/adapters/records/testing/postgres-server.ts';
import { eventually } from '../../controller/demo/eventually.ts';
import { fakeMetrics } from '../../controller/runtime/testing/fakes.ts';
import { Cluster, type ClusterObject } from '../../mesh/api/resources/cluster.ts';
import { Lease, type LeaseObject } from '../../mesh/api/resources/core.ts';
import { findHelm } from '../charts/helm.ts';
import { type AgentProcess, fetchText, isthmus, launch, type MemberApi, startAgent, startMemberApi, temporaryFolder } from '../embedded/hub-process.ts';
import { missingAssets } from './apiserver.ts';
import { freePorts } from './free-ports.ts';
import { grantsOf, grantText, unusedGrants } from './grants.ts';
import { type RestrictedApi, startRestricted } from './restricted.ts';

const helm = findHelm() ?? '';
const programs = findPostgres();
const missing = missingAssets() ?? (helm === '' ? 'helm is not there to render the hub\'s roles' : programs === undefined ? 'initdb and postgres are not installed' : undefined);
if (missing !== undefined) console.log(`two hubs are not run on a real kube-apiserver: ${missing}`);

const never = new AbortController().signal;
const LEASE = { namespace: 'isthmus-system', name: 'isthmus-hub' };

interface Replica { readonly gatewayPort: number; readonly health: string; running: ReturnType<typeof launch> | undefined }

const isReady = ({ health }: Replica): Promise<boolean> => fetchText(`http://${health}/readyz`).then(({ status }) => status === 200, () => false);

/** As a Service does it: to whom is ready, and nobody else. */
async function service(replicas: readonly Replica[]): Promise<{ readonly address: string; close(): void }> {
  const sockets = new Set<Socket>();
  const keep = (socket: Socket): void => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket)).once('error', () => socket.destroy());
  };
  const server: Server = createServer((incoming) => {
    keep(incoming);
    void (async () => {
      const ready = await Promise.all(replicas.map(isReady));
      const target = replicas.find((_, index) => ready[index]);
      if (target === undefined) {
        incoming.destroy();
        return;
      }
      const outgoing = connect(target.gatewayPort, '127.0.0.1');
      keep(outgoing);
      incoming.pipe(outgoing).pipe(incoming);
      incoming.once('close', () => outgoing.destroy());
      outgoing.once('close', () => incoming.destroy());
    })();
  });
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    close() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

describe.skipIf(missing !== undefined)('two hubs', () => {
  const folder = temporaryFolder();
  const replicas: Replica[] = [];
  let api: RestrictedApi;
  let postgres: TestPostgres;
  let admin: ConnectedKubernetes;
  let member: MemberApi;
  let agent: AgentProcess | undefined;
  let front: Awaited<ReturnType<typeof service>>;
  let mostReady = 0;

  function start(replica: Replica, index: number): void {
    replica.running = launch([
      '--kubeconfig', api.restricted, 'hub', '--leader-election', '--records', postgres.url, '--data-dir', join(folder.path, `hub-${index}`),
      '--listen', `127.0.0.1:${replica.gatewayPort}`, '--advertise', front.address, '--health-listen', replica.health,
    ]);
  }
  const holder = async (): Promise<string> => (await admin.get<LeaseObject>(Lease, LEASE, never))?.spec?.holderIdentity ?? '';
  async function leader(): Promise<Replica> {
    let found: Replica | undefined;
    await eventually('one hub is ready', 40_000, async () => {
      const ready = await Promise.all(replicas.map(isReady));
      mostReady = Math.max(mostReady, ready.filter(Boolean).length);
      found = replicas[ready.indexOf(true)];
      return found !== undefined;
    });
    return found!;
  }
  const connected = async (): Promise<string | undefined> => {
    const cluster = await admin.get<ClusterObject>(Cluster, { name: 'oslo' }, never);
    return cluster?.status?.conditions?.find(({ type }) => type === 'Ready')?.status;
  };
  /** An open stream, by the hub's own metric. */
  const hasStream = async ({ health }: Replica): Promise<boolean> => /^isthmus_hub_agents_connected(\{[^}]*\})? 1$/m.test((await fetchText(`http://${health}/metrics`)).text);

  beforeAll(async () => {
    postgres = await startPostgres(programs!);
    api = await startRestricted({ helm, chart: 'isthmus-hub', values: ['--set', 'gateway.advertise=hub.example.com:8443', '--set', 'replicas=2', '--set', 'records.postgres.existingSecret=records'] });
    admin = connectKubernetes({ kubeconfig: api.admin, userAgent: 'isthmus-e2e', metrics: fakeMetrics() });
    const [firstGateway = 0, firstHealth, secondGateway = 0, secondHealth] = await freePorts(4);
    replicas.push({ gatewayPort: firstGateway, health: `127.0.0.1:${firstHealth}`, running: undefined }, { gatewayPort: secondGateway, health: `127.0.0.1:${secondHealth}`, running: undefined });
    front = await service(replicas);
    replicas.forEach(start);
    member = await startMemberApi(folder.path, 'oslo');
  });
  afterAll(async () => {
    await agent?.running.stop();
    await member?.stop();
    await Promise.all(replicas.map(async ({ running }) => { await running?.stop(); }));
    front?.close();
    await admin?.close();
    await api?.stop();
    await postgres?.stop();
    folder.remove();
  });

  test('one leads and is ready, the other says why it is not; an agent joins through what is ready', async () => {
    const first = await leader();
    const other = replicas.find((one) => one !== first)!;
    expect((await fetchText(`http://${other.health}/readyz`)).text).toContain('another replica leads');
    expect(await holder()).not.toBe('');
    const token = await isthmus(['--kubeconfig', api.admin, 'join', 'oslo', '-o', 'token']);
    expect(token.status, token.stderr).toBe(0);
    agent = await startAgent(folder.path, 'oslo', member.kubeconfig, token.stdout.trim());
    await eventually('oslo is ready', 45_000, async () => await connected() === 'True');
    expect(await hasStream(first)).toBe(true);
  });

  test.each([{ signal: 'SIGKILL', mostSeconds: 22 }, { signal: 'SIGTERM', mostSeconds: 8 }] as const)('$signal to the leader: the other leads within $mostSeconds s, and the agent is back', async ({ signal, mostSeconds }) => {
    const before = await leader();
    const index = replicas.indexOf(before);
    const held = await holder();
    const other = replicas.find((one) => one !== before)!;
    // So that the other runs as a candidate when it is needed.
    await eventually('the other waits', 45_000, async () => (await fetchText(`http://${other.health}/readyz`)).text.includes('another replica leads'));
    const ended = before.running!.outcome();
    const began = performance.now();
    before.running!.child.kill(signal);
    let freed: number | undefined;
    if (signal === 'SIGTERM') {
      expect((await ended).status).toBe(0);
      freed = performance.now() - began;
    } else await ended;
    await eventually('the other hub is ready', 40_000, () => isReady(other));
    const tookOver = performance.now() - began;
    expect(await holder()).not.toBe(held);
    await eventually('the agent has a stream to it', 30_000, () => hasStream(other));
    const back = performance.now() - began;
    await eventually('oslo is ready', 45_000, async () => await connected() === 'True');
    console.log(`${signal}: ${freed === undefined ? '' : `ended after ${(freed / 1000).toFixed(1)} s, `}the other was ready after ${(tookOver / 1000).toFixed(1)} s, the agent back after ${(back / 1000).toFixed(1)} s`);
    expect(tookOver).toBeLessThan(mostSeconds * 1000);
    start(before, index);
  });

  test('never were two ready', () => { expect(mostReady).toBe(1); });

  test('each right to Leases was used, and nothing was refused', () => {
    const requests = api.audit.read();
    expect(requests.filter(({ status }) => status === 401 || status === 403)).toEqual([]);
    expect(unusedGrants(grantsOf(api.objects).filter(({ resource }) => resource === 'leases'), requests).map(grantText)).toEqual([]);
  });
});
