import { Secret, type SecretObject } from '../../../mesh/api/resources/core.ts';
import { systemClock } from '../../adapters/clock.ts';
import { eventually, expect } from '../eventually.ts';
import type { Step } from '../walk.ts';

const REF = { namespace: 'kube-system', name: 'cilium-kvstoremesh' };
/** Long enough for an agent that overwrites to have done it. */
const WATCHED_MILLISECONDS = 2000;

export const drift: Step = {
  name: 'drift',
  title: 'A person edits a managed Secret: it is shown as drift and not overwritten',
  async run(walk) {
    const { api } = walk.cluster('oslo');
    const before = await api.get<SecretObject>(Secret, REF, walk.signal);
    const edited = Buffer.from('endpoints:\n- https://somewhere-else.example.com:2379\n').toString('base64');
    await api.patch(Secret, REF, { data: { berlin: edited } }, { type: 'merge', fieldManager: 'kubectl-edit' }, walk.signal);
    const entry = await eventually('oslo shows the drift', 5000, async () =>
      (await walk.clusterObject('oslo')).status?.drift?.find((one) => one.object.includes(REF.name) && one.path.includes('berlin')));
    expect(entry.manager === 'kubectl-edit' && entry.expected.startsWith('sha256:') && entry.actual.startsWith('sha256:') && entry.expected !== entry.actual, 'drift names manager and both digests', entry);
    expect((await walk.condition('oslo', 'InSync'))?.status === 'False', 'oslo is not in sync');
    await systemClock.sleepUntil(systemClock.now() + WATCHED_MILLISECONDS, walk.signal);
    const now = await api.get<SecretObject>(Secret, REF, walk.signal);
    expect(now?.data?.['berlin'] === edited, 'the person\'s value stands');
    const list = await walk.isthmus('drift', 'list', 'oslo');
    expect(list.status === 0 && list.stdout.includes('kubectl-edit'), 'isthmus drift list shows it', list);
    for (const line of list.stdout.trimEnd().split('\n')) walk.say(line);

    await api.patch(Secret, REF, { data: { berlin: before?.data?.['berlin'] } }, { type: 'merge', fieldManager: 'kubectl-edit' }, walk.signal);
    await eventually('the drift is gone once the value is set back', 5000, async () => ((await walk.clusterObject('oslo')).status?.drift?.length ?? 0) === 0);
  },
  look: (walk) => [`kubectl --kubeconfig ${walk.cluster('oslo').kubeconfig} -n kube-system edit secret cilium-kvstoremesh`, `npm run isthmus -- --kubeconfig ${walk.fleet.hub.kubeconfig} drift list`],
};
