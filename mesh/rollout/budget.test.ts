import { describe, expect, test } from 'vitest';
import { amountOf } from './amount.ts';
import { newRun, Rig, stage, strategyOf } from './testing/rig.ts';

const names = (count: number): string[] => Array.from({ length: count }, (_, number) => `c${String(number).padStart(2, '0')}`);
const rig = (stages: Parameters<typeof strategyOf>[0], clusters: readonly string[], more: Parameters<typeof strategyOf>[1] = {}, change: Parameters<typeof newRun>[2] = {}): Rig => new Rig(newRun(strategyOf(stages, more), clusters, change));

test.each([[3, 10, 1, 3], ['33%', 10, 1, 3], ['5%', 10, 1, 1], ['5%', 10, 0, 0], ['100%', 7, 1, 7], ['29%', 100, 0, 29], ['7', 10, 1, 7], ['nonsense', 10, 1, 1]] as const)('%s of %i, at least %i: %i', (amount, of, least, count) => {
  expect(amountOf(amount, of, least)).toBe(count);
});

describe('in flight', () => {
  test('a percentage is of those that are there: a cluster that is away, or gone, leaves it', () => {
    const run = rig([stage('all', ['*'], { maxConcurrency: '50%' })], names(8)).away('c00', 'c01').agent('c02', { gone: true, connected: false });
    expect(run.after().counts).toMatchObject({ inFlight: 2, away: 2, gone: 1, skipped: 1, total: 8 });
    expect(run.rows).toContain('c00=Pending c01=Pending c02=Skipped c03=Assigned c04=Assigned c05=Pending');
  });

  test('groups go side by side, each within its own bound, and the stage bounds them all', () => {
    const groups = [{ name: 'a', clusters: { names: ['c0[01]', 'c00', 'c01', 'c02'] }, maxConcurrency: 1 }, { name: 'b', clusters: { names: ['c03', 'c04', 'c05'] }, maxConcurrency: 2 }];
    const run = rig([stage('all', ['*'], { maxConcurrency: 3, groups })], names(7));
    run.after();
    expect(run.rows).toBe('c00=Assigned c01=Pending c02=Pending c03=Assigned c04=Assigned c05=Pending c06=Pending');
    run.apply(['c03']).after();
    expect(run.rows).toBe('c00=Assigned c01=Pending c02=Pending c03=Done c04=Assigned c05=Assigned c06=Pending');
  });

  test('the run bounds all stages, those that come back beside them too', () => {
    const run = rig([stage('one', ['c00', 'c01']), stage('two', ['*'], { maxConcurrency: 5 })], names(8), { maxConcurrency: 2 }).away('c00');
    run.after();
    run.apply(['c01']).after();
    expect(run.rows).toBe('c00=Pending c01=Done c02=Assigned c03=Assigned c04=Pending c05=Pending c06=Pending c07=Pending');
    run.back('c00').apply(['c02']).after();
    expect(run.rows).toBe('c00=Assigned c01=Done c02=Done c03=Assigned c04=Pending c05=Pending c06=Pending c07=Pending');
  });
});

describe('unavailable', () => {
  test('clusters that were failing before count until their turn, and may go where no healthy one may', () => {
    const base = newRun(strategyOf([stage('all', ['*'], { maxConcurrency: 3, maxUnavailable: 2 })]), names(4));
    const run = new Rig({ ...base, targets: base.targets.map((target) => (target.cluster === 'c02' || target.cluster === 'c03' ? { ...target, failingBefore: true } : target)) });
    run.agent('c02', { healthy: false }).agent('c03', { healthy: false }).after();
    expect(run.rows).toBe('c00=Pending c01=Pending c02=Assigned c03=Assigned');
    run.apply(['c02']).after();
    expect(run.rows).toBe('c00=Assigned c01=Pending c02=Done c03=Assigned');
    expect(run.step.message).toContain('2 clusters are unavailable and maxUnavailable is 2');
  });

  test('one that was failing before and is away takes nobody\'s place', () => {
    const base = newRun(strategyOf([stage('all', ['*'])]), names(2));
    const run = new Rig({ ...base, targets: base.targets.map((target) => (target.cluster === 'c00' ? { ...target, failingBefore: true } : target)) }).away('c00');
    run.after();
    expect(run.rows).toBe('c00=Pending c01=Assigned');
  });

  test('one that was failing before and has recovered counts no more, and is as any other when its turn comes', () => {
    const base = newRun(strategyOf([stage('all', ['*'], { maxConcurrency: 3, maxUnavailable: 1 })]), names(3));
    const run = new Rig({ ...base, targets: base.targets.map((target) => (target.cluster === 'c02' ? { ...target, failingBefore: true } : target)) });
    run.after();
    expect(run.rows).toBe('c00=Assigned c01=Pending c02=Pending');
  });

  test('of the whole run: what earlier stages have broken, and what fails in later ones, takes room of the stage at work', () => {
    const base = newRun(strategyOf([stage('one', ['c00', 'c01'], { maxConcurrency: 2, maxFailures: 1 }), stage('two', ['*'], { maxConcurrency: 5 })], { maxUnavailable: 2 }), names(6));
    const run = new Rig({ ...base, targets: base.targets.map((target) => (target.cluster === 'c05' ? { ...target, failingBefore: true } : target)) }).agent('c05', { healthy: false });
    run.after();
    expect(run.rows).toBe('c00=Assigned c01=Pending c02=Pending c03=Pending c04=Pending c05=Pending');
    expect(run.step.message).toContain('2 clusters are unavailable and maxUnavailable of the run is 2: c05 (failing before the run)');
    run.agent('c05', { healthy: true }).after(1);
    run.break('c00').apply(['c01']).after(60);
    run.after();
    expect(run.rows).toBe('c00=Failed c01=Done c02=Assigned c03=Pending c04=Pending c05=Pending');
    run.apply(['c00']).after();
    expect(run.rows).toBe('c00=Failed c01=Done c02=Assigned c03=Assigned c04=Pending c05=Pending');
  });

  test('a failed cluster counts until it is healthy again', () => {
    const run = rig([stage('all', ['*'], { maxConcurrency: 2, maxFailures: 1, maxUnavailable: 2 })], names(4));
    run.after();
    run.apply(['c00']).break('c01').after();
    run.after(60);
    expect(run.rows).toBe('c00=Done c01=Failed c02=Failed c03=Skipped');
    const again = rig([stage('all', ['*'], { maxConcurrency: 2, maxFailures: 1, maxUnavailable: 2 })], names(4));
    again.after();
    again.break('c00').after(30);
    again.apply(['c01']).after();
    again.apply(['c02']).after();
    again.after(30);
    expect(again.rows).toBe('c00=Failed c01=Done c02=Done c03=Assigned');
    const blocked = rig([stage('all', ['*'], { maxConcurrency: 2, maxFailures: 1, maxUnavailable: 1 })], names(3));
    blocked.after();
    expect(blocked.rows).toBe('c00=Assigned c01=Pending c02=Pending');
    blocked.break('c00').after(60);
    expect(blocked.step).toMatchObject({ phase: 'Waiting', message: 'stage all: 0 of 3 clusters done; 1 cluster is unavailable and maxUnavailable is 1: c00 (failed)' });
    expect(blocked.agent('c00', { appliedId: 'other', generation: 9, healthy: false }).after().phase).toBe('Waiting');
    blocked.apply(['c00']).after();
    expect(blocked.rows).toBe('c00=Failed c01=Assigned c02=Pending');
  });
});

describe('failures', () => {
  test('as many as maxFailures are borne, one more triggers the policy: at most that and what was in flight fail', () => {
    const run = rig([stage('all', ['*'], { maxConcurrency: 3, maxFailures: 1 })], names(8));
    run.after();
    run.break('c00').after(30);
    run.apply(['c01', 'c02']).after();
    run.after(30);
    expect(run.rows).toBe('c00=Failed c01=Done c02=Done c03=Assigned c04=Assigned c05=Assigned c06=Pending c07=Pending');
    expect(run.after(30).phase).toBe('Stopping');
    run.after(30);
    expect(run.step).toMatchObject({ phase: 'Failed', counts: { failed: 4, done: 2, skipped: 2 } });
  });

  test('of a group, and of the whole run', () => {
    const grouped = rig([stage('all', ['*'], { maxConcurrency: 2, maxFailures: 5, groups: [{ name: 'a', clusters: { names: ['c00', 'c01'] }, maxFailures: 0 }] })], names(5));
    grouped.after();
    grouped.apply(['c01']).break('c00').after(60);
    expect(grouped.step.message).toContain('group a of stage all: 1 cluster failed, more than maxFailures 0; cluster c00 failed');
    const whole = rig([stage('one', ['c00'], { maxFailures: 1, minDone: 0 }), stage('two', ['*'], { maxFailures: 1 })], names(4), { maxFailures: 1 });
    whole.after();
    whole.after(60);
    expect(whole.rows).toBe('c00=Failed c01=Assigned c02=Pending c03=Pending');
    whole.after(60);
    expect(whole.rows).toBe('c00=Failed c01=Failed c02=Skipped c03=Skipped');
    expect(whole.step).toMatchObject({ phase: 'Failed', state: { stopped: { by: 'Failures', reason: expect.stringContaining('the run: 2 clusters failed, more than maxFailures 1') } } });
  });

  test('a bound that shrinks because clusters went away condemns nothing that it had borne', () => {
    const run = rig([stage('all', ['*'], { maxConcurrency: 1, maxFailures: '25%' })], names(8));
    run.after();
    run.after(60);
    run.after(60);
    expect(run.step.counts.failed).toBe(2);
    expect(run.away(...names(8).slice(3)).after().phase).toBe('Running');
  });
});

test('ten thousand clusters with one stage and no news: nothing changes', () => {
  const many = names(10_000);
  const run = rig([stage('all', ['*'], { maxConcurrency: '1%', soakSeconds: 60 })], many);
  expect(run.after().changed).toHaveLength(100);
  expect(run.after(1).changed).toHaveLength(0);
});
