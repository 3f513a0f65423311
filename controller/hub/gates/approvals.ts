/** Approvals as gates see them, and what each Approval is told: whether it counts. One that names a run goes with it. */
import { type ApprovalObject, approvalSpec } from '../../../mesh/api/resources/approval.ts';
import { apiVersionOf, Approval, UpdateRun } from '../../../mesh/api/resources/index.ts';
import type { UpdateRunObject } from '../../../mesh/api/resources/updates.ts';
import { setCondition } from '../../../mesh/model/condition.ts';
import { fromRfc3339, type Instant, toRfc3339 } from '../../../mesh/model/instant.ts';
import { HUB_FIELD_MANAGER } from '../../../mesh/model/managed.ts';
import type { ApprovalValue, StrategyValue } from '../../../mesh/model/rollout.ts';
import type { KubernetesObject } from '../../../mesh/ports/kubernetes.ts';
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import { newestWords } from '../../../mesh/rollout/gates/approval.ts';
import { unknownEditors } from './unknown-editors.ts';
import type { Cache } from '../../runtime/cache.ts';
import { createLoop } from '../../runtime/loop.ts';
import type { HubPorts } from '../ports.ts';
import { conditionsOf, openRuns } from '../views.ts';
import { writeStatus } from '../write-status.ts';
import type { Guards } from './guards.ts';
import { type ApprovedRun, heed, saidAt } from './heeded.ts';
import type { Gates } from './types.ts';

/** For the cache of approvals. */
export const APPROVAL_INDEXES = { run: (object: ApprovalObject): readonly string[] => [object.spec.run] };

/** Of one gate; those who refuse are the first of them. */
const MOST_PEOPLE = 1000;

export interface Approvals extends Gates {
  start(signal: CancelSignal): Promise<void>;
}

interface Parts {
  readonly ports: Pick<HubPorts, 'clock' | 'random' | 'log' | 'metrics' | 'kubernetes' | 'records'>;
  /** With `APPROVAL_INDEXES`. */
  readonly approvals: Cache<ApprovalObject>;
  readonly runs: Cache<UpdateRunObject>;
  readonly guards: Guards;
}

const createdAt = ({ metadata }: KubernetesObject): number => fromRfc3339(metadata.creationTimestamp) ?? 0;

const bounded = (words: readonly ApprovalValue[]): readonly ApprovalValue[] => (words.length <= MOST_PEOPLE ? words
  : (['Reject', 'Approve'] as const).flatMap((decision) => words.filter((word) => word.decision === decision)).slice(0, MOST_PEOPLE));

/** Objects of a cache stay as they are until they are replaced: each is read once, however often its gate is looked at. */
const specs = new WeakMap<ApprovalObject, ReturnType<typeof approvalSpec.safeParse>>();

/** undefined: the schema refuses it. */
function valueOf(object: ApprovalObject, cameAt: Instant | undefined): ApprovalValue | undefined {
  const parsed = specs.get(object) ?? approvalSpec.safeParse(object.spec);
  specs.set(object, parsed);
  if (!parsed.success) return undefined;
  const { gate, approver, groups, decision, reason } = parsed.data;
  return { name: object.metadata.name, gate, approver, groups, decision, reason, at: saidAt(createdAt(object), fromRfc3339(object.status?.seenAt) ?? cameAt) };
}

const rfc3339 = (at: Instant | undefined): string | undefined => (at === undefined ? undefined : toRfc3339(at));

/** Said of another run that had the same name. */
function isOfEarlierRun(object: ApprovalObject, run: UpdateRunObject | undefined): boolean {
  if (run === undefined) return false;
  const owners = (object.metadata.ownerReferences ?? []).filter(({ kind }) => kind === UpdateRun.kind);
  return owners.length > 0 ? !owners.some(({ uid }) => uid === run.metadata.uid) : createdAt(object) < createdAt(run);
}

export function createApprovals({ ports, approvals, runs, guards }: Parts): Approvals {
  const { kubernetes, records, clock } = ports;
  const listeners: ((run: string) => void)[] = [];
  /** By uid: of those that came while this hub was there, and do not say so yet. */
  const came = new Map<string, Instant>();
  /** By run: its gates as they were when its approvals were last looked at. */
  const gatesSeen = new Map<string, string>();
  const cameAt = ({ metadata: { uid = '' } }: ApprovalObject): Instant | undefined => came.get(uid);

  /** Each person's newest word: however many they have said before, it hides nobody's. */
  const ofGate = (run: string, gate: string): readonly ApprovalValue[] => bounded(newestWords(approvals.byIndex('run', run)
    .filter((object) => object.spec.gate === gate && !isOfEarlierRun(object, runs.get({ name: run })))
    .flatMap((object) => valueOf(object, cameAt(object)) ?? [])));

  async function approvedRun(object: UpdateRunObject | undefined): Promise<ApprovedRun | undefined> {
    if (object === undefined) return undefined;
    const { name, uid } = object.metadata;
    const record = await records.getRun(name);
    const mine = record !== undefined && (record.uid === uid || record.uid === '') ? record : undefined;
    return { name, author: mine?.author ?? object.spec.requestedBy, editors: mine?.state.changedBy?.people ?? [], unknown: unknownEditors(name, mine?.state), strategy: mine?.strategy ?? object.spec.strategy as StrategyValue | undefined, gates: mine?.state.gates ?? {} };
  }

  /** When the run is deleted the API server deletes what was said of it. */
  async function owned(object: ApprovalObject, run: UpdateRunObject, signal: CancelSignal): Promise<ApprovalObject> {
    const { name, uid, resourceVersion, ownerReferences = [] } = object.metadata;
    if (run.metadata.uid === undefined || ownerReferences.some((owner) => owner.uid === run.metadata.uid) || isOfEarlierRun(object, run)) return object;
    const owner = { apiVersion: apiVersionOf(UpdateRun), kind: UpdateRun.kind, name: run.metadata.name, uid: run.metadata.uid };
    const metadata = { uid, resourceVersion, ownerReferences: [...ownerReferences, owner] };
    return kubernetes.patch<ApprovalObject>(Approval, { name }, { metadata }, { type: 'merge', fieldManager: HUB_FIELD_MANAGER }, signal);
  }

  const loop = createLoop({
    name: 'approvals', ...ports,
    async reconcile(name, signal) {
      const object = approvals.get({ name });
      const value = object === undefined ? undefined : valueOf(object, cameAt(object));
      if (object === undefined || value === undefined) return {};
      const run = runs.get({ name: object.spec.run });
      const current = run === undefined ? object : await owned(object, run, signal);
      const { counted, reason, message } = isOfEarlierRun(object, run)
        ? { counted: false, reason: 'BeforeGate', message: `this was said before UpdateRun ${object.spec.run} was made; approve anew` }
        : heed(value, await approvedRun(run), ofGate(object.spec.run, value.gate), guards.problem());
      const observedGeneration = current.metadata.generation ?? 0;
      const conditions = setCondition(conditionsOf(current), { type: 'Counted', status: counted ? 'True' : 'False', reason, message, observedGeneration }, clock.now());
      const seen = current.status?.seenAt ?? rfc3339(cameAt(object));
      await writeStatus(kubernetes, Approval, current, { observedGeneration, counted, ...(seen === undefined ? {} : { seenAt: seen }), conditions: [...conditions] }, signal);
      return {};
    },
  });
  guards.subscribe(() => {
    for (const { metadata } of approvals.list()) loop.add(metadata.name);
    for (const { metadata } of openRuns(runs)) for (const listener of listeners) listener(metadata.name);
  });
  const addAll = (run: string): void => { for (const { metadata } of approvals.byIndex('run', run)) loop.add(metadata.name); };

  return {
    observe(run, wanted) {
      const problem = guards.problem() ?? unknownEditors(run.name, run.state);
      return Object.fromEntries(wanted.filter(({ gate }) => gate.approval !== undefined)
        .map(({ key, since }) => [key, problem === undefined ? { approvals: ofGate(run.name, key).filter(({ at }) => at >= since) } : { problem }]));
    },
    subscribe: (listener) => { listeners.push(listener); },
    async start(signal) {
      // What is told of an approval is not to change twice with each start of the hub.
      await guards.looked;
      let held = true;
      approvals.subscribe(({ type, object }) => {
        const { uid = '' } = object.metadata;
        if (type === 'added' && !held) came.set(uid, clock.now());
        if (type === 'deleted' || object.status?.seenAt !== undefined) came.delete(uid);
        if (type !== 'deleted') addAll(object.spec.run);
        for (const listener of listeners) listener(object.spec.run);
      });
      held = false;
      // Its status says how far it is with its gates; clusters come and go in it by the thousand.
      runs.subscribe(({ type, object: { metadata: { name, uid }, status } }) => {
        const now = JSON.stringify([uid, status?.gates ?? null]);
        if (type !== 'deleted' && gatesSeen.get(name) === now) return;
        if (type === 'deleted') gatesSeen.delete(name);
        else gatesSeen.set(name, now);
        addAll(name);
      });
      await loop.start(signal);
    },
  };
}
