import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { ConfigMap, type ConfigMapObject } from '../../mesh/api/resources/core.ts';
import type { CancelSignal } from '../../mesh/ports/cancel.ts';
import { createCache } from './cache.ts';
import { cancelled, cancelWithin } from './cancel.ts';
import { runParts } from './lifecycle.ts';
import { createLoop } from './loop.ts';
import { fakeMetrics, seededRandom, silentLog } from './testing/fakes.ts';
import { FlakyServer } from './testing/flaky-server.ts';
import { manualClock, type ManualClock } from './testing/manual-clock.ts';

/** Listeners on signals that have not aborted: on a long-lived one they are kept for ever. */
const waiting = new Map<AbortSignal, Set<unknown>>();
/** Those of the test runner itself. */
let foreign = 0;
const listeners = (): number => [...waiting].reduce((sum, [signal, own]) => sum + (signal.aborted ? 0 : own.size), -foreign);

beforeEach(() => {
  const { addEventListener, removeEventListener } = EventTarget.prototype;
  vi.spyOn(AbortSignal.prototype, 'addEventListener').mockImplementation(function add(this: AbortSignal, type, listener, options) {
    if (!waiting.has(this)) waiting.set(this, new Set());
    waiting.get(this)!.add(listener);
    addEventListener.call(this, type, listener as EventListener, options);
  });
  vi.spyOn(AbortSignal.prototype, 'removeEventListener').mockImplementation(function remove(this: AbortSignal, type, listener, options) {
    waiting.get(this)?.delete(listener);
    removeEventListener.call(this, type, listener as EventListener, options);
  });
});
afterEach(() => {
  vi.restoreAllMocks();
  waiting.clear();
  foreign = 0;
});

const metrics = fakeMetrics();

/** A cache that wakes a loop, in which something is slow, something fails and something hangs until it is told to end. */
async function controller(server: FlakyServer, clock: ManualClock, signal: CancelSignal): Promise<void> {
  const ports = { clock, random: seededRandom(1), log: silentLog, metrics };
  const cache = createCache<ConfigMapObject>(server.client(), ConfigMap, {}, ports);
  const loop = createLoop({
    ...ports, name: 'test', workers: 3, timeLimitSeconds: 20, report: () => Promise.resolve(),
    async reconcile(key, within) {
      if (key === 'throws') throw new TypeError('always');
      if (key === 'hangs') await cancelled(within);
      if (key === 'slow') await clock.sleepUntil(clock.now() + 700, within);
      return { requeueAt: clock.now() + 5000 };
    },
  });
  cache.subscribe(({ object }) => loop.add(object.metadata.name));
  await runParts([
    { name: 'cache', start: cache.start },
    { name: 'loop', start: loop.start },
    { name: 'after sync', async start(within) { await cache.waitForSync(within); await cancelled(within); } },
  ], signal, ports);
}

test.each(['has', 'refuses', 'ignores'] as const)('a thousand broken watches and failed reconciles leave no listener and no sleeper behind (streaming lists: %s)', async (streaming) => {
  foreign += listeners();
  const server = new FlakyServer();
  server.streaming = streaming;
  const clock = manualClock(0);
  const abort = new AbortController();
  for (const name of ['throws', 'hangs', 'slow', 'a']) server.write(name);
  const running = controller(server, clock, abort.signal);
  const trouble = async (rounds: number): Promise<readonly number[]> => {
    for (let round = 0; round < rounds; round++) {
      server.write('a');
      server.cut((['close', 'reset', 'gone'] as const)[round % 3]!);
      await clock.advance(2000);
    }
    await clock.advance(100_000);
    return [listeners(), clock.sleeping];
  };
  const before = await trouble(30);
  expect(before[0]).toBeGreaterThan(5);
  // What hangs and what fails sleep at other moments each time, but never more of them.
  const after = await trouble(1000);
  expect(Math.abs(after[0]! - before[0]!)).toBeLessThanOrEqual(6);
  expect(Math.abs(after[1]! - before[1]!)).toBeLessThanOrEqual(3);
  abort.abort();
  await running;
  expect([listeners(), clock.sleeping]).toEqual([0, 0]);
});

test('two hundred starts and stops under one long-lived signal end everything each time', async () => {
  foreign += listeners();
  const clock = manualClock(0);
  const parent = new AbortController();
  for (let cycle = 0; cycle < 200; cycle++) {
    const server = new FlakyServer();
    for (const name of ['throws', 'hangs', 'slow', 'a']) server.write(name);
    server.down = cycle % 5 === 0;
    const cancel = cancelWithin(parent.signal);
    let over = false;
    const running = controller(server, clock, cancel.signal).then(() => { over = true; });
    await clock.advance([0, 1, 50, 600, 3000, 30_000][cycle % 6]!);
    cancel.abort();
    cancel.release();
    await clock.settle();
    expect(over).toBe(true);
    await running;
    expect([listeners(), clock.sleeping]).toEqual([0, 0]);
  }
  expect(metrics.value('controller_runtime_active_workers', { controller: 'test' })).toBe(0);
  expect(metrics.value('workqueue_unfinished_work_seconds', { name: 'test', controller: 'test' })).toBe(0);
});
