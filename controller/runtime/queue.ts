/** Work queue with the semantics of client-go's `util/workqueue`: a key is handled by one worker at a time, and adds meanwhile coalesce into one later turn. */
import type { Instant } from '../../mesh/model/instant.ts';
import type { CancelSignal } from '../../mesh/ports/cancel.ts';
import type { Clock } from '../../mesh/ports/clock.ts';
import type { Metrics } from '../../mesh/ports/metrics.ts';
import type { Random } from '../../mesh/ports/random.ts';
import { type BackoffLimits, backoffMilliseconds } from './backoff.ts';
import { cancelled, cancelWithin } from './cancel.ts';
import { Delays } from './delays.ts';

/** client-go's 5 ms base; its 1000 s ceiling is too long for a network that must heal, and 10 % jitter keeps a fleet apart. */
const RETRY_LIMITS: BackoffLimits = { baseMilliseconds: 5, maximumMilliseconds: 60_000, jitter: 0.1 };
const DEFAULT_CAPACITY = 100_000;

export interface QueueOptions {
  readonly name: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly metrics: Metrics;
  /** Distinct keys held at once, waiting or delayed. */
  readonly capacity?: number;
  readonly retryLimits?: BackoffLimits;
}

export interface Queue {
  /** False where the key was refused: the queue is full or shutting down. A key that waits already is not added twice. */
  add(key: string): boolean;
  addAt(key: string, at: Instant): boolean;
  /** After a failure: later, by the key's own growing pause, but not before `notBefore`. */
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
  const { name, clock, random, metrics, capacity = DEFAULT_CAPACITY, retryLimits = RETRY_LIMITS } = options;
  const waiting: string[] = [];
  /** Read position in `waiting`: shifting a long array is slow. */
  let head = 0;
  const dirty = new Set<string>();
  const processing = new Set<string>();
  const failures = new Map<string, number>();
  const delays = new Delays();
  const idleWorkers: ((key: string | undefined) => void)[] = [];
  const addedAt = new Map<string, Instant>();
  const startedAt = new Map<string, Instant>();
  let shuttingDown = false;
  let wakePump: () => void = () => {};
  let notifyDrained: () => void = () => {};

  const labels = { name, controller: name };
  const depthGauge = metrics.gauge('workqueue_depth', 'Keys that wait for a worker.', ['name', 'controller']);
  const addsCounter = metrics.counter('workqueue_adds_total', 'Keys added.', ['name', 'controller']);
  const retriesCounter = metrics.counter('workqueue_retries_total', 'Keys added again after a failure.', ['name', 'controller']);
  const queueSeconds = metrics.histogram('workqueue_queue_duration_seconds', 'How long a key waited for a worker.', ['name', 'controller']);
  const workSeconds = metrics.histogram('workqueue_work_duration_seconds', 'How long a worker held a key.', ['name', 'controller']);

  const depth = (): number => waiting.length - head;
  const hand = (key: string): void => {
    dirty.delete(key);
    processing.add(key);
    queueSeconds.observe(labels, (clock.now() - (addedAt.get(key) ?? clock.now())) / 1000);
    addedAt.delete(key);
    startedAt.set(key, clock.now());
  };
  const push = (key: string): void => {
    const worker = idleWorkers.shift();
    if (worker !== undefined) {
      hand(key);
      worker(key);
      return;
    }
    waiting.push(key);
    depthGauge.set(labels, depth());
  };
  const full = (): boolean => dirty.size + delays.size >= capacity;

  const add = (key: string): boolean => {
    if (shuttingDown) return false;
    if (dirty.has(key)) return true;
    if (full()) return false;
    dirty.add(key);
    addedAt.set(key, clock.now());
    addsCounter.inc(labels);
    if (!processing.has(key)) push(key);
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
    if (!delays.has(key) && full()) return false;
    delays.set(key, at);
    wakePump();
    return true;
  };
  const pump = async (signal: CancelSignal): Promise<void> => {
    while (!signal.aborted) {
      const nap = cancelWithin(signal);
      wakePump = nap.abort;
      followClock();
      for (let due = delays.takeDue(clock.now()); due !== undefined; due = delays.takeDue(clock.now())) add(due);
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
  const drained = (): boolean => processing.size === 0 && depth() === 0;

  return {
    add,
    addAt,
    addRateLimited(key, notBefore = 0) {
      if (shuttingDown) return false;
      const count = (failures.get(key) ?? 0) + 1;
      failures.set(key, count);
      retriesCounter.inc(labels);
      return addAt(key, Math.max(notBefore, clock.now() + backoffMilliseconds(count, retryLimits, random)));
    },
    forget(key) { failures.delete(key); },
    get() {
      const key = waiting[head];
      if (key === undefined) {
        if (shuttingDown) return Promise.resolve(undefined);
        return new Promise((resolve) => { idleWorkers.push(resolve); });
      }
      head += 1;
      if (head === waiting.length || head > 1024) {
        waiting.splice(0, head);
        head = 0;
      }
      depthGauge.set(labels, depth());
      hand(key);
      return Promise.resolve(key);
    },
    done(key) {
      if (!processing.delete(key)) return;
      workSeconds.observe(labels, (clock.now() - (startedAt.get(key) ?? clock.now())) / 1000);
      startedAt.delete(key);
      if (dirty.has(key)) push(key);
      if (drained()) notifyDrained();
    },
    get depth() { return depth(); },
    async start(signal) {
      await pump(signal);
      shutDown();
      if (drained()) return;
      await new Promise<void>((resolve) => { notifyDrained = resolve; });
    },
    shutDown,
  };
}
