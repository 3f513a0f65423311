/** `isthmus fleet history`: what changed in a cluster, by whom, when. */
import type { Command } from 'commander';
import type { HistoryAnswer } from '../../../mesh/api/resources/inquiry-answers.ts';
import { toRfc3339 } from '../../../mesh/model/instant.ts';
import type { Environment } from '../environment.ts';
import { inquire } from '../inquire.ts';
import { wholeNumber } from '../options.ts';
import { type Format, formatOption, print } from '../output/index.ts';

const WIDEST_VALUE = 40;
const short = (text: string | null): string => (text === null ? '-' : text.length > WIDEST_VALUE ? `${text.slice(0, WIDEST_VALUE - 1)}…` : text);

async function showHistory(environment: Environment, cluster: string, options: { readonly field?: string; readonly limit: string; readonly output: Format }): Promise<void> {
  const limit = wholeNumber('--limit', options.limit, 1, 500);
  const client = await environment.connect();
  const { entries } = await inquire<HistoryAnswer>(environment, client, { history: { cluster, limit, ...(options.field === undefined ? {} : { field: options.field }) } });
  print(environment, options.output, {
    headings: ['WHEN', 'FIELD', 'BEFORE', 'AFTER', 'BY'],
    rows: entries.map((entry) => [toRfc3339(entry.at), entry.field, short(entry.before), short(entry.after), entry.by]),
    value: entries,
    names: entries.map((entry) => `${entry.cluster}/${entry.field}`),
    empty: `No change of cluster ${cluster} is recorded.`,
  });
}

export function registerHistory(fleet: Command, environment: (command: Command) => Environment): void {
  fleet.command('history')
    .description('show what changed in a cluster, newest first: field, old and new value, by whom and when')
    .argument('<cluster>')
    .option('--field <name>', 'only this field, for example desired or properties.region')
    .option('--limit <count>', 'at most this many changes', '50')
    .addOption(formatOption())
    .action(async (cluster: string, options: { field?: string; limit: string; output: Format }, command: Command) => showHistory(environment(command), cluster, options));
}
