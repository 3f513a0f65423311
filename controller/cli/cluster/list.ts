/** `isthmus cluster list`: who has joined, and which keys wait to. */
import type { Command } from 'commander';
import type { ClusterObject } from '../../../mesh/api/resources/cluster.ts';
import { Cluster } from '../../../mesh/api/resources/index.ts';
import type { Environment } from '../environment.ts';
import { listAll } from '../list.ts';
import { type Format, formatOption, print } from '../output/index.ts';

interface Row {
  readonly name: string;
  /** Reason of condition Joined; Unknown: no hub has said. */
  readonly state: string;
  readonly since: string | null;
  readonly keySha256: string | null;
  readonly by: string | null;
}

function rowOf({ metadata, status }: ClusterObject): Row {
  const joined = status?.conditions?.find(({ type }) => type === 'Joined');
  const { pending } = status ?? {};
  return { name: metadata.name, state: joined?.reason ?? 'Unknown', since: pending?.since ?? joined?.lastTransitionTime ?? null, keySha256: pending?.keySha256 ?? null, by: pending?.by ?? null };
}

async function listClusters(environment: Environment, options: { readonly pending: boolean; readonly output: Format }): Promise<void> {
  const all = (await listAll<ClusterObject>(await environment.connect(), Cluster, environment.signal)).map(rowOf).sort((a, b) => (a.name < b.name ? -1 : 1));
  const rows = options.pending ? all.filter(({ keySha256 }) => keySha256 !== null) : all;
  print(environment, options.output, {
    headings: ['NAME', 'STATE', 'SINCE', 'KEY THAT ASKS', 'BY'], rows: rows.map(({ name, state, since, keySha256, by }) => [name, state, since ?? '', keySha256 ?? '', by ?? '']),
    value: rows, names: rows.map(({ name }) => `cluster.isthmus.dev/${name}`), empty: options.pending ? 'no key asks to join and waits' : 'no cluster has joined yet',
  });
}

export function registerList(cluster: Command, environment: (command: Command) => Environment): void {
  cluster.command('list')
    .description('which clusters have joined, and which keys ask to and wait')
    .option('--pending', 'only those that wait', false)
    .addOption(formatOption())
    .action(async (options: { readonly pending: boolean; readonly output: Format }, command: Command) => listClusters(environment(command), options));
}
