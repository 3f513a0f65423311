/** Conditions of DriftPolicies and DriftDecisions. Pure. */
import { policyProblems } from '../../../mesh/drift/classify.ts';
import { decisionProblem } from '../../../mesh/drift/decisions.ts';
import type { ConditionUpdate } from '../../../mesh/model/condition.ts';
import type { DriftDecisionValue, DriftPolicyValue, DriftVerdict } from '../../../mesh/model/drift.ts';

const LONGEST_MESSAGE = 4096;

/** `failing`: sentences of rules that cannot be evaluated on drift that is there now. */
export function validity(policy: DriftPolicyValue | undefined, failing: readonly string[], generation: number): ConditionUpdate {
  const condition = (status: 'True' | 'False', reason: string, message: string): ConditionUpdate => ({ type: 'Valid', status, reason, message: message.slice(0, LONGEST_MESSAGE), observedGeneration: generation });
  if (policy === undefined) return condition('False', 'Malformed', 'the spec is not as the schema asks, so the policy selects no cluster');
  const problems = policyProblems(policy);
  if (problems.length > 0) return condition('False', 'InvalidRule', problems.join('; '));
  if (failing.length > 0) return condition('False', 'RuleFails', `${[...new Set(failing)].join('; ')}; what reaches the rule is suspicious until then`);
  return condition('True', 'Valid', `${policy.rules.length} rules are understood`);
}

/** `verdict` undefined: there is no such cluster. */
export function effect(decision: DriftDecisionValue, verdict: DriftVerdict | undefined, generation: number): ConditionUpdate {
  const condition = (status: 'True' | 'False', reason: string, message: string): ConditionUpdate => ({ type: 'Effective', status, reason, message: message.slice(0, LONGEST_MESSAGE), observedGeneration: generation });
  const problems = decision.changes.flatMap((change) => decisionProblem(decision.action, change) ?? []);
  if (problems.length > 0) return condition('False', 'Refused', problems.join('; '));
  if (verdict === undefined) return condition('False', 'UnknownCluster', `there is no Cluster ${JSON.stringify(decision.cluster)}`);
  const newer = verdict.entries.filter((entry) => decision.changes.some(({ object, path, actual }) => object === entry.object && path === entry.path && actual !== entry.actual));
  const [first] = newer;
  if (first !== undefined) return condition('False', 'Outdated', `${first.object} ${first.path} was changed again by ${first.actor ?? first.manager}, and that is not what was decided on; decide anew`);
  const still = verdict.entries.some(({ decision: by }) => by === decision.name);
  return still ? condition('True', 'Planned', 'part of the cluster\'s desired state; a run brings it') : condition('True', 'Done', 'nothing in the cluster differs from what was decided');
}

/** Nothing more comes of it. What was accepted is desired for as long as the decision is there. */
export const isFinished = ({ action }: DriftDecisionValue, { reason }: ConditionUpdate): boolean => reason !== 'Planned' && !(action === 'accept' && reason === 'Done');
