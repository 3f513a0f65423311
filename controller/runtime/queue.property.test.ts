import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createQueue } from './queue.ts';
import { fakeMetrics } from './testing/fakes.ts';
import { manualClock } from './testing/manual-clock.ts';

const KEYS = ['a1', 'a2', 'a3', 'b1', 'b2', 'c1'] as const;
const ACTIONS = ['add', 'delay', 'fail', 'forget', 'get', 'get', 'done', 'done', 'advance'] as const;
interface Step { readonly action: typeof ACTIONS[number]; readonly key: typeof KEYS[number]; readonly by: number }
const step = fc.record<Step>({ action: fc.constantFrom(...ACTIONS), key: fc.constantFrom(...KEYS), by: fc.integer({ min: 1, max: 40 }) });

/** A token each 8 ms, so that every time is a whole number. */
const RATE = { perSecond: 125, burst: 3 };
const TOKEN_MILLISECONDS = 8;
const kindOf = (key: string): string => key[0] ?? '';

/** Lists and sets, every question answered by a scan. */
class DumbQueue {
  kinds: { kind: string; keys: string[] }[] = [];
  again = new Set<string>();
  busy = new Set<string>();
  delayed: { key: string; at: number; order: number }[] = [];
  failures = new Map<string, number>();
  order = 0;
  /** When the last of all tokens given away so far is there, if each is made only after the one before it. */
  lastToken = 0;
  readonly capacity: number;
  constructor(capacity: number) { this.capacity = capacity; }

  get waiting(): string[] { return this.kinds.flatMap(({ keys }) => keys); }
  full(key: string): boolean { return this.waiting.length + this.again.size + this.delayed.length >= this.capacity && !this.busy.has(key); }
  push(key: string): void {
    const line = this.kinds.find(({ kind }) => kind === kindOf(key));
    if (line === undefined) this.kinds.push({ kind: kindOf(key), keys: [key] });
    else line.keys.push(key);
  }
  accept(key: string): void {
    if (this.waiting.includes(key) || this.again.has(key)) return;
    if (this.busy.has(key)) this.again.add(key);
    else this.push(key);
  }
  add(key: string): boolean {
    if (!this.waiting.includes(key) && !this.again.has(key) && this.full(key)) return false;
    this.accept(key);
    return true;
  }
  delay(key: string, at: number): boolean {
    const old = this.delayed.find((entry) => entry.key === key);
    if (old === undefined && this.full(key)) return false;
    if (old !== undefined && old.at <= at) return true;
    this.delayed = [...this.delayed.filter((entry) => entry !== old), { key, at, order: this.order++ }];
    return true;
  }
  fail(key: string, now: number): boolean {
    const count = (this.failures.get(key) ?? 0) + 1;
    this.failures.set(key, count);
    this.lastToken = Math.max(this.lastToken, now) + TOKEN_MILLISECONDS;
    const token = this.lastToken - RATE.burst * TOKEN_MILLISECONDS;
    return this.delay(key, Math.max(now + Math.min(60_000, 5 * 2 ** (count - 1)), token));
  }
  get(): string | undefined {
    const line = this.kinds.shift();
    const key = line?.keys.shift();
    if (line !== undefined && line.keys.length > 0) this.kinds.push(line);
    if (key !== undefined) this.busy.add(key);
    return key;
  }
  done(key: string): void {
    if (this.busy.delete(key) && this.again.delete(key)) this.push(key);
  }
  due(now: number): void {
    const ready = this.delayed.filter((entry) => entry.at <= now).sort((a, b) => a.at - b.at || a.order - b.order);
    this.delayed = this.delayed.filter((entry) => entry.at > now);
    for (const { key } of ready) this.accept(key);
  }
}

test('behaves like its dumb twin for any sequence of calls', async () => {
  await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 80, size: 'max' }), fc.integer({ min: 2, max: 8 }), async (steps, capacity) => {
    const clock = manualClock(0);
    const metrics = fakeMetrics();
    const queue = createQueue({ name: 'test', clock, random: { uniform: () => 0, bytes: () => new Uint8Array() }, metrics, capacity, retryRate: RATE, fairness: kindOf });
    const twin = new DumbQueue(capacity);
    const abort = new AbortController();
    const running = queue.start(abort.signal);
    for (const { action, key, by } of steps) {
      const now = clock.now();
      if (action === 'add') expect(queue.add(key)).toBe(twin.add(key));
      if (action === 'delay') expect(queue.addAt(key, now + by)).toBe(twin.delay(key, now + by));
      if (action === 'fail') expect(queue.addRateLimited(key)).toBe(twin.fail(key, now));
      if (action === 'forget') { queue.forget(key); twin.failures.delete(key); }
      if (action === 'done') { queue.done(key); twin.done(key); }
      // Millisecond by millisecond, so that the twin need not know that what is due earlier is taken earlier.
      if (action === 'advance') for (let count = 0; count < by; count++) { await clock.advance(1); twin.due(clock.now()); }
      if (action === 'get' && queue.depth > 0) expect(await queue.get()).toBe(twin.get());
      expect(queue.depth).toBe(twin.waiting.length);
      expect(metrics.value('workqueue_depth', { name: 'test', controller: 'test' })).toBe(twin.waiting.length);
    }
    abort.abort();
    for (const key of KEYS) queue.done(key);
    for (let key = await queue.get(); key !== undefined; key = await queue.get()) queue.done(key);
    await running;
    expect(clock.sleeping).toBe(0);
  }), { numRuns: 300, seed: 20_300_101 });
});
