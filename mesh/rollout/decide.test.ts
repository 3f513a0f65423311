import { describe, expect, test } from 'vitest';
import type { JournalEntry } from '../model/history.ts';
import type { RunTarget, RunValue, StrategyValue, TargetObservation } from '../model/rollout.ts';
import { decide } from './decide.ts';
import { freezeTargets } from './targets.ts';
import { newRun as newRigRun, Rig, stage, strategyOf } from './testing/rig.ts';

const strategy = (soakSeconds = 10): StrategyValue => ({
  name: 'careful', progressDeadlineSeconds: 60,
  stages: [
    { name: 'canary', clusters: { names: ['berlin'] }, maxConcurrency: 1, soakSeconds },
    { name: 'rest', clusters: { names: ['oslo', 'paris', 'rome'] }, maxConcurrency: 2, soakSeconds: 0 },
  ],
});
const clusterView = (name: string) => ({ name, labels: {}, properties: [], joined: true, report: null, assignedId: 'old' });
const newRun = (names: readonly string[], of = strategy()): RunValue => ({
  name: 'run-1', phase: 'Pending', strategy: of, stopRequested: false,
  targets: freezeTargets(of, names.map(clusterView), names.map((cluster) => ({ cluster, fromId: 'old', toId: 'new' }))),
});
const seen = (cluster: string, appliedId: string | null, healthy = true, connected = true): TargetObservation => ({ cluster, appliedId, healthy, connected, message: '' });
const after = (run: RunValue, observed: TargetObservation[], now: number, stopRequested = run.stopRequested) => {
  const step = decide({ ...run, stopRequested }, observed, now);
  return { step, run: { ...run, stopRequested, phase: step.phase, state: step.state, targets: step.targets } };
};
const phases = (targets: readonly RunTarget[]) => targets.map(({ cluster, phase }) => `${cluster}=${phase}`).join(' ');
const events = (journal: readonly JournalEntry[]) => journal.map(({ cluster, event }) => `${cluster}:${event}`);
const all = (id: string) => ['berlin', 'oslo', 'paris', 'rome', 'zurich'].map((name) => seen(name, id));

test('canary, soak, then the rest two at a time, then what no stage selects', () => {
  let { step, run } = after(newRun(['berlin', 'oslo', 'paris', 'rome', 'zurich']), all('old'), 0);
  expect(phases(step.targets)).toBe('berlin=Assigned oslo=Pending paris=Pending rome=Pending zurich=Pending');
  expect(step).toMatchObject({ phase: 'Running', stage: 'canary', wakeAt: 60_000, assign: [{ cluster: 'berlin' }] });
  expect(events(step.journal)).toEqual([':StageStarted', 'berlin:Assigned']);
  ({ step, run } = after(run, [seen('berlin', 'new'), ...all('old').slice(1)], 5_000));
  expect(step).toMatchObject({ wakeAt: 15_000, assign: [] });
  ({ step, run } = after(run, [seen('berlin', 'new'), ...all('old').slice(1)], 15_000));
  expect(phases(step.targets)).toBe('berlin=Done oslo=Assigned paris=Assigned rome=Pending zurich=Pending');
  ({ step, run } = after(run, [seen('oslo', 'new'), seen('paris', 'old'), seen('rome', 'old')], 16_000));
  expect(phases(step.targets)).toBe('berlin=Done oslo=Done paris=Assigned rome=Assigned zurich=Pending');
  ({ step, run } = after(run, [...all('new').slice(0, 4), seen('zurich', 'old')], 17_000));
  expect(step).toMatchObject({ stage: 'remaining', counts: { total: 5, done: 4, inFlight: 1, failed: 0, skipped: 0 } });
  ({ step, run } = after(run, all('new'), 18_000));
  expect(step).toMatchObject({ phase: 'Completed', stage: null, wakeAt: null });
  expect(events(step.journal)).toEqual(['zurich:Soaking', 'zurich:Done', ':StageFinished', ':Completed']);
});

test('a cluster that is not healthy by the deadline fails; nothing else begins, what is in flight finishes, then the run is Failed', () => {
  let { step, run } = after(newRun(['oslo', 'paris', 'rome']), all('old'), 0);
  ({ step, run } = after(run, [seen('oslo', 'old'), seen('paris', 'new', false)], 59_999));
  expect(step.journal).toEqual([]);
  run = { ...run, targets: run.targets.map((target) => (target.cluster === 'paris' ? { ...target, assignedAt: 30_000 } : target)) };
  ({ step, run } = after(run, [seen('oslo', 'old'), seen('paris', 'new', false)], 60_000));
  expect(phases(step.targets)).toBe('oslo=Failed paris=Assigned rome=Skipped');
  expect(step.phase).toBe('Stopping');
  expect(step.message).toContain('cluster oslo failed: not healthy within progressDeadlineSeconds (60)');
  ({ step, run } = after(run, [seen('oslo', 'new'), seen('paris', 'new')], 61_000));
  expect(phases(step.targets)).toBe('oslo=Failed paris=Done rome=Skipped');
  expect(step).toMatchObject({ phase: 'Failed', counts: { failed: 1, done: 1, skipped: 1 } });
});

test('the last cluster failing leaves nobody out: CompletedWithFailures', () => {
  const { run } = after(newRun(['oslo']), all('old'), 0);
  expect(after(run, all('old'), 60_000).step).toMatchObject({ phase: 'CompletedWithFailures', counts: { failed: 1, skipped: 0 } });
});

test('a requested stop skips what is pending', () => {
  const { run } = after(newRun(['berlin', 'oslo']), all('old'), 0);
  const stopping = after(run, all('old'), 1_000, true);
  expect(phases(stopping.step.targets)).toBe('berlin=Assigned oslo=Skipped');
  expect(after(stopping.run, all('new'), 2_000).step.phase).toBe('Stopping');
  expect(after(after(stopping.run, all('new'), 2_000).run, all('new'), 12_000).step.phase).toBe('Stopped');
});

describe('health', () => {
  test('of another state, or from before, never counts', () => {
    const { run } = after(newRun(['berlin']), all('old'), 0);
    expect(phases(after(run, [seen('berlin', 'old', true)], 1_000).step.targets)).toBe('berlin=Assigned');
  });

  test('lost while soaking begins the soak anew', () => {
    let { run } = after(newRun(['berlin']), all('old'), 0);
    ({ run } = after(run, all('new'), 1_000));
    ({ run } = after(run, [seen('berlin', 'new', false)], 9_000));
    expect(run.targets[0]).toMatchObject({ phase: 'Assigned', healthyAt: null });
    ({ run } = after(run, all('new'), 12_000));
    expect(after(run, all('new'), 21_999).run.targets[0]).toMatchObject({ phase: 'Soaking' });
    expect(after(run, all('new'), 22_000).run.targets[0]).toMatchObject({ phase: 'Done' });
  });

  test('a silent agent neither ends nor breaks a soak, until the deadline after it', () => {
    let { run } = after(newRun(['berlin']), all('old'), 0);
    ({ run } = after(run, all('new'), 1_000));
    for (const silent of [[], [seen('berlin', null)], [seen('berlin', 'new', true, false)]]) {
      const waiting = after(run, silent, 30_000);
      expect(waiting.step).toMatchObject({ targets: [{ phase: 'Soaking', healthyAt: 1_000 }], wakeAt: 71_000 });
      expect(after(waiting.run, all('new'), 40_000).run.targets[0]).toMatchObject({ phase: 'Done' });
      expect(after(waiting.run, silent, 71_000).run.targets[0]).toMatchObject({ phase: 'Failed' });
    }
  });
});

test('an empty run is complete at once, and says so once', () => {
  const first = after(newRun([]), [], 0);
  expect(events(first.step.journal)).toEqual([':Completed']);
  expect(after(first.run, [], 1).step.journal).toEqual([]);
});

test('a hub that was away gives clusters in flight their full deadline from its return', () => {
  const { run } = after(newRun(['oslo']), all('old'), 0);
  const back = { ...run, watchedSince: 1_000_000 };
  expect(decide(back, [], 1_000_000)).toMatchObject({ phase: 'Running', counts: { inFlight: 1, failed: 0 }, wakeAt: 1_060_000 });
  expect(decide(back, [seen('oslo', 'old')], 1_059_999).counts.failed).toBe(0);
  expect(decide(back, [seen('oslo', 'old')], 1_060_000).counts.failed).toBe(1);
  const soaking = { ...back, targets: run.targets.map((target) => ({ ...target, phase: 'Soaking' as const, healthyAt: 10 })) };
  expect(decide(soaking, [], 1_059_999)).toMatchObject({ counts: { failed: 0 }, wakeAt: 1_060_000 });
  expect(decide(soaking, [], 1_060_000).counts.failed).toBe(1);
});

test('a cluster that left before its turn is passed over; one that left in flight stops the run', () => {
  const gone = (cluster: string): TargetObservation => ({ ...seen(cluster, null, false, false), gone: true });
  let { step, run } = after(newRun(['berlin', 'oslo', 'paris']), [seen('berlin', 'old'), gone('oslo'), seen('paris', 'old')], 0);
  expect(phases(step.targets)).toBe('berlin=Assigned oslo=Skipped paris=Pending');
  ({ step, run } = after(run, [seen('berlin', 'new'), gone('oslo'), seen('paris', 'new')], 10_000));
  ({ step } = after(run, [seen('berlin', 'new'), gone('oslo'), seen('paris', 'new')], 20_000));
  expect(step).toMatchObject({ phase: 'Completed', counts: { done: 2, skipped: 1 } });
  ({ step } = after(run, [gone('berlin'), gone('oslo'), seen('paris', 'old')], 20_000));
  expect(phases(step.targets)).toBe('berlin=Failed oslo=Skipped paris=Skipped');
  expect(step).toMatchObject({ phase: 'Failed', message: expect.stringContaining('left the fleet') });
});

test('a cluster that is held is passed over with the reason, and the others go on; one that is held in flight finishes', () => {
  const held = (cluster: string, appliedId = 'old'): TargetObservation => ({ ...seen(cluster, appliedId), held: 'Secret kube-system/cilium-clustermesh was changed by kubectl-edit' });
  let { step, run } = after(newRun(['berlin', 'oslo', 'paris']), [seen('berlin', 'old'), held('oslo'), seen('paris', 'old')], 0);
  expect(phases(step.targets)).toBe('berlin=Assigned oslo=Skipped paris=Pending');
  expect(step.targets[1]?.message).toBe('held back before its turn: Secret kube-system/cilium-clustermesh was changed by kubectl-edit');
  ({ run } = after(run, [held('berlin', 'new'), seen('paris', 'old')], 10_000));
  ({ run } = after(run, [held('berlin', 'new'), seen('paris', 'old')], 20_000));
  expect(phases(run.targets)).toBe('berlin=Done oslo=Skipped paris=Assigned');
  ({ step } = after(run, [seen('paris', 'new')], 30_000));
  expect(step).toMatchObject({ phase: 'Completed', counts: { done: 2, skipped: 1 } });
});

test('a run that was saved before there was a state goes on from its rows', () => {
  const base = newRun(['berlin', 'oslo', 'paris', 'rome']);
  const rows = base.targets.map((target): RunTarget => (target.cluster === 'berlin' ? { ...target, phase: 'Done', assignedAt: 1, healthyAt: 2, finishedAt: 3 } : target.cluster === 'oslo' ? { ...target, phase: 'Assigned', assignedAt: 4 } : target));
  const { step } = after({ ...base, targets: rows }, [seen('berlin', 'new'), seen('oslo', 'new'), seen('paris', 'old'), seen('rome', 'old')], 10_000);
  expect(phases(step.targets)).toBe('berlin=Done oslo=Done paris=Assigned rome=Assigned');
  expect(events(step.journal)).toEqual(['oslo:Soaking', 'oslo:Done', 'paris:Assigned', 'rome:Assigned']);
  const stopped = rows.map((target): RunTarget => (target.phase === 'Pending' ? { ...target, phase: 'Skipped', finishedAt: 5, message: 'the run was stopped before its turn' } : { ...target, phase: 'Done', finishedAt: 6 }));
  expect(after({ ...base, targets: stopped }, all('new'), 10_000).step.phase).toBe('Stopped');
});

test('what a cluster refuses for good has failed at once, if its agent speaks of this assignment', () => {
  const run = new Rig(newRigRun(strategyOf([stage('all', ['*'], { maxConcurrency: 2, maxFailures: 1 })]), ['berlin', 'oslo']));
  run.after();
  run.agent('berlin', { generation: 2, healthy: false, refused: true, message: 'Widget one is not served' }).agent('oslo', { healthy: false, refused: true }).after(1);
  expect(run.rows).toBe('berlin=Failed oslo=Assigned');
  expect(run.row('berlin').message).toMatch(/^refused, and waiting does not cure it: .*Widget one is not served/);
});

test('a change by others that is held fails a cluster in flight at once, and says who changed what; before its assignment, and of an earlier one, it does not', () => {
  const hindered = 'HelmRelease kube-system/cilium .spec.values.version was changed by ann (suspicious)';
  const run = new Rig(newRigRun(strategyOf([stage('all', ['*'], { soakSeconds: 20, maxFailures: 1 })]), ['berlin', 'oslo']));
  run.agent('berlin', { hindered }).after();
  run.apply(['berlin']);
  expect(run.agent('berlin', { healthy: true }).after(1).phase).toBe('Soaking');
  run.agent('berlin', { healthy: false, hindered }).after(5);
  expect(run.row('berlin')).toMatchObject({ phase: 'Failed', finishedAt: 6_000, message: `others changed what it was given, and nobody writes over it: ${hindered}` });
  expect(run.rows).toBe('berlin=Failed oslo=Assigned');
  run.agent('oslo', { hindered }).after(1);
  expect(run.rows).toBe('berlin=Failed oslo=Assigned');
});
