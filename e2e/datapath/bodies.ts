/** What clusters with a real datapath show once Isthmus peers them; the same on every `World`. */
import { expect, test } from 'vitest';
import type { World } from './world.ts';

const PATIENCE = { timeout: 60_000, interval: 200 };
const CONNECT_SECONDS = 8;

const object = (kind: string, name: string, spec: object): object => ({ apiVersion: 'isthmus.dev/v1alpha1', kind, metadata: { name }, spec });
const listOf = (...items: readonly object[]): string => JSON.stringify({ apiVersion: 'v1', kind: 'List', items });

/** One Mesh of all of them, rolled out in stages. */
export const meshOf = (clusters: readonly string[]): string => listOf(
  object('UpdateStrategy', 'one-by-one', { stages: clusters.map((name) => ({ name, clusters: { names: [name] } })), progressDeadlineSeconds: 120 }),
  object('Mesh', 'europe', { clusters: { names: clusters }, strategy: 'one-by-one' }),
);

/** Peers that an agent of Cilium calls ready, of how many it knows. */
const readyPeers = (status: string): string => /(\d+\/\d+) remote clusters ready/.exec(status)?.[1] ?? 'none';

export function peeredByIsthmus(world: () => World): void {
  const all = <T>(of: (cluster: string) => Promise<T>): Promise<T[]> => Promise.all(world().clusters.map(of));
  const peersSeen = async (cluster: string): Promise<readonly string[]> => (await world().agents(cluster, 'status')).map(readyPeers);
  const reasonOf = async (cluster: string): Promise<string> => (await world().hub(['get', 'cluster', cluster, '-o', 'jsonpath={.status.conditions[?(@.type=="Ready")].reason}'])).trim();
  const serviceIp = (cluster: string, name: string): Promise<string> => world().kubectl(cluster, ['get', 'service', name, '-o', 'jsonpath={.spec.clusterIP}']);
  const podIp = (cluster: string, name: string): Promise<string> => world().kubectl(cluster, ['get', 'pod', name, '-o', 'jsonpath={.status.podIP}']);
  const ask = (cluster: string, url: string): Promise<string> => world().exec(cluster, 'client', 'curl', '-s', '-m', '2', url);
  /** Everybody who answers. */
  const answers = async (cluster: string, url: string): Promise<string> => [...new Set((await world().probe(cluster, url, 1)).map(({ answer }) => answer ?? '-'))].sort().join('');

  test('find their mesh there when they join: every agent of Cilium is connected soon after the last clustermesh-apiserver is ready', async () => {
    const begun = performance.now();
    const wanted = `${world().clusters.length - 1}/${world().clusters.length - 1}`;
    await expect.poll(() => all(peersSeen), PATIENCE).toEqual(world().clusters.map(() => [wanted]));
    const seconds = (performance.now() - begun) / 1000;
    console.log(`every clustermesh-apiserver ready → every agent of Cilium connected: ${seconds.toFixed(1)} s`);
    for (const cluster of world().clusters) await expect.poll(() => reasonOf(cluster), PATIENCE).toBe('Ready');
    expect(seconds).toBeLessThan(CONNECT_SECONDS);
  });

  test('pods reach pods of the other cluster, and a global service has the backends of all', async () => {
    const [a = '', b = ''] = world().clusters;
    await all((cluster) => world().runEcho(cluster));
    expect(await ask(a, `http://${await podIp(b, 'echo')}:8080`)).toBe(b);
    for (const cluster of world().clusters) {
      const url = `http://${await serviceIp(cluster, 'echo')}`;
      await expect.poll(() => answers(cluster, url), PATIENCE).toBe(world().clusters.join(''));
    }
  });
}
