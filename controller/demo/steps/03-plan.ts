import { Mesh, UpdateRun, UpdateStrategy } from '../../../mesh/api/resources/index.ts';
import { ConfigMap, Secret } from '../../../mesh/api/resources/core.ts';
import type { MeshObject } from '../../../mesh/api/resources/mesh.ts';
import { findCondition } from '../../../mesh/model/condition.ts';
import { apply, strategy } from '../objects.ts';
import { ciliumConfig } from '../clusters.ts';
import { eventually, expect } from '../eventually.ts';
import type { Step, Walk } from '../walk.ts';

const planned = async (walk: Walk) =>
  findCondition((await walk.fleet.hub.api.get<MeshObject>(Mesh, { name: 'atlantic' }, walk.signal))?.status?.conditions, 'Planned');

export const NO_ETCD = [{ check: 'EndpointUnreachable', reason: 'no Cilium runs here, so no mesh etcd would ever open itself' }];

export const plan: Step = {
  name: 'plan',
  title: 'A Mesh is planned; a conflict is refused before anything is written',
  async run(walk) {
    const { api } = walk.fleet.hub;
    await apply(api, UpdateStrategy, 'canary-first', strategy(3), walk.signal);
    await apply(api, Mesh, 'atlantic', { clusters: { labels: { region: ['eu*', 'us'] }, exclude_labels: { stage: 'frozen' } }, strategy: 'canary-first', skips: NO_ETCD }, walk.signal);
    const refused = await eventually('the Mesh refuses two clusters with one id', 30_000, async () => {
      const condition = await planned(walk);
      return condition?.status === 'False' && condition.reason === 'ClusterIdConflict' ? condition : undefined;
    }, () => 'no such condition');
    expect(refused.message.includes('oslo') && refused.message.includes('virginia'), 'the conflict names both clusters', refused);
    walk.say(`refused: ${refused.message}`);
    expect((await api.list(UpdateRun, {}, walk.signal)).items.length === 0, 'no run was made');
    for (const cluster of walk.fleet.clusters) {
      expect(await cluster.api.get(Secret, { namespace: 'kube-system', name: 'cilium-clustermesh' }, walk.signal) === undefined, `nothing was written in ${cluster.name}`);
    }

    const virginia = walk.cluster('virginia');
    const mended = { ...ciliumConfig(virginia, 101) };
    await virginia.api.patch(ConfigMap, { namespace: 'kube-system', name: 'cilium-config' }, { data: mended.data }, { type: 'merge', fieldManager: 'demo' }, walk.signal);
    await eventually('the Mesh is planned', 30_000, async () => (await planned(walk))?.status === 'True', () => 'still refused');
  },
  look: (walk) => [`kubectl --kubeconfig ${walk.fleet.hub.kubeconfig} get mesh atlantic -o yaml`],
};
