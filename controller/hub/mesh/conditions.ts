/** A mesh's conditions and counts from the plan and what stands between it and the assignments. Pure. */
import { type Condition, type ConditionUpdate, findCondition } from '../../../mesh/model/condition.ts';
import type { MeshPlan } from '../../../mesh/plan/plan.ts';
import type { Change, HeldChange } from './next-run.ts';
import { listed } from '../../../mesh/model/listed.ts';
import { blockedCells, blockedText, cellsText, stayText } from './cells.ts';

const MOST_NAMED = 8;

const names = (clusters: readonly { readonly cluster: string }[]): string => clusters.map(({ cluster }) => cluster).join(', ');

const peeredText = (members: number): string => (members === 0 ? 'no cluster is in the mesh' : members === 1 ? '1 cluster is in the mesh, and has no peer' : `${members} clusters are peered with each other`);

export function planned(plan: MeshPlan, generation: number): ConditionUpdate {
  const [first] = plan.conflicts;
  if (first !== undefined) {
    return {
      type: 'Planned', status: 'False', reason: first.reason, observedGeneration: generation,
      message: `${stayText(blockedCells(plan))}${plan.conflicts.map(({ message }) => message).join('; ')}`.slice(0, 32_000),
    };
  }
  const postponed = plan.notes.postponed.flatMap(({ clusters }) => clusters);
  const absent = plan.waiting.filter((name) => !postponed.includes(name));
  const waiting = `${absent.length === 0 ? '' : `; waiting for ${absent.join(', ')} to join and report`}${plan.notes.postponed.map(({ message }) => `; without ${message}`).join('')}`;
  const selection = plan.reach.kind === 'nothing' || plan.reach.undecided.length > 0 ? `; ${plan.reach.message}` : '';
  return { type: 'Planned', status: 'True', reason: 'Planned', message: `${peeredText(plan.members.length)}${cellsText(plan)}${waiting}${selection}`.slice(0, 32_000), observedGeneration: generation };
}

/** While people go without findings, and once more when they no longer do; undefined: there is nothing to say of it. */
export function preflightSkipped({ notes: { skipped, idleSkips } }: MeshPlan, before: readonly Condition[], generation: number): ConditionUpdate | undefined {
  if (skipped.length === 0 && idleSkips.length === 0 && findCondition(before, 'PreflightSkipped') === undefined) return undefined;
  const idle = idleSkips.length === 0 ? '' : idleSkips.join('; ');
  const said = skipped.map(({ reason, clusters, because }) => `${reason}${clusters.length === 0 ? '' : ` (${listed(clusters, MOST_NAMED)})`}: ${because}`).join('; ');
  const message = [said, idle].filter((part) => part !== '').join('; ').slice(0, 32_000);
  return skipped.length > 0
    ? { type: 'PreflightSkipped', status: 'True', reason: 'Skipped', message, observedGeneration: generation }
    : { type: 'PreflightSkipped', status: 'False', reason: 'NothingSkipped', message: message === '' ? 'no finding is skipped' : message, observedGeneration: generation };
}

export interface Rollout {
  /** Changes of this mesh's clusters that are still to be assigned. */
  readonly changes: readonly Change[];
  readonly held: readonly HeldChange[];
  /** Clusters with changes that runs leave alone now, and why. */
  readonly blocked: readonly { readonly cluster: string; readonly reason: string }[];
  /** Members of the mesh whose run has not ended. */
  readonly inFlight: readonly string[];
  readonly activeRun: string | undefined;
  /** What it says for itself while it has not begun; undefined: it has. */
  readonly activeRunWaits?: string | undefined;
  /** Members that were given their planned state and did not become healthy on it, as the run saw them. */
  readonly failed: readonly { readonly run: string; readonly cluster: string; readonly message: string }[];
  /** Clusters whose run was deleted while they were in flight, and that are not healthy yet: nothing follows before they are. */
  readonly abandoned: readonly { readonly run: string; readonly cluster: string }[];
  /** Set: no run can be made. */
  readonly problem: { readonly reason: 'StrategyMissing' | 'StrategyInvalid'; readonly message: string } | undefined;
}

export function rolledOut(plan: MeshPlan, rollout: Rollout, generation: number): ConditionUpdate {
  const condition = (status: 'True' | 'False', reason: string, message: string): ConditionUpdate => ({ type: 'RolledOut', status, reason, message: message.slice(0, 32_000), observedGeneration: generation });
  const { abandoned, blocked, changes, held, inFlight, activeRun, activeRunWaits, failed, problem } = rollout;
  const stay = blockedCells(plan);
  if (plan.conflicts.length > 0 && stay === undefined) return condition('False', 'NotPlanned', 'the plan has conflicts (see Planned); every cluster keeps what it has');
  const [first] = held;
  if (first !== undefined) {
    const done = { Undone: 'took this change back on', Stopped: 'was stopped before', Failed: 'failed before it was done with', RolledBack: 'took its change back on', Unselected: 'has by its strategy no stage for' }[first.reason];
    const again = first.reason === 'Undone' || first.reason === 'Unselected' ? '' : `, have "isthmus run retry ${first.run}" try it again`;
    return condition('False', first.reason, `run ${first.run} ${done} ${names(held)}, and the change is not tried again by itself; `
      + `change the mesh or its policies${again}, or delete UpdateRun ${first.run} to have it tried in a run of its own`);
  }
  if (problem !== undefined) return condition('False', problem.reason, problem.message);
  if (activeRun !== undefined && (changes.length > 0 || inFlight.length > 0)) {
    return condition('False', 'InProgress', `run ${activeRun} ${activeRunWaits === undefined ? 'is under way' : `has not begun: it ${activeRunWaits}`}${changes.length > 0 ? `; still to change: ${names(changes)}` : ''}`);
  }
  const [left] = abandoned;
  if (left !== undefined && changes.length > 0) {
    return condition('False', 'RunDeleted', `UpdateRun ${left.run} was deleted while ${names(abandoned)} had not become healthy on its new state, so nothing else is changed yet (${names(changes)}); `
      + 'repair the cluster, or change the mesh so that it gets another state');
  }
  const [broken] = failed;
  if (broken !== undefined) {
    return condition('False', 'Failed', `run ${broken.run} failed on ${names(failed)} (${broken.message}); repair the cluster, which then still applies this state, `
      + `or take the run back with "isthmus run undo ${broken.run}"`);
  }
  const [blockade] = blocked;
  if (blockade !== undefined && changes.length === 0) return condition('False', 'Held', `${names(blocked)} stay${blocked.length === 1 ? 's' : ''} as it is for now (${blockade.cluster}: ${blockade.reason})`.slice(0, 32_000));
  if (changes.length > 0) return condition('False', 'Pending', `still to change: ${names(changes)}`);
  if (stay !== undefined) return condition('False', 'NotPlanned', `${blockedText(stay)}; every other cluster has been given its planned state`);
  return condition('True', 'RolledOut', 'every cluster has been given its planned state');
}
