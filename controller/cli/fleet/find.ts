/** `isthmus fleet find`: which clusters could take a workload, by what they can do, and why each other one could not. */
import type { Command } from 'commander';
import { findClusters, type Wish } from '../../../mesh/inventory/find.ts';
import { idleOf } from '../../../mesh/inventory/report.ts';
import { parseQuantity } from '../../../mesh/model/compare.ts';
import { type Environment, UsageProblem } from '../environment.ts';
import { collect, wholeNumber } from '../options.ts';
import { type Format, formatOption, print, table } from '../output/index.ts';
import { cores, gibibytes, gpus, readFigures } from './figures.ts';

export interface FindOptions {
  readonly class: readonly string[];
  readonly region: readonly string[];
  readonly capability: readonly string[];
  readonly freeCpu?: string;
  readonly freeMemory?: string;
  readonly freeGpu?: string;
  readonly explain: boolean;
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
  const figures = await readFigures(environment, query);
  const { chosen, others } = findClusters(figures, wish, environment.now());
  const { output, explain } = options;
  print(environment, output, {
    headings: ['NAME', 'CPU FREE', 'MEMORY FREE', 'GPU FREE', 'WHY'],
    rows: chosen.map(({ cluster, why }) => {
      const idle = idleOf(cluster);
      return [cluster.name, cores(idle), gibibytes(idle), gpus(idle), why.length === 0 ? 'nothing was wished for' : why.join('; ')];
    }),
    value: { chosen: chosen.map(({ cluster, why }) => ({ name: cluster.name, free: idleOf(cluster), why })), others },
    names: chosen.map(({ cluster }) => `cluster.isthmus.dev/${cluster.name}`),
    empty: figures.length === 0 ? 'No cluster matches.' : `None of ${figures.length} clusters fits.${explain ? '' : ' Ask with --explain why.'}`,
  });
  if (explain && others.length > 0 && (output === 'table' || output === 'wide')) environment.out(`${chosen.length > 0 ? '\n' : ''}${table(['NOT CHOSEN', 'WHY'], others.map(({ name, reasons }) => [name, reasons.join('; ')]))}`);
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
    .option('--explain', 'say of each other cluster why it was not chosen', false)
    .addOption(formatOption())
    .addHelpText('after', `
Certifications count where people declare them: as a label or in spec.properties, pci: "true" or certifications: "pci,iso27001".
Clusters that are away, frozen or in doubt are not chosen; what is unknown is no yes. What is free is a sum over nodes: no single one need have it.`)
    .action(async (query: string, options: FindOptions, command: Command) => findFleet(environment(command), query, options));
}
