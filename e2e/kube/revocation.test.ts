/** A cluster is cut off with processes, sockets and kube-apiservers as in production, hub and agent with no more rights than their charts give. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { grpcHubConnector } from '../../controller/adapters/grpc/hub-connector.ts';
import { grpcPeerConnector } from '../../controller/adapters/grpc/peer-connector.ts';
import { type ConnectedKubernetes, connectKubernetes } from '../../controller/adapters/kubernetes/connect.ts';
import { p256Signer } from '../../controller/adapters/signer.ts';
import { createCertificateRequest } from '../../certs/index.ts';
import { CLUSTERS, seedCluster } from '../../controller/demo/clusters.ts';
import { fakeMetrics } from '../../controller/runtime/testing/fakes.ts';
import { NO_ETCD } from '../../controller/demo/steps/03-plan.ts';
import type { ClusterObject } from '../../mesh/api/resources/cluster.ts';
import { ConfigMap, type ConfigMapObject, Deployment, Secret, type SecretObject, type WorkloadObject } from '../../mesh/api/resources/core.ts';
import { apiVersionOf, Cluster, Mesh, type ResourceDefinition, UpdateStrategy } from '../../mesh/api/resources/index.ts';
import type { KubernetesObject } from '../../mesh/ports/kubernetes.ts';
import type { IdentityMaterial } from '../../mesh/ports/transport.ts';
import { findHelm } from '../charts/helm.ts';
import { type AgentProcess, type HubProcess, isthmus, launchAgent, type MemberApi, startAgent, startHub, startMemberApi } from '../embedded/hub-process.ts';
import { missingAssets } from './apiserver.ts';
import { type RestrictedApi, startRestricted } from './restricted.ts';

const helm = findHelm() ?? '';
const missing = missingAssets() ?? (helm === '' ? 'helm, which renders the chart\'s roles, is neither in KUBEBUILDER_ASSETS nor on PATH' : undefined);
if (missing !== undefined) console.log(`revocation is not tried on a real kube-apiserver: ${missing}`);

const PATIENCE = { timeout: 75_000, interval: 50 };
const MESH_SERVER = { namespace: 'kube-system', name: 'clustermesh-apiserver' };
const USERS = { namespace: 'kube-system', name: 'clustermesh-remote-users' };

describe.skipIf(missing !== undefined)('a revocation', () => {
  const { signal } = new AbortController();
  const ended = new AbortController();
  let folder: string;
  let hubApi: RestrictedApi;
  let osloApi: RestrictedApi;
  let berlinApi: MemberApi;
  let admin: ConnectedKubernetes;
  let oslo: ConnectedKubernetes;
  let hub: HubProcess;
  let berlinAgent: AgentProcess;
  let osloAgent: AgentProcess;
  let stolen: IdentityMaterial;

  const make = (kind: ResourceDefinition, name: string, spec: object): Promise<KubernetesObject> =>
    admin.create(kind, { apiVersion: apiVersionOf(kind), kind: kind.kind, metadata: { name }, spec } as unknown as KubernetesObject, { fieldManager: 'test' }, signal);
  const person = (...words: string[]) => isthmus(['--kubeconfig', hubApi.admin, ...words]);
  const token = async (cluster: string): Promise<string> => {
    const made = await person('join', cluster, '-o', 'token');
    expect(made.status, made.stderr).toBe(0);
    return made.stdout.trim();
  };
  const users = async (): Promise<string> => (await oslo.get<ConfigMapObject>(ConfigMap, USERS, signal))?.data?.['users.yaml'] ?? '';
  const ready = async (name: string): Promise<string | undefined> => (await admin.get<ClusterObject>(Cluster, { name }, signal))?.status?.conditions?.find(({ type }) => type === 'Ready')?.reason;
  const identityOf = async (): Promise<IdentityMaterial> => {
    const data = (await berlinApi.client.get<SecretObject>(Secret, { namespace: 'isthmus-system', name: 'isthmus-agent-identity' }, signal))?.data ?? {};
    const text = (key: string): string => Buffer.from(data[key] ?? '', 'base64').toString('utf8');
    return { cluster: 'berlin', trustDomain: 'isthmus.local', keyPem: text('tls.key'), chainPem: text('tls.crt'), bundlePem: text('ca.crt') };
  };

  /** What replaces pods in a cluster with nodes. */
  async function replacePods(): Promise<void> {
    while (!ended.signal.aborted) {
      const { metadata, status } = (await oslo.get<WorkloadObject>(Deployment, MESH_SERVER, signal)) ?? {};
      if (metadata?.generation !== undefined && status?.observedGeneration !== metadata.generation) {
        const done = { observedGeneration: metadata.generation, replicas: 1, updatedReplicas: 1, availableReplicas: 1, readyReplicas: 1 };
        await oslo.patch(Deployment, MESH_SERVER, { status: done }, { type: 'merge', fieldManager: 'test', subresource: 'status' }, signal);
      }
      await new Promise((resolve) => { setTimeout(resolve, 300); });
    }
  }
  let replacing: Promise<void> = Promise.resolve();

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'isthmus-revocation-'));
    [hubApi, osloApi, berlinApi] = await Promise.all([
      startRestricted({ helm, chart: 'isthmus-hub', values: ['--set', 'gateway.advertise=hub.example.com:8443', '--set', 'inventory.discover=false', '--set', 'inventory.clusterProfiles=false'] }),
      startRestricted({ helm, chart: 'isthmus-agent', values: ['--set', 'cluster.name=oslo', '--set', 'hub.address=hub.example.com:8443'] }),
      startMemberApi(folder, 'berlin'),
    ]);
    admin = connectKubernetes({ kubeconfig: hubApi.admin, userAgent: 'isthmus-e2e', metrics: fakeMetrics() });
    oslo = connectKubernetes({ kubeconfig: osloApi.admin, userAgent: 'isthmus-e2e', metrics: fakeMetrics() });
    const container = (name: string) => ({ name, image: 'quay.io/cilium/clustermesh-apiserver:v1.18.12' });
    await seedCluster(oslo, CLUSTERS[1]!, signal);
    await seedCluster(berlinApi.client, CLUSTERS[0]!, signal);
    await oslo.create(Deployment, {
      apiVersion: 'apps/v1', kind: 'Deployment', metadata: MESH_SERVER,
      spec: { selector: { matchLabels: { app: 'mesh' } }, template: { metadata: { labels: { app: 'mesh' } }, spec: { containers: ['etcd', 'apiserver', 'kvstoremesh'].map(container) } } },
    } as KubernetesObject, { fieldManager: 'helm' }, signal);
    replacing = replacePods();
    hub = await startHub(folder, { kubeconfig: hubApi.restricted, flags: ['--no-cluster-profiles', '--no-discover'] });
    await make(UpdateStrategy, 'quick', { stages: [{ name: 'all', clusters: {}, maxConcurrency: 1 }], progressDeadlineSeconds: 60 });
    [berlinAgent, osloAgent] = await Promise.all([startAgent(folder, 'berlin', berlinApi.kubeconfig, await token('berlin')), startAgent(folder, 'oslo', osloApi.restricted, await token('oslo'))]);
    await make(Mesh, 'europe', { clusters: {}, strategy: 'quick', skips: NO_ETCD });
  });
  afterAll(async () => {
    ended.abort();
    await replacing;
    await Promise.all([berlinAgent?.running.stop(), osloAgent?.running.stop()]);
    await hub?.stop();
    await Promise.all([admin?.close(), oslo?.close()]);
    await Promise.all([hubApi?.stop(), osloApi?.stop(), berlinApi?.stop()]);
    rmSync(folder, { recursive: true, force: true });
  });

  test('is tried on a mesh of two', async () => {
    await expect.poll(users, PATIENCE).toContain('remote-berlin');
    for (const name of ['berlin', 'oslo']) await expect.poll(() => ready(name), PATIENCE).toBe('Ready');
    stolen = await identityOf();
  });

  test('cuts streams and users within five seconds of the command, and has the pods replaced by an update run', async () => {
    const began = Date.now();
    const watched = expect.poll(users, { timeout: 5000, interval: 20 }).not.toContain('remote-berlin').then(() => Date.now() - began);
    const told = await person('identity', 'revoke', 'berlin', '--why', 'stolen laptop', '-o', 'json');
    expect(told.status, told.stderr).toBe(0);
    const took = await watched;
    const report = JSON.parse(told.stdout) as { readonly at: string; readonly streamsCutAt: string; readonly lastUserRemovedAt: string; readonly lastWatchGoneAt: string; readonly done: boolean; readonly peers: readonly object[] };
    const after = (time: string): number => Date.parse(time) - Date.parse(report.at);
    console.log(`from the start of the command: user removed after ${took} ms; after the hub saw it: streams cut ${after(report.streamsCutAt)} ms, user removed ${after(report.lastUserRemovedAt)} ms, last watch gone ${after(report.lastWatchGoneAt)} ms`);
    expect(report).toMatchObject({ done: true, peers: [{ cluster: 'oslo', userRemovedAt: expect.any(String), podsReplacedAt: expect.any(String) }] });
    expect(took).toBeLessThan(5000);
    expect(after(report.streamsCutAt)).toBeLessThan(5000);
    const server = await oslo.get<WorkloadObject>(Deployment, MESH_SERVER, signal);
    expect([server?.spec?.template?.metadata?.annotations, server?.status?.observedGeneration]).toEqual([{ 'isthmus.dev/revoked': expect.any(String) }, server?.metadata.generation]);
    await expect.poll(() => berlinAgent.running.printed().stderr + berlinAgent.running.printed().stdout, PATIENCE).toContain('(stolen laptop), and its certificate was issued before');
  });

  test('the hub and the other agent answer the stolen key with a refusal alone', async () => {
    const sentence = 'stolen laptop';
    const connection = grpcHubConnector().connect(hub.gateway, stolen);
    const peers = grpcPeerConnector();
    try {
      const csr = createCertificateRequest(p256Signer.generate());
      await expect(connection.renew(csr, signal)).rejects.toThrow(sentence);
      await expect(connection.issueMeshCertificates([{ role: 'remote', csrDer: csr }], signal)).rejects.toThrow(sentence);
      await expect((async () => { for await (const message of connection.sync(signal).messages) void message; })()).rejects.toThrow(sentence);
      await expect(peers.facts({ cluster: 'oslo', address: osloAgent.peer }, stolen, signal)).rejects.toThrow(sentence);
    } finally {
      connection.close();
      peers.close();
    }
    await expect(admin.patch(Cluster, { name: 'berlin' }, { spec: { revoked: null } }, { type: 'merge', fieldManager: 'person' }, signal)).rejects.toThrow('a revocation is not taken back');
  });

  test('an agent that comes back while the hub is away goes on refusing, and one that joins anew is let in', async () => {
    const { gateway, running: { child: gone } } = hub;
    gone.kill('SIGKILL');
    await Promise.all([hub.running.outcome(), osloAgent.running.stop()]);
    const again = await launchAgent(folder, 'oslo', osloApi.restricted, { more: ['--hub', gateway] });
    osloAgent = again;
    const peers = grpcPeerConnector();
    await expect.poll(() => peers.facts({ cluster: 'oslo', address: again.peer }, stolen, signal).catch((error: Error) => error.message), PATIENCE).toContain('stolen laptop');
    peers.close();
    expect(await users()).not.toContain('remote-berlin');

    await berlinAgent.running.stop();
    hub = await startHub(folder, { kubeconfig: hubApi.restricted, flags: ['--no-cluster-profiles', '--no-discover', '--listen', gateway] });
    berlinAgent = await startAgent(folder, 'berlin', berlinApi.kubeconfig, await token('berlin'));
    await expect.poll(() => ready('berlin'), PATIENCE).toBe('Ready');
    await expect.poll(users, PATIENCE).toContain('remote-berlin');
    expect((await identityOf()).keyPem).not.toBe(stolen.keyPem);
    const connection = grpcHubConnector().connect(gateway, stolen);
    await expect(connection.renew(createCertificateRequest(p256Signer.generate()), signal)).rejects.toThrow('stolen laptop');
    connection.close();
  });

  test('and nothing was asked for that the charts do not grant', () => {
    for (const api of [hubApi, osloApi]) expect(api.audit.read().filter(({ status }) => status === 401 || status === 403).map(({ verb, resource, name }) => `${verb} ${resource} ${name}`)).toEqual([]);
  });
});
