/** `isthmus drill`: failover drills. */
import { type Command, Option } from 'commander';
import type { DrillObject } from '../../../mesh/api/resources/drill.ts';
import { apiVersionOf, Cluster, Drill } from '../../../mesh/api/resources/index.ts';
import type { DrillAnswer } from '../../../mesh/api/resources/inquiry-answers.ts';
import { KubernetesError } from '../../../mesh/ports/kubernetes.ts';
import { callerOf } from '../caller.ts';
import { CommandFailure, type Environment, UsageProblem } from '../environment.ts';
import { inquire } from '../inquire.ts';
import { listAll } from '../list.ts';
import { wholeNumber } from '../options.ts';
import { age, type Format, formatOption, print } from '../output/index.ts';
import { FIELD_MANAGER } from '../field-manager.ts';

const POLL_MILLISECONDS = 200;
const FINISHED = ['Succeeded', 'Failed', 'Cancelled'];

interface RunOptions { readonly evacuate: string; readonly hold: string; readonly objective: string; readonly wait: boolean; readonly dryRun: boolean; readonly output: 'markdown' | 'json' }

const LONGEST_SECONDS = 86_400;

/** Follows the drill to its end and prints the report; a drill that did not succeed is exit status 1. */
export async function runDrill(environment: Environment, service: string, options: RunOptions): Promise<void> {
  const [namespace, name, more] = service.split('/');
  if (namespace === undefined || name === undefined || name === '' || more !== undefined) throw new UsageProblem(`service ${JSON.stringify(service)}: write NAMESPACE/NAME`);
  const client = await environment.connect();
  if (await client.get(Cluster, { name: options.evacuate }, environment.signal) === undefined) {
    const known = (await listAll(client, Cluster, environment.signal)).map((cluster) => cluster.metadata.name);
    throw new CommandFailure(`there is no cluster ${JSON.stringify(options.evacuate)} to evacuate, nothing was touched; ${known.length === 0 ? 'no cluster has joined yet' : `known: ${known.slice(0, 20).join(', ')}`}`);
  }
  const created = await client.create<DrillObject>(Drill, {
    apiVersion: apiVersionOf(Drill), kind: 'Drill', metadata: { name: '', generateName: `${namespace}-${name}-`.slice(0, 50) },
    spec: {
      service: { namespace, name }, evacuate: options.evacuate, holdSeconds: wholeNumber('--hold', options.hold, 1, LONGEST_SECONDS),
      objectiveSeconds: wholeNumber('--objective', options.objective, 1, LONGEST_SECONDS), requestedBy: (await callerOf(environment, client)).name, stop: false,
    },
  }, { fieldManager: FIELD_MANAGER, dryRun: options.dryRun }, environment.signal);
  const drill = created.metadata.name;
  environment.err(`drill.isthmus.dev/${drill} created${options.dryRun ? ' (dry run)' : ''}\n`);
  if (!options.wait || options.dryRun) return;
  let shown = '';
  for (;;) {
    const status = (await client.get<DrillObject>(Drill, { name: drill }, environment.signal))?.status;
    const line = `${status?.phase ?? 'Pending'}: ${status?.message ?? 'waiting for the hub'}`;
    if (line !== shown) environment.err(`  ${line}\n`);
    shown = line;
    if (FINISHED.includes(status?.phase ?? '')) break;
    if (environment.signal.aborted) throw new CommandFailure(`drill ${drill} goes on; "isthmus drill stop ${drill}" ends it and restores everything`);
    await environment.sleep(POLL_MILLISECONDS);
  }
  const phase = await report(environment, drill, options.output);
  if (phase !== 'Succeeded') throw new CommandFailure(`drill ${drill}: ${phase}`);
}

async function report(environment: Environment, name: string, output: 'markdown' | 'json'): Promise<string> {
  const client = await environment.connect();
  const { drill, state, markdown } = await inquire<DrillAnswer>(environment, client, { drill: { name } });
  environment.out(output === 'json' ? `${JSON.stringify({ drill, state }, null, 2)}\n` : markdown);
  return state.phase;
}

async function stop(environment: Environment, name: string): Promise<void> {
  const client = await environment.connect();
  await client.patch(Drill, { name }, { spec: { stop: true } }, { type: 'merge', fieldManager: FIELD_MANAGER }, environment.signal).catch((error: unknown) => {
    throw error instanceof KubernetesError && error.code === 404 ? new CommandFailure(`there is no drill ${JSON.stringify(name)}; "isthmus drill list" shows them`) : error;
  });
  environment.out(`drill.isthmus.dev/${name} told to stop: everything is restored\n`);
}

async function list(environment: Environment, format: Format): Promise<void> {
  const drills = await listAll<DrillObject>(await environment.connect(), Drill, environment.signal);
  print(environment, format, {
    headings: ['NAME', 'SERVICE', 'EVACUATED', 'PHASE', 'WORST RECOVERY', 'AGE'],
    rows: drills.map((drill) => [
      drill.metadata.name, `${drill.spec.service.namespace}/${drill.spec.service.name}`, drill.spec.evacuate, drill.status?.phase ?? 'Pending',
      drill.status?.worstRecoverySeconds === undefined ? '' : `${drill.status.worstRecoverySeconds}s`, age(Date.parse(drill.metadata.creationTimestamp ?? ''), environment.now()),
    ]),
    value: drills,
    names: drills.map((drill) => `drill.isthmus.dev/${drill.metadata.name}`),
    empty: 'No drill has been run yet.',
  });
}

const reportOption = (): Option => new Option('-o, --output <format>', 'how to print the report').choices(['markdown', 'json']).default('markdown');

export function register(program: Command, environment: (command: Command) => Environment): void {
  const drill = program.command('drill').description('failover drills: leave a cluster on purpose, measure, restore, report');
  drill.command('run')
    .description('evacuate a cluster for a service and measure how every cluster\'s DNS follows')
    .argument('<namespace/service>')
    .requiredOption('--evacuate <cluster>', 'the cluster that must not serve')
    .option('--hold <seconds>', 'how long it stays evacuated', '10')
    .option('--objective <seconds>', 'longest recovery that counts as success', '30')
    .option('--no-wait', 'do not wait for the end')
    .option('--dry-run', 'check with the server, make nothing', false)
    .addOption(reportOption())
    .action(async (service: string, options: RunOptions, command: Command) => runDrill(environment(command), service, options));
  drill.command('report').description('print a drill\'s report').argument('<name>').addOption(reportOption())
    .action(async (name: string, options: { output: 'markdown' | 'json' }, command: Command) => { await report(environment(command), name, options.output); });
  drill.command('stop').description('cancel a drill: everything is restored at once').argument('<name>')
    .action(async (name: string, _options: object, command: Command) => stop(environment(command), name));
  drill.command('list').description('list drills').addOption(formatOption())
    .action(async (options: { output: Format }, command: Command) => list(environment(command), options.output));
}
