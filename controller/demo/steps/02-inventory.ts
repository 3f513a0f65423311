import { eventually, expect } from '../eventually.ts';
import type { Step } from '../walk.ts';

export const inventory: Step = {
  name: 'inventory',
  title: 'The inventory knows the clusters and answers queries',
  async run(walk) {
    await eventually('every cluster\'s Cilium version in the inventory', 10_000, async () => {
      const objects = await Promise.all(walk.fleet.clusters.map((cluster) => walk.clusterObject(cluster.name)));
      return objects.every((object) => object.status?.cilium?.version === '1.18.12' && object.status.nodes?.ready === 1);
    });
    const query = await walk.isthmus('fleet', 'query', 'region=europe,stage!=frozen', '-o', 'name');
    expect(query.stdout === 'cluster.isthmus.dev/berlin\ncluster.isthmus.dev/oslo\n', 'region=europe,stage!=frozen is berlin and oslo', query);
    const byProperty = await walk.isthmus('fleet', 'query', 'country in (us,no),cilium-version=1.18.*', '-o', 'name');
    expect(byProperty.stdout === 'cluster.isthmus.dev/oslo\ncluster.isthmus.dev/virginia\n', 'properties are queried like labels', byProperty);
    const wrong = await walk.isthmus('fleet', 'query', 'region=europe,,');
    expect(wrong.status === 2 && wrong.stderr.includes('^'), 'a wrong query points at the column', wrong);
    const history = await walk.isthmus('fleet', 'history', 'berlin', '-o', 'json');
    expect(history.status === 0, `isthmus fleet history berlin: ${history.stderr}`);
    const rows = JSON.parse(history.stdout) as { field: string; by: string; after: string | null }[];
    const country = rows.filter((row) => row.field === 'properties.country');
    expect(country.length === 1 && country[0]?.by.includes('/cluster/berlin') === true, 'one history row says when and by whom country became known', rows.slice(0, 20));
    walk.say(`history of berlin: ${rows.length} changes`);
  },
  look: (walk) => [`npm run isthmus -- --kubeconfig ${walk.fleet.hub.kubeconfig} fleet query 'region=europe,stage!=frozen'`, `npm run isthmus -- --kubeconfig ${walk.fleet.hub.kubeconfig} fleet history berlin`],
};
