/** Runs one reconciler over a queue of keys: retries with growing pauses, one key at a time, never dies of a failing reconcile. */
import type { Instant } from '../../mesh/model/instant.ts';
import type { CancelSignal } from '../../mesh/ports/cancel.ts';
import type { Clock } from '../../mesh/ports/clock.ts';
import { KubernetesError } from '../../mesh/ports/kubernetes.ts';
import type { Log } from '../../mesh/ports/log.ts';
import type { Metrics } from '../../mesh/ports/metrics.ts';
import type { Random } from '../../mesh/ports/random.ts';
import { adviceOf, messageOf } from './errors.ts';
import { createQueue } from './queue.ts';

/**
 * Level-based: brings the world of `key` closer to what is wanted, from what it reads now, whatever event woke it. Called again:
 * never, when it returns `{}`; at `requeueAt`, when given; by growing pauses, when it throws (except where the error's advice is `never`);
 * and in every case when the key is added. MUST end soon after `signal` aborts.
 */
export type Reconcile = (key: string, signal: CancelSignal) => Promise<{ readonly requeueAt?: Instant | undefined }>;

export interface LoopOptions {
  readonly name: string;
  readonly reconcile: Reconcile;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Keys reconciled at once; default 1. */
  readonly workers?: number;
  /** Distinct keys held at once. */
  readonly capacity?: number;
}

export interface Loop {
  add(key: string): void;
  addAt(key: string, at: Instant): void;
  /** Resolves when `signal` has aborted and no reconcile is running any more. */
  start(signal: CancelSignal): Promise<void>;
}

type Result = 'success' | 'requeue_after' | 'error';

export function createLoop(options: LoopOptions): Loop {
  const { name, reconcile, clock, random, metrics, workers = 1 } = options;
  const log = options.log.child({ loop: name });
  const queue = createQueue({ name, clock, random, metrics, ...(options.capacity === undefined ? {} : { capacity: options.capacity }) });
  const total = metrics.counter('controller_runtime_reconcile_total', 'Reconciles, by result.', ['controller', 'result']);
  const errors = metrics.counter('controller_runtime_reconcile_errors_total', 'Reconciles that failed.', ['controller']);
  const terminal = metrics.counter('controller_runtime_terminal_reconcile_errors_total', 'Reconciles that failed for good: not retried until the key is added again.', ['controller']);
  const duration = metrics.histogram('controller_runtime_reconcile_time_seconds', 'How long a reconcile took.', ['controller']);

  let stopping = false;
  const accept = (accepted: boolean, key: string): void => {
    if (!accepted && !stopping) log.error({ key }, 'the queue is full: this key waits until its next change');
  };

  const failed = (key: string, error: unknown, signal: CancelSignal): void => {
    if (signal.aborted) return;
    errors.inc({ controller: name });
    const advice = adviceOf(error);
    const fields = { key, advice, error: messageOf(error) };
    if (advice === 'never') {
      terminal.inc({ controller: name });
      log.error(fields, 'reconcile failed for good: not retried until the object changes');
      queue.forget(key);
      return;
    }
    const notBefore = error instanceof KubernetesError && error.retryAfterSeconds !== undefined ? clock.now() + error.retryAfterSeconds * 1000 : undefined;
    if (error instanceof KubernetesError && error.reason === 'Conflict') log.debug(fields, 'the object changed meanwhile, trying again');
    else log.warn(fields, 'reconcile failed, trying again');
    accept(queue.addRateLimited(key, notBefore), key);
  };

  const handle = async (key: string, signal: CancelSignal): Promise<void> => {
    const began = clock.now();
    let result: Result = 'error';
    try {
      const { requeueAt } = await reconcile(key, signal);
      queue.forget(key);
      result = requeueAt === undefined ? 'success' : 'requeue_after';
      if (requeueAt !== undefined && !signal.aborted) accept(queue.addAt(key, requeueAt), key);
    } catch (error) {
      failed(key, error, signal);
    } finally {
      total.inc({ controller: name, result });
      duration.observe({ controller: name }, (clock.now() - began) / 1000);
      queue.done(key);
    }
  };

  const work = async (signal: CancelSignal): Promise<void> => {
    for (let key = await queue.get(); key !== undefined; key = await queue.get()) {
      // After the end of the loop, keys that still wait are taken and dropped: a restart reads the world anew.
      if (signal.aborted) queue.done(key);
      else await handle(key, signal);
    }
  };

  return {
    add(key) { accept(queue.add(key), key); },
    addAt(key, at) { accept(queue.addAt(key, at), key); },
    async start(signal) {
      signal.addEventListener('abort', () => { stopping = true; }, { once: true });
      await Promise.all([queue.start(signal), ...Array.from({ length: workers }, () => work(signal))]);
    },
  };
}
