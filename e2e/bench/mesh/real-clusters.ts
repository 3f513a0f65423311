/** From an edit of a Mesh to Cilium's own kvstoremesh being connected, in three clusters with real servers. */
import { eventually } from '../../../controller/demo/eventually.ts';
import { Mesh, UpdateStrategy } from '../../../mesh/api/resources/index.ts';
import type { Topology } from '../../../mesh/model/topology.ts';
import { ALL, EVERYBODY, startScene } from '../../cilium/scene.ts';
import { missingWorld } from '../../cilium/world.ts';
import { milliseconds, quantile, table } from '../kube/figures.ts';
import type { Print } from '../with-servers.ts';

const LONGEST_MILLISECONDS = 60_000;
const MARKS = 20;

export async function realClusterFigures(print: Print): Promise<void> {
  const missing = missingWorld();
  if (missing !== undefined) { print(`left out: clusters with Cilium's own programs, because ${missing}`); return; }
  const scene = await startScene();
  try {
    const { world, connected, arrives } = scene;
    const until = async (expected: Readonly<Record<string, readonly string[]>>): Promise<number> => {
      const begun = performance.now();
      await eventually('every kvstoremesh is connected', LONGEST_MILLISECONDS, async () => JSON.stringify(await connected()) === JSON.stringify(expected));
      return performance.now() - begun;
    };
    await world.make(UpdateStrategy, 'all-at-once', { stages: [{ name: 'all', clusters: {}, maxConcurrency: '100%' }], progressDeadlineSeconds: 60 });
    // One way, so that every cluster has its pod and all other connections are still to come.
    const topology: Topology = { type: 'Pairs', pairs: [{ from: 'berlin', to: 'oslo', direction: 'OneWay' }] };
    await world.make(Mesh, 'europe', { clusters: {}, strategy: 'all-at-once', topology });
    const first = await until(Object.fromEntries(ALL.map((name) => [name, name === 'berlin' ? ['oslo'] : []])));
    await world.allReady();
    await eventually('every cluster has its pod', LONGEST_MILLISECONDS, async () => world.members.every(({ pods }) => pods.running === 1));
    await world.hub.client.patch(Mesh, { name: 'europe' }, { spec: { topology: null } }, { type: 'merge', fieldManager: 'bench' }, world.signal);
    const others = await until(EVERYBODY);
    await scene.makeShop();
    await arrives('berlin', 'oslo');
    const delays: number[] = [];
    for (let mark = 0; mark < MARKS; mark += 1) {
      const begun = performance.now();
      await arrives('berlin', 'virginia');
      delays.push(performance.now() - begun);
    }
    print('\n== three clusters with kube-apiserver, agent and Cilium\'s own clustermesh-apiserver, kvstoremesh and etcd; files of pods follow objects within 0.7 s, as a kubelet\'s would within a minute');
    print(table([
      ['', 'time'],
      ['  Mesh made to the first pair connected, pods of three clusters from nothing', milliseconds(first)],
      ['  Mesh edited to every kvstoremesh connected, five further ordered pairs, pods run', milliseconds(others)],
      [`  a changed Service to the peer's cache, median of ${MARKS}`, milliseconds(quantile(delays, 0.5))],
      ['  the longest of them', milliseconds(quantile(delays, 1))],
    ]));
  } finally {
    await scene.world.stop();
  }
}
