/** `isthmus fleet query`: which clusters match, what is known of them, and how old that is. */
import type { Command } from 'commander';
import { USUAL_COLUMNS, WIDE_COLUMNS } from '../../../mesh/inventory/answer.ts';
import { isKey } from '../../../mesh/inventory/reading.ts';
import { toRfc3339 } from '../../../mesh/model/instant.ts';
import { type Environment, UsageProblem } from '../environment.ts';
import { type Format, formatOption, print } from '../output/index.ts';
import { ask, type FleetQuestion, readable } from './ask.ts';
import { pastInstant } from './at.ts';
import { listingOf, provenance } from './query-listing.ts';
import { createChangePrinter } from './query-changes.ts';
import { watchFleet } from './query-watch.ts';

export interface QueryOptions {
  readonly output: Format;
  readonly watch?: boolean;
  readonly at?: string;
  readonly saved?: string;
  readonly columns?: string;
  readonly sortBy?: string;
  /** false: `--no-headers`. */
  readonly headers?: boolean;
  readonly quiet?: boolean;
}

function questionOf(text: string, { output, at, saved, columns, sortBy }: QueryOptions, now: number): FleetQuestion {
  const name = saved ?? (text.startsWith('@') ? text.slice(1) : undefined);
  if (saved !== undefined && text !== '') throw new UsageProblem(`--saved ${saved}: give the name of a saved query or a query, not both`);
  const keys = columns?.split(',').map((key) => key.trim()).filter((key) => key !== '');
  if (keys?.length === 0) throw new UsageProblem(`--columns ${JSON.stringify(columns)}: name at least one key, for example region,agent-version`);
  const wrong = keys?.find((key) => !isKey(key));
  if (wrong !== undefined) throw new UsageProblem(`--columns: ${JSON.stringify(wrong)} is no key: name labels, properties and facts, for example region,agent-version`);
  const wide = name === undefined ? [...USUAL_COLUMNS, ...WIDE_COLUMNS] : undefined;
  const shown = keys ?? (output === 'wide' ? wide : undefined);
  return {
    ...(name === undefined ? { text: readable(text) } : { saved: name }), ...(shown === undefined ? {} : { columns: shown }),
    ...(sortBy === undefined ? {} : { orderBy: sortBy }), ...(at === undefined ? {} : { at: toRfc3339(pastInstant('--at', at, now)) }),
  };
}

export async function queryFleet(environment: Environment, text: string, options: QueryOptions): Promise<void> {
  const { output, headers = true, quiet = false, watch = false } = options;
  const question = questionOf(text, options, environment.now());
  if (watch && question.at !== undefined) throw new UsageProblem('--at, --watch: the past does not change; give one of them');
  const client = await environment.connect();
  const explain = (sentence: string): void => { if (!quiet) environment.err(`${sentence}\n`); };
  if (watch) return watchFleet(environment, client, question, createChangePrinter(environment, { output, headers, quiet }), explain);
  const answer = await ask(environment, client, question, explain);
  print(environment, output, listingOf(answer), headers);
  if (!quiet && output !== 'json' && output !== 'yaml') environment.err(provenance(answer));
}

export function registerQuery(fleet: Command, environment: (command: Command) => Environment): void {
  fleet.command('query')
    .description('list the clusters that a query matches, what is known of them and how old that is')
    .argument('[query]', 'for example \'region=eu-*,!frozen,agent-version<1.4 order by last-change\', or @NAME for a saved query; nothing: every cluster', '')
    .option('--saved <name>', 'the query of the FleetQuery of that name')
    .option('--at <time>', 'as of then: a time (2026-01-31T12:00:00Z), a date, or how long ago (7d)')
    .option('-w, --watch', 'then print every change of the result, until Ctrl-C', false)
    .option('--columns <keys>', 'what to show: labels, properties and facts, separated by commas')
    .option('--sort-by <key>', 'order by this key instead (KEY or "KEY desc")')
    .option('--no-headers', 'leave out the headings of tables and csv')
    .option('-q, --quiet', 'do not print on standard error which index was used and how fresh each source is', false)
    .addOption(formatOption())
    .addHelpText('after', `
A query is terms joined by commas: key=glob, key!=glob, key in (a,b), key notin (a,b), key, !key, key<value, <=, >, >=;
then optionally "order by KEY [desc], …" and "limit N". Keys are "name", labels, properties and facts, for example ready, connected, frozen,
in-sync, drift, agent-version, cilium-version, issuing-ca-generation, last-change, last-heard, cpu-requested, memory-allocatable, storage-class.
What nobody knows matches neither a term nor its opposite.`)
    .action(async (query: string, options: QueryOptions, command: Command) => queryFleet(environment(command), query, options));
}
