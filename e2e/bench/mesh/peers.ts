/** As many peers as Cilium takes, in the Secrets of one cluster: how large they are, and how long a whole agent takes to write them into a real kube-apiserver. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parse } from 'yaml';
import { systemClock } from '../../../controller/adapters/clock.ts';
import { connectKubernetes } from '../../../controller/adapters/kubernetes/connect.ts';
import { peering, trusted } from '../../../controller/agent/testing/scene.ts';
import { createWorld, type World } from '../../../controller/agent/testing/world.ts';
import { eventually } from '../../../controller/demo/eventually.ts';
import { fakeMetrics } from '../../../controller/runtime/testing/fakes.ts';
import { ConfigMap, type ConfigMapObject, Secret, type SecretObject } from '../../../mesh/api/resources/core.ts';
import type { KubernetesClient, KubernetesObject } from '../../../mesh/ports/kubernetes.ts';
import { ROOT } from '../../charts/helm.ts';
import { startApiServer } from '../../kube/apiserver.ts';
import { milliseconds, number, table } from '../kube/figures.ts';
import type { Print } from '../with-servers.ts';

const LONGEST_MILLISECONDS = 30_000;
const NAMESPACE = 'kube-system';
const OBJECTS = ['cilium-kvstoremesh', 'cilium-clustermesh', 'clustermesh-remote-users'] as const;
const definitions = ['serviceexports', 'serviceimports'].map((name) => parse(readFileSync(join(ROOT, `charts/isthmus-agent/files/crds/${name}.yaml`), 'utf8')) as KubernetesObject);

interface Written { readonly milliseconds: number; readonly bytes: Readonly<Record<string, number>> }

/** Bytes of the JSON that the API server sends, annotations and managed fields included. */
async function sizes(client: KubernetesClient, signal: AbortSignal): Promise<Readonly<Record<string, number>>> {
  return Object.fromEntries(await Promise.all(OBJECTS.map(async (name) => {
    const object = await client.get<SecretObject | ConfigMapObject>(name === 'clustermesh-remote-users' ? ConfigMap : Secret, { namespace: NAMESPACE, name }, signal);
    return [name, JSON.stringify(object ?? {}).length] as const;
  })));
}

export async function peersFigures({ peers }: { readonly peers: readonly number[] }, print: Print): Promise<void> {
  const server = await startApiServer({ namespaces: ['shop', 'isthmus-system'], definitions });
  const client = connectKubernetes({ kubeconfig: server.kubeconfigPath, userAgent: 'isthmus-bench', metrics: fakeMetrics() });
  const { signal } = new AbortController();
  const world = await createWorld({ kubernetes: client, clock: { ...systemClock, advance: (time: number) => sleep(time), settle: () => sleep(20) } as unknown as World['clock'] });
  const bring = async (count: number): Promise<Written> => {
    // Simulated: nobody answers at their addresses.
    const state = { ...peering(Array.from({ length: count }, (_, index) => `cluster-${String(index + 1).padStart(3, '0')}`)), maxConnectedClusters: count > 255 ? 511 as const : 255 as const, connect: 'Always' as const };
    const desired = await trusted(world, { peering: state });
    const begun = performance.now();
    world.hub.set('DesiredRevision', 'berlin', desired);
    await eventually(`${count} peers are written`, LONGEST_MILLISECONDS, async () => world.heard('AppliedReport', 'berlin')?.id === desired.id, () => world.heard('AppliedReport', 'berlin')?.message);
    return { milliseconds: performance.now() - begun, bytes: await sizes(client, signal) };
  };
  try {
    await world.start();
    await eventually('the agent has its identity', LONGEST_MILLISECONDS, async () => (await client.get<SecretObject>(Secret, { namespace: 'isthmus-system', name: 'isthmus-agent-identity' }, signal))?.data?.['ca.crt'] !== undefined);
    // Once the certificates and the objects are there, what counts is how many peers change.
    await bring(1);
    const rows: (readonly string[])[] = [];
    for (const count of peers) {
      const before = await bring(count - 1);
      const whole = await bring(count);
      rows.push([`  ${count} peers`, milliseconds(before.milliseconds), milliseconds(whole.milliseconds), ...OBJECTS.map((name) => `${number((whole.bytes[name] ?? 0) / 1024)} KiB`)]);
    }
    print('\n== peers of one cluster with KVStoreMesh, written by a whole agent into kube-apiserver: from the hub\'s word to the agent\'s report that all stands; sizes as the API server sends the objects');
    print(table([['', 'all but one at once', 'one more', ...OBJECTS], ...rows]));
  } finally {
    await world.stop();
    await client.close();
    await server.stop();
  }
}
