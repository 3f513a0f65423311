import { expect, it } from 'vitest';
import type { ApprovalValue } from '../../model/rollout.ts';
import { approvalVerdict, authorship } from './approval.ts';

const word = (approver: string, decision: ApprovalValue['decision'] = 'Approve'): ApprovalValue => ({ name: approver, gate: 'a/before/b', approver, groups: ['leads'], decision, reason: '', at: 1 });
const gate = { count: 2, groups: ['leads'] };
const authors = { author: 'isthmus-hub', editors: [{ person: 'ann', changed: ['Mesh europe'] }, { person: 'ben', changed: ['FailoverPolicy shop', 'Mesh europe'] }] };

it('leaves out each person who changed what the run carries, and says what that was', () => {
  expect(approvalVerdict(gate, [word('ann'), word('ben'), word('cay')], authors)).toEqual({
    phase: 'Waiting', approvedBy: ['cay'],
    message: '1 of 2 approvals from leads (cay); ann changed Mesh europe, which the run carries, and has no word in it; ben changed FailoverPolicy shop, Mesh europe, which the run carries, and has no word in it',
  });
  expect(approvalVerdict(gate, [word('ann', 'Reject'), word('cay'), word('dan')], authors)).toMatchObject({ phase: 'Passed', approvedBy: ['cay', 'dan'] });
  expect(approvalVerdict(gate, [word('cay'), word('dan')], { author: 'dan', editors: [] }).phase).toBe('Waiting');
  expect([authorship('isthmus-hub', authors), authorship('ann', authors), authorship('cay', authors)]).toEqual(['asked for the run', 'changed Mesh europe, which the run carries,', undefined]);
});
