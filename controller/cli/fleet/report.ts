/** `isthmus fleet report`: what the fleet has, gives, has given away and leaves idle, and what that costs. */
import type { Command } from 'commander';
import type { ReportAnswer, ReportGroup } from '../../../mesh/api/resources/inquiry-answers.ts';
import { reportAnswer } from '../../../mesh/inventory/capacity-answers.ts';
import { IDLE } from '../../../mesh/inventory/report.ts';
import type { ResourceAmounts } from '../../../mesh/model/cluster.ts';
import { fromRfc3339, toRfc3339 } from '../../../mesh/model/instant.ts';
import { type Environment, UsageProblem } from '../environment.ts';
import { type Format, formatOption, type Listing, print } from '../output/index.ts';
import { askCapacity, cores, gibibytes, gpus, ofClusters, since, UNKNOWN } from './figures.ts';

export interface ReportOptions {
  readonly by?: string;
  readonly workloadLabel?: string;
  readonly at?: string;
  readonly output: Format;
  readonly headers?: boolean;
}

/** The moment of the answer, and what is as of it. */
interface Moment { readonly at: number; readonly current: string }

const money = (amount: number | undefined): string => (amount === undefined ? UNKNOWN : amount.toFixed(2));
const TOTAL = 'TOTAL';

function tableRow(group: ReportGroup, name: string, { at, current }: Moment): string[] {
  const { clusterCount, allocatable, requested, idle, cost, asOf } = group;
  return [
    name, String(clusterCount), cores(allocatable), cores(requested), cores(idle), gibibytes(allocatable), gibibytes(requested), gibibytes(idle),
    gpus(allocatable), gpus(requested), money(cost?.whole), money(cost?.idle), since(asOf, at, current),
  ];
}

function workloadRow(group: ReportGroup, name: string, { at, current }: Moment): string[] {
  const amounts = group.requested ?? group.idle;
  return [name, String(group.clusterCount), cores(amounts), gibibytes(amounts), amounts === null ? UNKNOWN : String(amounts.pods), gpus(amounts), money(group.cost === null ? undefined : group.requested === null ? group.cost.idle : group.cost.requested), since(group.asOf, at, current)];
}

const CLUSTER_HEADINGS = ['CLUSTERS', 'CPU', 'CPU REQ', 'CPU IDLE', 'MEMORY', 'MEM REQ', 'MEM IDLE', 'GPU', 'GPU REQ', 'COST/H', 'IDLE/H', 'AS OF'];
const WORKLOAD_HEADINGS = ['CLUSTERS', 'CPU', 'MEMORY', 'PODS', 'GPU', 'COST/H', 'AS OF'];

const plain = (amounts: ResourceAmounts | null): string[] => (amounts === null ? ['', '', '', ''] : [String(amounts.cpuMilli), String(amounts.memoryBytes), String(amounts.pods), gpus(amounts)]);

function listingOf(report: ReportAnswer): Listing {
  const { by, groups, sum, unknown, unknownCount, query, from, notes: remarks } = report;
  const at = fromRfc3339(report.at) ?? 0;
  const moment: Moment = { at, current: from === 'records' ? 'then' : 'now' };
  const workload = 'workload' in by;
  const key = workload ? by.workload : by.cluster;
  const row = workload ? workloadRow : tableRow;
  // A group of which nothing is known is shown all the same.
  const shown = groups.filter(({ value, clusterCount }) => clusterCount > 0 && !(workload && value === IDLE));
  const idle = groups.filter(({ value }) => workload && value === IDLE);
  const lost = groups.filter(({ clusterCount }) => clusterCount === 0);
  const headings = [key.toUpperCase(), ...workload ? WORKLOAD_HEADINGS : CLUSTER_HEADINGS];
  return {
    headings,
    rows: [
      ...shown.map((group) => row(group, group.value, moment)),
      ...lost.map(({ value }) => [value, '0', ...Array.from({ length: headings.length - 2 }, () => UNKNOWN)]),
      ...groups.length > 1 && sum.clusterCount > 0 ? [row(sum, TOTAL, moment)] : [],
      // No part of what is asked for.
      ...idle.map((group) => row(group, IDLE, moment)),
    ],
    csv: {
      headings: [key, 'clusters', ...['capacity', 'allocatable', 'requested', 'idle'].flatMap((what) => ['cpu-milli', 'memory-bytes', 'pods', 'gpus'].map((unit) => `${what}-${unit}`)), 'cost-per-hour', 'cost-requested-per-hour', 'cost-idle-per-hour', 'as-of'],
      rows: groups.map(({ value, clusterCount, capacity, allocatable, requested, idle, cost, asOf }) => [
        value, String(clusterCount), ...plain(capacity), ...plain(allocatable), ...plain(requested), ...plain(idle),
        ...cost === null ? ['', '', ''] : [cost.whole, cost.requested, cost.idle].map(String), toRfc3339(asOf ?? at),
      ]),
    },
    value: { query, at: report.at, from, by, groups: groups.map((group) => dated(group, at)), total: dated(sum, at), unknown, unknownCount, notes: remarks },
    names: groups.map(({ value }) => value),
    empty: unknownCount === 0 ? 'No cluster matches.' : 'Of no cluster that matches is it known.',
  };
}

const dated = ({ asOf, ...group }: ReportGroup, at: number): object => ({ ...group, asOf: toRfc3339(asOf ?? at) });

/** What the sums lack. */
function notes({ unknown, unknownCount, sum, undecided, undecidedNames, notes: remarks }: ReportAnswer): string {
  const lines = [
    ...unknown.map(({ cluster, what }) => `unknown of ${cluster}: ${what}`), ...unknownCount > unknown.length ? [`and of ${unknownCount - unknown.length} more clusters`] : [],
    ...undecided === 0 ? [] : [`${undecided} more would match or not by what nobody has told: ${undecidedNames.join(', ')}${undecided > undecidedNames.length ? ', …' : ''}`], ...remarks,
  ];
  if (sum.unpriced > 0 && sum.cost !== null) lines.push(`cost lacks ${sum.unpriced} of ${sum.clusterCount} clusters: declare cost-per-cpu-hour and cost-per-memory-gib-hour, or cost-per-hour, in their spec.properties`);
  return lines.map((line) => `${line}\n`).join('');
}

export async function showReport(environment: Environment, query: string, { by, workloadLabel, at, output, headers = true }: ReportOptions): Promise<void> {
  if (by !== undefined && workloadLabel !== undefined) throw new UsageProblem('--by, --workload-label: a report is made by one of them');
  const report = await askCapacity<ReportAnswer>(environment, {
    of: ofClusters(environment, query, at),
    spec: (next) => ({ report: { ...next, ...(by === undefined ? {} : { by }), ...(workloadLabel === undefined ? {} : { workloadLabel }) } }),
    join: (answer, page) => ({ ...answer, groups: [...answer.groups, ...page.groups] }),
    from: (fleet) => {
      const { about, parts } = reportAnswer(fleet, workloadLabel === undefined ? { cluster: by ?? 'name' } : { workload: workloadLabel });
      return { ...about, groups: parts };
    },
  });
  print(environment, output, listingOf(report), headers);
  if (output === 'table' || output === 'wide') environment.err(notes(report));
}

export function registerReport(fleet: Command, environment: (command: Command) => Environment): void {
  fleet.command('report')
    .description('sum up what clusters give, what their pods ask for, what is idle and what that costs')
    .argument('[query]', 'only the clusters that a query matches, for example region=eu-*, or @NAME for a saved query; nothing: all', '')
    .option('--by <key>', 'one row for each value of this label or property of clusters (region, team, cost-center, name)')
    .option('--workload-label <key>', 'one row for each value of this label of pods or their namespaces, which agents sum by')
    .option('--at <time>', 'as of then: a time (2026-01-31T12:00:00Z), a date, or how long ago (7d)')
    .option('--no-headers', 'leave out the headings of tables and csv')
    .addOption(formatOption())
    .addHelpText('after', `
CPU, memory and GPUs are what nodes can give (allocatable); idle is that less what pods ask for, limits aside. Figures of connected clusters are of now,
to a minute and 1 %; those of others as of when they were last heard. Prices are declared properties of clusters: cost-per-cpu-hour and
cost-per-memory-gib-hour, or cost-per-hour for the whole, half of it for the processors and half for the memory.`)
    .action(async (query: string, options: ReportOptions, command: Command) => showReport(environment(command), query, options));
}
