/** Health over time: of clusters, of stages, by generation. */
import { describe, expect, test } from 'vitest';
import { newRun, Rig, stage, strategyOf } from './testing/rig.ts';

const CLUSTERS = ['berlin', 'oslo', 'paris'];
const rig = (of: Parameters<typeof stage>[2], more: Parameters<typeof strategyOf>[1] = {}): Rig => new Rig(newRun(strategyOf([stage('first', ['berlin', 'oslo'], { maxConcurrency: 2, ...of }), stage('second', ['*'])], more), CLUSTERS));

describe('a stage soaks', () => {
  test('from the last of its clusters that was done', () => {
    const run = rig({ stageSoakSeconds: 100 });
    run.after();
    run.apply(['berlin']).after(10);
    run.apply(['oslo']).after(10);
    expect(run.step).toMatchObject({ phase: 'Soaking', stage: 'first', waitingUntil: 120_000, wakeAt: 120_000, message: 'stage first: 2 of 2 clusters done; in all 2 of 3 clusters done; soaks as a whole until 1970-01-01T00:02:00.000Z' });
    run.after(99);
    expect(run.row('paris').phase).toBe('Pending');
    run.after(1);
    expect(run.row('paris').phase).toBe('Assigned');
    expect(run.step.state.stageFinishedAt).toEqual({ 0: 120_000 });
  });

  test('and a cluster that turns unhealthy in it has failed; one that is silent, or told something else, has not', () => {
    const run = rig({ stageSoakSeconds: 100 });
    run.after();
    run.apply(['berlin', 'oslo']).after(10);
    run.away('oslo').agent('berlin', { appliedId: 'other', generation: 9, healthy: false }).after(10);
    expect(run.rows).toBe('berlin=Done oslo=Done paris=Pending');
    run.back('oslo').break('oslo').after(10);
    expect(run.rows).toBe('berlin=Done oslo=Failed paris=Skipped');
    expect(run.row('oslo').message).toBe('turned unhealthy while its stage soaked: applied, but unhealthy');
    expect(run.step).toMatchObject({ phase: 'Failed' });
  });

  test('what is unhealthy at the end of the soak fails too; after it no more', () => {
    const late = rig({ stageSoakSeconds: 100 });
    late.after();
    late.apply(['berlin', 'oslo']).after(10);
    expect(late.break('oslo').after(500).counts.failed).toBe(1);
    const gated = rig({ stageSoakSeconds: 100, after: [{ name: 'people', approval: { count: 1, groups: [] } }] });
    gated.after();
    gated.apply(['berlin', 'oslo']).after(10);
    gated.after(100);
    expect(gated.step.phase).toBe('Waiting');
    expect(gated.break('oslo').after(10).counts.failed).toBe(0);
  });

  test('once more for a cluster that came back while the stage was at work', () => {
    const run = rig({ stageSoakSeconds: 100, after: [{ name: 'people', approval: { count: 1, groups: [] } }] }).away('oslo');
    run.after();
    run.apply(['berlin']).after(10);
    run.after(100);
    run.back('oslo').after(10);
    run.apply(['oslo']).after(10);
    expect(run.step).toMatchObject({ phase: 'Soaking', waitingUntil: 230_000 });
  });

  test('also where it is paused, and within maxFailures it goes on', () => {
    const run = rig({ stageSoakSeconds: 100, maxFailures: 1 });
    run.after();
    run.apply(['berlin', 'oslo']).after(10);
    run.ask({ pauseRequested: true }).break('oslo').after(10);
    expect(run.rows).toBe('berlin=Done oslo=Failed paris=Pending');
    run.ask({ pauseRequested: false });
    expect(run.finish()).toMatchObject({ phase: 'CompletedWithFailures', counts: { done: 2, failed: 1 } });
  });
});

test('a cluster that goes back fast takes no soak, of itself or its stage, but its place', () => {
  const run = rig({ soakSeconds: 50, stageSoakSeconds: 100, maxConcurrency: 1 });
  run.ask({ targets: run.run.targets.map((target) => ({ ...target, fast: true })) });
  run.after();
  expect(run.rows).toBe('berlin=Assigned oslo=Pending paris=Pending');
  run.apply(['berlin']).after(1);
  expect(run.rows).toBe('berlin=Done oslo=Assigned paris=Pending');
  run.apply(['oslo']).after(1);
  expect(run.rows).toBe('berlin=Done oslo=Done paris=Assigned');
});

test('each stage has its own deadline', () => {
  const run = rig({ progressDeadlineSeconds: 5 });
  expect(run.after().wakeAt).toBe(5_000);
  expect(run.after(5).counts.failed).toBe(2);
});

describe('health counts', () => {
  test('only for the generation that the run gave, at once and later', () => {
    const run = rig({});
    run.agent('berlin', { appliedId: 'new', generation: 1 }).after();
    expect(run.row('berlin')).toMatchObject({ phase: 'Assigned', generation: 2, message: 'its agent speaks of an earlier assignment; fails at 1970-01-01T00:01:00.000Z' });
    run.after(1);
    expect(run.row('berlin').phase).toBe('Assigned');
    run.agent('berlin', { generation: 2 }).after(1);
    expect(run.row('berlin').phase).toBe('Done');
    run.agent('oslo', { appliedId: 'new', generation: 3 }).after(1);
    expect(run.row('oslo').message).toMatch(/^it was given something else since; fails at/);
  });

  test('by the id alone for an agent, or a row, that knows no generation', () => {
    const run = rig({});
    const { generation: _none, ...old } = run.agents.get('berlin')!;
    run.agents.set('berlin', { ...old, appliedId: 'new' });
    run.after();
    expect(run.row('berlin').phase).toBe('Done');
    run.ask({ targets: run.run.targets.map(({ generation: _unknown, ...target }) => target) }).agent('oslo', { appliedId: 'new', generation: 77 }).after(1);
    expect(run.row('oslo').phase).toBe('Done');
  });
});
