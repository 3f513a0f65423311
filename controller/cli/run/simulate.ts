/** `isthmus run simulate`: what a run would do, when, and how bad it can get; nothing is changed. */
import { writeFile } from 'node:fs/promises';
import { type Command, Option } from 'commander';
import { parseDuration, parseTime } from '../../../mesh/model/compare.ts';
import { toRfc3339 } from '../../../mesh/model/instant.ts';
import { LONGEST_HORIZON_SECONDS } from '../../../mesh/rollout/simulate.ts';
import { clusterNames } from '../clusters.ts';
import { CommandFailure, type Environment, UsageProblem } from '../environment.ts';
import { collect } from '../options.ts';
import { type Format, print } from '../output/index.ts';
import { foresee, type SimulateQuestion } from './foresee.ts';
import { picture } from './picture.ts';
import { addSourceOptions, type SourceOptions, sourceOf, sourceText } from './source.ts';
import { clusterTable, simulationText } from './simulate-text.ts';

const FORMATS = ['table', 'wide', 'json', 'yaml', 'csv', 'svg', 'name'] as const;

export interface SimulateOptions extends SourceOptions {
  readonly fail?: string;
  readonly failPercent?: readonly string[];
  readonly away?: string;
  readonly from?: string;
  readonly healthyAfter?: string;
  readonly approvedAfter?: string;
  readonly gatesFail?: boolean;
  readonly days?: string;
  readonly wide?: boolean;
  readonly picture?: string;
  readonly output: Format | 'svg';
}

function secondsOf(option: string, text: string, most: number): number {
  const milliseconds = parseDuration(text);
  if (milliseconds === undefined || milliseconds < 0 || milliseconds / 1000 > most) throw new UsageProblem(`${option} ${JSON.stringify(text)}: give a time, as 30s or 5m, at most ${most / 3600} h`);
  return Math.round(milliseconds / 1000);
}

function fromTime(text: string, now: number): string {
  const ahead = text.startsWith('+') ? parseDuration(text.slice(1)) : undefined;
  const at = ahead === undefined ? parseTime(text) : now + ahead;
  if (at === undefined) throw new UsageProblem(`--from ${JSON.stringify(text)}: give a time (2026-12-24T18:00:00Z), a date (2026-12-24) or how far ahead (+6h)`);
  return toRfc3339(at);
}

function failPercentOf(texts: readonly string[]): { readonly stage: string; readonly percent: number }[] {
  return texts.map((text) => {
    const [, stage, percent] = /^([^=]+)=(\d{1,3})%?$/.exec(text) ?? [];
    if (stage === undefined || Number(percent) > 100) throw new UsageProblem(`--fail-percent ${JSON.stringify(text)}: write STAGE=PERCENT, as rest=5`);
    return { stage, percent: Number(percent) };
  });
}

export function questionOf(options: SimulateOptions, now: number): Omit<SimulateQuestion, 'run'> {
  const { fail, failPercent = [], away, from, healthyAfter = '30s', approvedAfter = '0s', gatesFail = false, days = '30' } = options;
  const most = LONGEST_HORIZON_SECONDS / 86_400;
  if (!/^\d{1,3}$/.test(days) || Number(days) < 1 || Number(days) > most) throw new UsageProblem(`--days ${JSON.stringify(days)}: give a whole number from 1 to ${most}`);
  return {
    whatIf: { ...(fail === undefined ? {} : { fail: clusterNames('--fail', fail) }), ...(away === undefined ? {} : { away: clusterNames('--away', away) }), ...(failPercent.length === 0 ? {} : { failPercent: failPercentOf(failPercent) }) },
    ...(from === undefined ? {} : { from: fromTime(from, now) }), healthyAfterSeconds: secondsOf('--healthy-after', healthyAfter, 86_400),
    approvedAfterSeconds: approvedAfter === 'never' ? 0 : secondsOf('--approved-after', approvedAfter, LONGEST_HORIZON_SECONDS), neverApproved: approvedAfter === 'never', gatesFail, days: Number(days),
  };
}

export async function simulateRun(environment: Environment, run: string | undefined, options: SimulateOptions): Promise<void> {
  const asked = questionOf(options, environment.now());
  const client = await environment.connect();
  const source = await sourceOf(environment, client, run, options);
  const foreseen = await foresee(environment, client, { ...asked, ...source });
  const title = sourceText(source);
  if (options.picture !== undefined) {
    const file = options.picture;
    await writeFile(file, picture(title, foreseen)).catch((error: unknown) => { throw new CommandFailure(`--picture ${file}: cannot be written (${(error as NodeJS.ErrnoException).code ?? String(error)}); give a file in a folder that there is`); });
  }
  const { output } = options;
  if (output === 'svg') return environment.out(picture(title, foreseen));
  if (output === 'table' || output === 'wide') {
    environment.out(simulationText(title, foreseen, output === 'wide' || options.wide === true));
    if (options.picture !== undefined) environment.err(`the picture is in ${options.picture}\n`);
    return;
  }
  const { about, simulation } = foreseen;
  print(environment, output, { ...clusterTable(simulation), value: { ...about, ...simulation }, names: simulation.clusters.map(({ cluster }) => `cluster.isthmus.dev/${cluster}`), empty: '' });
}

export function registerSimulate(run: Command, environment: (command: Command) => Environment): void {
  addSourceOptions(run.command('simulate').description('say what a run would do, when, and how bad it can get, by the engine itself in virtual time; changes nothing').argument('[run]', 'a run, begun or not (default: the newest one)'))
    .option('--fail <clusters>', 'what if these never get healthy: names separated by commas')
    .option('--fail-percent <stage=percent>', 'what if so many of a stage\'s clusters never get healthy (may be given again)', collect, [])
    .option('--away <clusters>', 'what if these are not connected')
    .option('--from <time>', 'when it begins or goes on: a time, a date or how far ahead, +6h (default: now)')
    .option('--healthy-after <time>', 'from a cluster\'s assignment until it is healthy', '30s')
    .option('--approved-after <time>', 'from when an approval is asked for until it is given; "never"', '0s')
    .option('--gates-fail', 'metric, webhook and Job gates fail rather than pass', false)
    .option('--days <count>', 'how far to look ahead, at most 90', '30')
    .option('--wide', 'also a row for each cluster', false)
    .option('--picture <file>', 'also draw a picture into this file, as SVG')
    .addOption(new Option('-o, --output <format>', 'how to print').choices(FORMATS).default('table'))
    .addHelpText('after', `
Without --strategy: a run that there is. With --strategy and one of --bundle, --plan, --remove-package (or with --undo or --retry alone): a run that nobody has made,
frozen as it would be now. Clusters that are not connected now are taken to stay so.`)
    .action(async (name: string | undefined, options: SimulateOptions, command: Command) => simulateRun(environment(command), name, options));
}
