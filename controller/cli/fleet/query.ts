/** `isthmus fleet query`: which clusters match, and what is known of them. */
import type { Command } from 'commander';
import type { ClusterObject } from '../../../mesh/api/resources/cluster.ts';
import { Cluster } from '../../../mesh/api/resources/index.ts';
import { matchesQuery, parseQuery } from '../../../mesh/inventory/query.ts';
import { findCondition } from '../../../mesh/model/condition.ts';
import { fromRfc3339 } from '../../../mesh/model/instant.ts';
import { type Environment, UsageProblem } from '../environment.ts';
import { listAll } from '../list.ts';
import { age, type Format, formatOption, type Listing, print, shortId } from '../output/index.ts';

const property = (cluster: ClusterObject, name: string): string | undefined => cluster.status?.properties?.find((entry) => entry.name === name)?.value;

function listing(clusters: readonly ClusterObject[], now: number): Listing {
  return {
    headings: ['NAME', 'READY', 'REGION', 'STAGE', 'CILIUM', 'ID', 'CURRENT', 'DRIFT', 'LAST CHANGE'],
    rows: clusters.map((cluster) => {
      const ready = findCondition(cluster.status?.conditions, 'Ready');
      const changed = Math.max(0, ...(cluster.status?.conditions ?? []).map((condition) => fromRfc3339(condition.lastTransitionTime) ?? 0));
      const show = (name: string): string => cluster.metadata.labels?.[name] ?? property(cluster, name) ?? '<none>';
      return [
        cluster.metadata.name, ready?.status ?? 'Unknown', show('region'), show('stage'), cluster.status?.cilium?.version ?? '<unknown>',
        String(cluster.status?.cilium?.clusterId ?? '<unknown>'), shortId(cluster.status?.current?.id), String(cluster.status?.drift?.length ?? 0),
        changed === 0 ? '<unknown>' : age(changed, now),
      ];
    }),
    value: clusters,
    names: clusters.map((cluster) => `cluster.isthmus.dev/${cluster.metadata.name}`),
    empty: 'No cluster matches.',
  };
}

export async function queryFleet(environment: Environment, text: string, format: Format): Promise<void> {
  const parsed = parseQuery(text);
  if ('problem' in parsed) throw new UsageProblem(`${parsed.problem}\n  ${text}\n  ${' '.repeat(Math.max(0, parsed.column - 1))}^`);
  const client = await environment.connect();
  const clusters = (await listAll<ClusterObject>(client, Cluster, environment.signal)).filter((cluster) => matchesQuery(parsed.query, {
    name: cluster.metadata.name, labels: cluster.metadata.labels ?? {}, properties: cluster.status?.properties ?? [],
  }));
  print(environment, format, listing(clusters, environment.now()));
}

export function registerQuery(fleet: Command, environment: (command: Command) => Environment): void {
  fleet.command('query')
    .description('list the clusters that a query matches: key=value, key!=value, key in (a,b), key notin (a,b), key, !key, joined by commas; values are globs')
    .argument('[query]', 'for example region=europe,stage!=frozen; nothing: every cluster', '')
    .addOption(formatOption())
    .action(async (query: string, options: { output: Format }, command: Command) => queryFleet(environment(command), query, options.output));
}
