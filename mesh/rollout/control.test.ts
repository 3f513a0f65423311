/** What people say to a run: stop, pause, resume. */
import { describe, expect, test } from 'vitest';
import { eventsText, newRun, Rig, stage, strategyOf } from './testing/rig.ts';

const CLUSTERS = ['berlin', 'oslo', 'paris', 'rome'];
const rig = (more: Parameters<typeof strategyOf>[1] = {}, of: Parameters<typeof stage>[2] = {}): Rig => new Rig(newRun(strategyOf([stage('all', ['*'], of)], more), CLUSTERS));

describe('pause', () => {
  test('what is in flight finishes, nothing new begins, no gate is asked, and it goes on where it was', () => {
    const run = rig();
    run.after();
    run.ask({ pauseRequested: true }).apply(['berlin']).after(1);
    expect(run.rows).toBe('berlin=Done oslo=Pending paris=Pending rome=Pending');
    expect(run.step).toMatchObject({ phase: 'Paused', wakeAt: null, waitingUntil: null, message: 'paused by a person; 1 of 4 clusters done' });
    run.ask({ pauseRequested: false });
    expect(run.finish().phase).toBe('Completed');
  });

  test('of a run that has nothing more to do ends it all the same', () => {
    const run = rig({}, { maxConcurrency: 4 });
    run.after();
    expect(run.ask({ pauseRequested: true }).after(1).message).toBe('paused by a person, 4 in flight finish; 0 of 4 clusters done');
    expect(run.apply().after(1).phase).toBe('Completed');
  });
});

describe('the policy Pause', () => {
  test('holds the run; a later resume accepts the failures until then, and the next one holds it again', () => {
    const run = rig({ onFailure: 'Pause' });
    run.after();
    run.break('berlin').after(60);
    expect(run.rows).toBe('berlin=Failed oslo=Pending paris=Pending rome=Pending');
    expect(run.step).toMatchObject({ phase: 'Paused', state: { paused: { at: 60_000 } }, message: expect.stringMatching(/^paused; stage all: 1 cluster failed, more than maxFailures 0; cluster berlin failed: not healthy/) });
    run.ask({ resumedAt: 70_000 }).after(10);
    expect(run.step).toMatchObject({ phase: 'Running', state: { paused: null, acceptedFailures: ['berlin'] } });
    expect(run.rows).toBe('berlin=Failed oslo=Assigned paris=Pending rome=Pending');
    run.break('oslo').after(60);
    expect(run.step.phase).toBe('Paused');
    run.ask({ resumedAt: 140_000 }).after(10);
    expect(run.finish()).toMatchObject({ phase: 'CompletedWithFailures', counts: { done: 2, failed: 2 } });
    expect(eventsText(run.journal).match(/:Paused/g)).toHaveLength(2);
    expect(eventsText(run.journal).match(/:Resumed/g)).toHaveLength(2);
  });

  test('a resume from before the pause lifts nothing, and one that is dated ahead lifts one pause only', () => {
    const run = rig({ onFailure: 'Pause' }, { maxFailures: 0 });
    run.after();
    run.ask({ resumedAt: 30_000 }).break('berlin').after(60);
    expect(run.step.phase).toBe('Paused');
    run.ask({ resumedAt: 500_000 }).after(1);
    expect(run.step.phase).toBe('Running');
    run.break('oslo').after(60);
    expect(run.step.phase).toBe('Paused');
    expect(run.after(1).phase).toBe('Paused');
    run.ask({ resumedAt: 122_000 }).after(1);
    expect(run.step).toMatchObject({ phase: 'Running', state: { acceptedFailures: ['berlin', 'oslo'] } });
  });

  test('a resume by a clock that is behind the hub counts, and accepts what the run was held for', () => {
    const run = rig({ onFailure: 'Pause' });
    run.after();
    run.break('berlin').after(60);
    run.ask({ resumedAt: 20_000 }).after(10);
    expect(run.step).toMatchObject({ phase: 'Running', state: { paused: null, acceptedFailures: ['berlin'] } });
    run.break('oslo').after(60);
    expect(run.step).toMatchObject({ phase: 'Paused', message: expect.stringContaining('1 cluster failed, more than maxFailures 0') });
  });

  test('a resume accepts what was known when it was said, not what failed since', () => {
    const run = rig({ onFailure: 'Pause' }, { maxFailures: 1, maxConcurrency: 2, before: [{ name: 'hook', webhook: { url: 'https://gate', intervalSeconds: 1, timeoutSeconds: 1, failureLimit: 0 } }] });
    run.gates['all/before/hook'] = { outcome: { phase: 'Passed', message: '' } };
    run.after();
    run.ask({ targets: run.run.targets.map((target) => (target.cluster === 'berlin' ? { ...target, phase: 'Failed', finishedAt: 20_000, message: 'broken' } : target)), state: { ...run.run.state!, paused: { at: 5_000, reason: 'a gate is inconclusive' } } });
    run.ask({ resumedAt: 10_000 }).after(30);
    expect(run.step.state).toMatchObject({ paused: null, acceptedFailures: [] });
    run.break('oslo').after(30);
    expect(run.step).toMatchObject({ phase: 'Paused', message: expect.stringContaining('2 clusters failed, more than maxFailures 1') });
  });

  test('a stated maxUnavailable holds for accepted failures too, until they are healthy', () => {
    const run = rig({ onFailure: 'Pause' }, { maxUnavailable: 1 });
    run.after();
    run.break('berlin').after(60);
    run.ask({ resumedAt: 70_000 }).after(10);
    expect(run.step).toMatchObject({ phase: 'Waiting', message: expect.stringContaining('1 cluster is unavailable and maxUnavailable is 1: berlin (failed)') });
    run.apply(['berlin']).after(1);
    expect(run.rows).toBe('berlin=Failed oslo=Assigned paris=Pending rome=Pending');
  });

  test('with nothing left to hold, the run ends', () => {
    const run = new Rig(newRun(strategyOf([stage('all', ['*'])], { onFailure: 'Pause' }), ['oslo']));
    run.after();
    expect(run.break('oslo').after(60)).toMatchObject({ phase: 'CompletedWithFailures' });
  });
});

describe('stop', () => {
  test('skips what is pending, away or not, and stands above the failure policy', () => {
    const run = rig({ onFailure: 'RollBackRun' }, { maxConcurrency: 2 }).away('rome');
    run.after();
    run.ask({ stopRequested: true }).after(1);
    expect(run.rows).toBe('berlin=Assigned oslo=Assigned paris=Skipped rome=Skipped');
    expect(run.step).toMatchObject({ phase: 'Stopping', message: 'stopping, 2 in flight finish; 0 of 4 clusters done, 2 skipped; stop was requested' });
    run.apply(['berlin']).break('oslo').after(60);
    expect(run.step).toMatchObject({ phase: 'Stopped', counts: { done: 1, failed: 1, skipped: 2, rolledBack: 0 } });
  });

  test('that comes too late to stop anything does not make the run a stopped one', () => {
    const run = rig({}, { maxConcurrency: 4 });
    run.after();
    expect(run.ask({ stopRequested: true }).after(1).phase).toBe('Stopping');
    expect(run.apply().after(1).phase).toBe('Completed');
  });

  test('ends a run that only waits for a gate or for its stage to soak', () => {
    const gated = rig({}, { maxConcurrency: 4, after: [{ name: 'people', approval: { count: 1, groups: [] } }] });
    gated.after();
    expect(gated.apply().after(1).phase).toBe('Waiting');
    expect(gated.ask({ stopRequested: true }).after(1)).toMatchObject({ phase: 'Stopped', counts: { done: 4 } });
    const soaking = rig({}, { maxConcurrency: 4, stageSoakSeconds: 600 });
    soaking.after();
    expect(soaking.apply().after(1).phase).toBe('Soaking');
    expect(soaking.ask({ stopRequested: true }).after(1).phase).toBe('Stopped');
  });
});

test('a run that has ended stays as it is, whatever is seen or asked', () => {
  const run = rig({ onFailure: 'RollBackRun' }, { stageSoakSeconds: 10 });
  expect(run.finish().phase).toBe('Completed');
  run.break(...CLUSTERS).ask({ stopRequested: true, pauseRequested: true, resumedAt: 9e9 });
  expect(run.after(5)).toMatchObject({ phase: 'Completed', changed: [], assign: [], journal: [], wakeAt: null, gatesWanted: [] });
});
