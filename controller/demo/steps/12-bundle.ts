import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { ConfigMap, type ConfigMapObject } from '../../../mesh/api/resources/core.ts';
import { Bundle, UpdateRun, UpdateStrategy } from '../../../mesh/api/resources/index.ts';
import type { UpdateRunObject } from '../../../mesh/api/resources/updates.ts';
import type { KubernetesObject } from '../../../mesh/ports/kubernetes.ts';
import { eventually, expect } from '../eventually.ts';
import { apply, applyObject } from '../objects.ts';
import { ended } from '../runs.ts';
import type { Step, Walk } from '../walk.ts';

const RUN = 'banner-1';
const BANNER = { namespace: 'shop', name: 'banner' };
const CLUSTER_ROLE_BINDING = { group: 'rbac.authorization.k8s.io', version: 'v1', plural: 'clusterrolebindings', kind: 'ClusterRoleBinding', namespaced: false } as const;

/** As kubectl's `--as`: the administrator's kubeconfig with somebody else's name in it. */
function kubeconfigOf(walk: Walk, person: string, group: string): string {
  const file = join(walk.fleet.folder, `${person}.kubeconfig`);
  const config = parse(readFileSync(walk.fleet.hub.kubeconfig, 'utf8')) as { users: { user: object }[] };
  writeFileSync(file, stringify({ ...config, users: config.users.map((user) => ({ ...user, user: { ...user.user, as: person, 'as-groups': [group, 'system:authenticated'] } })) }), { mode: 0o600 });
  return file;
}

const bannerIn = async (walk: Walk, cluster: string): Promise<string | undefined> => (await walk.cluster(cluster).api.get<ConfigMapObject>(ConfigMap, BANNER, walk.signal))?.data?.['text'];

/** A bundle of one ConfigMap, in two stages; the second waits for one of the leads. */
async function prepare(walk: Walk): Promise<void> {
  const { api } = walk.fleet.hub;
  await apply(api, UpdateStrategy, 'approved', {
    stages: [
      { name: 'canary', clusters: { labels: { stage: 'canary' } }, soakSeconds: 1 },
      { name: 'rest', clusters: {}, maxConcurrency: 1, soakSeconds: 0, before: [{ name: 'lead', approval: { count: 1, groups: ['network-leads'] } }] },
    ],
    progressDeadlineSeconds: 30,
  }, walk.signal);
  await apply(api, Bundle, 'banner-1.0.0', { package: 'banner', version: '1.0.0', parts: [{ name: 'text', manifests: [{ apiVersion: 'v1', kind: 'ConfigMap', metadata: BANNER, data: { text: 'welcome' } }] }] }, walk.signal);
  await applyObject(api, CLUSTER_ROLE_BINDING, {
    apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRoleBinding', metadata: { name: 'run-approvers' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'isthmus-run-approver' }, subjects: [{ kind: 'Group', name: 'network-leads', apiGroup: 'rbac.authorization.k8s.io' }],
  } as KubernetesObject, walk.signal);
}

export const bundle: Step = {
  name: 'bundle',
  title: 'A bundle goes to the canary, waits for the word of a second person, and goes to the rest',
  async run(walk) {
    await prepare(walk);
    const ahead = await walk.isthmus('run', 'simulate', '--strategy', 'approved', '--bundle', 'banner-1.0.0', '--healthy-after', '2s', '--approved-after', '1h');
    expect(ahead.status === 0 && ahead.stdout.includes('gate lead: 0 of 1 approvals from network-leads'), 'isthmus run simulate says beforehand that it will wait', ahead);
    for (const line of ahead.stdout.split('\n').filter((text) => /^(ends|blast radius|worst case):/.test(text))) walk.say(`simulated: ${line}`);

    const made = await walk.isthmus('run', 'create', RUN, '--bundle', 'banner-1.0.0', '--strategy', 'approved', '--all', '--reason', 'a welcome for visitors');
    expect(made.status === 0, `isthmus run create ${RUN}`, made);
    await eventually('the run waits at its gate', 30_000, async () =>
      (await walk.fleet.hub.api.get<UpdateRunObject>(UpdateRun, { name: RUN }, walk.signal))?.status?.gates?.some(({ phase }) => phase === 'Waiting'));
    expect(await bannerIn(walk, 'berlin') === 'welcome', 'berlin, the canary, has the bundle');
    expect(await bannerIn(walk, 'oslo') === undefined && await bannerIn(walk, 'virginia') === undefined, 'nobody else has it before somebody approves');
    const own = await walk.isthmus('run', 'approve', RUN);
    expect(own.status !== 0 && own.stderr.includes('asked for'), 'who asked for the run cannot approve it', own);
    walk.say(`refused: ${own.stderr.trim()}`);

    const approved = await walk.isthmus('--kubeconfig', kubeconfigOf(walk, 'ann', 'network-leads'), 'run', 'approve', RUN, '--reason', 'the canary looks well');
    expect(approved.status === 0 && approved.stdout.includes('it counts'), 'ann, one of the leads, approves', approved);
    walk.say(approved.stdout.trim().split('\n').at(-1)!);
    await ended(walk, RUN, 'Completed');
    for (const { name } of walk.fleet.clusters) expect(await bannerIn(walk, name) === 'welcome', `${name} has the bundle`);
    const shown = await walk.isthmus('run', 'status', RUN);
    expect(shown.status === 0 && shown.stdout.includes('ann'), 'isthmus run status tells who approved', shown);
    for (const line of shown.stdout.trimEnd().split('\n')) walk.say(line);
  },
  look: (walk) => [
    `npm run isthmus -- --kubeconfig ${walk.fleet.hub.kubeconfig} run status ${RUN} --journal`, `npm run isthmus -- --kubeconfig ${walk.fleet.hub.kubeconfig} run diff --undo ${RUN}`,
    `kubectl --kubeconfig ${walk.cluster('virginia').kubeconfig} -n shop get configmap banner -o yaml`,
  ],
};
