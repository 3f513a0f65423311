import { describe, expect, test } from 'vitest';
import type { WindowVerdict } from '../model/rollout.ts';
import { newRun, Rig, stage, strategyOf } from './testing/rig.ts';

const CLUSTERS = ['berlin', 'oslo', 'paris'];
const rig = (more: Parameters<typeof stage>[2] = {}): Rig => new Rig(newRun(strategyOf([stage('all', ['*'], more)]), CLUSTERS));
const closed = (opensAt: number | null, reason = 'ChangeWindow nights is closed'): WindowVerdict => ({ open: false, reason, opensAt, closesAt: null });
const open = (more: Partial<WindowVerdict> = {}): WindowVerdict => ({ open: true, reason: '', opensAt: null, closesAt: null, ...more });

describe('a window', () => {
  test('that is closed keeps a cluster from its turn, takes no place, and says until when', () => {
    const run = rig().agent('berlin', { window: closed(100_000) });
    run.after();
    expect(run.rows).toBe('berlin=Pending oslo=Assigned paris=Pending');
    expect(run.row('berlin').message).toBe('waits: ChangeWindow nights is closed; opens at 1970-01-01T00:01:40.000Z');
    run.agent('paris', { window: closed(50_000) }).apply(['oslo']).after(10);
    expect(run.step).toMatchObject({ phase: 'Waiting', waitingUntil: 50_000, wakeAt: 50_000, message: 'stage all: 1 of 3 clusters done; ChangeWindow nights is closed for berlin, paris; opens at 1970-01-01T00:00:50.000Z' });
    expect(run.after(10).changed).toEqual([]);
    run.agent('paris', { window: open() }).after(30);
    expect(run.rows).toBe('berlin=Pending oslo=Done paris=Assigned');
    expect(run.step).toMatchObject({ phase: 'Running', waitingUntil: null });
  });

  test('that never opens leaves a run waiting without a time', () => {
    const run = rig();
    for (const cluster of CLUSTERS) run.agent(cluster, { window: closed(null) });
    expect(run.after()).toMatchObject({ phase: 'Pending', waitingUntil: null, wakeAt: null, message: expect.stringContaining('it does not open within the time that was looked at') });
    expect(run.ask({ stopRequested: true }).after()).toMatchObject({ phase: 'Stopped', counts: { skipped: 3 } });
  });

  test('that closes hurts nobody in flight; one that a person overrides is told of', () => {
    const run = rig().agent('berlin', { window: open({ closesAt: 5_000, overriddenBy: 'ann overrode ChangeWindow nights: leak in production' }) });
    run.after();
    expect(run.journal.map(({ cluster, event, message }) => `${cluster} ${event} ${message}`)).toContain('berlin WindowOverridden ann overrode ChangeWindow nights: leak in production');
    run.agent('berlin', { window: closed(100_000) }).apply(['berlin']).after(10);
    expect(run.row('berlin').phase).toBe('Done');
  });
});

test('another run that has a cluster in flight is waited for, by name', () => {
  const run = rig({ maxConcurrency: 3 }).agent('berlin', { busyWith: 'europe-7' }).agent('oslo', { busyWith: 'europe-7' }).agent('paris', { busyWith: 'trust-2' });
  expect(run.after()).toMatchObject({ phase: 'Pending', assign: [], message: 'stage all: 0 of 3 clusters done; waits for run europe-7, which has berlin, oslo; waits for run trust-2, which has paris' });
  expect(run.row('berlin').message).toBe('waits for run europe-7, which has it in flight');
  const { busyWith: _over, ...free } = run.agents.get('berlin')!;
  run.agents.set('berlin', free);
  run.after();
  expect(run.row('berlin').phase).toBe('Assigned');
  expect(run.row('paris').message).toBe('waits for run trust-2, which has it in flight');
});

test('one that is held, or gone, before its turn is passed over', () => {
  const run = rig().agent('berlin', { held: 'frozen: audit' }).agent('oslo', { gone: true, connected: false });
  run.after();
  expect(run.rows).toBe('berlin=Skipped oslo=Skipped paris=Assigned');
  expect(run.finish()).toMatchObject({ phase: 'Completed', counts: { done: 1, skipped: 2, gone: 1 } });
});
