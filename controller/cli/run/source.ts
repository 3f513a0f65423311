/** Which run is meant: one that there is, or what one would bring that nobody has made. */
import type { Command } from 'commander';
import type { ResourceDefinition } from '../../../mesh/api/resources/define.ts';
import { Bundle, UpdateStrategy } from '../../../mesh/api/resources/index.ts';
import type { InquiryObject } from '../../../mesh/api/resources/inquiry.ts';
import type { Condition } from '../../../mesh/model/condition.ts';
import type { ClusterSelector } from '../../../mesh/model/selector.ts';
import { nearest } from '../../../mesh/model/near.ts';
import { type KubernetesClient, KubernetesError, type KubernetesObject } from '../../../mesh/ports/kubernetes.ts';
import { selectorOf } from '../clusters.ts';
import { CommandFailure, type Environment, UsageProblem } from '../environment.ts';
import { listAll } from '../list.ts';
import { newestRun } from './find.ts';

export interface SourceOptions {
  readonly strategy?: string;
  readonly bundle?: string;
  readonly plan?: boolean;
  readonly removePackage?: string;
  readonly undo?: string;
  readonly retry?: string;
  readonly clusters?: string;
  readonly all?: boolean;
}

export type Source = Pick<NonNullable<InquiryObject['spec']['changes']>, 'run' | 'strategyName' | 'plan' | 'bundle' | 'removePackage' | 'undoOf' | 'retryOf'>;
type Clusters = Pick<NonNullable<Source['bundle']>, 'clusters' | 'all'>;

const CONTENTS = { bundle: '--bundle', plan: '--plan', removePackage: '--remove-package', undo: '--undo', retry: '--retry' } as const;

/** A selector that matches whatever there is. */
function matchesAll({ names, labels, exclude_labels: excluded, match_expressions: expressions, cel }: ClusterSelector): boolean {
  return (names ?? ['*']).includes('*') && Object.values(labels ?? {}).every((value) => value === '*') && excluded === undefined && expressions === undefined && cel === undefined;
}

function clustersOf(content: string, { clusters, all = false }: SourceOptions, mustSayAll: boolean): Clusters {
  if (clusters !== undefined && all) throw new UsageProblem('--clusters, --all: give one of them');
  const selector: ClusterSelector = clusters === undefined ? {} : selectorOf('--clusters', clusters);
  if (mustSayAll && !all && matchesAll(selector)) throw new UsageProblem(`${content} without --clusters goes to every cluster of the fleet: say which (--clusters berlin,oslo-* or --clusters region=eu), or --all if all of them are meant`);
  return { clusters: selector as Clusters['clusters'], ...(all ? { all } : {}) };
}

/** What it brings, without saying of which run; undefined: nothing was given. `mustSayAll`: as whoever makes a run must. */
export function contentOf(options: SourceOptions, mustSayAll: boolean): Omit<Source, 'run'> | undefined {
  const given = (Object.keys(CONTENTS) as (keyof typeof CONTENTS)[]).filter((name) => options[name] !== undefined && options[name] !== false);
  const [content] = given;
  if (given.length > 1) throw new UsageProblem(`${given.map((name) => CONTENTS[name]).join(', ')}: give one of them`);
  if (content === undefined) {
    if (options.strategy !== undefined) throw new UsageProblem(`--strategy ${options.strategy}: say what is to go out as well: --bundle NAME, --plan or --remove-package NAME`);
    if (options.clusters !== undefined || options.all === true) throw new UsageProblem('--clusters, --all: they go with --bundle or --remove-package');
    return undefined;
  }
  const { strategy, bundle, removePackage, undo, retry } = options;
  const selects = content === 'bundle' || content === 'removePackage';
  if (!selects && (options.clusters !== undefined || options.all === true)) throw new UsageProblem(`${CONTENTS[content]}: its clusters follow from what it is; --clusters and --all go with --bundle or --remove-package`);
  if (strategy === undefined && (selects || content === 'plan')) throw new UsageProblem(`${CONTENTS[content]}: say by which UpdateStrategy: --strategy NAME ("kubectl get updatestrategies" lists them)`);
  return {
    ...(strategy === undefined ? {} : { strategyName: strategy }), ...(content === 'plan' ? { plan: true } : {}),
    ...(bundle === undefined ? {} : { bundle: { name: bundle, ...clustersOf('--bundle', options, mustSayAll) } }),
    ...(removePackage === undefined ? {} : { removePackage: { name: removePackage, ...clustersOf('--remove-package', options, mustSayAll) } }),
    ...(undo === undefined ? {} : { undoOf: undo }), ...(retry === undefined ? {} : { retryOf: retry }),
  };
}

/** A run may wait for what is not there yet, but whoever types a name means one that is. */
async function mustBeThere(environment: Environment, client: KubernetesClient, kind: ResourceDefinition, name: string): Promise<void> {
  const lacksRight = (error: unknown): boolean => error instanceof KubernetesError && error.code === 403;
  try {
    const object = await client.get<KubernetesObject & { readonly status?: { readonly conditions?: readonly Condition[] } }>(kind, { name }, environment.signal);
    if (object !== undefined) {
      for (const { type, status, message } of object.status?.conditions ?? []) if (status === 'False' && (type === 'Valid' || type === 'Verified')) environment.err(`${kind.kind} ${name} cannot be used as it is: ${message}\n`);
      return;
    }
    const names = (await listAll(client, kind, environment.signal)).map(({ metadata }) => metadata.name);
    const near = nearest(name, names);
    const known = names.length === 0 ? 'there is none yet' : near === undefined ? `"kubectl get ${kind.plural}.${kind.group}" lists them` : `did you mean ${near}?`;
    throw new CommandFailure(`there is no ${kind.kind} ${JSON.stringify(name)}; ${known}`);
  } catch (error) {
    // Who may make runs need not be one who reads everything; the hub says what is missing.
    if (!lacksRight(error)) throw error;
  }
}

export async function contentMustBeThere(environment: Environment, client: KubernetesClient, { strategyName, bundle }: Omit<Source, 'run'>): Promise<void> {
  if (strategyName !== undefined) await mustBeThere(environment, client, UpdateStrategy, strategyName);
  if (bundle !== undefined) await mustBeThere(environment, client, Bundle, bundle.name);
}

/** Neither a run nor contents: the newest run. */
export async function sourceOf(environment: Environment, client: KubernetesClient, run: string | undefined, options: SourceOptions): Promise<Source> {
  const content = contentOf(options, false);
  if (run !== undefined && content !== undefined) throw new UsageProblem(`run ${run}: give a run, or what another one would bring (--bundle, --plan, --remove-package, --undo, --retry), not both`);
  if (content !== undefined) await contentMustBeThere(environment, client, content);
  return content ?? { run: run ?? await newestRun(environment, client) };
}

export function addContentOptions(command: Command): Command {
  return command
    .option('--strategy <name>', 'the UpdateStrategy to go by')
    .option('--bundle <name>', 'bring this Bundle')
    .option('--plan', 'roll out the present plan of the meshes')
    .option('--remove-package <package>', 'take this package away')
    .option('--clusters <clusters>', 'which clusters: names (berlin,oslo-*) or labels (region=eu,tier=gold)')
    .option('--all', 'every cluster of the fleet is meant', false);
}

export const addSourceOptions = (command: Command): Command => addContentOptions(command)
  .option('--undo <run>', 'take this ended run back')
  .option('--retry <run>', 'try again what this ended run did not bring');

/** What the hub is asked, in words. */
export function sourceText(source: Source): string {
  if (source.run !== undefined) return `run ${source.run}`;
  const what = source.plan === true ? 'the present plan' : source.bundle !== undefined ? `bundle ${source.bundle.name}` : source.removePackage !== undefined ? `without package ${source.removePackage.name}`
    : source.undoOf !== undefined ? `undo of run ${source.undoOf}` : `retry of run ${source.retryOf ?? ''}`;
  return `${what}${source.strategyName === undefined ? '' : `, by strategy ${source.strategyName}`}`;
}
