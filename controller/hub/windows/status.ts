/** What the status of windows and overrides says. It changes when a window opens or closes, not as time goes by. */
import type { ChangeWindowObject, WindowOverrideObject } from '../../../mesh/api/resources/windows.ts';
import { OVERRIDE_LONGEST_DAYS, type WindowOverrideValue } from '../../../mesh/model/change-window.ts';
import { type ConditionUpdate, setCondition } from '../../../mesh/model/condition.ts';
import { type Instant, toRfc3339 } from '../../../mesh/model/instant.ts';
import { selectorProblem } from '../../../mesh/model/selector.ts';
import type { WindowState } from '../../../mesh/rollout/windows/book.ts';
import { HORIZON_DAYS } from '../../../mesh/rollout/windows/timeline.ts';
import { conditionsOf } from '../views.ts';
import { isTooLong } from './values.ts';

export function windowStatus(object: ChangeWindowObject, { window, problem, open, interval }: WindowState, now: Instant): NonNullable<ChangeWindowObject['status']> {
  const { generation: observedGeneration = 0 } = object.metadata;
  const meanwhile = window.kind === 'Allow' ? 'until then the clusters that it selects are closed, unless another window allows' : 'until then it denies nothing';
  const valid: ConditionUpdate = problem === undefined
    ? { type: 'Valid', status: 'True', reason: 'Valid', message: '"isthmus window explain CLUSTER" shows its part', observedGeneration }
    : { type: 'Valid', status: 'False', reason: 'WrongSpec', message: `${problem}; until it is repaired the clusters that it selects are closed`, observedGeneration };
  const never: ConditionUpdate = problem === undefined && interval === null
    ? { type: 'NeverOpens', status: 'True', reason: 'NothingAhead', message: `it does not open within ${HORIZON_DAYS} days${window.period === undefined ? '' : ': its period is over'}; ${meanwhile}. Change or delete it`, observedGeneration }
    : { type: 'NeverOpens', status: problem === undefined ? 'False' : 'Unknown', reason: problem === undefined ? 'Opens' : 'WrongSpec', message: problem === undefined ? 'it is open now, or opens again' : 'nobody can say before it is repaired', observedGeneration };
  return {
    observedGeneration, open,
    ...(interval === null || open ? {} : { opensAt: toRfc3339(interval.from) }), ...(open && typeof interval?.to === 'number' ? { closesAt: toRfc3339(interval.to) } : {}),
    conditions: [...setCondition(setCondition(conditionsOf(object), valid, now), never, now)],
  };
}

export interface OverrideFacts {
  readonly value: WindowOverrideValue | undefined;
  /** What is known of the run that it names; undefined: there is none. */
  readonly run: { readonly ended: boolean } | undefined;
  /** Why nobody vouches for who made it; undefined: somebody does. */
  readonly unguarded: string | undefined;
}

const TOO_LONG: Omit<ConditionUpdate, 'type'> = {
  status: 'False', reason: 'TooLong', message: `spec.expiresAt is more than ${OVERRIDE_LONGEST_DAYS} days after it was made, so it opens nothing; delete it and make another`,
};

export function overrideStatus(object: WindowOverrideObject, facts: OverrideFacts, now: Instant): NonNullable<WindowOverrideObject['status']> {
  const { generation: observedGeneration = 0 } = object.metadata;
  const effect = isTooLong(object) ? TOO_LONG : effectOf(facts, now);
  return { observedGeneration, conditions: [...setCondition(conditionsOf(object), { type: 'Effective', observedGeneration, ...effect }, now)] };
}

function effectOf({ value, run, unguarded }: OverrideFacts, now: Instant): Omit<ConditionUpdate, 'type'> {
  const not = (reason: string, message: string): Omit<ConditionUpdate, 'type'> => ({ status: 'False', reason, message });
  if (value === undefined) return not('WrongSpec', 'spec is not as its schema has it; delete it and make another');
  const wrong = value.clusters === undefined ? undefined : selectorProblem(value.clusters);
  if (wrong !== undefined) return not('InvalidSelector', `spec.clusters: ${wrong}; it opens nothing: delete it and make another`);
  if (value.expiresAt <= now) return not('Expired', `it was in force until ${toRfc3339(value.expiresAt)}`);
  if (unguarded !== undefined) return not('NotGuarded', `nobody vouches for who made it, so it opens nothing: ${unguarded}`);
  if (run === undefined) return not('UnknownRun', `there is no UpdateRun "${value.run}"; "isthmus run list" shows them`);
  if (run.ended) return not('RunEnded', `run ${value.run} has ended`);
  return { status: 'True', reason: 'InForce', message: `run ${value.run} passes closed windows until ${toRfc3339(value.expiresAt)}` };
}
