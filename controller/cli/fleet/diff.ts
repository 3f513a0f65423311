/** `isthmus fleet diff`: what is different in a cluster between two moments. */
import type { Command } from 'commander';
import type { DiffAnswer } from '../../../mesh/api/resources/inquiry-answers.ts';
import { toRfc3339 } from '../../../mesh/model/instant.ts';
import { type Environment, UsageProblem } from '../environment.ts';
import { inquire } from '../inquire.ts';
import { collect } from '../options.ts';
import { type Format, formatOption, print } from '../output/index.ts';
import { pastInstant } from './at.ts';
import { authorCells, fullValue, shortValue } from './values.ts';

export async function showDiff(environment: Environment, cluster: string, options: { readonly at: readonly string[]; readonly output: Format }): Promise<void> {
  if (options.at.length < 1 || options.at.length > 2) throw new UsageProblem('--at: give it once, for that moment against now, or twice, for two moments');
  const [at, to] = options.at.map((text) => toRfc3339(pastInstant('--at', text, environment.now())));
  const client = await environment.connect();
  const answer = await inquire<DiffAnswer>(environment, client, { diff: { cluster, at: at ?? '', ...(to === undefined ? {} : { to }) } });
  const headings = ['FIELD', answer.at, answer.to, 'LAST CHANGE', 'BY', 'APPROVED-BY', 'REASON'];
  const rows = (value: (text: string | null) => string, isWide: boolean): string[][] =>
    answer.changes.map(({ field, before, after, last }) => [field, value(before), value(after), last === null ? '-' : toRfc3339(last.at), ...authorCells(last, isWide)]);
  print(environment, options.output, {
    headings, rows: rows(shortValue, false),
    wide: { headings: [...headings, 'RUN'], rows: rows(shortValue, true) },
    csv: { headings: [...headings, 'RUN'], rows: rows(fullValue, true) },
    value: answer,
    names: answer.changes.map(({ field }) => `${cluster}/${field}`),
    empty: `Nothing of cluster ${cluster} is different between ${answer.at} and ${answer.to}.`,
  });
  for (const note of answer.notes) environment.err(`${note}\n`);
}

export function registerDiff(fleet: Command, environment: (command: Command) => Environment): void {
  fleet.command('diff')
    .description('show what is different in a cluster between two moments, or between one and now, and who changed it last')
    .argument('<cluster>')
    .option('--at <time>', 'a time (2026-01-31T12:00:00Z), a date, or how long ago (7d); a second one instead of now', collect, [])
    .addOption(formatOption())
    .action(async (cluster: string, options: { at: readonly string[]; output: Format }, command: Command) => showDiff(environment(command), cluster, options));
}
