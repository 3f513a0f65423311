/** `isthmus run create`: a run that brings a bundle or the plan, or takes a package away; `--dry-run` shows what it would do. */
import type { Command } from 'commander';
import { apiVersionOf, UpdateRun } from '../../../mesh/api/resources/index.ts';
import type { UpdateRunObject } from '../../../mesh/api/resources/updates.ts';
import { type KubernetesClient, KubernetesError } from '../../../mesh/ports/kubernetes.ts';
import { callerOf } from '../caller.ts';
import { CommandFailure, type Environment, UsageProblem } from '../environment.ts';
import { FIELD_MANAGER } from '../field-manager.ts';
import { type Format, formatOption } from '../output/index.ts';
import { foresee, foreseeChanges, type SimulateQuestion } from './foresee.ts';
import { printMade } from './made.ts';
import { questionOf } from './simulate.ts';
import { simulationText } from './simulate-text.ts';
import { addContentOptions, contentMustBeThere, contentOf, type Source, type SourceOptions, sourceText } from './source.ts';

export interface CreateOptions extends SourceOptions {
  readonly reason: string;
  readonly dryRun: boolean;
  readonly paused: boolean;
  readonly output: Format;
}

/** Of the plan as the hub has it now. */
async function planDigest(environment: Environment, client: KubernetesClient, source: Omit<Source, 'run'>): Promise<string> {
  const { about } = await foreseeChanges(environment, client, source);
  if (about.planDigest === undefined) throw new CommandFailure('the hub does not say which plan is the present one; is it of another version than this command?');
  return about.planDigest;
}

async function specOf(environment: Environment, client: KubernetesClient, source: Omit<Source, 'run'>, { reason, paused }: CreateOptions): Promise<UpdateRunObject['spec']> {
  const { strategyName, bundle, removePackage } = source;
  const requestedBy = (await callerOf(environment, client)).name;
  return {
    ...(strategyName === undefined ? {} : { strategyName }), ...(bundle === undefined ? {} : { bundle }), ...(removePackage === undefined ? {} : { removePackage }),
    ...(source.plan === true ? { planDigest: await planDigest(environment, client, source) } : {}),
    reason, requestedBy, stop: false, ...(paused ? { pause: true, pausedBy: requestedBy } : {}),
  };
}

function explained(error: unknown, name: string): unknown {
  if (!(error instanceof KubernetesError)) return error;
  if (error.reason === 'AlreadyExists') return new CommandFailure(`there is a run ${name} already, and the records keep runs by name: give another name; "isthmus run status ${name}" shows that one`);
  return error;
}

export async function createRun(environment: Environment, name: string, options: CreateOptions): Promise<void> {
  if (options.reason.trim() === '') throw new UsageProblem('--reason: say why, for whoever reads the history');
  const source = contentOf(options, true);
  if (source === undefined) throw new UsageProblem('say what is to go out: --bundle NAME, --plan or --remove-package NAME');
  const client = await environment.connect();
  await contentMustBeThere(environment, client, source);
  const spec = await specOf(environment, client, source, options);
  const created = await client.create<UpdateRunObject>(UpdateRun, { apiVersion: apiVersionOf(UpdateRun), kind: 'UpdateRun', metadata: { name }, spec }, { fieldManager: FIELD_MANAGER, dryRun: options.dryRun }, environment.signal)
    .catch((error: unknown) => { throw explained(error, name); });
  printMade(environment, options.output, created, options.dryRun);
  if (options.output !== 'table' && options.output !== 'wide') return;
  if (!options.dryRun) {
    environment.out(options.paused ? `it is paused: "isthmus run simulate ${name}" shows what it would do, "isthmus run resume ${name}" lets it begin\n` : `"isthmus run status ${name} --watch" follows it\n`);
    return;
  }
  const question: SimulateQuestion = { ...questionOf({ output: 'table' }, environment.now()), ...source };
  environment.out(`\n${simulationText(sourceText(source), await foresee(environment, client, question), true)}`);
}

export function registerCreate(run: Command, environment: (command: Command) => Environment): void {
  addContentOptions(run.command('create').description('make a run: bring a bundle or the plan to clusters, or take a package away from them').argument('<name>'))
    .requiredOption('--reason <text>', 'why, for the record')
    .option('--paused', 'make it paused: it begins when somebody resumes it', false)
    .option('--dry-run', 'check with the server and show clusters, stages, warnings and waits; make nothing', false)
    .addOption(formatOption())
    .action(async (name: string, options: CreateOptions, command: Command) => createRun(environment(command), name, options));
}
