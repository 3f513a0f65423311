/** `isthmus fleet find`: which clusters could take a workload, by what they can do, and why each other one could not. */
import type { Command } from 'commander';
import type { FindAnswer } from '../../../mesh/api/resources/inquiry-answers.ts';
import { findAnswer } from '../../../mesh/inventory/capacity-answers.ts';
import type { Wish } from '../../../mesh/inventory/find.ts';
import { parseQuantity } from '../../../mesh/model/compare.ts';
import { type Environment, UsageProblem } from '../environment.ts';
import { collect, wholeNumber } from '../options.ts';
import { type Format, formatOption, print, table } from '../output/index.ts';
import { askCapacity, cores, gibibytes, gpus, ofClusters } from './figures.ts';

export interface FindOptions {
  readonly class: readonly string[];
  readonly region: readonly string[];
  readonly capability: readonly string[];
  readonly freeCpu?: string;
  readonly freeMemory?: string;
  readonly freeGpu?: string;
  readonly explain: boolean;
  readonly at?: string;
  readonly output: Format;
}

function quantity(option: string, text: string | undefined, factor: number, example: string): number | undefined {
  if (text === undefined) return undefined;
  const value = parseQuantity(text);
  if (value === undefined || value < 0) throw new UsageProblem(`${option} ${JSON.stringify(text)}: is no quantity; write for example ${example}`);
  return value * factor;
}

function wishOf({ class: classes, region, capability, freeCpu, freeMemory, freeGpu }: FindOptions): Wish {
  const empty = [...classes, ...region, ...capability].find((text) => text.trim() === '' || text.startsWith('='));
  if (empty !== undefined) throw new UsageProblem(`${JSON.stringify(empty)}: --class, --region and --capability want a name`);
  const [freeCpuMilli, freeMemoryBytes] = [quantity('--free-cpu', freeCpu, 1000, '100 or 500m'), quantity('--free-memory', freeMemory, 1, '200Gi')];
  return {
    classes, regions: region.flatMap((one) => one.split(',')), capabilities: capability,
    ...(freeCpuMilli === undefined ? {} : { freeCpuMilli }), ...(freeMemoryBytes === undefined ? {} : { freeMemoryBytes }),
    ...(freeGpu === undefined ? {} : { freeGpus: wholeNumber('--free-gpu', freeGpu, 0, 1_000_000) }),
  };
}

export async function findFleet(environment: Environment, query: string, options: FindOptions): Promise<void> {
  const wish = wishOf(options);
  const { output, explain, at } = options;
  // Scripts read everything.
  const all = explain || output === 'json' || output === 'yaml';
  const answer = await askCapacity<FindAnswer>(environment, {
    of: ofClusters(environment, query, at),
    spec: (next) => ({ find: { ...next, ...wish, classes: [...wish.classes], regions: [...wish.regions], capabilities: [...wish.capabilities], explain: all } }),
    join: (before, page) => ({ ...before, clusters: [...before.clusters, ...page.clusters] }),
    from: (fleet) => {
      const { about, parts } = findAnswer(fleet, wish, all, fleet.head.at);
      return { ...about, clusters: parts };
    },
  });
  const [chosen, others] = [answer.clusters.filter((one) => one.chosen), answer.clusters.filter((one) => !one.chosen)];
  print(environment, output, {
    headings: ['NAME', 'CPU FREE', 'MEMORY FREE', 'GPU FREE', 'WHY'],
    rows: chosen.map(({ name, free, reasons }) => [name, cores(free), gibibytes(free), gpus(free), reasons.length === 0 ? 'nothing was wished for' : reasons.join('; ')]),
    value: { query: answer.query, at: answer.at, from: answer.from, chosen: chosen.map(({ name, free, reasons }) => ({ name, free, why: reasons })), others: others.map(({ name, reasons }) => ({ name, reasons })), notes: answer.notes },
    names: chosen.map(({ name }) => `cluster.isthmus.dev/${name}`),
    empty: answer.matched === 0 ? 'No cluster matches.' : `None of ${answer.matched} clusters fits.${explain ? '' : ' Ask with --explain why.'}`,
  });
  const asTable = output === 'table' || output === 'wide';
  if (explain && others.length > 0 && asTable) environment.out(`${chosen.length > 0 ? '\n' : ''}${table(['NOT CHOSEN', 'WHY'], others.map(({ name, reasons }) => [name, reasons.join('; ')]))}`);
  if (asTable) for (const note of answer.notes) environment.err(`${note}\n`);
}

export function registerFind(fleet: Command, environment: (command: Command) => Environment): void {
  fleet.command('find')
    .description('choose clusters by what they can do: hardware, region, certifications, free capacity; most to give first')
    .argument('[query]', 'only among the clusters that a query matches, for example environment=production; nothing: among all', '')
    .option('--class <name>', 'has it: a kind of capability (gpu) or a resource, architecture or storage class (arm64, */mig-*), repeatable', collect, [])
    .option('--region <name>', 'in one of these: a region, the beginning of its name (eu for eu-west-1) or a glob, repeatable', collect, [])
    .option('--capability <name>', 'declared or labelled so (pci), or NAME=GLOB (storage-class=fast*), repeatable: all of them', collect, [])
    .option('--free-cpu <cores>', 'so much is neither requested nor reserved, over all nodes')
    .option('--free-memory <quantity>', 'likewise, for example 200Gi')
    .option('--free-gpu <count>', 'likewise')
    .option('--at <time>', 'as of then: a time (2026-01-31T12:00:00Z), a date, or how long ago (7d)')
    .option('--explain', 'say of each other cluster why it was not chosen', false)
    .addOption(formatOption())
    .addHelpText('after', `
Certifications count where people declare them: as a label or in spec.properties, pci: "true" or certifications: "pci,iso27001".
Clusters that are away, frozen or in doubt are not chosen; what is unknown is no yes. What is free is a sum over nodes: no single one need have it.`)
    .action(async (query: string, options: FindOptions, command: Command) => findFleet(environment(command), query, options));
}
