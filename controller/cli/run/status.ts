/** `isthmus run status`: where a staged update stands, drawn stage by stage. */
import type { Command } from 'commander';
import { UpdateRun } from '../../../mesh/api/resources/index.ts';
import type { RunAnswer } from '../../../mesh/api/resources/inquiry-answers.ts';
import type { UpdateRunObject } from '../../../mesh/api/resources/updates.ts';
import type { RunTarget } from '../../../mesh/model/rollout.ts';
import { toRfc3339 } from '../../../mesh/model/instant.ts';
import { type KubernetesClient, KubernetesUnreachable } from '../../../mesh/ports/kubernetes.ts';
import { CommandFailure, type Environment } from '../environment.ts';
import { inquire, NoAnswer } from '../inquire.ts';
import { listAll } from '../list.ts';
import { age, type Format, formatOption, print, shortId, table } from '../output/index.ts';

const MARKS: Readonly<Record<RunTarget['phase'], string>> = { Pending: '·', Assigned: '→', Soaking: '~', Done: '✓', Failed: '✗', Skipped: '-', RollingBack: '←', RolledBack: '↩', RollbackFailed: '‼' };
const FINISHED = ['Stopped', 'Completed', 'CompletedWithFailures'];
const REDRAW_MILLISECONDS = 500;
/** A watch outlives a hub that restarts, and gives up on one that stays away. */
const PATIENCE_MILLISECONDS = 120_000;

export interface RunView { readonly run: UpdateRunObject; readonly rows: RunAnswer }

export function drawRun({ run, rows }: RunView, now: number): string {
  const status = run.status;
  const lines = [
    `${run.metadata.name}: ${status?.phase ?? 'Pending'}${status?.stage === undefined ? '' : `, stage ${status.stage}`}`,
    `  why: ${run.spec.reason} (requested by ${run.spec.requestedBy})`,
    ...(status === undefined || status.message === '' ? [] : [`  now: ${status.message}`]),
  ];
  rows.stages.forEach((stage, index) => {
    const targets = rows.targets.filter((target) => target.stage === index);
    if (targets.length === 0) return;
    const done = targets.filter((target) => target.phase === 'Done').length;
    lines.push('', `stage ${index + 1} ${stage}  ${targets.map((target) => MARKS[target.phase]).join('')}  ${done}/${targets.length}`);
    lines.push(table(
      ['  CLUSTER', 'PHASE', 'FROM', 'TO', 'ASSIGNED', 'MESSAGE'],
      targets.map((target) => [
        `  ${target.cluster}`, `${MARKS[target.phase]} ${target.phase}`, shortId(target.fromId), shortId(target.toId),
        target.assignedAt === null ? '' : `${age(target.assignedAt, now)} ago`, target.message,
      ]),
    ).trimEnd());
  });
  return `${lines.join('\n')}\n`;
}

async function view(environment: Environment, client: KubernetesClient, name: string): Promise<RunView> {
  const run = await client.get<UpdateRunObject>(UpdateRun, { name }, environment.signal);
  if (run === undefined) {
    const names = (await listAll<UpdateRunObject>(client, UpdateRun, environment.signal)).map((other) => other.metadata.name);
    throw new CommandFailure(`there is no run ${JSON.stringify(name)}; ${names.length === 0 ? 'no run has been made yet' : `known: ${names.slice(-10).join(', ')}`}`);
  }
  return { run, rows: await inquire<RunAnswer>(environment, client, { run: { name } }) };
}

async function showRun(environment: Environment, name: string | undefined, options: { readonly watch: boolean; readonly output: Format; readonly journal: boolean }): Promise<void> {
  const client = await environment.connect();
  const chosen = name ?? newest(await listAll<UpdateRunObject>(client, UpdateRun, environment.signal));
  let last = '';
  let lastSeen = environment.now();
  for (;;) {
    let current: RunView;
    try {
      current = await view(environment, client, chosen);
    } catch (error) {
      const away = error instanceof KubernetesUnreachable || error instanceof NoAnswer;
      if (!options.watch || last === '' || !away || environment.signal.aborted || environment.now() - lastSeen > PATIENCE_MILLISECONDS) throw error;
      environment.err(`the hub does not answer, trying again: ${error.message}\n`);
      await environment.sleep(REDRAW_MILLISECONDS);
      continue;
    }
    lastSeen = environment.now();
    const finished = FINISHED.includes(current.run.status?.phase ?? '');
    if (options.output !== 'table') {
      print(environment, options.output, { headings: [], rows: [], value: { run: current.run, ...current.rows }, names: [`updaterun.isthmus.dev/${chosen}`], empty: '' });
      return;
    }
    const text = drawRun(current, environment.now()) + (options.journal ? `\n${journalTable(current.rows)}` : '');
    if (text !== last) environment.out(options.watch && environment.terminal.interactive ? `\u001B[2J\u001B[H${text}` : `${last === '' ? '' : '\n'}${text}`);
    last = text;
    if (!options.watch || finished || environment.signal.aborted) return;
    await environment.sleep(REDRAW_MILLISECONDS);
  }
}

const journalTable = (rows: RunAnswer): string => table(['WHEN', 'CLUSTER', 'EVENT', 'MESSAGE'], rows.journal.map((entry) => [toRfc3339(entry.at), entry.cluster === '' ? '(run)' : entry.cluster, entry.event, entry.message]));

function newest(runs: readonly UpdateRunObject[]): string {
  const last = [...runs].sort((a, b) => ((a.metadata.creationTimestamp ?? '') < (b.metadata.creationTimestamp ?? '') ? -1 : 1)).at(-1);
  if (last === undefined) throw new CommandFailure('no run has been made yet; a change of a Mesh or a policy makes one');
  return last.metadata.name;
}

export function registerStatus(run: Command, environment: (command: Command) => Environment): void {
  run.command('status')
    .description('show where a run stands, cluster by cluster (without a name: the newest run)')
    .argument('[name]')
    .option('-w, --watch', 'go on until the run ends', false)
    .option('--journal', 'also show every step that was taken', false)
    .addOption(formatOption())
    .action(async (name: string | undefined, options: { watch: boolean; journal: boolean; output: Format }, command: Command) => showRun(environment(command), name, options));
}
