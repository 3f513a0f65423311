import { describe, expect, test } from 'vitest';
import { KubernetesError } from '../../mesh/ports/kubernetes.ts';
import { AdvisedError } from './errors.ts';
import { createLoop, type LoopOptions, type Reconcile } from './loop.ts';
import type { Trouble } from './trouble.ts';
import { fakeMetrics, recordingLog, seededRandom } from './testing/fakes.ts';
import { manualClock } from './testing/manual-clock.ts';

function start(reconcile: Reconcile, workers = 1, capacity = 100, more: Partial<LoopOptions> = {}) {
  const clock = manualClock(0);
  const metrics = fakeMetrics();
  const log = recordingLog();
  const abort = new AbortController();
  const loop = createLoop({ name: 'test', reconcile, clock, random: seededRandom(1), log, metrics, workers, capacity, ...more });
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

describe('what fails', () => {
  const SECRET = 'hunter2';
  const told = () => {
    const reports: string[] = [];
    const messages: string[] = [];
    const report = (key: string, trouble: Trouble | undefined): Promise<void> => {
      reports.push(`${key} ${trouble?.reason ?? 'fine'}`);
      messages.push(trouble?.message ?? '');
      return Promise.resolve();
    };
    return { reports, messages, report };
  };
  const controller = { controller: 'test' };

  test.each<[string, () => never]>([
    ['a TypeError', () => { (undefined as unknown as { secret: () => void }).secret(); throw new Error('not reached'); }],
    ['a RangeError', () => { throw new RangeError(SECRET); }],
    ['a plain Error', () => { throw new Error(SECRET); }],
    ['a SyntaxError', () => { throw new SyntaxError(`Unexpected token in ${SECRET}`); }],
    ['a string', () => { throw SECRET; }],
    ['undefined', () => { throw undefined; }],
  ])('%s, thrown at once or later, is a bug: told without its text, counted, and over with the next success', async (_name, fail) => {
    for (const later of [false, true]) {
      const { reports, messages, report } = told();
      let broken = true;
      const { clock, loop, abort, running, metrics, log } = start((): ReturnType<Reconcile> => (later ? Promise.resolve().then(() => (broken ? fail() : {})) : broken ? fail() : Promise.resolve({})), 1, 100, { report });
      loop.add('bad');
      await clock.advance(4);
      expect(reports).toEqual(['bad Panicked']);
      expect(messages.join()).not.toContain(SECRET);
      expect(messages[0]).toMatch(/bug.*\((\w*Error at .*loop\.test\.ts:\d+|a thrown (string|undefined))\)/);
      expect(log.lines.filter(({ level }) => level === 'error')).toHaveLength(1);
      broken = false;
      await clock.advance(10);
      expect(reports).toEqual(['bad Panicked', 'bad fine']);
      expect(metrics.value('controller_runtime_reconcile_panics_total', controller)).toBe(1);
      expect(metrics.value('controller_runtime_reconcile_errors_total', controller)).toBe(1);
      abort.abort();
      await running;
    }
  });

  test('what a port reports is no bug; told is only what does not heal by itself', async () => {
    const { reports, report } = told();
    const errors: Record<string, Error> = { invalid: new KubernetesError(422, 'Invalid', 'spec.size: too big'), conflict: new KubernetesError(409, 'Conflict', 'changed'), person: new AdvisedError('user', 'delete it'), later: new AdvisedError('retry', 'soon') };
    const { clock, loop, abort, running, metrics } = start((key) => Promise.reject(errors[key] ?? new Error(key)), 1, 100, { report });
    for (const key of Object.keys(errors)) loop.add(key);
    await clock.advance(1);
    expect(reports).toEqual(['invalid Refused', 'person Refused']);
    expect(metrics.value('controller_runtime_reconcile_panics_total', controller)).toBe(0);
    expect(metrics.value('controller_runtime_terminal_reconcile_errors_total', controller)).toBe(1);
    abort.abort();
    await running;
  });

  test('holds up nobody else: neither what always throws, nor what hangs until the end, nor what is slow', async () => {
    const done: Record<string, number> = {};
    const { clock, loop, abort, running, metrics } = start(async (key, signal) => {
      if (key === 'throws') throw new TypeError('always');
      if (key === 'hangs') await new Promise<void>((resolve) => { signal.addEventListener('abort', () => resolve(), { once: true }); });
      if (key === 'slow') await clock.sleepUntil(clock.now() + 20_000, signal);
      done[key] = (done[key] ?? 0) + 1;
      return {};
    }, 3);
    for (const key of ['hangs', 'throws', 'slow', 'a', 'b', 'c']) loop.add(key);
    await clock.advance(1000);
    expect(done).toEqual({ a: 1, b: 1, c: 1 });
    expect(metrics.value('controller_runtime_active_workers', controller)).toBe(2);
    expect(metrics.value('controller_runtime_max_concurrent_reconciles', controller)).toBe(3);
    for (let round = 0; round < 50; round++) {
      for (const key of ['a', 'b', 'c']) loop.add(key);
      await clock.advance(1000);
    }
    expect(done).toEqual({ a: 51, b: 51, c: 51, slow: 1 });
    expect(metrics.value('workqueue_longest_running_processor_seconds', { name: 'test', controller: 'test' })).toBe(51);
    abort.abort();
    await running;
    expect(clock.sleeping).toBe(0);
  });

  test('a reconcile over its time limit is told while it hangs, asked to end, and tried again', async () => {
    const { reports, report } = told();
    let calls = 0;
    const { clock, loop, abort, running, metrics } = start(async (_key, signal) => {
      calls += 1;
      if (calls > 1) return {};
      await new Promise<void>((resolve) => { signal.addEventListener('abort', () => resolve(), { once: true }); });
      await clock.sleepUntil(clock.now() + 5000, new AbortController().signal);
      throw new Error('cancelled');
    }, 1, 100, { report, timeLimitSeconds: 60 });
    loop.add('hangs');
    await clock.advance(60_000);
    expect(reports).toEqual(['hangs TimedOut']);
    expect(metrics.value('controller_runtime_reconcile_timeouts_total', controller)).toBe(1);
    await clock.advance(6000);
    expect(reports).toEqual(['hangs TimedOut', 'hangs TimedOut', 'hangs fine']);
    expect(metrics.value('controller_runtime_reconcile_panics_total', controller)).toBe(0);
    abort.abort();
    await running;
    expect(clock.sleeping).toBe(0);
  });

  test('what is refused for good is tried again where the loop says so', async () => {
    const times: number[] = [];
    const { clock, loop, abort, running } = start(() => { times.push(clock.now()); throw new KubernetesError(422, 'Invalid', 'a webhook says no'); }, 1, 100, { refusedAgainSeconds: 60 });
    loop.add('a');
    await clock.advance(150_000);
    expect(times).toEqual([0, 60_000, 120_000]);
    abort.abort();
    await running;
  });

  test('a report that fails is logged and changes nothing', async () => {
    const { clock, loop, abort, running, log, metrics } = start(() => Promise.resolve({}), 1, 100, { report: () => Promise.reject(new Error('no right to')) });
    loop.add('a');
    loop.add('b');
    await clock.advance(1000);
    expect(metrics.value('controller_runtime_reconcile_total', { controller: 'test', result: 'success' })).toBe(2);
    expect(log.lines.map(({ fields }) => fields['key'])).toEqual(['a', 'b']);
    abort.abort();
    await running;
  });
});
