import type { DrillState } from '../../../mesh/model/drill.ts';
import { eventually, expect } from '../eventually.ts';
import type { Step, Walk } from '../walk.ts';
import { setReady } from './06-services.ts';
import { answers } from './07-dns.ts';
import { Drill } from '../../../mesh/api/resources/index.ts';
import type { DrillObject } from '../../../mesh/api/resources/drill.ts';

async function succeeds(walk: Walk): Promise<void> {
  const running = walk.isthmus('drill', 'run', 'shop/checkout', '--evacuate', 'berlin', '--hold', '4', '--objective', '5', '-o', 'json');
  await Promise.all(walk.fleet.clusters.map((cluster) => answers(cluster, walk.cluster('oslo').endpoints, 20_000)));
  const drill = await running;
  expect(drill.status === 0, `isthmus drill run: ${drill.stderr}`);
  const { state, drill: { name } } = JSON.parse(drill.stdout) as { state: DrillState; drill: { name: string } };
  expect(state.phase === 'Succeeded', 'the drill succeeded', state);
  const recoveries = state.clusters.map((cluster) => `${cluster.cluster} ${cluster.recoverySeconds ?? '?'} s`);
  expect(state.clusters.length === 3 && state.clusters.every((cluster) => cluster.recoverySeconds !== null && cluster.recoverySeconds <= 5), 'every cluster recovered in time', state.clusters);
  walk.say(`recovery: ${recoveries.join(', ')}`);
  await Promise.all(walk.fleet.clusters.map((cluster) => answers(cluster, walk.cluster('berlin').endpoints, 5000)));
  const report = await walk.isthmus('drill', 'report', name);
  expect(report.stdout.startsWith('#') && report.stdout.includes('| berlin |'), 'the report is Markdown', report);
}

/** While berlin is evacuated, oslo really fails: the drill must give way. */
async function givesWay(walk: Walk): Promise<void> {
  const running = walk.isthmus('drill', 'run', 'shop/checkout', '--evacuate', 'berlin', '--hold', '30', '--objective', '5', '-o', 'json');
  await answers(walk.cluster('virginia'), walk.cluster('oslo').endpoints, 20_000);
  await setReady(walk, walk.cluster('oslo'), 'checkout', false);
  const drill = await running;
  expect(drill.status === 1 && (JSON.parse(drill.stdout) as { state: DrillState }).state.phase === 'Cancelled', 'a real failure cancels the drill', drill);
  await Promise.all(walk.fleet.clusters.map((cluster) => answers(cluster, walk.cluster('berlin').endpoints, 5000)));
  await setReady(walk, walk.cluster('oslo'), 'checkout', true);
  const message = await eventually('the cancelled drill says why', 30_000, async () =>
    (await walk.fleet.hub.api.list<DrillObject>(Drill, {}, walk.signal)).items.find((object) => object.status?.phase === 'Cancelled')?.status?.message);
  walk.say(`cancelled: ${message}`);
}

export const drill: Step = {
  name: 'drill',
  title: 'A drill evacuates berlin, measures every cluster\'s DNS, restores, reports; a real failure cancels it',
  async run(walk) {
    await succeeds(walk);
    await givesWay(walk);
  },
  look: (walk) => [`npm run isthmus -- --kubeconfig ${walk.fleet.hub.kubeconfig} drill list`],
};
