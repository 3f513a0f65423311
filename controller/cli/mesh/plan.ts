/** `isthmus mesh plan`: what the plan changes of each cluster, as it stands or with objects in files; nothing is written. */
import type { Command } from 'commander';
import { parseAllDocuments } from 'yaml';
import { apiVersionOf, Mesh } from '../../../mesh/api/resources/index.ts';
import type { MeshPlanAnswer, MeshPlanHead } from '../../../mesh/api/resources/inquiry-answers.ts';
import type { InquiryObject } from '../../../mesh/api/resources/inquiry.ts';
import { listed, plural } from '../../../mesh/model/listed.ts';
import type { PlanChange } from '../../../mesh/model/plan-change.ts';
import { yamlProblem } from '../../adapters/yaml-problem.ts';
import { textOf } from '../bundle/file.ts';
import { CommandFailure, type Environment, UsageProblem } from '../environment.ts';
import { inquire } from '../inquire.ts';
import { collect } from '../options.ts';
import { aligned, type Format, formatOption, print } from '../output/index.ts';

type Question = NonNullable<InquiryObject['spec']['plan']>;
type Given = NonNullable<Question['objects']>[number];

/** Ten thousand clusters that all change take the hub seconds. */
const PATIENCE_SECONDS = 60;
const MOST_ALIASES = 100;
const MOST_ROWS = 50;
const MOST_NAMED = 3;
const MOST_TOLD = 10;
const KINDS: readonly string[] = ['Mesh', 'Cluster', 'AccessPolicy'];
const API_VERSION = apiVersionOf(Mesh);

export interface PlanOptions {
  readonly whatIf: readonly string[];
  readonly all: boolean;
  readonly output: Format;
}

/** Objects of other kinds are passed over. */
function objectsIn(path: string): Given[] {
  const documents = parseAllDocuments(textOf('--what-if', path));
  if ('empty' in documents) return [];
  const flat = (value: unknown): unknown[] => {
    const { kind = '', items } = (value ?? {}) as { readonly kind?: string; readonly items?: readonly unknown[] };
    return kind.endsWith('List') && items !== undefined ? items.flatMap(flat) : [value];
  };
  return documents.flatMap((document) => {
    const [wrong] = document.errors;
    if (wrong !== undefined) throw new UsageProblem(`--what-if ${path}: is no YAML that can be read: ${yamlProblem(wrong.message)}`);
    return flat(document.toJS({ maxAliasCount: MOST_ALIASES }));
  }).flatMap((value) => {
    const object = value as (Partial<Given> & { readonly apiVersion?: string }) | null;
    if (object === null || object.apiVersion !== API_VERSION || !KINDS.includes(object.kind ?? '')) return [];
    const { kind, metadata, spec, status } = object;
    if (kind === undefined || metadata?.name === undefined) throw new UsageProblem(`--what-if ${path}: a ${kind ?? ''} has no metadata.name`);
    return [{ kind, metadata: { name: metadata.name, ...(metadata.labels === undefined ? {} : { labels: metadata.labels }) }, ...(spec === undefined ? {} : { spec }), ...(status === undefined ? {} : { status }) }];
  });
}

async function ask(environment: Environment, question: Question): Promise<{ readonly head: MeshPlanHead; readonly clusters: readonly PlanChange[] }> {
  const client = await environment.connect();
  const first = await inquire<MeshPlanAnswer>(environment, client, { plan: question }, PATIENCE_SECONDS);
  if (first.head === undefined) throw new CommandFailure('the hub answered without saying of which meshes; is it of another version than this command?');
  const clusters = [...first.clusters];
  for (let next = first.continue; next !== undefined && !environment.signal.aborted;) {
    const page = await inquire<MeshPlanAnswer>(environment, client, { plan: { continue: next } }, PATIENCE_SECONDS);
    clusters.push(...page.clusters);
    next = page.continue;
  }
  return { head: first.head, clusters };
}

const peersText = ({ peersAdded, peersRemoved, peersChanged, peerCounts = { added: peersAdded.length, removed: peersRemoved.length, changed: peersChanged.length } }: PlanChange): string =>
  ([['+', peersAdded, peerCounts.added], ['-', peersRemoved, peerCounts.removed], ['~', peersChanged, peerCounts.changed]] as const)
    .flatMap(([sign, names, count]) => (count === 0 ? [] : [`${sign}${count} (${listed(names, MOST_NAMED, count)})`])).join(' ');
/** Who leaves keeps the id that its Cilium has. */
const idText = ({ clusterId, clusterIdBefore }: PlanChange): string => (clusterId === clusterIdBefore || clusterId === 0 ? String(clusterIdBefore) : `${clusterIdBefore} → ${clusterId}`);

type Cells = NonNullable<MeshPlanHead['meshes'][number]['cells']>;
type Crossings = Omit<Cells[number], 'name' | 'clusters'>;

function keepText(cells: Cells = []): string {
  const blocked = cells.filter(({ conflictCount = 0 }) => conflictCount > 0).map(({ name }) => name);
  if (cells.length > 0 && blocked.length === 0) return 'the cells are planned';
  return blocked.length === cells.length ? 'every cluster keeps what it has' : `the clusters of ${listed(blocked, MOST_NAMED)} keep what they have, the other cells are planned`;
}

const cellLines = ({ name, clusters, notReadByAllCount = 0, ...crossings }: Cells[number]): string[] =>
  crossingLines(`cell ${name}: ${plural(clusters, 'cluster')}${notReadByAllCount === 0 ? '' : `, ${notReadByAllCount} not read by all`}`, crossings);

/** A hub of before does not say by which address. */
function crossingLines(whose: string, { exports, exportCount, crossings = [], crossingCount = 0, shutCount = 0 }: Crossings): string[] {
  const told = exportCount === 0 ? '' : `; exports ${listed(exports, MOST_NAMED, exportCount)}${shutCount === 0 ? '' : `; ${shutCount} of ${crossingCount} reached by peers alone`}`;
  const shown = crossings.slice(0, MOST_NAMED);
  return [`  ${whose}${told}`, ...shown.map(({ reason, message }) => `    ${reason === 'Gateway' ? '' : `${reason}: `}${message}`), ...(crossingCount > shown.length ? [`    and ${crossingCount - shown.length} more: -o json`] : [])];
}

/** Meshes, what keeps them from being planned, and how many clusters change. */
function headText({ meshes, of, changed, restarts }: MeshPlanHead): string {
  const lines = meshes.flatMap(({ mesh, clusters, waiting, waitingCount, conflicts, conflictCount, warnings, notReadByAll, cells, moves = [], moveCount = 0 }) => [
    `mesh ${mesh}: ${conflictCount > 0 ? `NOT PLANNED, ${plural(conflictCount, 'conflict')}; ${keepText(cells)}` : `planned, ${plural(clusters, 'cluster')}${cells === undefined ? '' : ` in ${plural(cells.length, 'cell')}`}`}`,
    ...conflicts.slice(0, MOST_TOLD).map(({ reason, message }) => `  ${reason}: ${message}`), ...(conflictCount > MOST_TOLD ? [`  and ${conflictCount - MOST_TOLD} more`] : []),
    ...warnings.slice(0, MOST_TOLD).map(({ reason, message }) => `  warning ${reason}: ${message}`),
    ...(waitingCount > 0 ? [`  waiting for ${listed(waiting, MOST_TOLD, waitingCount)}`] : []),
    ...(notReadByAll === undefined ? [] : crossingLines(`not read by all: ${plural(notReadByAll.clusters, 'cluster')}`, notReadByAll)),
    ...(cells ?? []).slice(0, MOST_TOLD).flatMap(cellLines), ...((cells?.length ?? 0) > MOST_TOLD ? [`  and ${(cells?.length ?? 0) - MOST_TOLD} cells more`] : []),
    ...moves.slice(0, MOST_TOLD).map(({ cluster, from, to }) => `  ${cluster} moves from cell ${from} to ${to}: all of its peers change`), ...(moveCount > MOST_TOLD ? [`  and ${moveCount - MOST_TOLD} moves more`] : []),
  ]);
  return `${[...(lines.length === 0 ? ['there is no mesh'] : lines), `${changed} of ${of} clusters change${restarts === 0 ? '' : `; in ${restarts} of them something restarts`}`].join('\n')}\n`;
}

export async function planMeshes(environment: Environment, mesh: string | undefined, { whatIf, all, output }: PlanOptions): Promise<void> {
  const objects = whatIf.flatMap(objectsIn);
  if (whatIf.length > 0 && objects.length === 0) throw new UsageProblem(`--what-if ${whatIf.join(', ')}: holds no ${KINDS.join(', ')} of ${API_VERSION}`);
  const { head, clusters } = await ask(environment, { ...(mesh === undefined ? {} : { mesh }), ...(objects.length === 0 ? {} : { objects }) });
  const isTable = output === 'table' || output === 'wide';
  const shown = isTable && !all ? clusters.slice(0, MOST_ROWS) : clusters;
  const row = (change: PlanChange): string[] => [change.cluster, change.mesh ?? '', idText(change), peersText(change), listed(change.policies, MOST_NAMED), change.restarts.length === 0 ? '' : 'yes'];
  const headings = ['CLUSTER', 'MESH', 'ID', 'PEERS', 'POLICIES', 'RESTARTS'];
  if (isTable) {
    environment.out(headText(head));
    const rows = shown.map((change) => [...row(change), ...(output === 'wide' ? [change.writes.join(', '), change.restarts.join('; ')] : [])]);
    if (rows.length > 0) environment.out(`\n${aligned([[...headings, ...(output === 'wide' ? ['WRITES', 'WHY'] : [])], ...rows]).text}`);
    if (shown.length < clusters.length) environment.err(`and ${clusters.length - shown.length} clusters more: --all, or -o json\n`);
    if (output === 'table') for (const { cluster, restarts } of shown.filter((one) => one.restarts.length > 0).slice(0, MOST_TOLD)) environment.out(`restarts in ${cluster}: ${restarts.join('; ')}\n`);
  } else {
    print(environment, output, { headings, rows: clusters.map(row), value: { ...head, clusters }, names: clusters.map(({ cluster }) => `cluster.isthmus.dev/${cluster}`), empty: '' });
  }
  const refused = head.meshes.filter(({ conflictCount }) => conflictCount > 0).map((one) => one.mesh);
  if (refused.length > 0) throw new CommandFailure(`not planned: ${refused.join(', ')}`);
}

export function registerPlan(mesh: Command, environment: (command: Command) => Environment): void {
  mesh.command('plan').description('show what the plan changes of each cluster: peers, ids, objects, policies, restarts; changes nothing').argument('[mesh]')
    .option('--what-if <file>', 'as if the Meshes, Clusters and AccessPolicies in this file were there (may be given again; -: standard input)', collect, [])
    .option('--all', `every cluster that changes, not the first ${MOST_ROWS}`, false)
    .addOption(formatOption())
    .addHelpText('after', '\nExit status 1 where a mesh has conflicts.')
    .action(async (name: string | undefined, options: PlanOptions, command: Command) => planMeshes(environment(command), name, options));
}
