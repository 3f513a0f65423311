/** What the twin makes of an agent's or a person's word. */
import type { ApprovalValue, TargetObservation } from '../../model/rollout.ts';

export const away = (observed: TargetObservation): boolean => !observed.connected || observed.returning === true;

/** The twin's rows always know their generation; an agent may not. */
export function health(wanted: string, observed: TargetObservation, generation: number): 'healthy' | 'unhealthy' | 'unknown' {
  if (!observed.connected || observed.appliedId === null) return 'unknown';
  const of = observed.generation ?? generation;
  if (of > generation) return 'unknown';
  return of === generation && observed.appliedId === wanted && observed.healthy ? 'healthy' : 'unhealthy';
}

/** Of a row that failed: healthy on what it was given last, by whomever. */
export const isBack = (wanted: string, observed: TargetObservation, generation: number): boolean =>
  ((observed.generation ?? generation) > generation ? observed.connected && observed.healthy : health(wanted, observed, generation) === 'healthy');

export const onlyHas = (wanted: string, observed: TargetObservation, generation: number): boolean => health(wanted, { ...observed, healthy: true }, generation) === 'healthy';

export function dumbApproval({ count, groups }: { readonly count: number; readonly groups: readonly string[] }, approvals: readonly ApprovalValue[], author: string | undefined): 'Passed' | 'Failed' | 'Waiting' {
  const said = (person: string): ApprovalValue => approvals.filter(({ approver }) => approver === person).sort((a, b) => b.at - a.at || (a.name < b.name ? 1 : -1))[0]!;
  const people = [...new Set(approvals.map(({ approver }) => approver))].filter((person) => person !== author && (groups.length === 0 || groups.some((group) => said(person).groups.includes(group))));
  if (people.some((person) => said(person).decision === 'Reject')) return 'Failed';
  return people.filter((person) => said(person).decision === 'Approve').length >= count ? 'Passed' : 'Waiting';
}
