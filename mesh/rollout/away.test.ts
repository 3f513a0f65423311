import { expect, test } from 'vitest';
import { newRun, Rig, stage, strategyOf } from './testing/rig.ts';

const rig = (stages: Parameters<typeof strategyOf>[0], clusters: readonly string[]): Rig => new Rig(newRun(strategyOf(stages), clusters));
const CLUSTERS = ['berlin', 'oslo', 'paris', 'rome'];

test('one that is away blocks nobody, and has its turn when it is back, beside the stage at work', () => {
  const run = rig([stage('first', ['berlin', 'oslo']), stage('second', ['*'])], CLUSTERS).away('oslo');
  run.after();
  run.apply(['berlin']).after();
  expect(run.rows).toBe('berlin=Done oslo=Pending paris=Assigned rome=Pending');
  expect(run.step).toMatchObject({ phase: 'Running', stage: 'second', counts: { away: 1 }, message: 'stage second: 1 of 4 clusters done, 1 in flight; away: oslo' });
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
  const run = new Rig(newRun(strategyOf([stage('quick', ['oslo'], { progressDeadlineSeconds: 5 }), stage('slow', ['*'])]), ['oslo', 'paris'])).away('oslo', 'paris');
  expect(run.after().wakeAt).toBe(5_000);
  run.after(5);
  expect(run.rows).toBe('oslo=Skipped paris=Pending');
  expect(run.step.wakeAt).toBe(60_000);
});
