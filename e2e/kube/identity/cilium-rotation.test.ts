/**
 * Cilium's own clustermesh-apiserver and kvstoremesh through a rotation of the root, there and back, and through a revocation: with what our agents write into real
 * kube-apiservers, as files of their pods, unmodified.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type ConnectedKubernetes, connectKubernetes } from '../../../controller/adapters/kubernetes/connect.ts';
import { ciliumConfig, CLUSTERS } from '../../../controller/demo/clusters.ts';
import { fakeMetrics } from '../../../controller/runtime/testing/fakes.ts';
import { type CertificateAuthorityObject, FLEET_AUTHORITY } from '../../../mesh/api/resources/authority.ts';
import type { ClusterObject } from '../../../mesh/api/resources/cluster.ts';
import { ConfigMap, Deployment } from '../../../mesh/api/resources/core.ts';
import { apiVersionOf, CertificateAuthority, Cluster, Mesh, type ResourceDefinition, UpdateStrategy } from '../../../mesh/api/resources/index.ts';
import type { KubernetesObject, ResourceKind } from '../../../mesh/ports/kubernetes.ts';
import { findHelm } from '../../charts/helm.ts';
import { type AgentProcess, type HubProcess, launch, launchAgent, startHub } from '../../embedded/hub-process.ts';
import { CustomResourceDefinition, missingAssets } from '../apiserver.ts';
import { type RestrictedApi, startRestricted } from '../restricted.ts';
import { CILIUM_DEFINITIONS, type CiliumPods, missingCilium, startCilium } from './cilium-pods.ts';
import { livePods, meshDeployment, repeat } from './pod-life.ts';

const helm = findHelm() ?? '';
const missing = missingAssets() ?? (helm === '' ? 'helm, which renders the chart\'s roles, is neither in KUBEBUILDER_ASSETS nor on PATH' : missingCilium());
if (missing !== undefined) console.log(`Cilium's own programs are not taken through a rotation: ${missing}`);

const PATIENCE = { timeout: 60_000, interval: 50 };
const CILIUM_VERSION = '1.19.6';
const KUBELET_EVERY_MILLISECONDS = 700;
const SETTLE_SECONDS = 2;
/** Marks come twice a second, and are looked for as often as the machine can. */
const SHORTEST_MILLISECONDS = 1800;
/** A kvstoremesh that is turned away stays so for longer; where pods are replaced it is away for a second. */
const LONGEST_SILENCE_MILLISECONDS = 10_000;
const MEMBERS = CLUSTERS.slice(0, 2).map((cluster) => ({ ...cluster, ciliumVersion: CILIUM_VERSION }));
const Service: ResourceKind = { group: '', version: 'v1', kind: 'Service', plural: 'services', namespaced: true };
const MARKER = { namespace: 'shop', name: 'marker' };

interface Member { readonly name: string; readonly restricted: RestrictedApi; readonly api: ConnectedKubernetes; readonly pods: CiliumPods; agent: AgentProcess }
/** A mark that was written in one cluster, and seen in the other's cache. */
interface Arrival { readonly to: string; readonly writtenAt: number; readonly seenAt: number }

describe.skipIf(missing !== undefined)('Cilium\'s own programs', () => {
  const ended = new AbortController();
  const { signal } = ended;
  const loops: Promise<void>[] = [];
  const surprises: string[] = [];
  const watched = { signal, surprised: (error: string): void => { surprises.push(error); } };
  const phases: { readonly phase: string; readonly at: number }[] = [];
  const arrivals: Arrival[] = [];
  let folder: string;
  let hub: HubProcess;
  let members: Member[] = [];
  const apis: RestrictedApi[] = [];
  let cilium: Awaited<ReturnType<typeof startCilium>> | undefined;

  const make = (kind: ResourceDefinition, name: string, spec: object): Promise<KubernetesObject> =>
    hub.client.create(kind, { apiVersion: apiVersionOf(kind), kind: kind.kind, metadata: { name }, spec } as unknown as KubernetesObject, { fieldManager: 'test' }, signal);
  const person = async (...words: string[]): Promise<string> => {
    const { status, stdout, stderr } = await hub.isthmus(...words);
    expect(status, stderr).toBe(0);
    return stdout;
  };
  /** Of a command that waits for all clusters. */
  const long = async (...words: string[]): Promise<string> => {
    const running = launch(['--kubeconfig', hub.kubeconfig, ...words]);
    await expect.poll(() => running.child.exitCode, { timeout: 90_000, interval: 50 }).not.toBeNull();
    const { status, stdout, stderr } = running.printed();
    expect(status, stderr).toBe(0);
    return stdout;
  };
  const authority = async (): Promise<NonNullable<CertificateAuthorityObject['status']>> => (await hub.client.get<CertificateAuthorityObject>(CertificateAuthority, { name: FLEET_AUTHORITY }, signal))?.status ?? {};
  const ready = async (name: string): Promise<string | undefined> => (await hub.client.get<ClusterObject>(Cluster, { name }, signal))?.status?.conditions?.find(({ type }) => type === 'Ready')?.reason;
  const peersOf = async ({ pods }: Member): Promise<readonly string[]> => (await pods.peers().catch(() => [])).filter((peer) => peer.ready === true).map((peer) => peer.name);
  const seconds = (milliseconds: number): string => `${(milliseconds / 1000).toFixed(1)} s`;

  const agentOf = ({ name, restricted }: Pick<Member, 'name' | 'restricted'>, token: string): Promise<AgentProcess> =>
    launchAgent(folder, name, restricted.restricted, { token, more: ['--mesh-endpoint', `${name}.mesh.cilium.io:2379`, '--trust-settle', `${SETTLE_SECONDS}`] });

  /** A label of a global Service counts up in `from`, and is looked for in what agents of `to` read. */
  function mark(from: Member, to: Member): void {
    const written: number[] = [];
    loops.push(repeat(500, async () => {
      await from.api.patch(Service, MARKER, { metadata: { labels: { tick: `${written.length}` } } }, { type: 'merge', fieldManager: 'test' }, signal);
      written.push(performance.now());
    }, watched));
    let newest = -1;
    loops.push(repeat(250, async () => {
      const text = await to.pods.read(`cilium/cache/services/v1/${from.name}/${MARKER.namespace}/${MARKER.name}`).catch(() => '');
      const seen = Number(/"tick":"(\d+)"/.exec(text)?.[1] ?? -1);
      if (seen <= newest) return;
      newest = seen;
      arrivals.push({ to: to.name, writtenAt: written[seen] ?? 0, seenAt: performance.now() });
    }, watched));
  }
  /** Longest time in which nothing newer than before arrived at a cluster. */
  const longestSilence = (to: string, since: number): number => {
    const times = [since, ...arrivals.filter((one) => one.to === to && one.seenAt > since).map(({ seenAt }) => seenAt), performance.now()];
    return Math.max(...times.slice(1).map((time, index) => time - (times[index] ?? 0)));
  };
  const arrives = async (since = performance.now()): Promise<void> => {
    await expect.poll(() => MEMBERS.every(({ name }) => arrivals.some(({ to, writtenAt }) => to === name && writtenAt > since)), PATIENCE).toBe(true);
  };

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'isthmus-cilium-'));
    await Promise.all([
      startHub(folder, { flags: ['--no-discover'] }).then((started) => { hub = started; }),
      ...MEMBERS.map(({ name, serviceCidr }, index) => startRestricted({ helm, chart: 'isthmus-agent', values: ['--set', `cluster.name=${name}`, '--set', 'hub.address=hub.example.com:8443'], serviceCidr, namespaces: ['shop'] }).then((api) => { apis[index] = api; })),
    ]);
    cilium = await startCilium(MEMBERS.map(({ name, clusterId }, index) => ({ name, id: clusterId, kubeconfig: apis[index]?.admin ?? '', apiPort: Number(new URL(apis[index]?.server.url ?? '').port) })));
    await make(UpdateStrategy, 'all-at-once', { stages: [{ name: 'all', clusters: {}, maxConcurrency: '100%' }], progressDeadlineSeconds: 60 });
    members = await Promise.all(MEMBERS.map(async (definition, index) => {
      const { name } = definition;
      const restricted = apis[index] as RestrictedApi;
      const api = connectKubernetes({ kubeconfig: restricted.admin, userAgent: 'isthmus-e2e', metrics: fakeMetrics() });
      const create = (kind: ResourceKind, object: object): Promise<KubernetesObject> => api.create(kind, object as KubernetesObject, { fieldManager: 'helm' }, signal);
      for (const each of CILIUM_DEFINITIONS) await create(CustomResourceDefinition, each);
      await create(ConfigMap, ciliumConfig(definition, definition.clusterId));
      await create(Deployment, meshDeployment(CILIUM_VERSION));
      await create(Service, { apiVersion: 'v1', kind: 'Service', metadata: { ...MARKER, annotations: { 'service.cilium.io/global': 'true' } }, spec: { ports: [{ port: 80 }] } });
      const token = (await person('join', name, '-o', 'token')).trim();
      return { name, restricted, api, agent: await agentOf({ name, restricted }, token), pods: cilium?.pods[index] as CiliumPods };
    }));
    await make(Mesh, 'europe', { clusters: {}, strategy: 'all-at-once' });
    for (const { pods, api } of members) loops.push(livePods(pods, api, { kubeletEvery: KUBELET_EVERY_MILLISECONDS, ...watched }));
    const [berlin, oslo] = members as [Member, Member];
    mark(berlin, oslo);
    mark(oslo, berlin);
    loops.push(repeat(100, async () => {
      const { phase } = await authority();
      if (phase !== undefined && phase !== phases.at(-1)?.phase) phases.push({ phase, at: performance.now() });
    }, watched));
  });
  afterEach(({ task }) => {
    if (task.result?.state === 'fail') console.log([...surprises, ...members.map(({ pods }) => pods.lastLines())].join('\n'));
  });
  afterAll(async () => {
    ended.abort();
    await Promise.all(loops);
    await Promise.all(members.map(({ agent }) => agent.running.stop()));
    await Promise.all([cilium?.stop(), hub?.stop(), ...members.map(({ api }) => api.close())]);
    await Promise.all(apis.map((api) => api.stop()));
    rmSync(folder, { recursive: true, force: true });
  });

  test('connect with what our agents write, and bring over what the other cluster has', async () => {
    for (const { name, agent } of members) await expect.poll(() => ready(name), { ...PATIENCE, message: agent.running.printed().stderr }).toBe('Ready');
    await expect.poll(() => Promise.all(members.map(peersOf)), PATIENCE).toEqual([['oslo'], ['berlin']]);
    await arrives();
    expect(surprises).toEqual([]);
  });

  /** Phases in which no mark that was written in it was seen, for each cluster that ought to have seen one; but one that was over at once. */
  const silentPhases = (): readonly string[] => phases.slice(1).flatMap(({ phase, at }, index) => {
    const end = phases[index + 2]?.at ?? performance.now();
    if (end - at < SHORTEST_MILLISECONDS) return [];
    return MEMBERS.filter(({ name }) => !arrivals.some(({ to, writtenAt, seenAt }) => to === name && writtenAt >= at && seenAt <= end)).map(({ name }) => `${phase} at ${name}`);
  });
  const reportOf = (begun: number): string => [
    phases.map(({ phase, at }) => `${phase} from ${seconds(at - begun)}`).join(', '),
    `longest without a new mark: ${MEMBERS.map(({ name }) => `${name} ${seconds(longestSilence(name, begun))}`).join(', ')}`,
  ].join('\n');

  test('go through a rotation of the root that is taken back from its last phase but one', async () => {
    const begun = performance.now();
    phases.length = 0;
    await person('identity', 'rotate', '--of', 'root', '--why', 'practice', '--id', 'practice', '--strategy', 'all-at-once', '--no-wait');
    await expect.poll(() => phases.at(-1)?.phase, PATIENCE).toBe('UpdateServers');
    const told = await long('identity', 'rollback', 'practice');
    await arrives();
    console.log(told, reportOf(begun));
    expect(silentPhases()).toEqual([]);
    for (const { name } of MEMBERS) expect(longestSilence(name, begun), name).toBeLessThan(LONGEST_SILENCE_MILLISECONDS);
    expect(phases.map(({ phase }) => phase)).toEqual(['Standby', 'Init', 'UpdateClients', 'UpdateServers', 'UpdateClients', 'UpdateServers', 'Cleanup', 'Standby']);
    expect(await Promise.all(members.map(peersOf))).toEqual([['oslo'], ['berlin']]);
    expect(surprises).toEqual([]);
  });

  test('go through a rotation of the root', async () => {
    const begun = performance.now();
    const before = members.map(({ pods }) => pods.made);
    phases.length = 0;
    const told = await long('identity', 'rotate', '--of', 'root', '--why', 'yearly', '--id', 'autumn', '--strategy', 'all-at-once');
    await arrives();
    console.log(told, reportOf(begun));
    expect(silentPhases()).toEqual([]);
    for (const { name } of MEMBERS) expect(longestSilence(name, begun), name).toBeLessThan(LONGEST_SILENCE_MILLISECONDS);
    expect(phases.map(({ phase }) => phase)).toEqual(['Standby', 'Init', 'UpdateClients', 'UpdateServers', 'Cleanup', 'Standby']);
    expect(members.map(({ pods }, index) => pods.made - (before[index] ?? 0))).toEqual([2, 2]);
    expect(await Promise.all(members.map(peersOf))).toEqual([['oslo'], ['berlin']]);
    expect(surprises).toEqual([]);
  });

  test('lose a cluster that is revoked, which gets nothing more, and take it back when it has joined anew', async () => {
    const [berlin, oslo] = members as [Member, Member];
    const begun = performance.now();
    const told = await long('identity', 'revoke', 'berlin', '--why', 'stolen laptop', '-o', 'json');
    expect(JSON.parse(told)).toMatchObject({ done: true, peers: [{ cluster: 'oslo', podsReplacedAt: expect.any(String) as string }] });
    const revoked = performance.now();
    await expect.poll(() => berlin.pods.troubleshoot('oslo'), PATIENCE).toContain('permission denied');
    // What was told it to believe is believed by its own kvstoremesh for some time yet; the peer's forgot it.
    await expect.poll(() => peersOf(oslo), PATIENCE).toEqual([]);
    expect(arrivals.filter(({ to, writtenAt }) => to === 'berlin' && writtenAt > revoked)).toEqual([]);
    const lost = performance.now();
    await berlin.agent.running.stop();
    const token = (await person('join', 'berlin', '-o', 'token')).trim();
    berlin.agent = await agentOf(berlin, token);
    await expect.poll(() => Promise.all(members.map(peersOf)), PATIENCE).toEqual([['oslo'], ['berlin']]);
    await arrives();
    console.log(`revoked after ${seconds(revoked - begun)}, lost after ${seconds(lost - begun)}, back after ${seconds(performance.now() - lost)}`);
    expect(oslo.pods.running).toBe(1);
    expect(surprises).toEqual([]);
  });

  test('and nothing was asked for that the chart does not grant', () => {
    for (const api of apis) expect(api.audit.read().filter(({ status }) => status === 401 || status === 403).map(({ verb, resource, name }) => `${verb} ${resource} ${name}`)).toEqual([]);
  });
});
