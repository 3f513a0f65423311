import { eventually, expect } from '../eventually.ts';
import type { Step, Walk } from '../walk.ts';
import { setReady, sliceSources } from './06-services.ts';
import { answers } from './07-dns.ts';

const everywhere = (walk: Walk, addresses: readonly string[], timeoutMilliseconds: number): Promise<void[]> =>
  Promise.all(walk.fleet.clusters.map((cluster) => answers(cluster, addresses, timeoutMilliseconds)));

/** berlin's endpoints fail and come back; the policy says 1 s to leave, 3 s to return. */
export async function failOverAndBack(walk: Walk): Promise<void> {
  const [berlin, oslo] = [walk.cluster('berlin'), walk.cluster('oslo')];
  const left = performance.now();
  await setReady(walk, berlin, 'checkout', false);
  await everywhere(walk, oslo.endpoints, 6000);
  const away = performance.now() - left;
  expect(away >= 900, 'answers did not move before the policy\'s second', away);
  walk.measure('unready to last DNS answer changed', away);
  for (const cluster of walk.fleet.clusters) await eventually(`slices in ${cluster.name} are oslo's`, 3000, async () => (await sliceSources(walk, cluster)).join() === 'oslo');
  const returned = performance.now();
  await setReady(walk, berlin, 'checkout', true);
  await everywhere(walk, berlin.endpoints, 12_000);
  const back = performance.now() - returned;
  expect(back >= 2900, 'answers did not come back before the failback delay', back);
  walk.say(`away after ${Math.round(away)} ms, back after ${Math.round(back)} ms`);
}

export const failover: Step = {
  name: 'failover',
  title: 'berlin\'s endpoints turn unready: answers move to oslo, and come back after the failback delay',
  run: failOverAndBack,
  look: (walk) => [`npm run isthmus -- --kubeconfig ${walk.fleet.hub.kubeconfig} dns explain checkout.global.example.com --from oslo`],
};
