/** `isthmus access preview`: which pods an access policy would let through and which it would stop; nothing is changed. */
import type { Command } from 'commander';
import { parseAllDocuments } from 'yaml';
import type { AccessAnswer, AccessRow } from '../../../mesh/api/resources/inquiry-answers.ts';
import type { InquiryObject } from '../../../mesh/api/resources/inquiry.ts';
import { AccessPolicy, apiVersionOf } from '../../../mesh/api/resources/index.ts';
import { yamlProblem } from '../../adapters/yaml-problem.ts';
import { textOf } from '../bundle/file.ts';
import { type Environment, UsageProblem } from '../environment.ts';
import { inquire } from '../inquire.ts';
import { type Format, formatOption, print } from '../output/index.ts';

interface PreviewOptions {
  readonly file?: string;
  readonly remove?: boolean;
  readonly cluster?: string;
  readonly all?: boolean;
  readonly output: Format;
}

type Question = NonNullable<InquiryObject['spec']['access']>;

/** Agents may take seconds. */
const PATIENCE_SECONDS = 20;
const MOST_ALIASES = 100;

function readPolicy(path: string): Pick<Question, 'name' | 'spec'> {
  const documents = parseAllDocuments(textOf('-f', path));
  const [document, more] = 'empty' in documents ? [] : documents;
  if (document === undefined || more !== undefined) throw new UsageProblem(`-f ${path}: holds ${document === undefined ? 'no document' : 'several documents'}; give one AccessPolicy a file`);
  const [wrong] = document.errors;
  if (wrong !== undefined) throw new UsageProblem(`-f ${path}: is no YAML that can be read: ${yamlProblem(wrong.message)}`);
  const { apiVersion, kind, metadata, spec } = (document.toJS({ maxAliasCount: MOST_ALIASES }) ?? {}) as { apiVersion?: unknown; kind?: unknown; metadata?: { name?: unknown }; spec?: Question['spec'] };
  if (kind !== 'AccessPolicy' || apiVersion !== apiVersionOf(AccessPolicy)) throw new UsageProblem(`-f ${path}: is ${JSON.stringify(apiVersion ?? null)} ${JSON.stringify(kind ?? null)}; give an AccessPolicy of ${apiVersionOf(AccessPolicy)}`);
  if (typeof metadata?.name !== 'string') throw new UsageProblem(`-f ${path}: metadata.name: is missing`);
  return { name: metadata.name, spec };
}

function questionOf(name: string | undefined, { file, remove = false, cluster }: PreviewOptions): Question {
  if ((name === undefined) === (file === undefined)) throw new UsageProblem('give the name of an AccessPolicy, or one in a file (-f FILE)');
  if (remove && file !== undefined) throw new UsageProblem('--remove: goes with the name of an AccessPolicy that there is, not with -f');
  return { ...(file === undefined ? { name: name ?? '' } : readPolicy(file)), ...(remove ? { remove } : {}), ...(cluster === undefined ? {} : { cluster }) };
}

const WORDS: Readonly<Record<AccessRow['today'], string>> = { Allowed: 'allowed', Denied: 'denied', Unknown: 'not known' };
const isTold = ({ today, tomorrow }: AccessRow): boolean => today !== tomorrow || today === 'Unknown';
const from = ({ from: { cluster, namespace, serviceAccount } }: AccessRow): string => `${cluster}/${namespace}${serviceAccount === '' ? '' : `/${serviceAccount}`}`;

function summary({ totals: { stopped, letThrough, unchanged, unknown }, rowsOmitted }: AccessAnswer): string {
  const omitted = rowsOmitted === 0 ? '' : `; ${rowsOmitted} rows are not shown`;
  return `${stopped} would be stopped, ${letThrough} let through, ${unchanged} stay as they are, ${unknown} rest on what is not known${omitted}`;
}

export async function previewAccess(environment: Environment, name: string | undefined, options: PreviewOptions): Promise<void> {
  const question = questionOf(name, options);
  const answer = await inquire<AccessAnswer>(environment, await environment.connect(), { access: question }, PATIENCE_SECONDS);
  const rows = options.all === true ? answer.rows : answer.rows.filter(isTold);
  print(environment, options.output, {
    headings: ['FROM', 'PODS', 'TO', 'PODS', 'PORTS', 'TODAY', 'TOMORROW'],
    rows: rows.map((row) => [from(row), String(row.from.endpoints), `${row.to.cluster}: ${row.to.name}`, String(row.to.endpoints), row.ports.join(', '), WORDS[row.today], WORDS[row.tomorrow]]),
    value: answer, names: rows.map(from), empty: 'nothing changes for the pods that there are',
  });
  if (options.output !== 'table' && options.output !== 'wide') return;
  environment.out(`\n${summary(answer)}\n`);
  for (const conflict of answer.conflicts) environment.out(`! ${conflict}\n`);
  for (const sentence of answer.restsOn) environment.out(`- ${sentence}\n`);
}

export function registerPreview(access: Command, environment: (command: Command) => Environment): void {
  access.command('preview').description('say which pods a policy lets through and which it stops, by the pods that there are; nothing is changed')
    .argument('[access-policy]', 'one that there is: as it is against what clusters were told last')
    .option('-f, --file <file>', 'an AccessPolicy that nobody has made yet, or as it would be ("-": standard input)')
    .option('--remove', 'as if it were deleted')
    .option('--cluster <cluster>', 'of this destination alone')
    .option('--all', 'also what stays as it is')
    .addOption(formatOption())
    .action(async (name: string | undefined, options: PreviewOptions, command: Command) => previewAccess(environment(command), name, options));
}
