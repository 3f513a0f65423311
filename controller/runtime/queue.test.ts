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

  type Step = { readonly do: 'add' | 'delay' | 'get' | 'done' | 'advance'; readonly key: string; readonly by: number };
  const step = fc.record<Step>({ do: fc.constantFrom('add', 'delay', 'get', 'done', 'advance'), key: fc.constantFrom('a', 'b', 'c'), by: fc.integer({ min: 1, max: 20 }) });

  /** One list and two sets, every question answered by a scan. */
  class DumbQueue {
    waiting: string[] = [];
    again = new Set<string>();
    busy = new Set<string>();
    delayed: { key: string; at: number; order: number }[] = [];
    order = 0;
    add(key: string): void {
      if (this.waiting.includes(key) || this.again.has(key)) return;
      if (this.busy.has(key)) this.again.add(key);
      else this.waiting.push(key);
    }
    delay(key: string, at: number): void {
      const old = this.delayed.find((entry) => entry.key === key);
      if (old !== undefined && old.at <= at) return;
      this.delayed = [...this.delayed.filter((entry) => entry !== old), { key, at, order: this.order++ }];
    }
    get(): string | undefined {
      const key = this.waiting.shift();
      if (key !== undefined) this.busy.add(key);
      return key;
    }
    done(key: string): void {
      if (!this.busy.delete(key)) return;
      if (this.again.delete(key)) this.waiting.push(key);
    }
    due(now: number): void {
      const ready = this.delayed.filter((entry) => entry.at <= now).sort((a, b) => a.at - b.at || a.order - b.order);
      this.delayed = this.delayed.filter((entry) => entry.at > now);
      for (const { key } of ready) this.add(key);
    }
  }

  test('behaves like its dumb twin for any sequence of calls', async () => {
    await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const { queue, clock } = make();
      const twin = new DumbQueue();
      const abort = new AbortController();
      const running = queue.start(abort.signal);
      for (const { do: action, key, by } of steps) {
        if (action === 'add') { queue.add(key); twin.add(key); }
        if (action === 'delay') { queue.addAt(key, clock.now() + by); twin.delay(key, clock.now() + by); }
        if (action === 'done') { queue.done(key); twin.done(key); }
        if (action === 'advance') { await clock.advance(by); twin.due(clock.now()); }
        if (action === 'get' && queue.depth > 0) expect(await queue.get()).toBe(twin.get());
        expect(queue.depth).toBe(twin.waiting.length);
      }
      abort.abort();
      for (const key of ['a', 'b', 'c']) queue.done(key);
      for (let key = await queue.get(); key !== undefined; key = await queue.get()) queue.done(key);
      await running;
    }), { numRuns: 300 });
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
