/** A mesh that Helm made is taken over while Cilium runs, with no byte changed that it reads and no connection made anew; then a cluster leaves it. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../../controller/demo/eventually.ts';
import { ConfigMap, type ConfigMapObject, Secret, type SecretObject } from '../../mesh/api/resources/core.ts';
import { DriftPolicy, Mesh, UpdateStrategy } from '../../mesh/api/resources/index.ts';
import type { MeshObject } from '../../mesh/api/resources/mesh.ts';
import { type HandMade, handMade } from './hand-made.ts';
import { connectedOf, type Member, MEMBERS, missingWorld, PATIENCE, startWorld, type World } from './world.ts';

const missing = missingWorld();
if (missing !== undefined) console.log(`no mesh that Helm made is taken over: ${missing}`);

const TWO = MEMBERS.slice(0, 2);
const NAMES = TWO.map(({ name }) => name);
const NAMESPACE = 'kube-system';
const SECRETS = ['cilium-kvstoremesh', 'cilium-clustermesh', ...['server', 'admin', 'remote', 'local'].map((of) => `clustermesh-apiserver-${of}-cert`)];

type Cluster = Pick<Member, 'name' | 'api' | 'pods'>;

describe.skipIf(missing !== undefined)('a mesh that Helm made', () => {
  const folder = mkdtempSync(join(tmpdir(), 'isthmus-adopting-'));
  const file = join(folder, 'mesh.yaml');
  let helm: HandMade;
  let world: World;
  let before: unknown;

  /** Whatever Cilium reads, its connections to peers and how often they were made. */
  const everything = (clusters: readonly Cluster[], signal: AbortSignal): Promise<unknown> => Promise.all(clusters.map(async ({ name, api, pods }) => ({
    name, made: pods.made,
    secrets: await Promise.all(SECRETS.map(async (secret) => (await api.get<SecretObject>(Secret, { namespace: NAMESPACE, name: secret }, signal))?.data)),
    users: (await api.get<ConfigMapObject>(ConfigMap, { namespace: NAMESPACE, name: 'clustermesh-remote-users' }, signal))?.data,
    peers: (await pods.peers()).map(({ name: peer, connected, ready, 'num-failures': failures = 0 }) => ({ peer, connected, ready, failures })),
    connections: pods.log().split('\n').filter((line) => line.includes('Connection to remote cluster established')).length,
  })));

  beforeAll(async () => {
    writeFileSync(file, 'apiVersion: isthmus.dev/v1alpha1\nkind: Mesh\nmetadata: {name: europe}\nspec: {clusters: {}, strategy: all-at-once}\n');
    helm = handMade();
    world = await startWorld(TWO, {
      before: async (clusters, signal) => {
        for (const { name, api } of clusters) await helm.write(name, NAMES.filter((each) => each !== name), api, signal);
        await eventually('Cilium has connected what Helm wrote', PATIENCE.timeout, async () => (await Promise.all(clusters.map((each) => connectedOf(each)))).flat().length === 2);
        before = await everything(clusters, signal);
      },
    });
    await world.make(UpdateStrategy, 'all-at-once', { stages: [{ name: 'all', clusters: {}, maxConcurrency: '100%' }], progressDeadlineSeconds: 60 });
    await world.make(DriftPolicy, 'certificates-of-helm', { clusters: {}, rules: [{ match: 'drift.object.endsWith("-cert") && drift.manager == "helm"', class: 'acceptable' }] });
    await world.allReported();
  });
  afterEach(async ({ task }) => {
    if (task.result?.state !== 'fail') return;
    const [runs, drift] = [await world.outcome('run', 'status'), await world.outcome('drift', 'list', '-o', 'wide')];
    console.log([JSON.stringify((await world.hub.client.get<MeshObject>(Mesh, { name: 'europe' }, world.signal))?.status), runs.stdout, drift.stdout, world.lastLines()].join('\n'));
  });
  afterAll(async () => {
    await world?.stop();
    helm?.remove();
    rmSync(folder, { recursive: true, force: true });
  });

  test('is said to be taken over byte for byte, and is', async () => {
    const { hub, members, signal } = world;
    expect(before).toMatchObject(NAMES.map((name) => ({ name, made: 1, connections: 1 })));
    let said = '';
    await expect.poll(async () => { const { status, stdout, stderr } = await world.outcome('mesh', 'adopt', 'europe', '-f', file, '--dry-run'); said = stdout + stderr; return status; }, { ...PATIENCE, interval: 500 }).toBe(0);
    console.log(said);
    expect(said.match(/is taken over, byte for byte/g)).toHaveLength(6);
    expect(await hub.client.get(Mesh, { name: 'europe' }, signal)).toBeUndefined();
    await world.person('mesh', 'adopt', 'europe', '-f', file);
    await expect.poll(async () => (await hub.client.get<MeshObject>(Mesh, { name: 'europe' }, signal))?.status?.conditions?.find(({ type }) => type === 'RolledOut')?.status, PATIENCE).toBe('True');
    await expect.poll(async () => (await hub.client.get<MeshObject>(Mesh, { name: 'europe' }, signal))?.status?.conditions?.find(({ type }) => type === 'Peered')?.status, PATIENCE).toBe('True');
    await world.allReady();
    expect(await everything(members, signal)).toEqual(before);
    expect(world.surprises).toEqual([]);
  });

  test('is left by a cluster as one of our own', async () => {
    const { hub, members, signal } = world;
    await hub.client.patch(Mesh, { name: 'europe' }, { spec: { clusters: { names: ['berlin'] } } }, { type: 'merge', fieldManager: 'test' }, signal);
    for (const { name, pods, api } of members) {
      await expect.poll(() => pods.peers(), PATIENCE).toEqual([]);
      const peer = NAMES.find((each) => each !== name) ?? '';
      await expect.poll(() => pods.keys(`cilium/cluster-config/${peer}`), PATIENCE).toEqual([]);
      expect((await api.get<SecretObject>(Secret, { namespace: NAMESPACE, name: 'cilium-kvstoremesh' }, signal))?.data?.[peer]).toBeUndefined();
    }
    expect(world.surprises).toEqual([]);
  });

  test('and nothing was asked for that the chart does not grant', () => {
    expect(world.refused()).toEqual([]);
  });
});
