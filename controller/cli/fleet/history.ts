/** `isthmus fleet history`: what changed in a cluster, by whom, why, when. */
import type { Command } from 'commander';
import type { HistoryAnswer } from '../../../mesh/api/resources/inquiry-answers.ts';
import { toRfc3339 } from '../../../mesh/model/instant.ts';
import { type Environment, UsageProblem } from '../environment.ts';
import { inquire } from '../inquire.ts';
import { wholeNumber } from '../options.ts';
import { type Format, formatOption, print } from '../output/index.ts';
import { pastInstant } from './at.ts';
import { authorCells, fullValue, shortValue } from './values.ts';

interface HistoryOptions {
  readonly field?: string;
  readonly since?: string;
  readonly until?: string;
  readonly limit: string;
  readonly output: Format;
}

export async function showHistory(environment: Environment, cluster: string, options: HistoryOptions): Promise<void> {
  const limit = wholeNumber('--limit', options.limit, 1, 500);
  const time = (option: string, text: string | undefined): string | undefined => (text === undefined ? undefined : toRfc3339(pastInstant(option, text, environment.now())));
  const [since, until] = [time('--since', options.since), time('--until', options.until)];
  if (since !== undefined && until !== undefined && until <= since) throw new UsageProblem(`--until ${options.until}: is not after --since ${options.since}`);
  const client = await environment.connect();
  const { entries, more, keptSince, otherNames } = await inquire<HistoryAnswer>(environment, client, {
    history: { cluster, limit, ...(options.field === undefined ? {} : { field: options.field }), ...(since === undefined ? {} : { since }), ...(until === undefined ? {} : { until }) },
  });
  const headings = ['WHEN', 'FIELD', 'BEFORE', 'AFTER', 'BY', 'APPROVED-BY', 'REASON'];
  const rows = (value: (text: string | null) => string, isWide: boolean): string[][] => entries.map((entry) => [toRfc3339(entry.at), entry.field, value(entry.before), value(entry.after), ...authorCells(entry, isWide)]);
  print(environment, options.output, {
    headings, rows: rows(shortValue, false),
    wide: { headings: [...headings, 'RUN'], rows: rows(shortValue, true) },
    csv: { headings: [...headings, 'RUN'], rows: rows(fullValue, true) },
    value: entries,
    names: entries.map((entry) => `${entry.cluster}/${entry.field}`),
    empty: `No change of cluster ${cluster} is recorded${options.field === undefined && since === undefined && until === undefined ? '' : ' that fits'}.`,
  });
  if (more) environment.err(`There are older changes: --limit N or --until ${toRfc3339((entries.at(-1)?.at ?? 0) + 1)} shows them.\n`);
  if (keptSince !== null && (since === undefined ? !more : since < keptSince)) environment.err(`Changes before ${keptSince} are not kept one by one: "isthmus fleet diff ${cluster} --at TIME" tells of days before.\n`);
  for (const other of otherNames) environment.err(`The same cluster, by its uid, is known as ${other.cluster} since ${other.since}: "isthmus fleet history ${other.cluster}".\n`);
}

export function registerHistory(fleet: Command, environment: (command: Command) => Environment): void {
  fleet.command('history')
    .description('show what changed in a cluster, newest first: field, old and new value, by whom, on whose approval, why and when')
    .argument('<cluster>')
    .option('--field <name>', 'only this field, for example desired or labels.region, or all that begin so: labels.*')
    .option('--since <time>', 'from then on: a time (2026-01-31T12:00:00Z), a date, or how long ago (7d)')
    .option('--until <time>', 'up to then')
    .option('--limit <count>', 'at most this many changes', '50')
    .addOption(formatOption())
    .action(async (cluster: string, options: HistoryOptions, command: Command) => showHistory(environment(command), cluster, options));
}
