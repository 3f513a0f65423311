/** `isthmus drift`: what others changed, and what is to become of it. */
import type { Command } from 'commander';
import type { Environment } from '../environment.ts';
import { type Format, formatOption } from '../output/index.ts';
import { decideDrift } from './decide.ts';
import { listDrift } from './list.ts';

interface Said { readonly path?: string; readonly reason: string; readonly dryRun: boolean }

export function register(program: Command, environment: (command: Command) => Environment): void {
  const drift = program.command('drift').description('changes made by others to what Isthmus manages');
  drift.command('list')
    .description('list changed fields with class, field manager, hold and first-seen time; -o wide adds digests and actor')
    .argument('[cluster]').addOption(formatOption())
    .action(async (cluster: string | undefined, options: { output: Format }, command: Command) => listDrift(environment(command), cluster, options.output));
  const decision = (command: Command): Command => command
    .option('--path <path>', 'one changed field of it, as "isthmus drift list" shows it (default: all)')
    .requiredOption('--reason <text>', 'why, for the record')
    .option('--dry-run', 'say what will happen, check with the server, decide nothing', false);
  decision(drift.command('accept').description('make a change by others desired, by an update run')
    .argument('<cluster>').argument('<object>', 'as listed: "Secret kube-system/cilium-clustermesh", or its name'))
    .action(async (cluster: string, object: string, { path, reason, dryRun }: Said, command: Command) => decideDrift(environment(command), { action: 'accept', cluster, object, path, reason, dryRun }));
  decision(drift.command('revert').description('have a change by others written over, once, by an update run; newer changes stay')
    .argument('<cluster>').argument('[object]', 'as listed (default: all)'))
    .action(async (cluster: string, object: string | undefined, { path, reason, dryRun }: Said, command: Command) => decideDrift(environment(command), { action: 'revert', cluster, object, path, reason, dryRun }));
}
