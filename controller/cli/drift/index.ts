/** `isthmus drift list`: where clusters are not what we last wrote, and who changed them. */
import type { Command } from 'commander';
import type { ClusterObject } from '../../../mesh/api/resources/cluster.ts';
import { Cluster } from '../../../mesh/api/resources/index.ts';
import { fromRfc3339 } from '../../../mesh/model/instant.ts';
import type { Environment } from '../environment.ts';
import { listAll } from '../list.ts';
import { age, type Format, formatOption, print } from '../output/index.ts';

const shortDigest = (digest: string): string => (digest.startsWith('sha256:') ? digest.slice(0, 'sha256:'.length + 10) : digest);

export async function listDrift(environment: Environment, cluster: string | undefined, format: Format): Promise<void> {
  const client = await environment.connect();
  const entries = (await listAll<ClusterObject>(client, Cluster, environment.signal))
    .filter((object) => cluster === undefined || object.metadata.name === cluster)
    .flatMap((object) => (object.status?.drift ?? []).map((drift) => ({ cluster: object.metadata.name, ...drift })));
  print(environment, format, {
    headings: ['CLUSTER', 'OBJECT', 'PATH', 'EXPECTED', 'ACTUAL', 'MANAGER', 'FIRST SEEN'],
    rows: entries.map((entry) => [entry.cluster, entry.object, entry.path, shortDigest(entry.expected), shortDigest(entry.actual), entry.manager, `${age(fromRfc3339(entry.firstSeen), environment.now())} ago`]),
    value: entries,
    names: entries.map((entry) => `${entry.cluster}/${entry.object}${entry.path}`),
    empty: 'No drift: every cluster is what was last written.',
  });
}

export function register(program: Command, environment: (command: Command) => Environment): void {
  program.command('drift').description('changes made by others to what Isthmus manages').command('list')
    .description('list changed fields with digests, field manager and first-seen time')
    .argument('[cluster]').addOption(formatOption())
    .action(async (cluster: string | undefined, options: { output: Format }, command: Command) => listDrift(environment(command), cluster, options.output));
}
