/** Whether enough people have approved. */
import { compareText } from '../../model/order.ts';
import type { ApprovalValue, GatePhase, GateValue, RunEditor } from '../../model/rollout.ts';
import { listed } from '../../model/listed.ts';

export interface ApprovalVerdict {
  readonly phase: Extract<GatePhase, 'Waiting' | 'Passed' | 'Failed'>;
  readonly message: string;
  /** Sorted. */
  readonly approvedBy: readonly string[];
}

/** Whose run it is: who asked for it, and who changed what it carries. */
export interface RunAuthors {
  readonly author: string | undefined;
  readonly editors: readonly RunEditor[];
}

/** Why a person has no word in a run, for people; undefined: they have. */
export function authorship(person: string, { author, editors }: RunAuthors): string | undefined {
  if (person === author) return 'asked for the run';
  const changed = editors.find((editor) => editor.person === person)?.changed;
  return changed === undefined ? undefined : `changed ${named(changed)}, which the run carries,`;
}

const MOST_NAMED = 8;
const named = (people: readonly string[]): string => listed(people, MOST_NAMED);

/** Each person's newest word, by when it was said and then by the object's name; sorted by person. */
export function newestWords(approvals: readonly ApprovalValue[]): ApprovalValue[] {
  const newest = new Map<string, ApprovalValue>();
  for (const approval of approvals) {
    const earlier = newest.get(approval.approver);
    if (earlier === undefined || approval.at > earlier.at || (approval.at === earlier.at && compareText(approval.name, earlier.name) > 0)) newest.set(approval.approver, approval);
  }
  return [...newest.values()].sort((a, b) => compareText(a.approver, b.approver));
}

/**
 * People count once each, by their newest word, and only where they are in one of the gate's groups. One refusal by such a person fails the gate.
 * Who asked for the run, or changed what it carries, has no word in it. `approvals` are those that were said since the gate asks: what was said before, also before a resume asked anew, is no answer to it.
 */
export function approvalVerdict({ count, groups }: NonNullable<GateValue['approval']>, approvals: readonly ApprovalValue[], authors: RunAuthors): ApprovalVerdict {
  const words = newestWords(approvals);
  const isAuthor = ({ approver }: ApprovalValue): boolean => authorship(approver, authors) !== undefined;
  const isMember = (word: ApprovalValue): boolean => groups.length === 0 || groups.some((group) => word.groups.includes(group));
  const counted = words.filter((word) => !isAuthor(word) && isMember(word));
  const approved = counted.filter(({ decision }) => decision === 'Approve');
  const approvedBy = approved.map(({ approver }) => approver);
  const refusal = counted.find(({ decision }) => decision === 'Reject');
  if (refusal !== undefined) return { phase: 'Failed', message: `${refusal.approver} refused${refusal.reason === '' ? '' : `: ${refusal.reason}`}`, approvedBy };
  if (approved.length >= count) return { phase: 'Passed', message: `approved by ${approved.slice(0, MOST_NAMED).map(({ approver, reason }) => (reason === '' ? approver : `${approver} (${reason})`)).join(', ')}`, approvedBy };
  const from = groups.length === 0 ? '' : ` from ${groups.join(' or ')}`;
  const void_ = [
    ...words.filter(isAuthor).slice(0, MOST_NAMED).map(({ approver }) => `${approver} ${authorship(approver, authors)} and has no word in it`),
    ...words.filter((word) => !isAuthor(word) && !isMember(word)).slice(0, MOST_NAMED).map(({ approver }) => `${approver} is in none of these groups`),
  ];
  const so = approved.length === 0 ? '' : ` (${named(approvedBy)})`;
  return { phase: 'Waiting', message: [`${approved.length} of ${count} approvals${from}${so}`, ...void_].join('; '), approvedBy };
}
