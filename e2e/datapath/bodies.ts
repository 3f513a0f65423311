/** What clusters with a real datapath show once Isthmus peers them; the same on every `World`. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { AccessAnswer } from '../../mesh/api/resources/inquiry-answers.ts';
import type { Colour } from '../../mesh/model/peer-verdict.ts';
import type { Matrix } from '../../mesh/verify/matrix.ts';
import type { Call, World } from './world.ts';

const FREE_ID = 9;

/** Four phases, each through all stages and what kubelets are late. */
const ROOT_ROTATION_MILLISECONDS = 540_000;

export const object = (kind: string, name: string, spec: object): object => ({ apiVersion: 'isthmus.dev/v1alpha1', kind, metadata: { name }, spec });
export const listOf = (...items: readonly object[]): string => JSON.stringify({ apiVersion: 'v1', kind: 'List', items });

/** One Mesh of all of them, rolled out in stages. */
export const meshOf = (clusters: readonly string[]): string => listOf(
  object('UpdateStrategy', 'one-by-one', { stages: clusters.map((name) => ({ name, clusters: { names: [name] } })), progressDeadlineSeconds: 120 }),
  object('Mesh', 'europe', { clusters: { names: clusters }, strategy: 'one-by-one' }),
);

/** Calls of `cluster` while `work` is done, and for a second before and after it. */
export async function callsDuring(world: World, cluster: string, url: string, work: () => Promise<void>): Promise<readonly Call[]> {
  const calls = [...await world.probe(cluster, url, 1)];
  let done = false;
  const working = work().finally(() => { done = true; });
  working.catch(() => {});
  while (!done) calls.push(...await world.probe(cluster, url, 2));
  await working;
  calls.push(...await world.probe(cluster, url, 1));
  return calls;
}
export const failed = (calls: readonly Call[]): readonly Call[] => calls.filter(({ answer }) => answer === null);

interface CiliumStatus {
  readonly 'cluster-mesh'?: { readonly clusters?: readonly { readonly name: string; readonly ready?: boolean; readonly 'num-nodes'?: number; readonly config?: { readonly 'cluster-id'?: number } }[] };
  readonly controllers?: readonly { readonly name?: string; readonly status?: { readonly 'consecutive-failure-count'?: number } }[];
}

/** Ordered, as `from to`. */
const pairs = (clusters: readonly string[]): readonly string[] => clusters.flatMap((from) => clusters.filter((to) => to !== from).map((to) => `${from} ${to}`)).sort();

/** Peers that an agent of Cilium calls ready, of how many it knows. */
export const readyPeers = (status: string): string => /(\d+\/\d+) remote clusters ready/.exec(status)?.[1] ?? 'none';

/** `whole`: with what takes minutes. */
export function peeredByIsthmus(world: () => World, { whole }: { readonly whole: boolean }): void {
  const patience = (): { readonly timeout: number; readonly interval: number } => ({ timeout: 60_000 + 2000 * world().volumeSeconds, interval: 200 });
  const all = <T>(of: (cluster: string) => Promise<T>): Promise<T[]> => Promise.all(world().clusters.map(of));
  const peersSeen = async (cluster: string): Promise<readonly string[]> => (await world().agents(cluster, 'status')).map(readyPeers);
  const reasonOf = async (cluster: string): Promise<string> => (await world().hub(['get', 'cluster', cluster, '-o', 'jsonpath={.status.conditions[?(@.type=="Ready")].reason}'])).trim();
  const serviceIp = (cluster: string, name: string): Promise<string> => world().kubectl(cluster, ['get', 'service', name, '-o', 'jsonpath={.spec.clusterIP}']);
  const podIp = (cluster: string, name: string): Promise<string> => world().kubectl(cluster, ['get', 'pod', name, '-o', 'jsonpath={.status.podIP}']);
  const ask = (cluster: string, url: string): Promise<string> => world().exec(cluster, 'client', 'curl', '-s', '-m', '2', url);
  /** Makes `names` the members of the Mesh. */
  const change = (names: readonly string[]): Promise<string> => world().hub(['patch', 'mesh', 'europe', '--type=merge', '-p', JSON.stringify({ spec: { clusters: { names } } })]);
  const allPeers = (): string => `${world().clusters.length - 1}/${world().clusters.length - 1}`;
  /** Ordered pairs by colour, as agents see them now. */
  async function verified(): Promise<Readonly<Record<Colour, readonly string[]>>> {
    const { stdout, stderr } = await world().isthmus('mesh', 'verify', '--fresh', '-o', 'json');
    if (stdout === '') throw new Error(stderr);
    const { cells } = JSON.parse(stdout) as Matrix;
    const of = (colour: Colour): readonly string[] => cells.filter((cell) => cell.colour === colour).map(({ from, to, reasons }) => [from, to, ...reasons.filter(() => colour === 'yellow').map(({ code }) => code)].join(' ')).sort();
    return { green: of('green'), yellow: of('yellow'), red: of('red') };
  }
  /** Of each agent of Cilium of a cluster. */
  const statusOf = async (cluster: string): Promise<readonly CiliumStatus[]> => (await world().agents(cluster, 'status', '-o', 'json')).map((text) => JSON.parse(text) as CiliumStatus);
  /** Whom all agents of Cilium of a cluster call ready. */
  async function readyAtCilium(cluster: string): Promise<readonly string[]> {
    const known = (await statusOf(cluster)).map((status) => status['cluster-mesh']?.clusters ?? []);
    return [...new Set(known.flatMap((peers) => peers.map(({ name }) => name)))].filter((peer) => known.every((peers) => peers.some(({ name, ready }) => name === peer && ready === true)));
  }
  async function previewed(policy: object): Promise<AccessAnswer> {
    const folder = mkdtempSync(join(tmpdir(), 'isthmus-policy-'));
    try {
      const file = join(folder, 'policy.yaml');
      writeFileSync(file, JSON.stringify(policy));
      const { status, stdout, stderr } = await world().isthmus('access', 'preview', '-f', file, '-o', 'json');
      expect(status, stderr).toBe(0);
      return JSON.parse(stdout) as AccessAnswer;
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
  /** Everybody who answers. */
  const answers = async (cluster: string, url: string): Promise<string> => [...new Set((await world().probe(cluster, url, 1)).map(({ answer }) => answer ?? '-'))].sort().join('');

  test('find their mesh there when they join: every agent of Cilium is connected soon after the last clustermesh-apiserver is ready', async () => {
    const begun = performance.now();
    await expect.poll(() => all(peersSeen), patience()).toEqual(world().clusters.map(() => [allPeers()]));
    const seconds = (performance.now() - begun) / 1000;
    console.log(`every clustermesh-apiserver ready → every agent of Cilium connected: ${seconds.toFixed(1)} s`);
    console.log(world().timeline?.() ?? '');
    for (const cluster of world().clusters) await expect.poll(() => reasonOf(cluster), patience()).toBe('Ready');
  });

  test('pods reach pods of the other cluster, and a global service has the backends of all', async () => {
    const [a = '', b = ''] = world().clusters;
    await all((cluster) => world().runEcho(cluster));
    expect(await ask(a, `http://${await podIp(b, 'echo')}:8080`)).toBe(b);
    for (const cluster of world().clusters) {
      const url = `http://${await serviceIp(cluster, 'echo')}`;
      await expect.poll(() => answers(cluster, url), patience()).toBe(world().clusters.join(''));
    }
  });

  test('one leaves and comes back: no pod is restarted, and no call between the others fails', async () => {
    const { clusters } = world();
    const [a = '', b = ''] = clusters;
    const others = clusters.slice(0, -1);
    const before = await all((cluster) => world().running(cluster));
    const counted = async (count: number, among: readonly string[]): Promise<number> => {
      const begun = performance.now();
      await expect.poll(() => Promise.all(among.map(peersSeen)), patience()).toEqual(among.map(() => [`${count}/${count}`]));
      return (performance.now() - begun) / 1000;
    };
    const calls = await callsDuring(world(), a, `http://${await podIp(b, 'echo')}:8080`, async () => {
      await change(others);
      const left = await counted(others.length - 1, others);
      await change(clusters);
      const back = await counted(clusters.length - 1, clusters);
      console.log(`left after ${left.toFixed(1)} s, back after ${back.toFixed(1)} s`);
    });
    console.log(`${calls.length} calls of ${b} by ${a} meanwhile, ${failed(calls).length} failed`);
    expect(failed(calls)).toEqual([]);
    expect(await all((cluster) => world().running(cluster))).toEqual(before);
  });

  async function rotated(of: 'issuing' | 'root', timeout: number): Promise<void> {
    const [a = '', b = ''] = world().clusters;
    const certificate = (cluster: string): Promise<string> => world().kubectl(cluster, ['get', 'secret', '-n', 'kube-system', 'clustermesh-apiserver-server-cert', '-o', `jsonpath={.data.${of === 'root' ? 'ca' : 'tls'}\\.crt}`]);
    const phase = async (): Promise<string> => (await world().hub(['get', 'certificateauthorities', '-o', 'jsonpath={.items[0].status.phase}'])).trim();
    const before = await all(certificate);
    const begun = performance.now();
    const calls = await callsDuring(world(), a, `http://${await podIp(b, 'echo')}:8080`, async () => {
      const { status, stderr } = await world().isthmus('identity', 'rotate', '--of', of, '--why', 'practice', '--id', of, '--strategy', 'one-by-one', '--no-wait');
      expect(status, stderr).toBe(0);
      await expect.poll(phase, { ...patience(), timeout }).not.toBe('Standby');
      await expect.poll(phase, { ...patience(), timeout }).toBe('Standby');
    });
    console.log(`${of === 'root' ? 'root' : 'certificates'} replaced in ${((performance.now() - begun) / 1000).toFixed(1)} s: ${calls.length} calls meanwhile, ${failed(calls).length} failed`);
    expect(failed(calls)).toEqual([]);
    for (const [index, text] of (await all(certificate)).entries()) expect(text).not.toBe(before[index]);
    expect(await all(peersSeen)).toEqual(world().clusters.map(() => [allPeers()]));
  }

  test('a second cluster with an id is refused before anything is written, and by cilium-agent itself where a hand writes it: nobody else is harmed', async () => {
    const [a = '', b = '', c = ''] = world().clusters;
    const [id, wrong] = [3, 2];
    const setId = (value: number): Promise<string> => world().kubectl(c, ['patch', 'configmap', '-n', 'kube-system', 'cilium-config', '--type=merge', '-p', JSON.stringify({ data: { 'cluster-id': `${value}` } })]);
    const planned = (field: string): Promise<string> => world().hub(['get', 'mesh', 'europe', '-o', `jsonpath={.status.conditions[?(@.type=="Planned")].${field}}`]);
    const written = (): Promise<string[]> => all((cluster) => world().kubectl(cluster, ['get', 'secret', '-n', 'kube-system', 'cilium-kvstoremesh', 'cilium-clustermesh', '-o', 'jsonpath={.items[*].data}']));
    const before = await written();
    await setId(wrong);
    await expect.poll(() => planned('status'), patience()).toBe('False');
    const refusal = await planned('message');
    console.log(`pre-flight: ${await planned('reason')}: ${refusal}`);
    for (const word of [b, c, `${wrong}`]) expect(refusal).toContain(word);
    expect(await written()).toEqual(before);
    await setId(id);
    await expect.poll(() => planned('status'), patience()).toBe('True');

    // What kvstoremesh, which looks at names alone, brings of a cluster "d" that says it has the id of b; and an entry for it by hand.
    const config = 'cilium/cluster-config/d';
    const mirrored = JSON.parse(await world().meshEtcd(a, 'get', '--print-value-only', `cilium/cluster-config/${c}`)) as object;
    const says = (value: number): Promise<string> => world().meshEtcd(a, 'put', config, JSON.stringify({ ...mirrored, id: value }));
    const secret = ['secret', '-n', 'kube-system', 'cilium-clustermesh'];
    const hand = (entry: string | null): Promise<string> => world().kubectl(a, ['patch', ...secret, '--type=merge', '-p', JSON.stringify({ data: { d: entry } })]);
    /** Of each agent of Cilium: the id that it has read, and whether it goes on with it. */
    const seen = async (): Promise<readonly string[]> => (await statusOf(a)).map(({ controllers = [], 'cluster-mesh': { clusters = [] } = {} }) => {
      const failures = controllers.find(({ name }) => name === 'remote-etcd-d')?.status?.['consecutive-failure-count'] ?? 0;
      const peer = clusters.find(({ name }) => name === 'd');
      return `${peer?.config?.['cluster-id']} ${failures > 0 ? 'refused' : 'taken'}, ${peer?.['num-nodes'] ?? 0} nodes`;
    });
    const calls = await callsDuring(world(), a, `http://${await podIp(b, 'echo')}:8080`, async () => {
      await says(wrong);
      await hand(await world().kubectl(a, ['get', ...secret, '-o', `jsonpath={.data.${c}}`]));
      await expect.poll(async () => [...new Set(await seen())], patience()).toEqual([`${wrong} refused, 0 nodes`]);
      expect(await readyAtCilium(a)).toEqual([b, c]);
      await says(FREE_ID);
      await expect.poll(async () => [...new Set(await seen())], patience()).toEqual([`${FREE_ID} taken, 0 nodes`]);
      await hand(null);
      await world().meshEtcd(a, 'del', config);
      await expect.poll(() => peersSeen(a), patience()).toEqual([allPeers()]);
    });
    console.log(`cilium-agent of ${a} refuses "d" while it says ${wrong}, and takes it when it says ${FREE_ID}: ${calls.length} calls of ${b} meanwhile, ${failed(calls).length} failed`);
    expect(failed(calls)).toEqual([]);
    expect(await written()).toEqual(before);
  });

  test('certificates are replaced under traffic, and no call fails', () => rotated('issuing', patience().timeout));
  test.runIf(whole)('the root is replaced under traffic, and no call fails', () => rotated('root', ROOT_ROTATION_MILLISECONDS), ROOT_ROTATION_MILLISECONDS + 60_000);

  test('an access policy drops exactly what its preview said, and nothing once it is gone', async () => {
    const [a = '', b = ''] = world().clusters;
    const url = `http://${await podIp(b, 'echo')}:8080`;
    const reach = (): Promise<readonly string[]> => all((cluster) => ask(cluster, url).catch(() => 'dropped'));
    const everybody = world().clusters.map(() => b);
    const policy = object('AccessPolicy', 'echo-of-b', { from: [{ clusters: { names: [b] } }], to: { service: { namespace: 'default', name: 'echo' }, clusters: { names: [b] } } });
    expect(await reach()).toEqual(everybody);
    const said = await previewed(policy);
    const wanted = world().clusters.map((cluster) => {
      const verdicts = said.rows.filter(({ from, ports }) => from.cluster === cluster && from.namespace === 'default' && ports.includes('8080/TCP')).map(({ tomorrow }) => tomorrow);
      return [...new Set(verdicts)].map((verdict) => (verdict === 'Allowed' ? b : verdict === 'Denied' ? 'dropped' : verdict)).join();
    });
    expect(wanted).toEqual(world().clusters.map((cluster) => (cluster === b ? b : 'dropped')));
    await world().hub(['apply', '-f', '-'], listOf(policy));
    await expect.poll(reach, patience()).toEqual(wanted);
    expect(await ask(b, `http://${await podIp(a, 'echo')}:8080`)).toBe(a);
    await world().hub(['delete', 'accesspolicy', 'echo-of-b']);
    await expect.poll(reach, patience()).toEqual(everybody);
  });

  // Late: an etcd has its first heartbeat a minute after its pod's start, and is red until then.
  test('"isthmus mesh verify" agrees with every agent of Cilium, pair by pair', async () => {
    await expect.poll(verified, patience()).toEqual({ green: pairs(world().clusters), yellow: [], red: [] });
    expect((await all(async (cluster) => (await readyAtCilium(cluster)).map((peer) => `${cluster} ${peer}`))).flat().sort()).toEqual(pairs(world().clusters));
  });

  test('a cluster dies: its backends stay in the others\' services until it leaves the mesh, and then every call is answered', async () => {
    const { clusters } = world();
    const [a = ''] = clusters;
    const last = clusters.at(-1) ?? '';
    const others = clusters.slice(0, -1);
    const url = `http://${await serviceIp(a, 'echo')}`;
    await world().kill(last);
    // Chart default `clustermesh.cacheTTL: 0s`: what was learned of a cluster is believed for as long as it is a peer.
    expect(failed(await world().probe(a, url, 3)).length).toBeGreaterThan(0);
    const begun = performance.now();
    await change(others);
    await expect.poll(() => answers(a, url), patience()).toBe(others.join(''));
    console.log(`taken out of the mesh → only those that live answer: ${((performance.now() - begun) / 1000).toFixed(1)} s`);
    expect(failed(await world().probe(a, url, 2))).toEqual([]);
  });
}
