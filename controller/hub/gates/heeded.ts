/** Whether a gate heeds an approval, and why not. The gate's own verdict is `mesh/rollout/gates`; this tells the person who approved. */
import type { ApprovalValue, GateState, GateValue, RunEditor, StrategyValue } from '../../../mesh/model/rollout.ts';
import { type Instant, toRfc3339 } from '../../../mesh/model/instant.ts';
import { authorship } from '../../../mesh/rollout/gates/approval.ts';

/** Kubernetes tells when an object was made in whole seconds: it was by the end of that second. */
const LAST_OF_SECOND = 999;
/** Clocks of hub and API server are not believed to be further apart. */
const MOST_SKEW_MILLISECONDS = 60_000;

/** When something was said, by the hub's clock: when it came, as far as that fits when it was made by the API server's. `cameAt` undefined: nobody was there to hear it. */
export function saidAt(createdAt: Instant, cameAt: Instant | undefined): Instant {
  const made = createdAt + LAST_OF_SECOND;
  return cameAt === undefined ? made : Math.min(Math.max(cameAt, made - MOST_SKEW_MILLISECONDS), made + MOST_SKEW_MILLISECONDS);
}

const REASONS = ['NotTheAuthor', 'NotInGroups', 'NoSuchRun', 'NoSuchGate', 'GateNotReached', 'BeforeGate', 'GateDecided', 'NewerWord', 'NotGuarded'] as const;

export interface Heeded {
  readonly counted: boolean;
  readonly reason: 'Counted' | (typeof REASONS)[number];
  readonly message: string;
}

/** The run that an approval names, as far as it is known. */
export interface ApprovedRun {
  readonly name: string;
  readonly author: string;
  readonly editors: readonly RunEditor[];
  /** Why nobody's approval counts, where it is not known who changed what the run carries. */
  readonly unknown: string | undefined;
  /** undefined: not known before the run begins. */
  readonly strategy: StrategyValue | undefined;
  readonly gates: Readonly<Record<string, GateState>>;
}

const gatesOf = ({ stages }: StrategyValue): ReadonlyMap<string, GateValue> => new Map(stages.flatMap((stage) => (['before', 'after'] as const)
  .flatMap((side) => (stage[side] ?? []).map((gate): [string, GateValue] => [`${stage.name}/${side}/${gate.name}`, gate]))));

const no = (reason: (typeof REASONS)[number], message: string): Heeded => ({ counted: false, reason, message });

/** `others`: what each person said last of the same gate. `unguarded`: why nobody vouches for who approved. */
export function heed(approval: ApprovalValue, run: ApprovedRun | undefined, others: readonly ApprovalValue[], unguarded: string | undefined): Heeded {
  const { approver, gate: key, at } = approval;
  if (run === undefined) return no('NoSuchRun', 'there is no UpdateRun of that name; "isthmus run list" shows them');
  const authored = authorship(approver, run);
  if (authored !== undefined) return no('NotTheAuthor', `${approver} ${authored.replace('the run', `run ${run.name}`).replace(/,$/, '')}; somebody else must approve it`);
  if (run.strategy === undefined) return no('GateNotReached', `run ${run.name} has not begun; approve once it waits at the gate`);
  const known = gatesOf(run.strategy);
  const gate = known.get(key);
  if (gate?.approval === undefined) {
    const asked = [...known].filter(([, each]) => each.approval !== undefined).map(([name]) => name);
    return no('NoSuchGate', `run ${run.name} has no approval gate ${key}; it has ${asked.length === 0 ? 'none' : asked.join(', ')}`);
  }
  const { groups } = gate.approval;
  if (groups.length > 0 && !groups.some((group) => approval.groups.includes(group))) {
    return no('NotInGroups', `the gate wants people of ${groups.join(' or ')}; the approval names ${approval.groups.length === 0 ? 'no group' : approval.groups.join(', ')}`);
  }
  return heedAt(approval, run.gates[key], others, unguarded ?? run.unknown, at);
}

function heedAt(approval: ApprovalValue, state: GateState | undefined, others: readonly ApprovalValue[], unguarded: string | undefined, at: number): Heeded {
  if (state === undefined) return no('GateNotReached', 'the run has not come to this gate; approve once it waits there');
  if (at < state.since) return no('BeforeGate', `the gate asks since ${toRfc3339(state.since)}, and this was said before; approve anew`);
  if (state.finishedAt !== null && at > state.finishedAt + 1000) return no('GateDecided', `the gate was decided at ${toRfc3339(state.finishedAt)}: ${state.message}`);
  const newer = others.find((other) => other.approver === approval.approver && other.name !== approval.name && (other.at > at || (other.at === at && other.name > approval.name)));
  if (newer !== undefined) return no('NewerWord', `what ${approval.approver} said later counts: Approval ${newer.name}`);
  if (state.finishedAt === null && unguarded !== undefined) return no('NotGuarded', unguarded);
  return { counted: true, reason: 'Counted', message: approval.decision === 'Approve' ? `${approval.approver} approves` : `${approval.approver} rejects` };
}
