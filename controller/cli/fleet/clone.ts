/** `isthmus fleet clone`: one cluster's networking configuration to another, as a change to review. */
import { type Command, Option } from 'commander';
import { HUB_RESOURCES } from '../../../mesh/api/resources/index.ts';
import { REASON_ANNOTATION } from '../../../mesh/inventory/authors.ts';
import { type KubernetesClient, KubernetesError } from '../../../mesh/ports/kubernetes.ts';
import { CommandFailure, type Environment, UsageProblem } from '../environment.ts';
import type { PlannedClone } from './clone-plan.ts';
import { cloneDiff, cloneManifests, mergePatches, objectNames } from './clone-print.ts';
import { FIELD_MANAGER } from '../field-manager.ts';

interface CloneOptions {
  readonly to: string;
  readonly output: 'diff' | 'yaml' | 'name';
  readonly exact: boolean;
  readonly apply: boolean;
  readonly all: boolean;
  readonly reason?: string | undefined;
  readonly dryRun?: 'server' | undefined;
}

export async function cloneCluster(environment: Environment, source: string, options: CloneOptions): Promise<void> {
  const { to, apply, dryRun, reason } = options;
  if (apply && (reason === undefined || reason.trim() === '')) throw new UsageProblem('--apply: say why with --reason TEXT; it is kept with every object that changes');
  if (apply && dryRun !== undefined) throw new UsageProblem('--apply and --dry-run: give one of them');
  const [client, { planFleetClone, readFleet }] = await Promise.all([environment.connect(), import('./clone-plan.ts')]);
  const clone = planFleetClone(await readFleet(client, environment.signal), { source, target: to }, options.exact);
  print(environment, clone, options);
  if (clone.conflicts.length > 0) {
    const [first] = clone.conflicts;
    throw new CommandFailure(`${clone.conflicts.length === 1 ? 'a conflict stands' : `${clone.conflicts.length} conflicts stand`} in the way, nothing was written: ${first?.message}`);
  }
  if (clone.changes.length === 0) return;
  if (apply && !options.all && clone.joined > 1 && clone.changed.length >= clone.joined) {
    throw new CommandFailure(`this gives every one of the ${clone.joined} clusters that have joined a new state, not ${to} alone; nothing was written. Say --all if that is meant`);
  }
  // The server is asked about all objects before any is written.
  if (apply || dryRun !== undefined) await send(environment, client, clone, reason ?? '', true);
  if (dryRun !== undefined) environment.err(`The server would accept all of it (dry run): ${objectNames(clone).join(', ')}\n`);
  if (apply) {
    await send(environment, client, clone, reason ?? '', false);
    environment.err(`Written: ${objectNames(clone).join(', ')}. "isthmus run list" shows what follows.\n`);
  }
}

function print(environment: Environment, clone: PlannedClone, { output, to }: CloneOptions): void {
  if (output === 'name') environment.out(objectNames(clone).map((name) => `${name}\n`).join(''));
  else environment.out(output === 'yaml' ? cloneManifests(clone, to) : cloneDiff(clone, to));
}

async function send(environment: Environment, client: KubernetesClient, clone: PlannedClone, reason: string, dryRun: boolean): Promise<void> {
  const written: string[] = [];
  for (const { kind, name, body } of mergePatches(clone, { [REASON_ANNOTATION]: reason })) {
    const resource = HUB_RESOURCES.find((one) => one.kind === kind);
    if (resource === undefined) throw new Error(`there is no kind ${kind}`);
    try {
      await client.patch(resource, { name }, body, { type: 'merge', fieldManager: FIELD_MANAGER, dryRun }, environment.signal);
      written.push(`${kind} ${name}`);
    } catch (error) {
      if (!(error instanceof KubernetesError)) throw error;
      const stale = error.reason === 'Conflict' ? 'it was changed meanwhile; plan anew' : error.message;
      throw new CommandFailure(`${kind} ${name}: ${stale}${dryRun || written.length === 0 ? '; nothing was written' : `; written already: ${written.join(', ')}`}`);
    }
  }
}

export function registerClone(fleet: Command, environment: (command: Command) => Environment): void {
  fleet.command('clone')
    .description('show what has to change so that meshes and policies treat TARGET as they treat SOURCE; --apply writes it, and a run follows')
    .argument('<source>')
    .requiredOption('--to <target>', 'the cluster that is to become like SOURCE')
    .addOption(new Option('-o, --output <format>', 'diff: changes and why; yaml: whole objects for kubectl apply or a repository; name: objects that change').choices(['diff', 'yaml', 'name']).default('diff'))
    .option('--exact', 'also take TARGET out of export policies that do not select SOURCE', false)
    .addOption(new Option('--dry-run <mode>', 'ask the server whether it would accept the changes, write nothing').choices(['server']))
    .option('--apply', 'write the changes', false)
    .option('--reason <text>', 'why, kept with every object that --apply changes')
    .option('--all', 'with --apply: yes, although every cluster gets a new state', false)
    .action(async (source: string, options: CloneOptions, command: Command) => cloneCluster(environment(command), source, options));
}
