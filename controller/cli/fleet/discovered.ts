/** `isthmus fleet discovered`: clusters that other inventories and tools know, and how to let them join. */
import type { Command } from 'commander';
import type { DiscoveredAnswer } from '../../../mesh/api/resources/inquiry-answers.ts';
import type { DiscoveredCluster } from '../../../mesh/model/discovered.ts';
import { fromRfc3339 } from '../../../mesh/model/instant.ts';
import type { Environment } from '../environment.ts';
import { inquire } from '../inquire.ts';
import { wholeNumber } from '../options.ts';
import { age, type Format, formatOption, print } from '../output/index.ts';

interface DiscoveredOptions { readonly limit: string; readonly unjoined: boolean; readonly output: Format }

const none = (text: string | null): string => text ?? '-';
const sourceOf = ({ source, manager }: DiscoveredCluster): string => (manager === null ? source : `${source} of ${manager}`);
const clusterOf = ({ cluster }: DiscoveredCluster): string => (cluster === null ? '-' : `${cluster.name} (by ${cluster.by}${cluster.joined ? '' : ', has not joined'})`);

/** What the list leaves out, and why. */
function notes({ at, sources, omitted, published }: DiscoveredAnswer, now: number): readonly string[] {
  const absent = sources.filter(({ state }) => state === 'absent').map(({ what }) => what);
  return [
    ...sources.filter(({ state, message }) => state !== 'absent' && message !== '').map(({ source, what, state, message }) => `${source} (${what}): ${state === 'read' ? '' : `${state}: `}${message}`),
    ...(absent.length === 0 ? [] : [`not installed here: ${absent.join(', ')}`]),
    ...(omitted === 0 ? [] : [`${omitted} more: ask with a higher --limit`]),
    ...published.held.map(({ cluster, problem }) => `ClusterProfile of ${cluster} is left alone: ${problem}`),
    `read ${age(fromRfc3339(at) ?? now, now)} ago`,
  ];
}

export async function showDiscovered(environment: Environment, { limit, unjoined, output }: DiscoveredOptions): Promise<void> {
  const most = wholeNumber('--limit', limit, 1, 1000);
  const answer = await inquire<DiscoveredAnswer>(environment, await environment.connect(), { discovered: { limit: most } });
  const clusters = unjoined ? answer.clusters.filter(({ cluster }) => cluster?.joined !== true) : answer.clusters;
  print(environment, output, {
    headings: ['NAME', 'SOURCE', 'VERSION', 'PHASE', 'CLUSTER', 'TO JOIN'],
    rows: clusters.map((one) => [one.name, sourceOf(one), none(one.kubernetesVersion), none(one.phase), clusterOf(one), none(one.join)]),
    wide: {
      headings: ['NAME', 'SOURCE', 'VERSION', 'PHASE', 'CLUSTER', 'TO JOIN', 'OBJECT', 'ENDPOINT', 'DETAIL'],
      rows: clusters.map((one) => [one.name, sourceOf(one), none(one.kubernetesVersion), none(one.phase), clusterOf(one), none(one.join), one.object, none(one.endpoint), none(one.detail)]),
    },
    csv: {
      headings: ['name', 'source', 'manager', 'version', 'phase', 'endpoint', 'object', 'cluster', 'by', 'joined', 'join'],
      rows: clusters.map((one) => [one.name, one.source, one.manager ?? '', one.kubernetesVersion ?? '', one.phase ?? '', one.endpoint ?? '', one.object, one.cluster?.name ?? '', one.cluster?.by ?? '', String(one.cluster?.joined ?? false), one.join ?? '']),
    },
    value: { ...answer, clusters },
    names: clusters.map(({ object }) => object.replace(' ', '/')),
    empty: unjoined ? 'No other inventory knows a cluster that has not joined.' : 'No other inventory knows a cluster.',
  });
  if (output === 'table' || output === 'wide') environment.err(notes(answer, environment.now()).map((note) => `${note}\n`).join(''));
}

export function registerDiscovered(fleet: Command, environment: (command: Command) => Environment): void {
  fleet.command('discovered')
    .description('list the clusters that other inventories know: ClusterProfiles, Cluster API, Argo CD, Flux; which Cluster each is, and the command that lets it join')
    .option('--unjoined', 'only those that have not joined', false)
    .option('--limit <count>', 'at most this many', '500')
    .addOption(formatOption())
    .action(async (options: DiscoveredOptions, command: Command) => showDiscovered(environment(command), options));
}
