import { eventually, expect } from '../eventually.ts';
import type { FleetQueryObject } from '../../../mesh/api/resources/fleet-query.ts';
import { FleetQuery } from '../../../mesh/api/resources/index.ts';
import { apply } from '../objects.ts';
import type { Step } from '../walk.ts';

export const inventory: Step = {
  name: 'inventory',
  title: 'The inventory knows the clusters and answers queries',
  async run(walk) {
    await eventually('every cluster\'s Cilium version and requests in the inventory', 30_000, async () => {
      const known = await Promise.all(walk.fleet.clusters.map(async ({ name, nodes }) => ({ nodes, status: (await walk.clusterObject(name)).status })));
      return known.every(({ nodes, status }) => status?.cilium?.version === '1.18.12' && status.nodes?.ready === nodes.length && status.resources?.requested !== undefined);
    });
    const query = await walk.isthmus('fleet', 'query', 'region=europe,stage!=frozen', '-o', 'name');
    expect(query.stdout === 'cluster.isthmus.dev/berlin\ncluster.isthmus.dev/oslo\n', 'region=europe,stage!=frozen is berlin and oslo', query);
    const byProperty = await walk.isthmus('fleet', 'query', 'country in (us,no),cilium-version=1.18.*', '-o', 'name');
    expect(byProperty.stdout === 'cluster.isthmus.dev/oslo\ncluster.isthmus.dev/virginia\n', 'properties are queried like labels', byProperty);
    const wrong = await walk.isthmus('fleet', 'query', 'region=europe,,');
    expect(wrong.status === 2 && wrong.stderr.includes('^'), 'a wrong query points at the column', wrong);
    const report = await walk.isthmus('fleet', 'report', '--by', 'region', '-o', 'csv');
    const requested = Object.fromEntries(report.stdout.trim().split('\n').slice(1).map((line) => line.split(',')).map((cells) => [cells[0], cells[10]]));
    expect(requested['europe'] === '9000' && requested['us'] === '500', 'the report sums up what pods ask for: 9 cores in europe, half of one in the us', report);
    const gpu = await walk.isthmus('fleet', 'find', '--class', 'gpu', '--free-gpu', '1', '-o', 'name');
    expect(gpu.stdout === 'cluster.isthmus.dev/berlin\n', 'berlin alone has a GPU to give', gpu);
    await apply(walk.fleet.hub.api, FleetQuery, 'behind', { query: 'region=europe,cilium-version<1.19,!frozen order by last-change', columns: ['region', 'cilium-version', 'last-change'] }, walk.signal);
    const saved = await walk.isthmus('fleet', 'query', '@behind', '--sort-by', 'name', '-o', 'name');
    expect(saved.stdout === 'cluster.isthmus.dev/berlin\ncluster.isthmus.dev/oslo\n', 'a query with a name, kept as a FleetQuery, is asked by its name', saved);
    expect(saved.stderr.includes('from the hub\'s memory') && saved.stderr.includes('observed:'), 'the answer says which index was used and how fresh each source is', saved);
    await eventually('kubectl says whether a saved query can be asked', 30_000, async () => (await walk.fleet.hub.api.get<FleetQueryObject>(FleetQuery, { name: 'behind' }, walk.signal))?.status?.conditions?.some(({ type, status }) => type === 'Valid' && status === 'True') === true);
    const history = await walk.isthmus('fleet', 'history', 'berlin', '-o', 'json');
    expect(history.status === 0, `isthmus fleet history berlin: ${history.stderr}`);
    const rows = JSON.parse(history.stdout) as { field: string; by: string; after: string | null }[];
    const country = rows.filter((row) => row.field === 'properties.country');
    expect(country.length === 1 && country[0]?.by.includes('/cluster/berlin') === true, 'one history row says when and by whom country became known', rows.slice(0, 20));
    walk.say(`history of berlin: ${rows.length} changes`);
  },
  look: (walk) => [`npm run isthmus -- --kubeconfig ${walk.fleet.hub.kubeconfig} fleet query 'region=europe,stage!=frozen'`, `npm run isthmus -- --kubeconfig ${walk.fleet.hub.kubeconfig} fleet query @behind`, `npm run isthmus -- --kubeconfig ${walk.fleet.hub.kubeconfig} fleet report`, `npm run isthmus -- --kubeconfig ${walk.fleet.hub.kubeconfig} fleet history berlin`],
};
