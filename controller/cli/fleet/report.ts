/** `isthmus fleet report`: what the fleet has, gives, has given away and leaves idle, and what that costs. */
import type { Command } from 'commander';
import { type FleetReport, IDLE, reportFleet, type ReportGroup } from '../../../mesh/inventory/report.ts';
import type { ResourceAmounts } from '../../../mesh/model/cluster.ts';
import { toRfc3339 } from '../../../mesh/model/instant.ts';
import { type Environment, UsageProblem } from '../environment.ts';
import { type Format, formatOption, type Listing, print } from '../output/index.ts';
import { cores, gibibytes, gpus, readFigures, since, UNKNOWN } from './figures.ts';

export interface ReportOptions {
  readonly by?: string;
  readonly workloadLabel?: string;
  readonly output: Format;
  readonly headers?: boolean;
}

const money = (amount: number | undefined): string => (amount === undefined ? UNKNOWN : amount.toFixed(2));
const TOTAL = 'TOTAL';

function tableRow(group: ReportGroup, name: string, now: number): string[] {
  const { clusters, allocatable, requested, idle, cost, asOf } = group;
  return [
    name, String(clusters.length), cores(allocatable), cores(requested), cores(idle), gibibytes(allocatable), gibibytes(requested), gibibytes(idle),
    gpus(allocatable), gpus(requested), money(cost?.whole), money(cost?.idle), since(asOf, now),
  ];
}

function workloadRow(group: ReportGroup, name: string, now: number): string[] {
  const amounts = group.requested ?? group.idle;
  return [name, String(group.clusters.length), cores(amounts), gibibytes(amounts), amounts === null ? UNKNOWN : String(amounts.pods), gpus(amounts), money(group.cost === null ? undefined : group.requested === null ? group.cost.idle : group.cost.requested), since(group.asOf, now)];
}

const CLUSTER_HEADINGS = ['CLUSTERS', 'CPU', 'CPU REQ', 'CPU IDLE', 'MEMORY', 'MEM REQ', 'MEM IDLE', 'GPU', 'GPU REQ', 'COST/H', 'IDLE/H', 'AS OF'];
const WORKLOAD_HEADINGS = ['CLUSTERS', 'CPU', 'MEMORY', 'PODS', 'GPU', 'COST/H', 'AS OF'];

const plain = (amounts: ResourceAmounts | null): string[] => (amounts === null ? ['', '', '', ''] : [String(amounts.cpuMilli), String(amounts.memoryBytes), String(amounts.pods), gpus(amounts)]);

function listingOf(report: FleetReport, now: number): Listing {
  const { by, groups, total, unknown } = report;
  const workload = 'workload' in by;
  const key = workload ? by.workload : by.cluster;
  const row = workload ? workloadRow : tableRow;
  // A group of which nothing is known is shown all the same.
  const shown = groups.filter(({ value, clusters }) => clusters.length > 0 && !(workload && value === IDLE));
  const idle = groups.filter(({ value }) => workload && value === IDLE);
  const lost = groups.filter(({ clusters }) => clusters.length === 0);
  const headings = [key.toUpperCase(), ...workload ? WORKLOAD_HEADINGS : CLUSTER_HEADINGS];
  return {
    headings,
    rows: [
      ...shown.map((group) => row(group, group.value, now)),
      ...lost.map(({ value }) => [value, '0', ...Array.from({ length: headings.length - 2 }, () => UNKNOWN)]),
      ...groups.length > 1 && total.clusters.length > 0 ? [row(total, TOTAL, now)] : [],
      // No part of what is asked for.
      ...idle.map((group) => row(group, IDLE, now)),
    ],
    csv: {
      headings: [key, 'clusters', ...['capacity', 'allocatable', 'requested', 'idle'].flatMap((what) => ['cpu-milli', 'memory-bytes', 'pods', 'gpus'].map((unit) => `${what}-${unit}`)), 'cost-per-hour', 'cost-requested-per-hour', 'cost-idle-per-hour', 'as-of'],
      rows: groups.map(({ value, clusters, capacity, allocatable, requested, idle, cost, asOf }) => [
        value, String(clusters.length), ...plain(capacity), ...plain(allocatable), ...plain(requested), ...plain(idle),
        ...cost === null ? ['', '', ''] : [cost.whole, cost.requested, cost.idle].map(String), asOf === null ? toRfc3339(now) : toRfc3339(asOf),
      ]),
    },
    value: { ...report, groups: groups.map((group) => dated(group, now)), total: dated(total, now), unknown },
    names: groups.map(({ value }) => value),
    empty: 'No cluster matches.',
  };
}

const dated = ({ asOf, ...group }: ReportGroup, now: number): object => ({ ...group, asOf: toRfc3339(asOf ?? now) });

/** What the sums lack. */
function notes({ unknown, total }: FleetReport): string {
  const lines = unknown.map(({ cluster, what }) => `unknown of ${cluster}: ${what}`);
  if (total.unpriced > 0 && total.cost !== null) lines.push(`cost lacks ${total.unpriced} of ${total.clusters.length} clusters: declare cost-per-cpu-hour and cost-per-memory-gib-hour, or cost-per-hour, in their spec.properties`);
  return lines.map((line) => `${line}\n`).join('');
}

export async function showReport(environment: Environment, query: string, { by, workloadLabel, output, headers = true }: ReportOptions): Promise<void> {
  if (by !== undefined && workloadLabel !== undefined) throw new UsageProblem('--by, --workload-label: a report is made by one of them');
  const figures = await readFigures(environment, query);
  const report = reportFleet(figures, workloadLabel === undefined ? { cluster: by ?? 'name' } : { workload: workloadLabel });
  print(environment, output, listingOf(report, environment.now()), headers);
  if (output === 'table' || output === 'wide') environment.err(notes(report));
}

export function registerReport(fleet: Command, environment: (command: Command) => Environment): void {
  fleet.command('report')
    .description('sum up what clusters give, what their pods ask for, what is idle and what that costs')
    .argument('[query]', 'only the clusters that a query matches, for example region=eu-*; nothing: all', '')
    .option('--by <key>', 'one row for each value of this label or property of clusters (region, team, cost-center, name)')
    .option('--workload-label <key>', 'one row for each value of this label of pods or their namespaces, which agents sum by')
    .option('--no-headers', 'leave out the headings of tables and csv')
    .addOption(formatOption())
    .addHelpText('after', `
CPU, memory and GPUs are what nodes can give (allocatable); idle is that less what pods ask for, limits aside. Figures of connected clusters are of now,
to a minute and 1 %; those of others as of when they were last heard. Prices are declared properties of clusters: cost-per-cpu-hour and
cost-per-memory-gib-hour, or cost-per-hour for the whole, half of it for the processors and half for the memory.`)
    .action(async (query: string, options: ReportOptions, command: Command) => showReport(environment(command), query, options));
}
