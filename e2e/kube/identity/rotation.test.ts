/**
 * The root is replaced under a fleet of processes on real kube-apiservers, with no more rights than the charts give: hub and agents are killed on the way, and everybody
 * who opens a connection to a mesh etcd, again and again, is let in.
 */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CLUSTERS, seedCluster } from '../../../controller/demo/clusters.ts';
import { type DemoFleet, startFleet } from '../../../controller/demo/fleet.ts';
import { createProcessGroup, type ProcessGroup } from '../../../controller/demo/processes.ts';
import { NO_ETCD } from '../../../controller/demo/steps/03-plan.ts';
import { type CertificateAuthorityObject, FLEET_AUTHORITY } from '../../../mesh/api/resources/authority.ts';
import type { ClusterObject } from '../../../mesh/api/resources/cluster.ts';
import { Deployment } from '../../../mesh/api/resources/core.ts';
import { apiVersionOf, CertificateAuthority, Cluster, Mesh, type ResourceDefinition, UpdateStrategy } from '../../../mesh/api/resources/index.ts';
import type { KubernetesClient, KubernetesObject } from '../../../mesh/ports/kubernetes.ts';
import { findHelm, ROOT } from '../../charts/helm.ts';
import { isthmus, launch } from '../../embedded/hub-process.ts';
import { missingAssets } from '../apiserver.ts';
import { onPath } from '../assets.ts';
import { type RestrictedApi, startRestricted } from '../restricted.ts';
import { createMeshPods, type MeshPods } from './mesh-pods.ts';
import { livePods, meshDeployment, repeat } from './pod-life.ts';

const helm = findHelm() ?? '';
const kubectl = onPath('kubectl') ?? '';
const missing = missingAssets() ?? (helm === '' ? 'helm, which renders the chart\'s roles, is neither in KUBEBUILDER_ASSETS nor on PATH' : kubectl === '' ? 'there is no kubectl' : undefined);
if (missing !== undefined) console.log(`the rotation of the authority is not tried on a real kube-apiserver: ${missing}`);

const PATIENCE = { timeout: 75_000, interval: 50 };
const ATTEMPT_EVERY_MILLISECONDS = 100;
/** How late a kubelet may be with files of pods that run. */
const KUBELET_EVERY_MILLISECONDS = 700;
const MEMBERS = CLUSTERS.slice(0, 2);
const TRUST = /certificate|Unauthenticated|SPIFFE|CERT_|TLS|handshake|PermissionDenied/u;

describe.skipIf(missing !== undefined)('a rotation of the root', () => {
  const ended = new AbortController();
  const { signal } = ended;
  const apis: Record<string, RestrictedApi> = {};
  const loops: Promise<void>[] = [];
  const surprises: string[] = [];
  const phases: string[] = [];
  let folder: string;
  let processes: ProcessGroup;
  let fleet: DemoFleet;
  let mesh: readonly MeshPods[] = [];

  const hub = (): KubernetesClient => fleet.hub.api;
  const make = (kind: ResourceDefinition, name: string, spec: object): Promise<KubernetesObject> =>
    hub().create(kind, { apiVersion: apiVersionOf(kind), kind: kind.kind, metadata: { name }, spec } as unknown as KubernetesObject, { fieldManager: 'test' }, signal);
  const authority = async (): Promise<NonNullable<CertificateAuthorityObject['status']>> => (await hub().get<CertificateAuthorityObject>(CertificateAuthority, { name: FLEET_AUTHORITY }, signal))?.status ?? {};
  const phase = async (): Promise<string | undefined> => (await authority()).phase;
  const person = (...words: string[]) => isthmus(['--kubeconfig', fleet.hub.kubeconfig, ...words]);
  const withKubectl = async (...words: string[]): Promise<string> => (await promisify(execFile)(kubectl, ['--kubeconfig', fleet.hub.kubeconfig, ...words], { env: { ...process.env, HOME: folder } })).stdout;
  const ready = async (name: string): Promise<string | undefined> => (await hub().get<ClusterObject>(Cluster, { name }, signal))?.status?.conditions?.find(({ type }) => type === 'Ready')?.reason;
  const failed = (): readonly string[] => mesh.flatMap((pods) => pods.attempts().failed);
  const lines = (name: string): readonly { readonly level: number; readonly msg: string; readonly part?: string }[] =>
    readFileSync(join(folder, `${name}.log`), 'utf8').split('\n').filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as { level: number; msg: string });

  const watched = { signal, surprised: (error: string): void => { surprises.push(error); } };
  const again = (every: number, work: () => Promise<void>): void => { loops.push(repeat(every, work, watched)); };

  function play(pods: MeshPods, api: KubernetesClient): void {
    loops.push(livePods(pods, api, { kubeletEvery: KUBELET_EVERY_MILLISECONDS, ...watched }));
    const trying = new Set<Promise<void>>();
    again(ATTEMPT_EVERY_MILLISECONDS, async () => {
      const one = pods.tryAll(mesh.filter((other) => other !== pods));
      trying.add(one);
      void one.finally(() => trying.delete(one));
      if (trying.size > 20) await Promise.race(trying);
    });
  }

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'isthmus-rotation-'));
    processes = createProcessGroup(join(ROOT, 'controller/cli/main.ts'));
    processes.onSurprise(({ name }, ending) => surprises.push(`${name} ended by itself: ${ending}`));
    await Promise.all([
      startRestricted({ helm, chart: 'isthmus-hub', values: ['--set', 'gateway.advertise=hub.example.com:8443'] }).then((api) => { apis['hub'] = api; }),
      ...MEMBERS.map(({ name, serviceCidr }) => startRestricted({ helm, chart: 'isthmus-agent', values: ['--set', `cluster.name=${name}`, '--set', 'hub.address=hub.example.com:8443'], serviceCidr, namespaces: ['shop'] }).then((api) => { apis[name] = api; })),
    ]);
    fleet = await startFleet({ folder, processes, signal, apis, definitions: MEMBERS });
    mesh = await Promise.all(MEMBERS.map(({ name }) => createMeshPods(name)));
    await make(UpdateStrategy, 'all-at-once', { stages: [{ name: 'all', clusters: {}, maxConcurrency: '100%' }], progressDeadlineSeconds: 60 });
    await make(UpdateStrategy, 'quick', { stages: [{ name: 'all', clusters: {}, maxConcurrency: 1 }], progressDeadlineSeconds: 60 });
    await Promise.all(fleet.clusters.map(async (cluster) => {
      await seedCluster(cluster.api, cluster, signal);
      await cluster.api.create(Deployment, meshDeployment('1.18.12'), { fieldManager: 'helm' }, signal);
      const token = await person('join', cluster.name, '-o', 'token');
      expect(token.status, token.stderr).toBe(0);
      await cluster.startAgent(token.stdout.trim());
    }));
    await make(Mesh, 'europe', { clusters: {}, strategy: 'quick', skips: NO_ETCD });
    for (const pods of mesh) play(pods, fleet.clusters.find(({ name }) => name === pods.cluster)?.api as KubernetesClient);
    again(100, async () => {
      const now = await phase();
      if (now !== undefined && now !== phases.at(-1)) phases.push(now);
    });
  });
  afterAll(async () => {
    ended.abort();
    await Promise.all(loops);
    await processes?.stopAll();
    await Promise.all([...mesh.map((pods) => pods.stop()), ...Object.values(apis).map((api) => api.stop())]);
    rmSync(folder, { recursive: true, force: true });
  });

  test('is tried on a mesh of two, whose every client is let in', async () => {
    for (const { name } of MEMBERS) await expect.poll(() => ready(name), PATIENCE).toBe('Ready');
    await expect.poll(() => mesh.map(({ running }) => running), PATIENCE).toEqual([1, 1]);
    const made = (): number => Math.min(...mesh.map((pods) => pods.attempts().made));
    await expect.poll(made, PATIENCE).toBeGreaterThan(30);
    expect(failed()).toEqual([]);
  });

  test('is asked for and taken back with kubectl, and leaves nothing behind', async () => {
    const before = await authority();
    phases.length = 0;
    await withKubectl('patch', 'certificateauthority', 'fleet', '--type', 'merge', '-p', JSON.stringify({ spec: { rotation: { id: 'spring', of: 'Root', reason: 'yearly', strategy: 'all-at-once' } } }));
    await expect.poll(phase, PATIENCE).toBe('Init');
    await withKubectl('patch', 'certificateauthority', 'fleet', '--type', 'merge', '-p', JSON.stringify({ spec: { rollBack: { id: 'spring' } } }));
    await expect.poll(async () => (await authority()).finished, PATIENCE).toMatchObject({ id: 'spring', back: true });
    const after = await authority();
    expect(after.roots?.map(({ fingerprint }) => fingerprint)).toEqual(before.roots?.map(({ fingerprint }) => fingerprint));
    expect(after.rotation).toBeUndefined();
    expect(failed()).toEqual([]);
  });

  test('goes through all its phases while the hub and an agent are killed, and nobody is turned away', async () => {
    const before = await authority();
    phases.length = 0;
    const begun = performance.now();
    const rotating = launch(['--kubeconfig', fleet.hub.kubeconfig, 'identity', 'rotate', '--of', 'root', '--why', 'yearly', '--id', 'autumn', '-o', 'json']);
    await expect.poll(() => phases, PATIENCE).toContain('UpdateClients');
    const [berlin] = fleet.clusters;
    await Promise.all([fleet.hub.process.kill('SIGKILL'), berlin?.agent?.kill('SIGKILL')]);
    await Promise.all([fleet.hub.start(), berlin?.startAgent()]);
    await expect.poll(() => rotating.child.exitCode, { timeout: 150_000, interval: 50 }).not.toBeNull();
    const told = rotating.printed();
    expect(told.status, told.stderr).toBe(0);
    console.log(`root rotated in ${((performance.now() - begun) / 1000).toFixed(1)} s; ${told.stdout}`);
    expect(JSON.parse(told.stdout)).toMatchObject({ rotation: 'autumn', back: false });
    await expect.poll(() => phases, PATIENCE).toEqual(['Standby', 'Init', 'UpdateClients', 'UpdateServers', 'Cleanup', 'Standby']);
    const { roots = [] } = await authority();
    expect(roots).toHaveLength(1);
    expect(roots[0]?.fingerprint).not.toBe(before.roots?.[0]?.fingerprint);
    // Some more, with what it left.
    await sleep(1000);
    const attempts = mesh.map((pods) => `${pods.cluster} ${pods.attempts().made}`);
    console.log(`new connections to the mesh etcds, refused: ${failed().length}; made: ${attempts.join(', ')}`);
    expect(failed()).toEqual([]);
    expect(mesh.flatMap((pods) => pods.turnedAway())).toEqual([]);
  });

  test('no call of an agent failed for the sake of trust', () => {
    const told = ['hub', ...MEMBERS.map(({ name }) => `${name}-agent`)].flatMap((name) => lines(name).map((line) => ({ name, ...line })));
    const loud = told.filter((line) => line.level >= 40 || line.part === 'sync');
    expect(loud.filter((line) => TRUST.test(JSON.stringify(line)))).toEqual([]);
    for (const { name } of MEMBERS) {
      const streams = loud.filter((line) => line.name === `${name}-agent` && line.msg === 'the stream to the hub ended');
      // One for each change of what it believes, two in each rotation, and one for its new certificate.
      expect(streams.length, name).toBeLessThanOrEqual(5);
      expect(streams.length, name).toBeGreaterThanOrEqual(3);
    }
    expect(surprises).toEqual([]);
  });

  test('and nothing was asked for that the charts do not grant', () => {
    for (const api of Object.values(apis)) expect(api.audit.read().filter(({ status }) => status === 401 || status === 403).map(({ verb, resource, name }) => `${verb} ${resource} ${name}`)).toEqual([]);
  });
});
