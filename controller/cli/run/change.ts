/** `isthmus run undo|retry|pause|resume|stop`: people's words to a run. */
import type { Command } from 'commander';
import { apiVersionOf, UpdateRun } from '../../../mesh/api/resources/index.ts';
import type { UpdateRunObject } from '../../../mesh/api/resources/updates.ts';
import { toRfc3339 } from '../../../mesh/model/instant.ts';
import { FINAL_RUN_PHASES } from '../../../mesh/model/rollout.ts';
import { callerOf } from '../caller.ts';
import { CommandFailure, type Environment } from '../environment.ts';
import { FIELD_MANAGER } from '../field-manager.ts';
import { type Format, formatOption } from '../output/index.ts';
import { findRecordedRun, findRun } from './find.ts';
import { printMade } from './made.ts';

interface Again {
  readonly reason: string;
  readonly dryRun: boolean;
  readonly output?: Format;
  /** Instead of that of the earlier run. */
  readonly strategy?: string;
}

const hasEnded = ({ status }: UpdateRunObject): boolean => FINAL_RUN_PHASES.includes(status?.phase ?? 'Pending');

/** A new run about an ended one, by the strategy of that one. */
async function runAbout(environment: Environment, name: string, way: 'undo' | 'retry', { reason, dryRun, output = 'table', strategy }: Again): Promise<void> {
  const client = await environment.connect();
  const run = await findRecordedRun(environment, client, name);
  const verb = way === 'undo' ? 'undo it' : 'try again what it left';
  if (!hasEnded(run)) throw new CommandFailure(`run ${name} is ${run.status?.phase ?? 'Pending'}: stop it first with "isthmus run stop ${name}", then ${verb}`);
  const { status } = run;
  if (way === 'retry' && status !== undefined && status.counts.failed + status.counts.skipped + (status.counts.rolledBack ?? 0) === 0) {
    throw new CommandFailure(`run ${name} left nothing to try again: ${status.message}`);
  }
  const spec: UpdateRunObject['spec'] = {
    ...(strategy === undefined ? {} : { strategyName: strategy }), reason, requestedBy: (await callerOf(environment, client)).name, ...(way === 'undo' ? { undoOf: name } : { retryOf: name }), stop: false,
  };
  // One that the earlier run named may have been edited since: without a name the new run goes by what the earlier one has frozen.
  const own = strategy === undefined && run.spec.strategy !== undefined ? { strategy: run.spec.strategy } : {};
  const created = await client.create<UpdateRunObject>(UpdateRun, {
    apiVersion: apiVersionOf(UpdateRun), kind: 'UpdateRun', metadata: { name: '', generateName: `${name.slice(0, 50)}-${way}-` }, spec: { ...spec, ...own },
  }, { fieldManager: FIELD_MANAGER, dryRun }, environment.signal);
  printMade(environment, output, created, dryRun);
}

/** Makes a new run that takes every cluster the old one touched back to what it had before. */
export const undoRun = (environment: Environment, name: string, options: Again): Promise<void> => runAbout(environment, name, 'undo', options);

/** Makes a new run that brings the very same to the clusters that failed, were skipped or went back. */
export const retryRun = (environment: Environment, name: string, options: Again): Promise<void> => runAbout(environment, name, 'retry', options);

/** A stage of it waits for more of its clusters to be done, and a person's word lets it pass. */
const waitsForMore = ({ status }: UpdateRunObject): boolean => (status?.conditions ?? []).some(({ type, reason }) => type === 'Progressing' && reason === 'TooFewDone');

const WORDS = {
  stop: { by: 'stoppedBy', spec: () => ({ stop: true }), says: 'told to stop: clusters in flight finish, the rest is skipped' },
  pause: { by: 'pausedBy', spec: () => ({ pause: true }), says: 'told to pause: clusters in flight finish, nothing new begins; "isthmus run resume" lets it go on' },
  resume: { by: 'resumedBy', spec: (now: number) => ({ pause: false, resumedAt: toRfc3339(now) }), says: 'told to go on; failures until now are accepted' },
} as const;

/** Says what is so already rather than saying it again. */
export async function tellRun(environment: Environment, name: string, word: keyof typeof WORDS, { output = 'table', dryRun = false }: { readonly output?: Format; readonly dryRun?: boolean } = {}): Promise<void> {
  const client = await environment.connect();
  const run = await findRun(environment, client, name);
  if (hasEnded(run)) throw new CommandFailure(`run ${name} has ended (${run.status?.phase ?? ''}): there is nothing to ${word}; "isthmus run ${word === 'resume' ? `retry ${name}" tries again what it left` : `undo ${name}" takes it back`}`);
  if (word === 'resume' && run.spec.pause !== true && run.status?.phase !== 'Paused' && !waitsForMore(run)) throw new CommandFailure(`run ${name} is not paused (${run.status?.phase ?? 'Pending'}${run.status === undefined ? '' : `: ${run.status.message}`})`);
  const { spec, by } = WORDS[word];
  const says = word === 'resume' && run.spec.pause !== true && waitsForMore(run) ? 'told to go on without the clusters that its stage waits for; they have their turn when they are back' : WORDS[word].says;
  // An API server that writes down who says so needs none of it; one that does not takes the caller's own name.
  const caller = (await callerOf(environment, client)).name;
  const news = word === 'resume' ? { [by]: caller, ...(run.spec.pause === true ? { pausedBy: caller } : {}) } : run.spec[word] === true ? {} : { [by]: caller };
  const changed = await client.patch<UpdateRunObject>(UpdateRun, { name }, { spec: { ...spec(environment.now()), ...news } }, { type: 'merge', fieldManager: FIELD_MANAGER, dryRun }, environment.signal);
  if (output === 'table' || output === 'wide') environment.out(`updaterun.isthmus.dev/${name} ${says}${dryRun ? ' (dry run)' : ''}\n`);
  else printMade(environment, output, changed, dryRun);
}

export const stopRun = (environment: Environment, name: string): Promise<void> => tellRun(environment, name, 'stop');

export function registerChange(run: Command, environment: (command: Command) => Environment): void {
  const again = (name: string, description: string, reason: string, act: typeof undoRun): void => {
    run.command(name).description(description).argument('<run>')
      .option('--reason <text>', 'why, for the record', reason)
      .option('--strategy <name>', 'through the stages of this UpdateStrategy instead of those of the earlier run')
      .option('--dry-run', 'check with the server, make nothing', false)
      .addOption(formatOption())
      .action(async (of: string, options: Again, command: Command) => act(environment(command), of, options));
  };
  again('undo', 'bring back what every cluster of an ended run had before it, by a new run through the same stages', 'undone by hand', undoRun);
  again('retry', 'bring to the clusters that failed or were skipped what an ended run was to bring, unchanged, by a new run', 'tried again by hand', retryRun);
  const word = (name: keyof typeof WORDS, description: string): void => {
    run.command(name).description(description).argument('<run>')
      .option('--dry-run', 'check with the server, change nothing', false)
      .addOption(formatOption())
      .action(async (of: string, options: { output: Format; dryRun: boolean }, command: Command) => tellRun(environment(command), of, name, options));
  };
  word('pause', 'let clusters in flight finish and begin nothing new');
  word('resume', 'let a run go on that is paused, or waits for clusters of a stage that are away; the failures until now, or their absence, are accepted');
  word('stop', 'let clusters in flight finish and skip the rest, for good');
}
