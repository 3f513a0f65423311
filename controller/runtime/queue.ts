/** Work queue with the semantics of client-go's `util/workqueue`: a key is handled by one worker at a time, and adds meanwhile coalesce into one later turn. */
import type { Instant } from '../../mesh/model/instant.ts';
import type { CancelSignal } from '../../mesh/ports/cancel.ts';
import type { Clock } from '../../mesh/ports/clock.ts';
import type { Metrics } from '../../mesh/ports/metrics.ts';
import type { Random } from '../../mesh/ports/random.ts';
import { type BackoffLimits, backoffMilliseconds } from './backoff.ts';
import { cancelled, cancelWithin } from './cancel.ts';
import { Delays } from './delays.ts';
import { FairLine } from './fair-line.ts';
import { createQueueMetrics } from './queue-metrics.ts';
import { type Rate, RateLimit } from './rate-limit.ts';

/** client-go's 5 ms base; its 1000 s ceiling is too long for a network that must heal, and 10 % jitter keeps a fleet apart. */
const RETRY_LIMITS: BackoffLimits = { baseMilliseconds: 5, maximumMilliseconds: 60_000, jitter: 0.1 };
/** client-go's `DefaultTypedControllerRateLimiter`: the brake on a fleet of keys that all fail at once. */
const RETRY_RATE: Rate = { perSecond: 10, burst: 100 };
const DEFAULT_CAPACITY = 100_000;

export interface QueueOptions {
  readonly name: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly metrics: Metrics;
  /** Distinct keys held at once, waiting or delayed. A key that a worker holds may come back in any case. */
  readonly capacity?: number;
  /** Of one key's pauses. */
  readonly retryLimits?: BackoffLimits;
  /** Of all keys' retries together. */
  readonly retryRate?: Rate;
  /** The kind of a key, where one queue has several: kinds take turns. */
  readonly fairness?: (key: string) => string;
}

export interface Queue {
  /** False where the key was refused: the queue is full or shutting down. A key that waits already is not added twice. */
  add(key: string): boolean;
  addAt(key: string, at: Instant): boolean;
  /** After a failure: later, by the key's own growing pause and the rate of all retries, but not before `notBefore`. */
  addRateLimited(key: string, notBefore?: Instant): boolean;
  /** After a success: the key's next failure pauses shortly again. */
  forget(key: string): void;
  /** The next key, which then counts as being processed until `done`. undefined: shut down and nothing is left. */
  get(): Promise<string | undefined>;
  /** MUST follow every `get`. A key added since then gets its next turn now. */
  done(key: string): void;
  /** Keys that wait for a worker. */
  readonly depth: number;
  /** Moves delayed keys when they are due; shuts down when `signal` aborts and resolves once everything handed out is done. */
  start(signal: CancelSignal): Promise<void>;
  /** Refuses new keys and drops delayed ones; waiting keys are still handed out. */
  shutDown(): void;
}

export function createQueue(options: QueueOptions): Queue {
  const { name, clock, random, capacity = DEFAULT_CAPACITY, retryLimits = RETRY_LIMITS, retryRate = RETRY_RATE, fairness = () => '' } = options;
  const waiting = new FairLine();
  const dirty = new Set<string>();
  const processing = new Set<string>();
  const failures = new Map<string, number>();
  const delays = new Delays();
  const rate = new RateLimit(retryRate, clock.now());
  const idleWorkers: ((key: string | undefined) => void)[] = [];
  const metrics = createQueueMetrics(options.metrics, name, clock);
  let shuttingDown = false;
  let wakePump: () => void = () => {};
  let notifyDrained: () => void = () => {};

  const hand = (key: string): void => {
    dirty.delete(key);
    processing.add(key);
    metrics.handed(key);
  };
  const push = (key: string): void => {
    const worker = idleWorkers.shift();
    if (worker !== undefined) {
      hand(key);
      worker(key);
      return;
    }
    waiting.push(fairness(key), key);
    metrics.waiting(waiting.size);
  };
  const refuses = (key: string): boolean => dirty.size + delays.size >= capacity && !processing.has(key);

  /** A key that was accepted for later comes even where the queue has filled up since. */
  const accept = (key: string): void => {
    if (dirty.has(key)) return;
    dirty.add(key);
    metrics.added(key);
    if (!processing.has(key)) push(key);
  };
  const add = (key: string): boolean => {
    if (shuttingDown || (!dirty.has(key) && refuses(key))) return false;
    accept(key);
    return true;
  };
  let latest = clock.now();
  /** Times are distances from when they were given: where the clock was set back, what waits keeps its distance. */
  const followClock = (): void => {
    const now = clock.now();
    if (now < latest) delays.shift(now - latest);
    latest = now;
  };
  const addAt = (key: string, at: Instant): boolean => {
    if (shuttingDown) return false;
    followClock();
    if (at <= clock.now()) return add(key);
    if (!delays.has(key) && refuses(key)) return false;
    delays.set(key, at);
    wakePump();
    return true;
  };
  const pump = async (signal: CancelSignal): Promise<void> => {
    while (!signal.aborted) {
      const nap = cancelWithin(signal);
      wakePump = nap.abort;
      followClock();
      for (let due = delays.takeDue(clock.now()); due !== undefined; due = delays.takeDue(clock.now())) accept(due);
      const next = delays.earliest();
      if (next === undefined) await cancelled(nap.signal);
      else await clock.sleepUntil(next, nap.signal);
      nap.release();
    }
  };
  const shutDown = (): void => {
    shuttingDown = true;
    delays.clear();
    for (const worker of idleWorkers.splice(0)) worker(undefined);
  };
  const drained = (): boolean => processing.size === 0 && waiting.size === 0;

  return {
    add,
    addAt,
    addRateLimited(key, notBefore = 0) {
      if (shuttingDown) return false;
      const count = (failures.get(key) ?? 0) + 1;
      failures.set(key, count);
      metrics.retried();
      const pause = Math.max(backoffMilliseconds(count, retryLimits, random), rate.take(clock.now()));
      return addAt(key, Math.max(notBefore, clock.now() + pause));
    },
    forget(key) { failures.delete(key); },
    get() {
      const key = waiting.shift();
      if (key === undefined) {
        if (shuttingDown) return Promise.resolve(undefined);
        return new Promise((resolve) => { idleWorkers.push(resolve); });
      }
      metrics.waiting(waiting.size);
      hand(key);
      return Promise.resolve(key);
    },
    done(key) {
      if (!processing.delete(key)) return;
      metrics.done(key);
      if (dirty.has(key)) push(key);
      if (drained()) notifyDrained();
    },
    get depth() { return waiting.size; },
    async start(signal) {
      const stopMeasuring = metrics.follow();
      await pump(signal);
      shutDown();
      if (!drained()) await new Promise<void>((resolve) => { notifyDrained = resolve; });
      stopMeasuring();
    },
    shutDown,
  };
}
