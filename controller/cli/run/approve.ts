/** `isthmus run approve` and `isthmus run reject`: a person's word on a gate that a run waits at. */
import type { Command } from 'commander';
import type { ApprovalObject } from '../../../mesh/api/resources/approval.ts';
import { apiVersionOf, Approval, UpdateRun } from '../../../mesh/api/resources/index.ts';
import type { UpdateRunObject } from '../../../mesh/api/resources/updates.ts';
import { FINAL_RUN_PHASES, type GateValue } from '../../../mesh/model/rollout.ts';
import { type KubernetesClient, KubernetesError } from '../../../mesh/ports/kubernetes.ts';
import { sha256Hex } from '../../adapters/digest.ts';
import { type Caller, callerOf } from '../caller.ts';
import { CommandFailure, type Environment, UsageProblem } from '../environment.ts';
import { FIELD_MANAGER } from '../field-manager.ts';

type Decision = 'Approve' | 'Reject';
type GateStatus = NonNullable<NonNullable<UpdateRunObject['status']>['gates']>[number];

interface ApproveOptions {
  readonly decision: Decision;
  /** `rest/before/lead`, or `lead` where that is clear; undefined: the one that waits. */
  readonly gate: string | undefined;
  readonly reason: string;
  readonly dryRun: boolean;
}

const MOST_GROUPS = 64;
const NAME_CHARACTERS = 200;
/** So long the hub is given to say whether it counts. */
const PATIENCE_MILLISECONDS = 5_000;
const POLL_MILLISECONDS = 250;

const person = ({ name, groups }: Caller): string => `${name}${groups.length === 0 ? '' : ` (groups ${groups.join(', ')})`}`;

/** undefined: the run takes its strategy by name, and what it froze of it is the hub's to tell. */
function gateOf({ spec }: UpdateRunObject, key: string): GateValue | undefined {
  const [stage, side, name] = key.split('/') as [string, 'before' | 'after', string];
  return spec.strategy?.stages.find((each) => each.name === stage)?.[side]?.find((gate) => gate.name === name) as GateValue | undefined;
}

/** Those that wait for people, as far as it can be told. */
const waitingGates = (run: UpdateRunObject): readonly GateStatus[] => (run.status?.gates ?? [])
  .filter(({ name, phase }) => phase === 'Waiting' && (run.spec.strategy === undefined || gateOf(run, name)?.approval !== undefined));

function chosenGate(run: UpdateRunObject, wanted: string | undefined): GateStatus {
  const { name } = run.metadata;
  const waiting = waitingGates(run);
  const list = waiting.map((gate) => gate.name).join(', ');
  const found = wanted === undefined ? waiting : waiting.filter((gate) => gate.name === wanted || gate.name.endsWith(`/${wanted}`));
  if (found.length === 1) return found[0] as GateStatus;
  if (found.length > 1) throw new UsageProblem(`run ${name} waits at several gates: ${found.map((gate) => gate.name).join(', ')}; say which`);
  const reached = run.status?.gates?.find((gate) => gate.name === wanted || gate.name.endsWith(`/${wanted ?? ''}`));
  if (wanted !== undefined && reached !== undefined && reached.phase !== 'Waiting') throw new CommandFailure(`gate ${reached.name} of run ${name} has been decided: ${reached.phase}, ${reached.message}`);
  if (waiting.length === 0) throw new CommandFailure(`run ${name} waits for nobody's approval now (${run.status?.phase ?? 'Pending'}${run.status === undefined ? '' : `: ${run.status.message}`})`);
  throw new CommandFailure(`run ${name} does not wait at gate ${JSON.stringify(wanted)}; it waits at ${list}`);
}

/** Of the caller's groups those that the gate asks for; all, where that is not known. Throws for people whose word would not count. */
function groupsFor(run: UpdateRunObject, key: string, caller: Caller): readonly string[] {
  const groups = gateOf(run, key)?.approval?.groups;
  const whom = groups === undefined || groups.length === 0 ? '' : ` of group ${groups.join(' or ')}`;
  if (run.spec.requestedBy === caller.name) throw new CommandFailure(`you asked for this run yourself; someone else${whom} must approve it (you are ${caller.name})`);
  const editor = run.status?.changedBy?.find(({ person }) => person === caller.name);
  if (editor !== undefined) throw new CommandFailure(`you changed ${editor.changed.join(', ')} yourself, which this run carries; someone else${whom} must approve it (you are ${caller.name})`);
  if (groups === undefined) return [...caller.groups].sort((a, b) => Number(a.startsWith('system:')) - Number(b.startsWith('system:'))).slice(0, MOST_GROUPS);
  const mine = caller.groups.filter((group) => groups.includes(group));
  if (groups.length > 0 && mine.length === 0) throw new CommandFailure(`gate ${key} wants people${whom}; you are ${person(caller)}`);
  return mine;
}

/** The same for the same word of the same person on the same asking of the gate, so that saying it twice is noticed. */
const nameOf = (run: string, { name: key, since }: GateStatus, decision: Decision, { name }: Caller): string => {
  const readable = `${run}-${key.replaceAll('/', '-')}`.slice(0, NAME_CHARACTERS).replace(/[^a-z0-9]+$/, '');
  return `${readable}-${sha256Hex(JSON.stringify([run, key, since, decision, name])).slice(0, 12)}`;
};

export async function approveRun(environment: Environment, name: string, options: ApproveOptions): Promise<void> {
  const { decision, reason, dryRun } = options;
  if (decision === 'Reject' && reason.trim() === '') throw new UsageProblem('--reason: say why, for whoever asked for the run');
  const client = await environment.connect();
  const run = await client.get<UpdateRunObject>(UpdateRun, { name }, environment.signal);
  if (run === undefined) throw new CommandFailure(`there is no run ${JSON.stringify(name)}; "isthmus run list" shows them`);
  const phase = run.status?.phase ?? 'Pending';
  if (FINAL_RUN_PHASES.includes(phase)) throw new CommandFailure(`run ${name} has ended (${phase}): there is nothing left to ${decision === 'Approve' ? 'approve' : 'reject'}`);
  const gate = chosenGate(run, options.gate);
  const caller = await callerOf(environment, client);
  const groups = groupsFor(run, gate.name, caller);
  const approval: ApprovalObject = {
    apiVersion: apiVersionOf(Approval), kind: 'Approval', metadata: { name: nameOf(name, gate, decision, caller) },
    spec: { run: name, gate: gate.name, decision, reason, approver: caller.name, groups: [...groups] },
  };
  const create = (object: ApprovalObject): Promise<ApprovalObject> => client.create<ApprovalObject>(Approval, object, { fieldManager: FIELD_MANAGER, dryRun }, environment.signal);
  const created = await create(approval).catch(async (error: unknown) => {
    if (!(error instanceof KubernetesError)) throw error;
    if (error.reason === 'AlreadyExists') {
      const said = await client.get<ApprovalObject>(Approval, { name: approval.metadata.name }, environment.signal);
      if (said?.status?.counted !== false) throw new CommandFailure(`you have said so already: Approval ${approval.metadata.name}; nobody counts twice`);
      return create({ ...approval, metadata: { name: '', generateName: `${approval.metadata.name}-` } });
    }
    if (error.code === 403) throw new CommandFailure(`${error.message}: whoever approves needs a binding to ClusterRole isthmus-run-approver; you are ${person(caller)}`);
    throw error;
  });
  environment.out(`approval.isthmus.dev/${created.metadata.name} created${dryRun ? ' (dry run)' : ''}\n`);
  if (!dryRun) await tellWhetherItCounts(environment, client, created.metadata.name, `${caller.name} ${decision === 'Approve' ? 'approves' : 'rejects'} gate ${gate.name} of run ${name}`);
}

async function tellWhetherItCounts(environment: Environment, client: KubernetesClient, name: string, said: string): Promise<void> {
  for (const until = environment.now() + PATIENCE_MILLISECONDS; !environment.signal.aborted;) {
    const status = (await client.get<ApprovalObject>(Approval, { name }, environment.signal))?.status;
    const why = status?.conditions?.find(({ type }) => type === 'Counted')?.message ?? '';
    if (status?.counted === false) throw new CommandFailure(`${said}, and it does not count: ${why}`);
    if (status?.counted === true) return environment.out(`${said}; it counts\n`);
    if (environment.now() >= until) return environment.out(`${said}; the hub has not said yet whether it counts: "kubectl get approval ${name}" shows it\n`);
    await environment.sleep(POLL_MILLISECONDS);
  }
}

export function registerApprove(run: Command, environment: (command: Command) => Environment): void {
  const word = (name: string, decision: Decision, description: string): void => {
    const command = run.command(name).description(description).argument('<run>').argument('[gate]', 'as STAGE/before/NAME, or NAME; nothing: the one that waits for approval')
      .option('--dry-run', 'check with the server, make nothing', false);
    if (decision === 'Reject') command.requiredOption('--reason <text>', 'why, for whoever asked for the run');
    else command.option('--reason <text>', 'for the record', '');
    command.action(async (of: string, gate: string | undefined, options: { reason: string; dryRun: boolean }, self: Command) => approveRun(environment(self), of, { decision, gate, ...options }));
  };
  word('approve', 'Approve', 'approve a gate that a run of somebody else waits at');
  word('reject', 'Reject', 'fail a gate that a run of somebody else waits at');
}
