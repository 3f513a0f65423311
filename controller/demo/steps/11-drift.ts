import { Secret, type SecretObject } from '../../../mesh/api/resources/core.ts';
import { DriftPolicy } from '../../../mesh/api/resources/index.ts';
import { systemClock } from '../../adapters/clock.ts';
import { eventually, expect } from '../eventually.ts';
import { apply } from '../objects.ts';
import { ended, newRun, runNames } from '../runs.ts';
import type { Step } from '../walk.ts';

const REF = { namespace: 'kube-system', name: 'cilium-kvstoremesh' };
/** Long enough for an agent that overwrites to have done it. */
const WATCHED_MILLISECONDS = 2000;

export const drift: Step = {
  name: 'drift',
  title: 'A person edits a managed Secret: it is shown as drift, not overwritten, and reverted by a decision and a run',
  async run(walk) {
    const { api } = walk.cluster('oslo');
    await apply(walk.fleet.hub.api, DriftPolicy, 'peers', { clusters: {}, rules: [{ match: 'drift.kind == "Secret" && drift.path == ".data.berlin"', class: 'dangerous' }] }, walk.signal);
    const before = await api.get<SecretObject>(Secret, REF, walk.signal);
    const edited = Buffer.from('endpoints:\n- https://somewhere-else.example.com:2379\n').toString('base64');
    await api.patch(Secret, REF, { data: { berlin: edited } }, { type: 'merge', fieldManager: 'kubectl-edit' }, walk.signal);
    const entry = await eventually('oslo shows the drift', 30_000, async () =>
      (await walk.clusterObject('oslo')).status?.drift?.find((one) => one.object.includes(REF.name) && one.path.includes('berlin') && one.class === 'dangerous'));
    expect(entry.manager === 'kubectl-edit' && entry.expected.startsWith('sha256:') && entry.actual.startsWith('sha256:') && entry.expected !== entry.actual, 'drift names manager and both digests', entry);
    const inSync = await walk.condition('oslo', 'InSync');
    expect(inSync?.status === 'False' && inSync.reason === 'DangerousDrift', 'oslo is not in sync, and says so aloud', inSync);
    await systemClock.sleepUntil(systemClock.now() + WATCHED_MILLISECONDS, walk.signal);
    const now = await api.get<SecretObject>(Secret, REF, walk.signal);
    expect(now?.data?.['berlin'] === edited, 'the person\'s value stands');
    const list = await walk.isthmus('drift', 'list', 'oslo');
    expect(list.status === 0 && list.stdout.includes('kubectl-edit'), 'isthmus drift list shows it', list);
    for (const line of list.stdout.trimEnd().split('\n')) walk.say(line);

    const known = await runNames(walk);
    const revert = await walk.isthmus('drift', 'revert', 'oslo', REF.name, '--reason', 'the demo shows the way back');
    expect(revert.status === 0, 'isthmus drift revert', revert);
    for (const line of revert.stdout.trimEnd().split('\n')) walk.say(line);
    await ended(walk, await newRun(walk, known), 'Completed');
    expect((await api.get<SecretObject>(Secret, REF, walk.signal))?.data?.['berlin'] === before?.data?.['berlin'], 'the run brought back what was ours');
    await eventually('the drift is gone', 30_000, async () => ((await walk.clusterObject('oslo')).status?.drift?.length ?? 0) === 0);
  },
  look: (walk) => [`kubectl --kubeconfig ${walk.cluster('oslo').kubeconfig} -n kube-system edit secret cilium-kvstoremesh`, `npm run isthmus -- --kubeconfig ${walk.fleet.hub.kubeconfig} drift list`],
};
