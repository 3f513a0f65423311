/** `isthmus run list`: the runs, oldest first. */
import type { Command } from 'commander';
import { FINAL_RUN_PHASES, RUN_PHASES, type RunPhase } from '../../../mesh/model/rollout.ts';
import { type Environment, UsageProblem } from '../environment.ts';
import { collect } from '../options.ts';
import { age, type Format, formatOption, print } from '../output/index.ts';
import { allRuns } from './find.ts';

/** `open`: every phase that is not final; `ended`: every final one. */
function phasesOf(texts: readonly string[]): ReadonlySet<string> | undefined {
  if (texts.length === 0) return undefined;
  return new Set(texts.flatMap((text) => text.split(',')).flatMap((word): readonly RunPhase[] => {
    if (word.toLowerCase() === 'open') return RUN_PHASES.filter((phase) => !FINAL_RUN_PHASES.includes(phase));
    if (word.toLowerCase() === 'ended') return FINAL_RUN_PHASES;
    const phase = RUN_PHASES.find((known) => known.toLowerCase() === word.toLowerCase());
    if (phase === undefined) throw new UsageProblem(`--phase ${JSON.stringify(word)}: give open, ended or one of ${RUN_PHASES.join(', ')}`);
    return [phase];
  }));
}

async function listRuns(environment: Environment, options: { readonly format: Format; readonly phases: readonly string[] }): Promise<void> {
  const wanted = phasesOf(options.phases);
  const client = await environment.connect();
  const runs = (await allRuns(environment, client)).filter(({ status }) => wanted === undefined || wanted.has(status?.phase ?? 'Pending'));
  const row = ({ metadata, spec, status }: typeof runs[number]): string[] => [
    metadata.name, status?.phase ?? 'Pending', status?.stage ?? '', String(status?.counts.done ?? 0), String(status?.counts.total ?? 0), age(Date.parse(metadata.creationTimestamp ?? ''), environment.now()), spec.reason,
  ];
  print(environment, options.format, {
    headings: ['NAME', 'PHASE', 'STAGE', 'DONE', 'TOTAL', 'AGE', 'WHY'],
    rows: runs.map(row),
    wide: {
      headings: ['NAME', 'PHASE', 'STAGE', 'DONE', 'FAILED', 'TOTAL', 'WAITS-UNTIL', 'BY', 'AGE', 'NOW', 'WHY'],
      rows: runs.map((run) => {
        const [name = '', phase = '', stage = '', done = '', total = '', since = '', why = ''] = row(run);
        return [name, phase, stage, done, String(run.status?.counts.failed ?? 0), total, run.status?.waitingUntil ?? '', run.spec.requestedBy, since, run.status?.message ?? '', why];
      }),
    },
    value: runs,
    names: runs.map(({ metadata }) => `updaterun.isthmus.dev/${metadata.name}`),
    empty: wanted === undefined ? 'No run has been made yet.' : `No run is in phase ${[...wanted].join(', ')}.`,
  });
}

export function registerList(run: Command, environment: (command: Command) => Environment): void {
  run.command('list').description('list runs, oldest first')
    .option('--phase <phase>', 'only those in this phase: open, ended, or a phase as Paused (may be given again)', collect, [])
    .addOption(formatOption())
    .action(async (options: { output: Format; phase: readonly string[] }, command: Command) => listRuns(environment(command), { format: options.output, phases: options.phase }));
}
