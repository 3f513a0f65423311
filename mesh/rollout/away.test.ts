import { describe, expect, test } from 'vitest';
import { eventsText, newRun, Rig, stage, strategyOf } from './testing/rig.ts';

const rig = (stages: Parameters<typeof strategyOf>[0], clusters: readonly string[]): Rig => new Rig(newRun(strategyOf(stages), clusters));
const CLUSTERS = ['berlin', 'oslo', 'paris', 'rome'];

test('one that is away blocks nobody, and has its turn when it is back, beside the stage at work', () => {
  const run = rig([stage('first', ['berlin', 'oslo']), stage('second', ['*'])], CLUSTERS).away('oslo');
  run.after();
  run.apply(['berlin']).after();
  expect(run.rows).toBe('berlin=Done oslo=Pending paris=Assigned rome=Pending');
  expect(run.step).toMatchObject({ phase: 'Running', stage: 'second', counts: { away: 1 }, message: 'stage second: 0 of 2 clusters done, 1 in flight; in all 1 of 4 clusters done, 1 in flight; away: oslo' });
  run.back('oslo').after();
  expect(run.rows).toBe('berlin=Done oslo=Assigned paris=Assigned rome=Pending');
  run.apply(['paris']).after();
  expect(run.rows).toBe('berlin=Done oslo=Assigned paris=Done rome=Assigned');
  expect(run.finish()).toMatchObject({ phase: 'Completed', counts: { done: 4, away: 0 } });
});

test('while everybody is away no stage begins, and the order stands when they are back', () => {
  const run = rig([stage('first', ['berlin', 'oslo']), stage('second', ['*'])], CLUSTERS);
  run.after();
  run.apply(['berlin']).away(...CLUSTERS).after(1);
  expect(run.rows).toBe('berlin=Assigned oslo=Pending paris=Pending rome=Pending');
  run.back(...CLUSTERS).after(1);
  expect(run.rows).toBe('berlin=Done oslo=Assigned paris=Pending rome=Pending');
  run.apply(['oslo']).after(1);
  run.apply(['paris']).after(1);
  run.away('rome').after(1);
  expect(run.rows).toBe('berlin=Done oslo=Done paris=Done rome=Assigned');
});

test('those that never come are left out when everything else has long ended, and the run says so', () => {
  const run = rig([stage('all', ['*'], { maxConcurrency: 4 })], CLUSTERS).away('oslo', 'rome');
  run.after();
  run.apply(['berlin', 'paris']).after(10);
  expect(run.step).toMatchObject({ phase: 'Waiting', waitingUntil: 70_000, wakeAt: 70_000, message: '2 of 4 clusters done; away: oslo, rome', state: { onlyAwaySince: 10_000 } });
  expect(run.row('oslo').message).toBe('away: its agent is not connected; left out at 1970-01-01T00:01:10.000Z unless it is back');
  run.back('rome').after(30);
  expect(run.row('rome').phase).toBe('Assigned');
  expect(run.row('oslo').message).toBe('');
  expect(run.step.state.onlyAwaySince).toBeUndefined();
  run.apply(['rome']).after(5);
  expect(run.step.waitingUntil).toBe(105_000);
  expect(run.after(60)).toMatchObject({ phase: 'CompletedWithFailures', counts: { done: 3, skipped: 1 } });
  expect(run.row('oslo').message).toBe('away until the end: its agent was not connected for 60 seconds after all others were done');
});

test('a hub that was away gives them that time anew', () => {
  const run = rig([stage('all', ['*'])], ['oslo']).away('oslo');
  run.after();
  run.ask({ watchedSince: 500_000 });
  run.now = 500_000;
  expect(run.after()).toMatchObject({ phase: 'Pending', waitingUntil: 560_000 });
  expect(run.after(60).phase).toBe('CompletedWithFailures');
});

test('each is waited for as long as its stage lets a cluster take', () => {
  const run = new Rig(newRun(strategyOf([stage('quick', ['oslo'], { progressDeadlineSeconds: 5, minDone: 0 }), stage('slow', ['*'])]), ['oslo', 'paris'])).away('oslo', 'paris');
  expect(run.after().wakeAt).toBe(5_000);
  run.after(5);
  expect(run.rows).toBe('oslo=Skipped paris=Pending');
  expect(run.step.wakeAt).toBe(60_000);
});

describe('a stage that is away as a whole', () => {
  const stages = (minDone?: number | string) => [stage('canary', ['berlin'], minDone === undefined ? {} : { minDone }), stage('rest', ['*'])];

  test('is no canary: nothing follows until it is back and done, and the run says for whom it waits, since when, and the way out', () => {
    const run = rig(stages(), CLUSTERS).away('berlin');
    run.after(5);
    expect(run.rows).toBe('berlin=Pending oslo=Pending paris=Pending rome=Pending');
    expect(run.after(60_000)).toMatchObject({
      phase: 'Waiting', stage: 'canary', wakeAt: null, waitingUntil: null, state: { tooFewDone: { stage: 0, since: 5_000 } },
      message: 'stage canary: 0 of 1 clusters done; in all 0 of 4 clusters done; stage canary passes with 1 of 1 cluster done (minDone 1), and none is; away: berlin; waits since 1970-01-01T00:00:05.000Z; it goes on when enough are done, or without them after "isthmus run resume run-1"',
    });
    run.back('berlin').after(1);
    expect(run.rows).toBe('berlin=Assigned oslo=Pending paris=Pending rome=Pending');
    expect(run.step.state.tooFewDone).toBeUndefined();
    expect(run.finish()).toMatchObject({ phase: 'Completed', counts: { done: 4 } });
    expect(eventsText(run.journal).match(/:TooFewDone/g)).toHaveLength(1);
  });

  test('passes when a person resumes the run, and has its turn when it is back', () => {
    const run = rig(stages(), CLUSTERS).away('berlin');
    run.after();
    run.ask({ resumedAt: 7_000 }).after(7);
    expect(run.rows).toBe('berlin=Pending oslo=Assigned paris=Pending rome=Pending');
    expect(run.step.state).toMatchObject({ passedWithFewer: [0] });
    expect(run.journal.find(({ event }) => event === 'Resumed')?.message).toBe('a person lets stage canary pass with 0 of 1 clusters done');
    run.back('berlin').after(1);
    expect(run.rows).toBe('berlin=Assigned oslo=Assigned paris=Pending rome=Pending');
  });

  test('a pause that is lifted is no word on it', () => {
    const run = rig(stages(), CLUSTERS).away('berlin');
    run.after();
    expect(run.ask({ pauseRequested: true }).after(1)).toMatchObject({ phase: 'Paused' });
    run.ask({ pauseRequested: false, resumedAt: 2_000 }).after(1);
    expect(run.step).toMatchObject({ phase: 'Waiting', state: { tooFewDone: { since: 2_000 } } });
    expect(run.rows).toBe('berlin=Pending oslo=Pending paris=Pending rome=Pending');
  });

  test('is passed over where the strategy says so', () => {
    const run = rig(stages(0), CLUSTERS).away('berlin');
    run.after();
    expect(run.rows).toBe('berlin=Pending oslo=Assigned paris=Pending rome=Pending');
  });

  test('does not keep a run from its end where nothing follows it', () => {
    const run = rig([stage('first', ['berlin']), stage('second', ['oslo'])], ['berlin', 'oslo']).away('oslo');
    run.after();
    run.apply(['berlin']).after();
    expect(run.after(60)).toMatchObject({ phase: 'CompletedWithFailures', counts: { done: 1, skipped: 1 } });
  });
});

test('as many must be done as the stage asks for, rounded up; those that are gone, and failures that a person accepted, are not asked for', () => {
  const more = { minDone: '50%', maxConcurrency: 3, maxFailures: 2 };
  const run = rig([stage('canary', ['berlin', 'oslo', 'paris'], more), stage('rest', ['*'])], CLUSTERS).away('oslo');
  run.after();
  run.apply(['berlin']).break('paris').after(60);
  expect(run.rows).toBe('berlin=Done oslo=Pending paris=Failed rome=Pending');
  expect(run.step.message).toContain('stage canary passes with 2 of 3 clusters done (minDone 50%), and 1 is; away: oslo; not done: paris (Failed); waits since');
  run.agent('oslo', { gone: true }).after(1);
  expect(run.rows).toBe('berlin=Done oslo=Skipped paris=Failed rome=Assigned');
  const held = new Rig(newRun(strategyOf([stage('canary', ['berlin']), stage('rest', ['*'])], { onFailure: 'Pause' }), ['berlin', 'oslo']));
  held.after();
  held.break('berlin').after(60);
  expect(held.ask({ resumedAt: 61_000 }).after(1).phase).toBe('Running');
  expect(held.rows).toBe('berlin=Failed oslo=Assigned');
});

test('a canary that was held back is none either, nor one that failed within maxFailures', () => {
  const held = rig([stage('canary', ['berlin']), stage('rest', ['*'])], CLUSTERS).agent('berlin', { held: 'HelmRelease kube-system/cilium .spec.values was changed by ann' });
  expect(held.after()).toMatchObject({ phase: 'Waiting', message: expect.stringContaining('and none is; not done: berlin (Skipped)') });
  const failed = rig([stage('canary', ['berlin'], { maxFailures: 1 }), stage('rest', ['*'])], CLUSTERS);
  failed.after();
  expect(failed.break('berlin').after(60)).toMatchObject({ phase: 'Waiting', message: expect.stringContaining('and none is; not done: berlin (Failed)') });
});

test('a group is a canary where it says so: the stage does not pass without it, and its other groups go on', () => {
  const groups = [{ name: 'eu', clusters: { names: ['berlin', 'oslo'] }, minDone: 1 }, { name: 'us', clusters: { names: ['paris'] } }];
  const run = rig([stage('first', ['berlin', 'oslo', 'paris'], { groups, maxConcurrency: 3 }), stage('second', ['*'])], CLUSTERS).away('berlin', 'oslo');
  run.after();
  run.apply(['paris']).after();
  expect(run.rows).toBe('berlin=Pending oslo=Pending paris=Done rome=Pending');
  expect(run.step.message).toContain('group eu of stage first passes with 1 of 2 clusters done (minDone 1), and none is; away: berlin, oslo');
  run.back('oslo').after();
  run.apply(['oslo']).after();
  expect(run.rows).toBe('berlin=Pending oslo=Done paris=Done rome=Assigned');
});

test('one that is back is away until its agent has said what it found', () => {
  const run = rig([stage('all', ['*'], { maxConcurrency: 4 })], ['berlin', 'oslo']).away('oslo');
  run.after();
  run.back('oslo').agent('oslo', { returning: true }).after(1);
  expect(run.rows).toBe('berlin=Assigned oslo=Pending');
  expect(run.step.counts.away).toBe(1);
  const { returning: _said, ...told } = run.agents.get('oslo')!;
  run.agents.set('oslo', { ...told, held: 'HelmRelease kube-system/cilium .spec.values was changed by ann' });
  run.after(1);
  expect(run.row('oslo')).toMatchObject({ phase: 'Skipped', message: 'held back before its turn: HelmRelease kube-system/cilium .spec.values was changed by ann' });
});
