/** `isthmus run diff`: what each cluster of a run gets, or has got, field by field. */
import type { Command } from 'commander';
import type { ChangeGroup } from '../../../mesh/api/resources/inquiry-answers.ts';
import type { StateChange } from '../../../mesh/model/state-change.ts';
import { type Environment, UsageProblem } from '../environment.ts';
import { aligned, type Format, formatOption, print, shortId } from '../output/index.ts';
import { foreseeChanges } from './foresee.ts';
import { addSourceOptions, type SourceOptions, sourceOf, sourceText } from './source.ts';

const MOST_NAMED = 8;
const MOST_LINES = 40;

interface DiffOptions extends SourceOptions {
  readonly output: Format;
}

const value = (text: string | null): string => text ?? '-';

/** The digest goes without saying where the version says it. */
function linesOf(changes: readonly StateChange[]): string[][] {
  const told = changes.filter(({ path }) => !(/^\.bundles\[[^\]]+\]\.(digest|package)$/.test(path) && changes.some((other) => other.path === path.replace(/\.(digest|package)$/, '.version'))));
  return told.map(({ path, before, after }) => [`  ${path}`, value(before), '→', value(after)]);
}

function groupText({ stages, clusters, count, fromId, toId, changes, changesOmitted }: ChangeGroup, wide: boolean): string {
  const named = clusters.slice(0, wide ? clusters.length : MOST_NAMED);
  const ids = toId === undefined ? '' : `  ${shortId(fromId)} → ${shortId(toId)}`;
  const lines = linesOf(changes);
  const shown = wide ? lines : lines.slice(0, MOST_LINES);
  const left = lines.length - shown.length + changesOmitted;
  return [
    `${stages.length === 1 ? 'stage' : 'stages'} ${stages.join(', ')}; ${count} ${count === 1 ? 'cluster' : 'clusters'}: ${named.join(', ')}${count > named.length ? ` and ${count - named.length} more` : ''}${ids}`,
    ...(shown.length === 0 ? ['  nothing changes'] : [aligned(shown).text.trimEnd()]), ...(left > 0 ? [`  and ${left} fields more${wide ? '' : '; -o wide shows them'}`] : []),
  ].join('\n');
}

export async function diffRun(environment: Environment, words: readonly string[], options: DiffOptions): Promise<void> {
  const client = await environment.connect();
  const isMade = [options.bundle, options.removePackage, options.undo, options.retry].every((given) => given === undefined) && options.plan !== true;
  const [run, cluster] = isMade ? words : [undefined, words[0]];
  if (!isMade && words.length > 1) throw new UsageProblem('give a run, or what another one would bring (--bundle, --plan, --remove-package, --undo, --retry), and then at most a cluster');
  const source = await sourceOf(environment, client, run, options);
  const { about, groups } = await foreseeChanges(environment, client, { ...source, ...(cluster === undefined ? {} : { cluster }) });
  const { output } = options;
  if (output === 'table' || output === 'wide') {
    const head = [`${sourceText(source)}: ${about.brings}`, ...about.notes.map((note) => `  note: ${note}`)];
    environment.out(`${[...head, '', groups.length === 0 ? 'no cluster is changed' : groups.map((group) => groupText(group, output === 'wide')).join('\n\n')].join('\n')}\n`);
    return;
  }
  print(environment, output, {
    headings: ['STAGE', 'CLUSTERS', 'PATH', 'BEFORE', 'AFTER'],
    rows: groups.flatMap(({ stages, clusters, count, changes }) => changes.map(({ path, before, after }) => [stages.join(' '), count === 1 ? clusters[0]! : String(count), path, value(before), value(after)])),
    value: { ...about, groups }, names: groups.flatMap(({ clusters }) => clusters.map((name) => `cluster.isthmus.dev/${name}`)), empty: 'no cluster is changed',
  });
}

export function registerDiff(run: Command, environment: (command: Command) => Environment): void {
  addSourceOptions(run.command('diff').description('say what a run changes of its clusters\' desired states; clusters with the same change together, secrets as digests').argument('[run]', 'default: the newest one').argument('[cluster]', 'this one alone, with the digests of secrets'))
    .addOption(formatOption())
    .action(async (name: string | undefined, cluster: string | undefined, options: DiffOptions, command: Command) => diffRun(environment(command), [name, cluster].filter((word) => word !== undefined), options));
}
