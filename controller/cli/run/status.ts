/** `isthmus run status`: where a staged update stands, drawn stage by stage. */
import type { Command } from 'commander';
import type { RunAnswer } from '../../../mesh/api/resources/inquiry-answers.ts';
import { FINAL_RUN_PHASES } from '../../../mesh/model/rollout.ts';
import { type KubernetesClient, KubernetesUnreachable } from '../../../mesh/ports/kubernetes.ts';
import { CommandFailure, type Environment } from '../environment.ts';
import { inquire, NoAnswer } from '../inquire.ts';
import { type Format, formatOption, print } from '../output/index.ts';
import { keptEta } from './eta.ts';
import { findRecordedRun, newestRun } from './find.ts';
import { drawRun, journalTable, type RunView } from './status-draw.ts';

const REDRAW_MILLISECONDS = 500;
/** A watch outlives a hub that restarts, and gives up on one that stays away. */
const PATIENCE_MILLISECONDS = 120_000;

interface StatusOptions {
  readonly watch: boolean;
  readonly output: Format;
  readonly journal: boolean;
  readonly eta: boolean;
}

async function view(environment: Environment, client: KubernetesClient, name: string): Promise<RunView> {
  return { run: await findRecordedRun(environment, client, name), rows: await inquire<RunAnswer>(environment, client, { run: { name } }) };
}

/** Scripts that wait for a run ask by the exit status how it went. */
function endOf({ run: { metadata: { name }, status } }: RunView): void {
  if (status?.phase !== 'Completed') throw new CommandFailure(`run ${name} ended as ${status?.phase ?? 'Pending'}: ${status?.message ?? ''}`);
}

export async function showRun(environment: Environment, name: string | undefined, options: StatusOptions): Promise<void> {
  const client = await environment.connect();
  const chosen = name ?? await newestRun(environment, client);
  const etaOf = keptEta(environment, client);
  const shown = options.output === 'table' || options.output === 'wide';
  let last = '';
  let lastSeen = environment.now();
  for (;;) {
    let current: RunView;
    let eta = '';
    try {
      current = await view(environment, client, chosen);
      if (shown && options.eta) eta = await etaOf(current.run, current.rows);
    } catch (error) {
      const away = error instanceof KubernetesUnreachable || error instanceof NoAnswer;
      if (!options.watch || last === '' || !away || environment.signal.aborted || environment.now() - lastSeen > PATIENCE_MILLISECONDS) throw error;
      environment.err(`the hub does not answer, trying again: ${error.message}\n`);
      await environment.sleep(REDRAW_MILLISECONDS);
      continue;
    }
    lastSeen = environment.now();
    const ended = FINAL_RUN_PHASES.includes(current.run.status?.phase ?? 'Pending');
    if (shown) {
      const text = drawRun(current, environment.now(), eta) + (options.journal ? `\n${journalTable(current.rows)}` : '');
      if (text !== last) environment.out(options.watch && environment.terminal.interactive ? `\u001B[2J\u001B[H${text}` : `${last === '' ? '' : '\n'}${text}`);
      last = text;
    } else {
      last = 'asked';
      // Of a watch the end alone: half a document after the other is none.
      if (!options.watch || ended) print(environment, options.output, { headings: [], rows: [], value: { run: current.run, ...current.rows }, names: [`updaterun.isthmus.dev/${chosen}`], empty: '' });
    }
    if (!options.watch || environment.signal.aborted) return;
    if (ended) return endOf(current);
    await environment.sleep(REDRAW_MILLISECONDS);
  }
}

export function registerStatus(run: Command, environment: (command: Command) => Environment): void {
  run.command('status')
    .description('show where a run stands, cluster by cluster (without a name: the newest run)')
    .argument('[run]')
    .option('-w, --watch', 'go on until the run ends; the exit status is 0 only where all of it was done', false)
    .option('--journal', 'also show every step that was taken', false)
    .option('--no-eta', 'do not ask the hub when it will be at its end')
    .addOption(formatOption())
    .action(async (name: string | undefined, options: StatusOptions, command: Command) => showRun(environment(command), name, options));
}
