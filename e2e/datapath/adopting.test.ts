/** A mesh that hands have made on real datapaths, measured beside ours, is taken over while calls go through it, with nothing changed that Cilium reads. Takes minutes. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { callsDuring, failed, listOf, object, readyPeers } from './bodies.ts';
import { type DatapathWorld, NODE_PORT, startWorld } from './fleet.ts';
import { missingHarness, nodeOf, WHOLE } from './harness.ts';

const CLUSTERS = ['a', 'b', 'c'];
const PATIENCE = { timeout: 120_000, interval: 500 };
const READ = [...['cilium-kvstoremesh', 'cilium-clustermesh', ...['server', 'admin', 'remote', 'local'].map((of) => `clustermesh-apiserver-${of}-cert`)].map((name) => `secret/${name}`), 'configmap/clustermesh-remote-users'];
const missing = WHOLE ? missingHarness() : 'ISTHMUS_DATAPATH is not "whole"';
if (missing !== undefined) console.log(`no mesh that hands have made is taken over: ${missing}`);

describe.skipIf(missing !== undefined)('clusters that were peered by hand', () => {
  const folder = mkdtempSync(join(tmpdir(), 'isthmus-taking-over-'));
  const file = join(folder, 'mesh.yaml');
  let world: DatapathWorld;
  const all = <T>(of: (cluster: string) => Promise<T>): Promise<T[]> => Promise.all(CLUSTERS.map(of));
  /** What Cilium reads, its connections, and its processes. */
  const everything = (): Promise<unknown> => all(async (cluster) => ({
    cluster,
    read: await world.kubectl(cluster, ['get', '-n', 'kube-system', ...READ, '-o', 'jsonpath={range .items[*]}{.metadata.name} {.data}{"\\n"}{end}']),
    connections: world.connections(cluster),
    running: await world.running(cluster),
  }));
  const condition = (type: string): Promise<string> => world.hub(['get', 'mesh', 'europe', '-o', `jsonpath={.status.conditions[?(@.type=="${type}")].status}`]);

  beforeAll(async () => {
    writeFileSync(file, JSON.stringify(object('Mesh', 'europe', { clusters: { names: CLUSTERS }, strategy: 'one-by-one' })));
    world = await startWorld(CLUSTERS, folder, {
      prefix: 'ido', later: true,
      objects: listOf(
        object('UpdateStrategy', 'one-by-one', { stages: CLUSTERS.map((name) => ({ name, clusters: { names: [name] } })), progressDeadlineSeconds: 120 }),
        object('DriftPolicy', 'certificates-of-others', { clusters: { names: CLUSTERS }, rules: [{ match: 'drift.object.contains("/clustermesh-apiserver-")', class: 'acceptable' }] }),
      ),
    });
  }, 900_000);
  afterEach(({ task }) => { if (task.result?.state === 'fail') console.log(world?.said(), world?.harness.lastLines()); });
  afterAll(async () => {
    await world?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  test('are connected by the script, which tells its times', async () => {
    console.log(await world.connectByHand());
    console.log(world.timeline?.());
    await all((cluster) => world.runEcho(cluster));
  });

  test('are taken over under traffic: no byte that Cilium reads is changed, no connection is made anew, no call fails', async () => {
    const [a = '', b = ''] = CLUSTERS;
    // As Helm names them; the script, which shares one user among all, does not.
    await all(async (cluster) => {
      const users = ['users:', ...CLUSTERS.filter((each) => each !== cluster).map((each) => `- name: remote-${each}\n  role: remote`), ''].join('\n');
      await world.kubectl(cluster, ['patch', 'configmap', '-n', 'kube-system', 'clustermesh-remote-users', '--type=merge', '--field-manager=helm', '-p', JSON.stringify({ data: { 'users.yaml': users } })]);
    });
    const podIp = await world.kubectl(b, ['get', 'pod', 'echo', '-o', 'jsonpath={.status.podIP}']);
    const before = await everything();
    const calls = await callsDuring(world, a, `http://${podIp}:8080`, async () => {
      await world.join();
      // The script calls peers by their addresses, where our plan has names for the same.
      for (const [index, cluster] of CLUSTERS.entries()) await world.hub(['patch', 'cluster', cluster, '--type=merge', '-p', JSON.stringify({ spec: { meshEndpoint: { address: nodeOf(index + 1), port: NODE_PORT } } })]);
      let said = '';
      await expect.poll(async () => { const { status, stdout, stderr } = await world.isthmus('mesh', 'adopt', 'europe', '-f', file, '--dry-run'); said = stdout + stderr; return status === 0 ? 0 : said; }, PATIENCE).toBe(0);
      console.log(said);
      expect(said.match(/is taken over/g)).toHaveLength(3 * CLUSTERS.length);
      expect(await everything()).toEqual(before);
      const { status, stderr } = await world.isthmus('mesh', 'adopt', 'europe', '-f', file);
      expect(status, stderr).toBe(0);
      await expect.poll(() => condition('RolledOut'), PATIENCE).toBe('True');
      await expect.poll(() => condition('Peered'), PATIENCE).toBe('True');
      expect(await everything()).toEqual(before);
    });
    console.log(`taken over: ${calls.length} calls of ${b} by ${a} meanwhile, ${failed(calls).length} failed`);
    expect(failed(calls)).toEqual([]);
    expect(await everything()).toEqual(before);
    expect((await all((cluster) => world.agents(cluster, 'status'))).flat().map(readyPeers)).toEqual(CLUSTERS.map(() => `${CLUSTERS.length - 1}/${CLUSTERS.length - 1}`));
    const { stdout } = await world.isthmus('mesh', 'adopt', 'europe');
    expect(stdout.match(/is ours already/g)).toHaveLength(3 * CLUSTERS.length);
  }, 600_000);
});
