/** `isthmus run undo` and `isthmus run stop`: people's two words to a run. */
import type { Command } from 'commander';
import { apiVersionOf, UpdateRun } from '../../../mesh/api/resources/index.ts';
import type { UpdateRunObject } from '../../../mesh/api/resources/updates.ts';
import type { KubernetesClient } from '../../../mesh/ports/kubernetes.ts';
import { callerOf } from '../caller.ts';
import { CommandFailure, type Environment } from '../environment.ts';
import { age, type Format, formatOption, print } from '../output/index.ts';
import { listAll } from '../list.ts';
import { FIELD_MANAGER } from '../field-manager.ts';

async function find(environment: Environment, client: KubernetesClient, name: string): Promise<UpdateRunObject> {
  const run = await client.get<UpdateRunObject>(UpdateRun, { name }, environment.signal);
  if (run === undefined) throw new CommandFailure(`there is no run ${JSON.stringify(name)}; "isthmus run list" shows them`);
  return run;
}

/** Makes a new run that takes every cluster the old one touched back to what it had before. */
export async function undoRun(environment: Environment, name: string, options: { readonly reason: string; readonly dryRun: boolean }): Promise<void> {
  const client = await environment.connect();
  const run = await find(environment, client, name);
  const phase = run.status?.phase ?? 'Pending';
  if (phase === 'Pending' || phase === 'Running') throw new CommandFailure(`run ${name} is ${phase}: stop it first with "isthmus run stop ${name}", then undo it`);
  const created = await client.create<UpdateRunObject>(UpdateRun, {
    apiVersion: apiVersionOf(UpdateRun), kind: 'UpdateRun',
    metadata: { name: '', generateName: `${name.slice(0, 50)}-undo-` },
    spec: { strategy: run.spec.strategy, planDigest: run.spec.planDigest, reason: options.reason, requestedBy: (await callerOf(environment, client)).name, undoOf: name, stop: false },
  }, { fieldManager: FIELD_MANAGER, dryRun: options.dryRun }, environment.signal);
  environment.out(`updaterun.isthmus.dev/${created.metadata.name} created${options.dryRun ? ' (dry run)' : ''}\n`);
}

export async function stopRun(environment: Environment, name: string): Promise<void> {
  const client = await environment.connect();
  await find(environment, client, name);
  await client.patch(UpdateRun, { name }, { spec: { stop: true } }, { type: 'merge', fieldManager: FIELD_MANAGER }, environment.signal);
  environment.out(`updaterun.isthmus.dev/${name} told to stop: clusters in flight finish, the rest is skipped\n`);
}

async function listRuns(environment: Environment, format: Format): Promise<void> {
  const client = await environment.connect();
  const runs = (await listAll<UpdateRunObject>(client, UpdateRun, environment.signal))
    .sort((a, b) => ((a.metadata.creationTimestamp ?? '') < (b.metadata.creationTimestamp ?? '') ? -1 : 1));
  print(environment, format, {
    headings: ['NAME', 'PHASE', 'STAGE', 'DONE', 'TOTAL', 'AGE', 'WHY'],
    rows: runs.map((run) => [
      run.metadata.name, run.status?.phase ?? 'Pending', run.status?.stage ?? '', String(run.status?.counts.done ?? 0), String(run.status?.counts.total ?? 0),
      age(Date.parse(run.metadata.creationTimestamp ?? ''), environment.now()), run.spec.reason,
    ]),
    value: runs,
    names: runs.map((run) => `updaterun.isthmus.dev/${run.metadata.name}`),
    empty: 'No run has been made yet.',
  });
}

export function registerChange(run: Command, environment: (command: Command) => Environment): void {
  run.command('list').description('list runs, oldest first').addOption(formatOption())
    .action(async (options: { output: Format }, command: Command) => listRuns(environment(command), options.output));
  run.command('undo')
    .description('bring back what every cluster of a finished or stopped run had before it, by a new run through the same stages')
    .argument('<name>')
    .option('--reason <text>', 'why, for the record', 'undone by hand')
    .option('--dry-run', 'check with the server, make nothing', false)
    .action(async (name: string, options: { reason: string; dryRun: boolean }, command: Command) => undoRun(environment(command), name, options));
  run.command('stop').description('let clusters in flight finish and skip the rest').argument('<name>')
    .action(async (name: string, _options: object, command: Command) => stopRun(environment(command), name));
}
