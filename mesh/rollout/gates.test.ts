import { describe, expect, test } from 'vitest';
import type { ApprovalValue, GateValue, StrategyValue } from '../model/rollout.ts';
import { approvalVerdict } from './gates/approval.ts';
import { eventsText, newRun, Rig, stage, strategyOf } from './testing/rig.ts';

const approval = (approver: string, decision: ApprovalValue['decision'] = 'Approve', more: Partial<ApprovalValue> = {}): ApprovalValue =>
  ({ name: `${approver}-1`, gate: 'second/before/people', approver, groups: ['release'], decision, reason: '', at: 1_000, ...more });
const people: GateValue = { name: 'people', approval: { count: 2, groups: ['release', 'sre'] } };
const metric: GateValue = { name: 'errors', metric: { address: 'http://prometheus', query: 'errors', successCondition: 'true', initialDelaySeconds: 10, intervalSeconds: 30, count: 2, failureLimit: 0, inconclusiveLimit: 0, consecutiveErrorLimit: 1, timeoutSeconds: 5 } };
const hook: GateValue = { name: 'hook', webhook: { url: 'https://gate', intervalSeconds: 30, timeoutSeconds: 5, failureLimit: 1 } };
const rig = (gates: { readonly before?: readonly GateValue[]; readonly after?: readonly GateValue[] }, more: Partial<StrategyValue> = {}): Rig =>
  new Rig(newRun(strategyOf([stage('first', ['berlin'], gates.after === undefined ? {} : { after: gates.after }), stage('second', ['*'], gates.before === undefined ? {} : { before: gates.before })], more), ['berlin', 'oslo', 'paris'], { author: 'ann' }));
const done = (run: Rig): Rig => { run.after(); run.apply(['berlin']).after(10); return run; };

describe('approvals', () => {
  const gate = { count: 2, groups: ['release', 'sre'] };
  test.each<[string, ApprovalValue[], string, string | RegExp]>([
    ['none', [], 'Waiting', '0 of 2 approvals from release or sre'],
    ['two people', [approval('ben'), approval('cay', 'Approve', { groups: ['sre'], reason: 'looked at it' })], 'Passed', 'approved by ben, cay (looked at it)'],
    ['one person twice', [approval('ben'), approval('ben', 'Approve', { name: 'ben-2', at: 2_000 })], 'Waiting', '1 of 2 approvals from release or sre (ben)'],
    ['the author', [approval('ann'), approval('ben')], 'Waiting', '1 of 2 approvals from release or sre (ben); ann asked for the run and has no word in it'],
    ['a stranger', [approval('dan', 'Reject', { groups: ['dev'] }), approval('ben')], 'Waiting', /dan is in none of these groups$/],
    ['a refusal', [approval('ben'), approval('cay'), approval('eve', 'Reject', { reason: 'not on Friday' })], 'Failed', 'eve refused: not on Friday'],
    ['a refusal that its author took back', [approval('ben'), approval('cay', 'Reject'), approval('cay', 'Approve', { name: 'cay-2', at: 2_000 })], 'Passed', 'approved by ben, cay'],
    ['an approval that became a refusal', [approval('ben', 'Reject', { name: 'ben-2', at: 2_000 }), approval('ben'), approval('cay')], 'Failed', 'ben refused'],
    ['two words of one moment: the later name', [approval('cay'), approval('ben'), approval('ben', 'Reject', { name: 'ben-2' })], 'Failed', 'ben refused'],
  ])('%s', (_, approvals, phase, message) => {
    for (const order of [approvals, approvals.toReversed()]) expect(approvalVerdict(gate, order, { author: 'ann', editors: [] })).toMatchObject({ phase, message: typeof message === 'string' ? message : expect.stringMatching(message) as unknown });
  });

  test('without groups anybody but the author counts', () => {
    expect(approvalVerdict({ count: 1, groups: [] }, [approval('dan', 'Approve', { groups: [] })], { author: 'ann', editors: [] }).phase).toBe('Passed');
    expect(approvalVerdict({ count: 1, groups: [] }, [approval('ann', 'Approve', { groups: [] })], { author: 'ann', editors: [] }).phase).toBe('Waiting');
  });

  test('a run waits for them, remembers who gave them, and asks nobody again', () => {
    const run = done(rig({ before: [people] }));
    expect(run.step).toMatchObject({ phase: 'Waiting', stage: 'second', gatesWanted: [{ key: 'second/before/people', stage: 1, side: 'before', since: 10_000 }], message: expect.stringContaining('gate people: 0 of 2 approvals from release or sre') });
    run.gates['second/before/people'] = { approvals: [approval('ben')] };
    expect(run.after(10).state.gates['second/before/people']).toEqual({ phase: 'Waiting', since: 10_000, finishedAt: null, message: '1 of 2 approvals from release or sre (ben)', approvedBy: ['ben'] });
    run.gates['second/before/people'] = { approvals: [approval('ben'), approval('cay')] };
    run.after(10);
    expect(run.step.state.gates['second/before/people']).toMatchObject({ phase: 'Passed', finishedAt: 30_000, approvedBy: ['ben', 'cay'] });
    expect(run.row('oslo').phase).toBe('Assigned');
    run.gates['second/before/people'] = { approvals: [approval('ben', 'Reject', { at: 99_000 })] };
    expect(run.finish().phase).toBe('Completed');
    expect(eventsText(run.journal)).toContain(':GateReached :GatePassed :StageStarted');
  });
});

test('an unguarded or wrong gate holds and says why', () => {
  const run = done(rig({ before: [people] }));
  run.gates['second/before/people'] = { approvals: [approval('ben'), approval('cay')], problem: 'nothing vouches for who approves: install the ValidatingAdmissionPolicy of the chart' };
  expect(run.after()).toMatchObject({ phase: 'Waiting', message: expect.stringContaining('install the ValidatingAdmissionPolicy') });
});

test('waitUntil wakes the run and passes by itself', () => {
  const run = done(rig({ before: [{ name: 'morning', waitUntil: { at: '1970-01-01T00:10:00Z' } }] }));
  expect(run.step).toMatchObject({ phase: 'Waiting', waitingUntil: 600_000, wakeAt: 600_000 });
  run.now = 600_000;
  expect(run.after().assign).toMatchObject([{ cluster: 'oslo' }]);
  expect(done(rig({ before: [{ name: 'never', waitUntil: { at: 'noon' } }] })).step).toMatchObject({ phase: 'Waiting', waitingUntil: null, message: expect.stringContaining('"noon" is no time') });
});

test('before the first cluster a gate leaves the run pending; all gates of a side are asked at once', () => {
  const run = new Rig(newRun(strategyOf([stage('all', ['*'], { before: [people, hook] })]), ['oslo']));
  run.after();
  expect(run.step).toMatchObject({ phase: 'Pending', message: 'stage all: 0 of 1 clusters done; gate people: 0 of 2 approvals from release or sre, 2 missing: "isthmus run approve run-1 all/before/people", or an Approval of run run-1 and gate all/before/people; gate hook: waits for an answer of https://gate' });
  expect(run.step.gatesWanted.map(({ key }) => key)).toEqual(['all/before/people', 'all/before/hook']);
  run.gates['all/before/hook'] = { outcome: { phase: 'Passed', message: 'go' } };
  expect(run.after().gatesWanted.map(({ key }) => key)).toEqual(['all/before/people']);
});

describe('metrics', () => {
  const measured = (phase: 'Successful' | 'Failed' | 'Inconclusive' | 'Error', at: number) => ({ at, phase, values: [1], message: phase });

  test('what was measured before the gate was reached does not count, and what was measured is kept', () => {
    const run = done(rig({ after: [metric] }));
    expect(run.step.wakeAt).toBe(20_000);
    run.gates['first/after/errors'] = { measurements: [measured('Failed', 5_000), measured('Successful', 20_000)] };
    run.after(10);
    expect(run.step).toMatchObject({ phase: 'Waiting', wakeAt: 50_000, state: { gates: { 'first/after/errors': { measurements: [{ at: 20_000 }] } } } });
    // A hub that was restarted remembers none of its own.
    delete run.gates['first/after/errors'];
    run.after(1);
    run.gates['first/after/errors'] = { measurements: [measured('Successful', 50_000)] };
    expect(run.after(30).state.gates['first/after/errors']).toMatchObject({ phase: 'Passed', measurements: [{ at: 20_000 }, { at: 50_000 }] });
    expect(run.row('oslo').phase).toBe('Assigned');
  });

  test('an inconclusive gate holds the run until a person resumes, which asks it anew', () => {
    const run = done(rig({ after: [metric] }));
    run.gates['first/after/errors'] = { measurements: [measured('Inconclusive', 20_000)] };
    run.after(15);
    expect(run.step).toMatchObject({ phase: 'Paused', gatesWanted: [], state: { paused: { at: 25_000 }, gates: { 'first/after/errors': { phase: 'Inconclusive' } } }, message: expect.stringMatching(/^paused; gate errors after stage first is inconclusive/) });
    expect(run.after(500).phase).toBe('Paused');
    run.ask({ resumedAt: 24_000 });
    run.now = 530_000;
    expect(run.after()).toMatchObject({ phase: 'Waiting', gatesWanted: [{ since: 530_000 }], state: { paused: null } });
    run.gates['first/after/errors'] = { measurements: [measured('Inconclusive', 20_000), measured('Successful', 540_000), measured('Successful', 570_000)] };
    run.after(60);
    expect(run.row('oslo').phase).toBe('Assigned');
    expect(eventsText(run.journal)).toContain(':GateInconclusive :Paused :Resumed :GatePassed');
  });

  test.each([['Stop', 'Failed', 'berlin=Done oslo=Skipped paris=Skipped'], ['RollBackRun', 'RolledBack', 'berlin=RolledBack oslo=Skipped paris=Skipped'], ['RollBackStage', 'RolledBack', 'berlin=RolledBack oslo=Skipped paris=Skipped']] as const)('a failed gate is a failure: %s ends as %s', (onFailure, phase, rows) => {
    const run = done(rig({ after: [metric] }, { onFailure }));
    run.gates['first/after/errors'] = { measurements: [measured('Failed', 20_000)] };
    run.after(15);
    expect(run.step.state.stopped).toMatchObject({ by: 'Gate', reason: expect.stringContaining('gate errors after stage first failed') });
    expect(run.finish().phase).toBe(phase);
    expect(run.rows).toBe(rows);
  });

  test('a gate that fails after everything is done makes the run a failed one all the same', () => {
    const run = new Rig(newRun(strategyOf([stage('all', ['*'], { after: [metric] })]), ['oslo']));
    run.after();
    run.apply().after(10);
    run.gates['all/after/errors'] = { measurements: [measured('Failed', 20_000)] };
    expect(run.after(10)).toMatchObject({ phase: 'Failed', counts: { done: 1 }, message: expect.stringContaining('gate errors after stage all failed') });
  });

  test('a failed gate under Pause is asked anew when a person resumes; a refusal that stands fails it again', () => {
    const run = done(rig({ before: [people] }, { onFailure: 'Pause' }));
    run.gates['second/before/people'] = { approvals: [approval('ben', 'Reject')] };
    expect(run.after(10).phase).toBe('Paused');
    expect(run.ask({ resumedAt: 30_000 }).after(20)).toMatchObject({ phase: 'Paused', state: { paused: { at: 40_000 } } });
    run.gates['second/before/people'] = { approvals: [approval('ben', 'Reject'), approval('ben', 'Approve', { at: 41_000 }), approval('cay')] };
    expect(run.after(5).phase).toBe('Paused');
    expect(run.ask({ resumedAt: 50_000 }).after(10).phase).toBe('Running');
  });
});

test('gates of a stage that nothing is selected for are not asked, nor of one whose clusters are all left out', () => {
  const run = new Rig(newRun(strategyOf([stage('none', ['x'], { before: [people] }), stage('held', ['berlin'], { before: [people], after: [people], minDone: 0 }), stage('rest', ['*'])]), ['berlin', 'oslo'])).agent('berlin', { held: 'frozen: audit' });
  run.after();
  expect(run.rows).toBe('berlin=Skipped oslo=Assigned');
});
