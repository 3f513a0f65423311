import { FailoverPolicy, GlobalService, UpdateStrategy } from '../../../mesh/api/resources/index.ts';
import { Secret } from '../../../mesh/api/resources/core.ts';
import { eventually, expect } from '../eventually.ts';
import { apply, strategy } from '../objects.ts';
import { ended, listRuns, newRun, runDetails, runNames, settled } from '../runs.ts';
import type { Step, Walk } from '../walk.ts';

const SERVICE = { namespace: 'shop', name: 'checkout' };
export const HOST = 'checkout.global.example.com';

const hasPeering = async (walk: Walk, name: string): Promise<boolean> =>
  await walk.cluster(name).api.get(Secret, { namespace: 'kube-system', name: 'cilium-clustermesh' }, walk.signal) !== undefined;

/** The first run, with the hub killed in its middle. */
async function killedInTheMiddle(walk: Walk): Promise<string> {
  const run = await eventually('the plan makes a run', 30_000, async () => (await listRuns(walk))[0]?.metadata.name);
  await eventually('berlin, the canary, has its peering Secret', 30_000, () => hasPeering(walk, 'berlin'));
  expect(!await hasPeering(walk, 'oslo') && !await hasPeering(walk, 'virginia'), 'nobody else has anything while the canary soaks');
  const watching = walk.startIsthmus('run', 'status', run, '--watch');
  await watching.began;
  await walk.fleet.hub.process.kill('SIGKILL');
  walk.say('hub killed with SIGKILL in the middle of the run');
  await walk.fleet.hub.start();
  // The run has its own copy of the strategy: later runs of the walk are quicker, this one is not.
  await apply(walk.fleet.hub.api, UpdateStrategy, 'canary-first', strategy(1), walk.signal);
  await ended(walk, run, 'Completed');
  const watched = await watching.result;
  expect(watched.status === 0 && watched.stdout.includes('stage 1 canary') && watched.stdout.trimEnd().split('\n\n').length > 2, 'isthmus run status --watch drew the run to its end, through the hub\'s death', watched);
  const { journal } = await runDetails(walk, run);
  const assigned = journal.filter((entry) => entry.event === 'Assigned').map((entry) => entry.cluster);
  // Which of the rest is first depends on whose agent is back first.
  expect(assigned[0] === 'berlin' && assigned.toSorted().join(' ') === 'berlin oslo virginia', 'each cluster was assigned once, the canary first', assigned);
  const order = journal.filter((entry) => entry.event === 'Assigned' || entry.event === 'Done').map((entry) => `${entry.event} ${entry.cluster}`);
  expect(order.join(', ') === assigned.map((cluster) => `Assigned ${cluster}, Done ${cluster}`).join(', '), 'one at a time', order);
  await settled(walk);
  return run;
}

async function undo(walk: Walk, run: string): Promise<string> {
  const known = await runNames(walk);
  const asked = await walk.isthmus('run', 'undo', run, '--reason', 'the demo shows the way back');
  expect(asked.status === 0, `isthmus run undo ${run}: ${asked.stderr}`);
  const undoing = await newRun(walk, known);
  await ended(walk, undoing, 'Completed');
  return undoing;
}

async function thereAndBack(walk: Walk, run: string): Promise<void> {
  const undoing = await undo(walk, run);
  for (const { name } of walk.fleet.clusters) await eventually(`no peering in ${name} after the undo`, 30_000, async () => !await hasPeering(walk, name));
  walk.say(`${undoing} took every cluster back`);
  await undo(walk, undoing);
  for (const { name } of walk.fleet.clusters) await eventually(`peering in ${name} again`, 30_000, () => hasPeering(walk, name));
}

/** A canary whose agent dies on the change does not become healthy: the run fails at the deadline, the rest is spared. One that is away before its turn would hold nobody up. */
async function failsAtTheDeadline(walk: Walk): Promise<void> {
  const canary = walk.cluster('berlin');
  // Soaks long enough to be killed in the middle of it, on a busy machine too.
  await apply(walk.fleet.hub.api, UpdateStrategy, 'canary-first', strategy(6), walk.signal);
  const known = await runNames(walk);
  const policy = { service: SERVICE, priority: ['berlin', 'oslo'], minimumReady: 1, unhealthyAfterSeconds: 30, healthyAfterSeconds: 1, failbackDelaySeconds: 3 };
  await apply(walk.fleet.hub.api, FailoverPolicy, 'checkout', policy, walk.signal);
  const run = await newRun(walk, known);
  await eventually('berlin, the canary, has been told', 30_000, async () => (await listRuns(walk)).some(({ metadata, status }) => metadata.name === run && status?.counts.inFlight === 1));
  await canary.agent?.kill('SIGKILL');
  await apply(walk.fleet.hub.api, UpdateStrategy, 'canary-first', strategy(1), walk.signal);
  const failed = await ended(walk, run, 'Failed');
  walk.say(`${run} failed: ${failed.status?.message ?? ''}`);
  const phases = (await runDetails(walk, run)).targets.map((target) => `${target.cluster} ${target.phase}`);
  expect(phases.join(', ') === 'berlin Failed, oslo Skipped, virginia Skipped', 'the canary failed and the others were spared', phases);
  await canary.startAgent();
  await undo(walk, run);

  const before = await runNames(walk);
  await apply(walk.fleet.hub.api, FailoverPolicy, 'checkout', { ...policy, unhealthyAfterSeconds: 1 }, walk.signal);
  await ended(walk, await newRun(walk, before), 'Completed');
}

export const stagedUpdate: Step = {
  name: 'staged update',
  title: 'The plan rolls out in stages; the hub dies in the middle; a run is undone; a run fails at its deadline',
  async run(walk) {
    const first = await killedInTheMiddle(walk);
    await thereAndBack(walk, first);
    await failsAtTheDeadline(walk);
    const before = await runNames(walk);
    await apply(walk.fleet.hub.api, GlobalService, 'checkout', { host: HOST, service: SERVICE, ttlSeconds: 1 }, walk.signal);
    await ended(walk, await newRun(walk, before), 'Completed');
    await settled(walk);
  },
  look: (walk) => [`npm run isthmus -- --kubeconfig ${walk.fleet.hub.kubeconfig} run list`, `npm run isthmus -- --kubeconfig ${walk.fleet.hub.kubeconfig} run status --journal`],
};
