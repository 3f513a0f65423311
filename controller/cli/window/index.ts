/** `isthmus window`: when changes may begin. */
import type { Command } from 'commander';
import { parseTime } from '../../../mesh/model/compare.ts';
import { type Environment, UsageProblem } from '../environment.ts';
import { type Format, formatOption } from '../output/index.ts';
import { explainWindows } from './explain.ts';
import { listWindows } from './list.ts';
import { overrideWindows } from './override.ts';

function instantOf(text: string): number {
  const at = parseTime(text);
  if (at === undefined) throw new UsageProblem(`--at ${JSON.stringify(text)}: give a time (2026-12-24T18:00:00Z) or a date (2026-12-24)`);
  return at;
}

export function register(program: Command, environment: (command: Command) => Environment): void {
  const window = program.command('window').description('change windows: when changes may begin on which clusters');
  window.command('list').description('list change windows: which are open, and when they close or open next').addOption(formatOption())
    .action(async (options: { output: Format }, command: Command) => listWindows(environment(command), options.output));
  window.command('explain').description('say whether changes may begin on a cluster, why not, when they may, and the part of each window')
    .argument('[cluster]')
    .option('--at <time>', 'as of then (default: now)')
    .option('--run <name>', 'for this run, with what people have overridden for it')
    .addOption(formatOption())
    .action(async (cluster: string | undefined, { at, run, output }: { at?: string; run?: string; output: Format }, command: Command) => {
      if (cluster === undefined) throw new UsageProblem('say which cluster: isthmus window explain CLUSTER ("isthmus fleet list" names them, "isthmus window list" the windows)');
      await explainWindows(environment(command), { cluster, at: at === undefined ? undefined : instantOf(at), run, format: output });
    });
  window.command('override').description('let a run pass closed windows for a while; needs ClusterRole isthmus-window-overrider')
    .argument('<run>')
    .requiredOption('--reason <text>', 'why, for the record')
    .requiredOption('--for <time>', 'how long: 30m, 2h, at most 7d')
    .option('--clusters <names>', 'of its clusters, these: names (berlin,oslo-*) or labels (region=eu,tier=gold)')
    .option('--dry-run', 'check with the server, override nothing', false)
    .action(async (run: string, options: { reason: string; for: string; clusters?: string; dryRun: boolean }, command: Command) =>
      overrideWindows(environment(command), { run, reason: options.reason, for: options.for, clusters: options.clusters, dryRun: options.dryRun }));
}
