/** `isthmus identity rotate|compromised|rollback`: asks for a rotation of the authority, follows it, and reports. */
import { type Command, Option } from 'commander';
import { type CertificateAuthorityObject, FLEET_AUTHORITY } from '../../../mesh/api/resources/authority.ts';
import { apiVersionOf, CertificateAuthority, UpdateStrategy } from '../../../mesh/api/resources/index.ts';
import type { UpdateStrategyObject } from '../../../mesh/api/resources/updates.ts';
import { toRfc3339 } from '../../../mesh/model/instant.ts';
import { type KubernetesClient, KubernetesError } from '../../../mesh/ports/kubernetes.ts';
import { CommandFailure, type Environment, UsageProblem } from '../environment.ts';
import { FIELD_MANAGER } from '../field-manager.ts';
import { wholeNumber } from '../options.ts';
import { printReport, type ReportFormat, reportOption } from '../output/report.ts';
import { type Ahead, nameOf, rotationAhead } from './rotate-ahead.ts';
import { AUTHORITY_NAME, type Passed, reportRotation } from './rotate-report.ts';

const POLL_MILLISECONDS = 500;
const LONGEST_SECONDS = 30 * 86_400;
const LONGEST_REASON = 1024;
/** As the schema has it. */
const MOST_TAINTS = 16;
/** Made where it is missing: everybody at once, for when a key is in other hands. */
const AT_ONCE = 'at-once';

interface RotateOptions {
  readonly of: 'issuing' | 'root';
  readonly why: string;
  readonly id?: string;
  readonly strategy?: string;
  /** Generation of the authority whose key somebody else may hold. */
  readonly tainted?: { readonly of: 'Issuing' | 'Root'; readonly generation: number };
  readonly wait: boolean;
  readonly timeout: string;
  readonly dryRun: boolean;
  readonly output: ReportFormat;
}

type Status = NonNullable<CertificateAuthorityObject['status']>;

const wayBackOpen = ({ rotation, phase }: Status = {}): boolean => rotation?.back === false && phase !== 'Cleanup';

export async function authorityOf(environment: Environment, client: KubernetesClient): Promise<CertificateAuthorityObject> {
  const object = await client.get<CertificateAuthorityObject>(CertificateAuthority, { name: FLEET_AUTHORITY }, environment.signal);
  if (object?.status?.phase === undefined) throw new CommandFailure('no hub has told of its authority yet; is one running (kubectl get lease -A)?');
  return object;
}

async function rotate(environment: Environment, options: RotateOptions): Promise<void> {
  const { why, of, tainted } = options;
  const timeoutSeconds = wholeNumber('--timeout', options.timeout, 1, LONGEST_SECONDS);
  if (why.trim() === '' || why.length > LONGEST_REASON) throw new UsageProblem(`--why: say why, in 1 to ${LONGEST_REASON} characters, for the record and for whoever meets it`);
  const client = await environment.connect();
  const object = await authorityOf(environment, client);
  const { rotation, finished, issuers = [], roots = [] } = object.status ?? {};
  const id = options.id ?? `${of}-${toRfc3339(environment.now()).slice(0, 19).toLowerCase().replace(/[^0-9t]/g, '')}`;
  if (rotation !== undefined && rotation.id !== id && tainted === undefined) throw new CommandFailure(`rotation "${rotation.id}" is in phase ${object.status?.phase}; wait until it is done ("isthmus identity show")${wayBackOpen(object.status) ? `, or take it back: isthmus identity rollback ${rotation.id}` : ''}`);
  if (finished?.id === id) throw new CommandFailure(`rotation "${id}" ended at ${finished.at}; another rotation needs another --id`);
  const list = tainted?.of === 'Root' ? roots : issuers;
  const already = object.spec?.tainted ?? [];
  if (tainted !== undefined && !list.some(({ generation }) => generation === tainted.generation)) throw new CommandFailure(`there is no ${tainted.of === 'Root' ? 'root' : 'issuing CA'} ${tainted.generation}; there are ${list.map(({ generation }) => generation).join(', ')}${tainted.of === 'Root' ? '' : '. One that was replaced is believed as long as the root above it: --root GENERATION'}`);
  if (options.strategy !== undefined) await ensureStrategy(environment, client, options.strategy, options.dryRun);
  const taints = tainted === undefined || already.some((one) => one.of === tainted.of && one.generation === tainted.generation) ? already : [...already, { ...tainted, reason: why }];
  if (rotation !== undefined && rotation.id !== id) return taintDuring(environment, client, object, { ...options, taints: taints.slice(-MOST_TAINTS) }, timeoutSeconds);
  const spec = {
    rotation: { id, of: of === 'root' ? 'Root' : 'Issuing', reason: why, ...(options.strategy === undefined ? {} : { strategy: options.strategy }) },
    rollBack: null, ...(tainted === undefined ? {} : { tainted: taints.slice(-MOST_TAINTS) }),
  };
  await client.patch(CertificateAuthority, { name: FLEET_AUTHORITY }, { spec }, { type: 'merge', fieldManager: FIELD_MANAGER, dryRun: options.dryRun }, environment.signal);
  if (options.dryRun) {
    const { strategy } = options;
    const ahead = await rotationAhead(environment, client, object, { id, of, ...(strategy === undefined ? {} : { strategy }), ...(tainted === undefined ? {} : { tainted }) });
    printReport(environment, options.output, { ...ahead, name: AUTHORITY_NAME });
    return;
  }
  environment.err(`rotation "${id}" asked for\n`);
  if (options.wait) await follow(environment, client, id, timeoutSeconds, options.output, tainted);
}

/** A key that is in other hands waits for no rotation: it signs nothing more at once, and what runs goes on, as fast as it can where it leaves that root anyway. */
async function taintDuring(environment: Environment, client: KubernetesClient, { spec: asked, status = {} }: CertificateAuthorityObject, { taints, tainted, strategy, dryRun, wait, output }: RotateOptions & { readonly taints: readonly object[] }, timeoutSeconds: number): Promise<void> {
  const { rotation, roots = [], issuers = [] } = status;
  if (rotation === undefined || tainted === undefined) return;
  const root = tainted.of === 'Root' ? tainted.generation : issuers.find(({ generation }) => generation === tainted.generation)?.root;
  const generations = roots.map(({ generation }) => generation);
  // The newer root comes in with a rotation, and goes on its way back.
  const leaves = rotation.of === 'Root' && root === (rotation.back ? Math.max(...generations) : Math.min(...generations));
  const hurry = leaves && asked?.rotation?.id === rotation.id && strategy !== undefined ? { rotation: { strategy } } : {};
  await client.patch(CertificateAuthority, { name: FLEET_AUTHORITY }, { spec: { ...hurry, tainted: taints } }, { type: 'merge', fieldManager: FIELD_MANAGER, dryRun }, environment.signal);
  const running = `rotation "${rotation.id}" (${rotation.of === 'Root' ? 'of the root' : 'of the issuing CA'}) is in phase ${status.phase}`;
  environment.err(`${nameOf(tainted)} ${dryRun ? 'would be' : 'is'} tainted: it signs nothing more as soon as another one can${dryRun ? ' (dry run: nothing was written)' : ''}\n`);
  if (!leaves) throw new CommandFailure(`what it signed stays believed until its root is left, and ${running}: ${wayBackOpen(status) ? `take that back (isthmus identity rollback ${rotation.id}) or ` : ''}wait until it is done, then say this again`);
  environment.err(`${running} and leaves its root: no other is needed\n`);
  if (wait && !dryRun) await follow(environment, client, rotation.id, timeoutSeconds, output, tainted);
}

async function ensureStrategy(environment: Environment, client: KubernetesClient, name: string, dryRun: boolean): Promise<void> {
  if (await client.get(UpdateStrategy, { name }, environment.signal) !== undefined) return;
  if (name !== AT_ONCE) throw new CommandFailure(`there is no UpdateStrategy ${JSON.stringify(name)}`);
  const object: UpdateStrategyObject = {
    apiVersion: apiVersionOf(UpdateStrategy), kind: 'UpdateStrategy', metadata: { name: AT_ONCE },
    spec: { stages: [{ name: 'all', clusters: {}, maxConcurrency: '100%', maxFailures: '100%', soakSeconds: 0 }], progressDeadlineSeconds: 600 },
  };
  try {
    await client.create(UpdateStrategy, object, { fieldManager: FIELD_MANAGER, dryRun }, environment.signal);
  } catch (error) {
    if (!(error instanceof KubernetesError && error.reason === 'AlreadyExists')) throw error;
  }
}

/** Until it has ended, however it has; as it stood then. */
async function follow(environment: Environment, client: KubernetesClient, id: string, timeoutSeconds: number, output: ReportFormat, tainted?: Ahead['tainted']): Promise<Status> {
  const begun = environment.now();
  const passed: Passed[] = [];
  let told = '';
  for (;;) {
    const { status = {}, spec } = await authorityOf(environment, client);
    const mine = status.rotation?.id === id;
    const done = status.finished?.id === id;
    if (mine && passed.at(-1)?.phase !== status.phase) passed.push({ phase: status.phase ?? '', at: environment.now() });
    const line = done ? '' : mine ? `${status.phase}: ${waitsText(status)}` : refusalText(status) ?? 'waiting for the hub';
    if (line !== told && line !== '') environment.err(`  ${line}\n`);
    told = line;
    if (!mine && !done && spec?.rotation?.id === id && refusalText(status) !== undefined) throw new CommandFailure(refusalText(status) ?? '');
    if (done) { reportRotation(environment, { id, status, begun, passed, tainted }, output); return status; }
    if (environment.signal.aborted || environment.now() - begun >= timeoutSeconds * 1000) {
      throw new CommandFailure(`rotation "${id}" is not done ${environment.signal.aborted ? 'yet' : `after ${timeoutSeconds} s`}: ${line}; it goes on by itself, "isthmus identity show" shows how far it is`);
    }
    await environment.sleep(POLL_MILLISECONDS);
  }
}

const refusalText = ({ conditions = [] }: Status): string | undefined => conditions.find(({ type, status }) => type === 'Accepted' && status === 'False')?.message;

export function waitsText({ waitingFor, conditions = [] }: Status): string {
  if (waitingFor === undefined || waitingFor.count === 0) return conditions.find(({ type }) => type === 'Rotating')?.message ?? 'goes on';
  const named = waitingFor.clusters.slice(0, 3).map(({ name, why }) => `${name} (${why})`).join(', ');
  return `waits for ${waitingFor.count === 1 ? '1 cluster' : `${waitingFor.count} clusters`}: ${named}${waitingFor.count > 3 ? ` and ${waitingFor.count - 3} more` : ''}`;
}

interface RollBackOptions { readonly wait: boolean; readonly timeout: string; readonly dryRun: boolean; readonly output: ReportFormat }

async function rollBack(environment: Environment, id: string, { wait, timeout, dryRun, output }: RollBackOptions): Promise<void> {
  const timeoutSeconds = wholeNumber('--timeout', timeout, 1, LONGEST_SECONDS);
  const client = await environment.connect();
  const { status: { rotation, finished, phase } = {} } = await authorityOf(environment, client);
  if (rotation?.id !== id) throw new CommandFailure(finished?.id === id ? `rotation ${JSON.stringify(id)} ${finished.back ? 'was taken back' : 'ended'} at ${finished.at}` : `rotation ${JSON.stringify(id)} is not running${rotation === undefined ? '; none is' : `; "${rotation.id}" is`}`);
  if (phase === 'Cleanup') throw new CommandFailure(`rotation "${id}": the old one is being dropped, the way back is closed; rotate again when it is done`);
  await client.patch(CertificateAuthority, { name: FLEET_AUTHORITY }, { spec: { rollBack: { id } } }, { type: 'merge', fieldManager: FIELD_MANAGER, dryRun }, environment.signal);
  if (dryRun) {
    printReport(environment, output, { text: `rotation "${id}" would be taken back from phase ${phase} (dry run: nothing was written).\n`, value: { rotation: id, phase, back: true, dryRun }, name: AUTHORITY_NAME });
    return;
  }
  environment.err(`rotation "${id}" is being taken back\n`);
  if (!wait) return;
  const { finished: ended } = await follow(environment, client, id, timeoutSeconds, output);
  if (ended !== undefined && !ended.back) throw new CommandFailure(`rotation "${id}" was not taken back: its way back had closed when the hub heard of it, and it ended at ${ended.at}. What was before comes with another rotation`);
}

export function registerRotate(identity: Command, environment: (command: Command) => Environment): void {
  identity.command('rotate')
    .description('replace the issuing CA, or the root and the issuing CA below it, phase by phase while everything runs; no phase goes on before every cluster uses the one before')
    .addOption(new Option('--of <which>', 'what to replace').choices(['issuing', 'root']).makeOptionMandatory())
    .requiredOption('--why <text>', 'why, for the record')
    .option('--id <id>', 'of your choice; the same id again only follows it')
    .option('--strategy <name>', 'UpdateStrategy of its runs, in place of the mesh\'s own')
    .option('--no-wait', 'return at once')
    .option('--timeout <seconds>', 'how long to wait', '86400')
    .option('--dry-run', 'say what would happen, write nothing', false)
    .addOption(reportOption())
    .action(async (options: RotateOptions, command: Command) => rotate(environment(command), options));
  identity.command('compromised')
    .description('a key is in other hands: the authority signs nothing more, everything is issued anew by a new root at once, the old one is believed nowhere; and reports')
    .addOption(new Option('--issuing <generation>', 'of the issuing CA, as "isthmus identity show" has it').conflicts('root'))
    .option('--root <generation>', 'of the root')
    .requiredOption('--why <text>', 'why, for the record')
    .option('--id <id>', 'of your choice; the same id again only follows it')
    .option('--strategy <name>', 'UpdateStrategy of its runs; "at-once" is made where it is missing', AT_ONCE)
    .option('--no-wait', 'return at once')
    .option('--timeout <seconds>', 'how long to wait', '86400')
    .option('--dry-run', 'say what would happen, write nothing', false)
    .addOption(reportOption())
    .action(async ({ issuing, root, ...options }: Omit<RotateOptions, 'of' | 'tainted'> & { issuing?: string; root?: string }, command: Command) => {
      const given = issuing ?? root;
      if (given === undefined) throw new UsageProblem('say which: --issuing GENERATION or --root GENERATION; "isthmus identity show" lists them');
      const generation = wholeNumber(issuing === undefined ? '--root' : '--issuing', given, 1, 1_000_000);
      await rotate(environment(command), { ...options, of: 'root', tainted: { of: issuing === undefined ? 'Root' : 'Issuing', generation } });
    });
  identity.command('rollback')
    .description('take back a rotation that runs: until its phase Cleanup')
    .argument('<id>')
    .option('--no-wait', 'return at once')
    .option('--timeout <seconds>', 'how long to wait', '86400')
    .option('--dry-run', 'check with the server, write nothing', false)
    .addOption(reportOption())
    .action(async (id: string, options: RollBackOptions, command: Command) => rollBack(environment(command), id, options));
}
