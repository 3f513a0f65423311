import { describe, expect, test } from 'vitest';
import { eventsText, newRun, Rig, stage, strategyOf } from './testing/rig.ts';

type More = Parameters<typeof strategyOf>[1];
const CLUSTERS = ['berlin', 'oslo', 'paris', 'rome', 'wien'];
const rig = (more: More, clusters: readonly string[] = CLUSTERS): Rig =>
  new Rig(newRun(strategyOf([stage('first', ['berlin', 'oslo'], { maxConcurrency: 2 }), stage('second', ['*'], { maxConcurrency: 2 })], more), clusters));
/** The first stage is done, and rome fails in the second, where paris is done. */
function failing(more: More, change: (run: Rig) => void = () => undefined): Rig {
  const run = rig(more);
  change(run);
  run.after();
  run.apply(['berlin', 'oslo']).after();
  run.apply(['paris']).break('rome').after(10);
  run.after(50);
  return run;
}

describe('RollBackCluster', () => {
  test('takes the failed cluster back, and goes on within maxFailures', () => {
    const run = new Rig(newRun(strategyOf([stage('all', ['*'], { maxConcurrency: 1, maxFailures: 1 })], { onFailure: 'RollBackCluster' }), ['berlin', 'oslo', 'paris']));
    run.after();
    run.break('berlin').after(60);
    expect(run.rows).toBe('berlin=RollingBack oslo=Pending paris=Pending');
    expect(run.step).toMatchObject({ phase: 'RollingBack', assign: [{ cluster: 'berlin', desiredId: 'old', back: true }], state: { rollback: { scope: 'Cluster' }, stopped: null } });
    expect(run.row('berlin')).toMatchObject({ generation: 3, rolledBackAt: 60_000, finishedAt: null, message: expect.stringMatching(/^goes back: not healthy within/) });
    run.apply(['berlin']).after(1);
    expect(run.rows).toBe('berlin=RolledBack oslo=Assigned paris=Pending');
    expect(run.finish()).toMatchObject({ phase: 'CompletedWithFailures', counts: { done: 2, failed: 0, rolledBack: 1 } });
  });

  test('stops beyond maxFailures, and what failed goes back nonetheless', () => {
    const run = new Rig(newRun(strategyOf([stage('all', ['*'])], { onFailure: 'RollBackCluster' }), ['berlin', 'oslo']));
    run.after();
    run.break('berlin').after(60);
    expect(run.rows).toBe('berlin=RollingBack oslo=Skipped');
    expect(run.finish()).toMatchObject({ phase: 'Failed', counts: { rolledBack: 1, skipped: 1 } });
  });
});

describe('RollBackStage and RollBackRun', () => {
  test('the stage goes back, failed clusters first, and what earlier stages have stays', () => {
    const run = failing({ onFailure: 'RollBackStage' });
    expect(run.step.state).toMatchObject({ rollback: { scope: 'Stage', stage: 1 }, stopped: { by: 'Failures' } });
    expect(run.rows).toBe('berlin=Done oslo=Done paris=Done rome=RollingBack wien=RollingBack');
    run.apply(['rome']).after();
    expect(run.rows).toBe('berlin=Done oslo=Done paris=RollingBack rome=RolledBack wien=RollingBack');
    expect(run.finish()).toMatchObject({ phase: 'RolledBack', counts: { done: 2, rolledBack: 3 } });
  });

  test('the run goes back, the last that were changed first, at the pace of its own rule', () => {
    const run = failing({ onFailure: 'RollBackRun', rollback: { maxConcurrency: 1 } });
    // What is in flight takes no further place.
    expect(run.rows).toBe('berlin=Done oslo=Done paris=Done rome=Failed wien=RollingBack');
    expect(run.step.phase).toBe('RollingBack');
    run.apply(['wien']).after(1);
    expect(run.rows).toBe('berlin=Done oslo=Done paris=Done rome=RollingBack wien=RolledBack');
    run.apply(['rome']).after(1);
    expect(run.rows).toBe('berlin=Done oslo=Done paris=RollingBack rome=RolledBack wien=RolledBack');
    run.apply(['paris']).after(1);
    expect(run.rows).toBe('berlin=Done oslo=RollingBack paris=RolledBack rome=RolledBack wien=RolledBack');
    expect(run.finish()).toMatchObject({ phase: 'RolledBack', counts: { rolledBack: 5 }, message: expect.stringContaining('second: 1 cluster failed, more than maxFailures 0; cluster rome failed') });
    expect(eventsText(run.journal)).toContain('rome:Failed :RollingBack wien:RollingBack');
  });

  test('it may go faster than the rollout', () => {
    const run = failing({ onFailure: 'RollBackRun', rollback: { maxConcurrency: '100%' } });
    expect(run.rows).toBe('berlin=RollingBack oslo=RollingBack paris=RollingBack rome=RollingBack wien=RollingBack');
  });

  test('one that does not get back in its time has failed twice, and the run has failed', () => {
    const run = failing({ onFailure: 'RollBackRun', rollback: { maxConcurrency: 5, progressDeadlineSeconds: 30 } });
    run.apply(['berlin', 'oslo', 'paris', 'wien']).after(1);
    expect(run.step.wakeAt).toBe(90_000);
    run.break('rome').after(29);
    expect(run.step).toMatchObject({ phase: 'Failed', counts: { failed: 1, rolledBack: 4 } });
    expect(run.row('rome').message).toMatch(/^not healthy within progressDeadlineSeconds \(60\): .*; and not healthy on what it had before within 30 seconds: applied, but unhealthy$/);
  });

  test('one that has no way back, is held, or left says so or is let be; away ones come last', () => {
    const run = failing({ onFailure: 'RollBackRun', rollback: { maxConcurrency: 1 } }, (before) => {
      before.ask({ targets: before.run.targets.map(({ backId: _none, ...target }) => (target.cluster === 'paris' ? target : { ...target, backId: 'old' })) });
    });
    run.agent('oslo', { held: 'frozen: audit' }).agent('berlin', { gone: true, connected: false }).away('rome').apply(['wien']).after(1);
    run.after(60);
    expect(run.row('paris').message).toMatch(/^cannot go back: nothing is known that it had before the run; /);
    expect(run.row('oslo').message).toMatch(/^cannot go back: frozen: audit; /);
    expect(run.finish()).toMatchObject({ phase: 'Failed' });
    expect(run.row('berlin').phase).toBe('Done');
  });

  test('one that was failing before is back when it has what it had', () => {
    const run = failing({ onFailure: 'RollBackRun', rollback: { maxConcurrency: 5 } }, (before) => {
      before.ask({ targets: before.run.targets.map((target) => (target.cluster === 'rome' ? { ...target, failingBefore: true } : target)) });
    });
    run.break('rome').after(1);
    expect(run.row('rome')).toMatchObject({ phase: 'RolledBack', message: expect.stringMatching(/^went back, and fails as before the run: not healthy within/) });
  });

  test('health of what it had before the run does not count until the agent speaks of being given it again', () => {
    const run = failing({ onFailure: 'RollBackRun', rollback: { maxConcurrency: 5 } });
    run.agent('wien', { appliedId: 'old', generation: 1, healthy: true }).after(1);
    expect(run.row('wien').phase).toBe('RollingBack');
    run.apply(['wien']).after(1);
    expect(run.row('wien').phase).toBe('RolledBack');
  });

  test('a person\'s stop ends it, and a pause holds it', () => {
    const run = failing({ onFailure: 'RollBackRun', rollback: { maxConcurrency: 1 } });
    run.ask({ pauseRequested: true }).apply(['wien']).after(1);
    expect(run.rows).toBe('berlin=Done oslo=Done paris=Done rome=Failed wien=RolledBack');
    expect(run.step.phase).toBe('Paused');
    run.ask({ pauseRequested: false }).after(1);
    expect(run.rows).toBe('berlin=Done oslo=Done paris=Done rome=RollingBack wien=RolledBack');
    run.ask({ stopRequested: true }).after(1);
    expect(run.step).toMatchObject({ phase: 'RollingBack', state: { stopped: { by: 'Person' } } });
    expect(run.apply(['rome']).after(1)).toMatchObject({ phase: 'Stopped', counts: { rolledBack: 2, done: 3 } });
  });
});
