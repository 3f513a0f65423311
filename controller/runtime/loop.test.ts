import { describe, expect, test } from 'vitest';
import { KubernetesError } from '../../mesh/ports/kubernetes.ts';
import { createLoop, type Reconcile } from './loop.ts';
import { fakeMetrics, recordingLog, seededRandom } from './testing/fakes.ts';
import { manualClock } from './testing/manual-clock.ts';

function start(reconcile: Reconcile, workers = 1, capacity = 100) {
  const clock = manualClock(0);
  const metrics = fakeMetrics();
  const log = recordingLog();
  const abort = new AbortController();
  const loop = createLoop({ name: 'test', reconcile, clock, random: seededRandom(1), log, metrics, workers, capacity });
  return { clock, metrics, log, abort, loop, running: loop.start(abort.signal) };
}

describe('loop', () => {
  test('requeueAt brings the key back then, and nothing else does', async () => {
    const times: number[] = [];
    const { clock, loop, abort, running, metrics } = start(() => {
      times.push(clock.now());
      return Promise.resolve(times.length === 1 ? { requeueAt: 5000 } : {});
    });
    loop.add('a');
    await clock.advance(60_000);
    expect(times).toEqual([0, 5000]);
    expect(metrics.value('controller_runtime_reconcile_total', { controller: 'test', result: 'requeue_after' })).toBe(1);
    abort.abort();
    await running;
  });

  test('failures are retried with growing pauses; `never` is not; Retry-After is kept; other keys go on', async () => {
    const calls: string[] = [];
    const { clock, loop, abort, running, log } = start((key) => {
      calls.push(`${key}@${Math.round(clock.now())}`);
      if (key === 'flaky' && calls.filter((call) => call.startsWith('flaky')).length < 4) throw new Error('not yet');
      if (key === 'wrong') throw new KubernetesError(422, 'Invalid', 'spec.size: too big');
      if (key === 'busy' && calls.filter((call) => call.startsWith('busy')).length === 1) throw new KubernetesError(429, 'TooManyRequests', 'later', [], 30);
      return Promise.resolve({});
    });
    for (const key of ['flaky', 'wrong', 'busy', 'fine']) loop.add(key);
    await clock.advance(3_600_000);
    const of = (key: string): string[] => calls.filter((call) => call.startsWith(key));
    expect(of('flaky')).toHaveLength(4);
    expect(of('wrong')).toHaveLength(1);
    expect(of('busy')).toEqual(['busy@0', 'busy@30000']);
    expect(of('fine')).toHaveLength(1);
    expect(log.lines.find((line) => line.fields['key'] === 'wrong')).toMatchObject({ level: 'error', fields: { advice: 'never', error: 'spec.size: too big' } });
    abort.abort();
    await running;
  });

  test('as many keys at once as there are workers; stopping waits for those under way and drops the rest', async () => {
    let active = 0;
    let most = 0;
    const finished: string[] = [];
    const { clock, loop, abort, running } = start(async (key) => {
      active += 1;
      most = Math.max(most, active);
      await clock.sleepUntil(clock.now() + 1000, new AbortController().signal);
      active -= 1;
      finished.push(key);
      return {};
    }, 2);
    for (const key of ['a', 'b', 'c', 'd', 'e']) loop.add(key);
    await clock.advance(1500);
    abort.abort();
    let stopped = false;
    void running.then(() => { stopped = true; });
    await clock.settle();
    expect(stopped).toBe(false);
    await clock.advance(500);
    await running;
    expect(most).toBe(2);
    expect(finished).toEqual(['a', 'b', 'c', 'd']);
  });

  test('a full queue is logged, with the key', async () => {
    const { loop, log, abort, running } = start(() => new Promise(() => {}), 1, 1);
    loop.add('a');
    loop.add('b');
    loop.add('c');
    loop.add('d');
    expect(log.lines.map((line) => line.fields['key'])).toContain('d');
    abort.abort();
    void running;
  });
});
