/** What an UpdateRun's status says: written again after a crash, it is the same. Small at any size of the fleet. Pure. */
import type { UpdateRunObject } from '../../../mesh/api/resources/updates.ts';
import { type Condition, type ConditionUpdate, setCondition } from '../../../mesh/model/condition.ts';
import { type Instant, toRfc3339 } from '../../../mesh/model/instant.ts';
import type { RunPhase, RunState } from '../../../mesh/model/rollout.ts';
import { shortened } from '../../../mesh/model/shortened.ts';
import type { RunRecord } from '../../../mesh/ports/records.ts';
import type { RunCounts, RunStep } from '../../../mesh/rollout/step.ts';
import { conditionsOf } from '../views.ts';
import { NOTHING_SELECTED } from './intent-world.ts';
import { namesOf } from './names-of.ts';

export type RunStatus = NonNullable<UpdateRunObject['status']>;

const LONGEST_MESSAGE = 1024;
const MOST_GATES = 64;
const LONGEST_GATE_MESSAGE = 512;
const MOST_APPROVERS = 16;
const MOST_NAME = 256;
/** Reason of `Progressing` where a stage waits for more of its clusters to be done: a person's resume lets it pass. */
const TOO_FEW_DONE = 'TooFewDone';
const MOVING: readonly RunPhase[] = ['Running', 'Soaking', 'Stopping', 'RollingBack'];

export const NOTHING: RunCounts = { total: 0, done: 0, inFlight: 0, failed: 0, skipped: 0, rolledBack: 0, away: 0, gone: 0 };

const short = (text: string, most = LONGEST_MESSAGE): string => shortened(text, most);

/** Set where it says something, taken away where it does not any more. */
function withCondition(conditions: readonly Condition[], type: string, update: Omit<ConditionUpdate, 'type'> | undefined, now: Instant): readonly Condition[] {
  if (update === undefined) return conditions.some((condition) => condition.type === type) ? conditions.filter((condition) => condition.type !== type) : conditions;
  return setCondition(conditions, { type, ...update, message: short(update.message) }, now);
}

/** The last ones that were reached. */
function gatesOf({ gates }: RunState): RunStatus['gates'] {
  return Object.entries(gates).sort(([a, left], [b, right]) => left.since - right.since || (a < b ? -1 : 1)).slice(-MOST_GATES).map(([name, { phase, message, since, approvedBy = [] }]) => ({
    name, phase, message: short(message, LONGEST_GATE_MESSAGE), since: toRfc3339(since), ...(approvedBy.length === 0 ? {} : { approvedBy: approvedBy.slice(0, MOST_APPROVERS) }),
  }));
}

function editorsOf({ changedBy }: Pick<RunState, 'changedBy'>): Pick<RunStatus, 'changedBy' | 'unknownChanges'> {
  const { people = [], unknown = [] } = changedBy ?? {};
  return {
    ...(people.length === 0 ? {} : { changedBy: people.map(({ person, changed }) => ({ person: short(person, MOST_NAME), changed: [...changed] })) }),
    ...(unknown.length === 0 ? {} : { unknownChanges: unknown.map((text) => short(text, LONGEST_GATE_MESSAGE)) }),
  };
}

/** What stands beside a run, and what it froze does not follow. */
export interface Beside {
  /** What is unwise in its strategy. */
  readonly warnings: readonly string[];
  /** Set: the UpdateStrategy of the run's strategy is another by now. */
  readonly strategyChanged: string | undefined;
}

function conditionsFor(object: UpdateRunObject, phase: RunPhase, message: string, failed: number, { warnings, strategyChanged }: Beside, now: Instant, reason: string = phase): RunStatus['conditions'] {
  const observedGeneration = object.metadata.generation ?? 0;
  let conditions = conditionsOf(object);
  conditions = withCondition(conditions, 'Progressing', { status: MOVING.includes(phase) ? 'True' : 'False', reason, message, observedGeneration }, now);
  conditions = withCondition(conditions, 'Healthy', failed === 0 ? { status: 'True', reason: 'NoFailures', message: 'no cluster that the run has changed has failed', observedGeneration }
    : { status: 'False', reason: 'ClustersFailed', message: `${failed} of the clusters that the run has changed ${failed === 1 ? 'has' : 'have'} failed`, observedGeneration }, now);
  conditions = withCondition(conditions, 'StrategySound', warnings.length === 0 ? { status: 'True', reason: 'Sound', message: 'nothing in the strategy stands out', observedGeneration }
    : { status: 'False', reason: 'Warnings', message: warnings.join('; '), observedGeneration }, now);
  conditions = withCondition(conditions, 'StrategyChanged', strategyChanged === undefined ? undefined : { status: 'True', reason: 'Edited', message: strategyChanged, observedGeneration }, now);
  return conditions as RunStatus['conditions'];
}

export function statusOf(object: UpdateRunObject, record: RunRecord, step: RunStep, beside: Beside, now: Instant): RunStatus {
  const { joinedLater } = record;
  const phase = record.finishedAt === null ? step.phase : record.phase;
  const late = joinedLater.length === 0 ? '' : `; joined later, and left to the next run: ${namesOf(joinedLater)}`;
  const message = short(`${step.message}${late}`);
  const gates = gatesOf(step.state) ?? [];
  return {
    observedGeneration: object.metadata.generation ?? 0, phase, ...(step.stage === null ? {} : { stage: step.stage }), message,
    ...(step.waitingUntil === null ? {} : { waitingUntil: toRfc3339(step.waitingUntil) }),
    startedAt: toRfc3339(record.createdAt), ...(record.finishedAt === null ? {} : { finishedAt: toRfc3339(record.finishedAt) }),
    ...(record.strategyDigest === '' ? {} : { strategyDigest: record.strategyDigest }),
    counts: { ...step.counts, joinedLater: joinedLater.length },
    ...editorsOf(step.state), ...(gates.length === 0 ? {} : { gates }),
    conditions: conditionsFor(object, phase, message, step.counts.failed, beside, now, phase === 'Waiting' && step.state.tooFewDone !== undefined ? TOO_FEW_DONE : phase),
  };
}

/** Of a run that has no clusters: it ended as it began. */
export function statusOfNothing(object: UpdateRunObject, { phase, message, createdAt, strategyDigest }: RunRecord, beside: Beside, now: Instant): RunStatus {
  return {
    observedGeneration: object.metadata.generation ?? 0, phase, message: short(message), startedAt: toRfc3339(createdAt), finishedAt: toRfc3339(createdAt),
    ...(strategyDigest === '' ? {} : { strategyDigest }), counts: { ...NOTHING }, conditions: conditionsFor(object, phase, message, 0, beside, now, message.startsWith(NOTHING_SELECTED) ? 'NothingSelected' : phase),
  };
}

/** Of a run that has not begun, or that ended before it could. */
export function statusBefore(object: UpdateRunObject, phase: 'Pending' | 'Failed' | 'Stopped', message: string, clusters: number, now: Instant): RunStatus {
  const progressing = { status: 'False' as const, reason: phase, message, observedGeneration: object.metadata.generation ?? 0 };
  return {
    observedGeneration: object.metadata.generation ?? 0, phase, message: short(message), counts: { ...NOTHING, total: clusters },
    conditions: withCondition(conditionsOf(object), 'Progressing', progressing, now) as RunStatus['conditions'],
  };
}
