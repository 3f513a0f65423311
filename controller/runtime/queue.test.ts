import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createQueue } from './queue.ts';
import { fakeMetrics, seededRandom } from './testing/fakes.ts';
import { manualClock } from './testing/manual-clock.ts';

const make = (capacity = 1000) => {
  const clock = manualClock(0);
  const metrics = fakeMetrics();
  const queue = createQueue({ name: 'test', clock, random: { uniform: () => 0, bytes: () => new Uint8Array() }, metrics, capacity });
  return { clock, metrics, queue, labels: { name: 'test', controller: 'test' } };
};

describe('queue', () => {
  test('a key added while it is processed gets one more turn, after done', async () => {
    const { queue, metrics, labels } = make();
    queue.add('a');
    queue.add('a');
    expect(await queue.get()).toBe('a');
    queue.add('a');
    queue.add('a');
    expect(queue.depth).toBe(0);
    queue.done('a');
    expect(queue.depth).toBe(1);
    expect(await queue.get()).toBe('a');
    queue.done('a');
    expect(queue.depth).toBe(0);
    expect(metrics.value('workqueue_adds_total', labels)).toBe(2);
  });

  test('a clock that is set back an hour delays no key by the hour', async () => {
    const monotonic = manualClock(10_000_000);
    let offset = 0;
    const clock = { now: () => monotonic.now() + offset, sleepUntil: (at: number, signal: AbortSignal) => monotonic.sleepUntil(at - offset, signal) };
    const queue = createQueue({ name: 'test', clock, random: seededRandom(1), metrics: fakeMetrics() });
    const abort = new AbortController();
    const running = queue.start(abort.signal);
    queue.addAt('probe', clock.now() + 10_000);
    queue.addAt('later', clock.now() + 20_000);
    await monotonic.advance(1000);
    offset = -3_600_000;
    queue.addAt('added after', clock.now() + 12_000);
    await monotonic.advance(10_000);
    expect(await queue.get()).toBe('probe');
    await monotonic.advance(3000);
    expect(await queue.get()).toBe('added after');
    await monotonic.advance(8000);
    expect(await queue.get()).toBe('later');
    for (const key of ['probe', 'added after', 'later']) queue.done(key);
    abort.abort();
    await running;
  });

  test('the pause of a failing key doubles up to a ceiling; forget begins anew; other keys are not held up', async () => {
    const { queue, clock, metrics, labels } = make();
    const abort = new AbortController();
    const running = queue.start(abort.signal);
    const pauses: number[] = [];
    const failOnce = async (): Promise<void> => {
      const began = clock.now();
      queue.addRateLimited('bad');
      const turn = queue.get();
      await clock.settle();
      await clock.advance(clock.nextWake()! - clock.now());
      expect(await turn).toBe('bad');
      pauses.push(clock.now() - began);
      queue.done('bad');
    };
    for (let count = 0; count < 16; count++) await failOnce();
    expect(pauses).toEqual([5, 10, 20, 40, 80, 160, 320, 640, 1280, 2560, 5120, 10240, 20480, 40960, 60000, 60000]);
    queue.forget('bad');
    await failOnce();
    expect(pauses.at(-1)).toBe(5);
    expect(metrics.value('workqueue_retries_total', labels)).toBe(17);
    abort.abort();
    await running;
  });

  test('delayed keys keep the earlier time and come when due', async () => {
    const { queue, clock } = make();
    const abort = new AbortController();
    const running = queue.start(abort.signal);
    queue.addAt('a', 100);
    queue.addAt('a', 50);
    queue.addAt('a', 200);
    queue.addAt('b', 60);
    await clock.advance(49);
    expect(queue.depth).toBe(0);
    await clock.advance(1);
    expect(await queue.get()).toBe('a');
    await clock.advance(1000);
    expect(await queue.get()).toBe('b');
    expect(queue.depth).toBe(0);
    queue.done('a');
    queue.done('b');
    abort.abort();
    await running;
  });

  test('holds no more keys than its bound, and says so', () => {
    const { queue } = make(3);
    expect([queue.add('a'), queue.addAt('b', 10), queue.add('c'), queue.add('d'), queue.addAt('e', 10), queue.add('a'), queue.addAt('b', 5)])
      .toEqual([true, true, true, false, false, true, true]);
  });

  test('stopping hands out what waits, refuses the rest, and resolves only when all is done', async () => {
    const { queue, clock } = make();
    const abort = new AbortController();
    let stopped = false;
    const running = queue.start(abort.signal).then(() => { stopped = true; });
    queue.add('a');
    queue.add('b');
    queue.addAt('late', 10);
    expect(await queue.get()).toBe('a');
    abort.abort();
    await clock.settle();
    expect(queue.add('c')).toBe(false);
    expect(await queue.get()).toBe('b');
    expect(await queue.get()).toBeUndefined();
    queue.done('b');
    await clock.settle();
    expect(stopped).toBe(false);
    queue.done('a');
    await running;
  });

  test('kinds take turns: a flood of one holds up no other', async () => {
    const clock = manualClock(0);
    const queue = createQueue({ name: 'test', clock, random: seededRandom(1), metrics: fakeMetrics(), fairness: (key) => key.split('/')[0] ?? '' });
    for (let index = 0; index < 3000; index++) queue.add(`flood/${index}`);
    for (const key of ['calm/a', 'calm/b', 'rare/x']) queue.add(key);
    const order: (string | undefined)[] = [];
    for (let count = 0; count < 3003; count++) order.push(await queue.get());
    expect(order.slice(0, 7)).toEqual(['flood/0', 'calm/a', 'rare/x', 'flood/1', 'calm/b', 'flood/2', 'flood/3']);
    expect(new Set(order).size).toBe(3003);
    expect(order.at(-1)).toBe('flood/2999');
  });

  test('retries of all keys together keep a rate; adds do not count, and a quiet time gives the burst back', async () => {
    const { queue, clock } = make();
    const abort = new AbortController();
    const running = queue.start(abort.signal);
    const arrivals: number[] = [];
    const work = (async () => {
      for (let key = await queue.get(); key !== undefined; key = await queue.get()) { arrivals.push(clock.now()); queue.done(key); }
    })();
    const fail = (count: number, round: string): void => { for (let index = 0; index < count; index++) queue.addRateLimited(`${round}${index}`); };
    fail(120, 'first');
    for (let index = 0; index < 50; index++) queue.add(`added${index}`);
    await clock.advance(4);
    expect(arrivals).toHaveLength(50);
    await clock.advance(1);
    expect(arrivals).toHaveLength(150);
    await clock.advance(1000);
    expect(arrivals).toHaveLength(160);
    await clock.advance(1000);
    expect(arrivals).toHaveLength(170);
    await clock.advance(20_000);
    fail(100, 'second');
    await clock.advance(5);
    expect(arrivals).toHaveLength(270);
    abort.abort();
    await Promise.all([running, work]);
  });

  test('what is held shows: how long all of it, and how long the longest', async () => {
    const { queue, clock, metrics, labels } = make();
    const abort = new AbortController();
    const running = queue.start(abort.signal);
    const values = (): number[] => ['workqueue_unfinished_work_seconds', 'workqueue_longest_running_processor_seconds'].map((name) => metrics.value(name, labels));
    queue.add('hangs');
    await queue.get();
    await clock.advance(30_000);
    queue.add('short');
    await queue.get();
    await clock.advance(2000);
    expect(values()).toEqual([34, 32]);
    queue.done('hangs');
    expect(values()).toEqual([2, 2]);
    queue.done('short');
    expect(values()).toEqual([0, 0]);
    abort.abort();
    await running;
  });

  test('a full queue takes back what a worker holds: a failed key is never lost', async () => {
    const { queue } = make(2);
    queue.add('a');
    await queue.get();
    expect([queue.add('b'), queue.add('c'), queue.add('d'), queue.addRateLimited('a')]).toEqual([true, true, false, true]);
  });

  test('no key is ever held by two workers, and none is lost', async () => {
    await fc.assert(fc.asyncProperty(fc.integer(), fc.integer({ min: 1, max: 4 }), async (seed, workers) => {
      const { queue, clock } = make();
      const random = seededRandom(seed);
      const abort = new AbortController();
      const held = new Set<string>();
      const wanted = new Map<string, number>();
      const seen = new Map<string, number>();
      const work = async (): Promise<void> => {
        for (let key = await queue.get(); key !== undefined; key = await queue.get()) {
          expect(held.has(key)).toBe(false);
          held.add(key);
          seen.set(key, wanted.get(key)!);
          await clock.sleepUntil(clock.now() + random.uniform() * 10, abort.signal);
          held.delete(key);
          queue.done(key);
        }
      };
      const running = [queue.start(abort.signal), ...Array.from({ length: workers }, work)];
      for (let round = 1; round <= 40; round++) {
        const key = `k${Math.floor(random.uniform() * 5)}`;
        wanted.set(key, round);
        queue.add(key);
        await clock.advance(random.uniform() * 5);
      }
      await clock.advance(1000);
      expect(seen).toEqual(wanted);
      abort.abort();
      await Promise.all(running);
    }), { numRuns: 25 });
  });
});
