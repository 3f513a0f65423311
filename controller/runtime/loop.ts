/** Runs one reconciler over a queue of keys: retries with growing pauses, one key at a time, never dies of a failing reconcile. */
import type { Instant } from '../../mesh/model/instant.ts';
import type { CancelSignal } from '../../mesh/ports/cancel.ts';
import { KubernetesError } from '../../mesh/ports/kubernetes.ts';
import type { Log } from '../../mesh/ports/log.ts';
import { cancelWithin } from './cancel.ts';
import { adviceOf, isPanic, messageOf } from './errors.ts';
import { createLoopMetrics, type Result } from './loop-metrics.ts';
import { createQueue, type QueueOptions } from './queue.ts';
import { panicSource, ReportedFailure, TimeLimitExceeded, type Trouble, troubleOf } from './trouble.ts';

/**
 * Level-based: brings the world of `key` closer to what is wanted, from what it reads now, whatever event woke it. Called again:
 * never, when it returns `{}`; at `requeueAt`, when given; by growing pauses, when it throws (except where the error's advice is `never`);
 * and in every case when the key is added. MUST end soon after `signal` aborts.
 */
export type Reconcile = (key: string, signal: CancelSignal) => Promise<{ readonly requeueAt?: Instant | undefined }>;

/** Told after each reconcile that succeeded (`trouble` undefined) or failed in a way that somebody should know. What it throws is logged. */
type Report = (key: string, trouble: Trouble | undefined, signal: CancelSignal) => Promise<void>;

export interface LoopOptions extends Pick<QueueOptions, 'name' | 'clock' | 'random' | 'metrics' | 'capacity' | 'retryRate' | 'fairness'> {
  readonly reconcile: Reconcile;
  readonly log: Log;
  /** Keys reconciled at once; default 1. */
  readonly workers?: number;
  readonly report?: Report;
  /** A reconcile that takes longer is asked to end, by its signal, and has failed. */
  readonly timeLimitSeconds?: number;
  /**
   * What an API refuses for good (400, 422: an admission webhook, a quota's rule) may pass once somebody changed that rule, which brings no event: it is tried again
   * after so long. Left out: only when the key is added again.
   */
  readonly refusedAgainSeconds?: number;
}

export interface Loop {
  add(key: string): void;
  addAt(key: string, at: Instant): void;
  /** Resolves when `signal` has aborted and no reconcile is running any more. */
  start(signal: CancelSignal): Promise<void>;
}

export function createLoop(options: LoopOptions): Loop {
  const { name, reconcile, clock, random, metrics, workers = 1, report, timeLimitSeconds, refusedAgainSeconds, capacity, retryRate, fairness } = options;
  const log = options.log.child({ loop: name });
  const queue = createQueue({
    name, clock, random, metrics,
    ...(capacity === undefined ? {} : { capacity }), ...(retryRate === undefined ? {} : { retryRate }), ...(fairness === undefined ? {} : { fairness }),
  });
  const measured = createLoopMetrics(metrics, name, workers);

  let stopping = false;
  const accept = (accepted: boolean, key: string): void => {
    if (!accepted && !stopping) log.error({ key }, 'the queue is full: this key waits until its next change');
  };

  const tell = async (key: string, trouble: Trouble | undefined, signal: CancelSignal): Promise<void> => {
    try {
      await report?.(key, trouble, signal);
    } catch (error) {
      if (!signal.aborted) log.warn({ key, error: messageOf(error) }, 'what became of the reconcile could not be written into its object');
    }
  };

  const failed = async (key: string, thrown: unknown, signal: CancelSignal): Promise<void> => {
    const error = thrown instanceof ReportedFailure ? thrown.cause : thrown;
    const advice = adviceOf(error);
    const panic = isPanic(error);
    measured.failed(panic, advice === 'never');
    // A SyntaxError quotes what was parsed.
    const fields = { key, advice, error: !panic ? messageOf(error) : error instanceof Error && !(error instanceof SyntaxError) ? `${panicSource(error)}: ${error.message}` : panicSource(error) };
    const notBefore = error instanceof KubernetesError && error.retryAfterSeconds !== undefined ? clock.now() + error.retryAfterSeconds * 1000 : undefined;
    if (panic) log.error(fields, 'reconcile failed by a bug, trying again');
    else if (advice === 'never') log.error(fields, refusedAgainSeconds === undefined ? 'reconcile failed for good: not retried until the object changes' : `refused for good; tried again in ${refusedAgainSeconds} s`);
    else if (error instanceof KubernetesError && error.reason === 'Conflict') log.debug(fields, 'the object changed meanwhile, trying again');
    else log.warn(fields, 'reconcile failed, trying again');
    if (advice === 'never') {
      queue.forget(key);
      if (refusedAgainSeconds !== undefined) accept(queue.addAt(key, clock.now() + refusedAgainSeconds * 1000), key);
    } else accept(queue.addRateLimited(key, notBefore), key);
    const trouble = thrown instanceof ReportedFailure ? undefined : troubleOf(name, error);
    if (trouble !== undefined) await tell(key, trouble, signal);
  };

  /** Also says at once on the object that it takes too long: it may never end. */
  const withinLimit = async (key: string, signal: CancelSignal): Promise<Awaited<ReturnType<Reconcile>>> => {
    if (timeLimitSeconds === undefined) return reconcile(key, signal);
    const work = cancelWithin(signal);
    const patience = cancelWithin(signal);
    let exceeded: TimeLimitExceeded | undefined;
    const watched = clock.sleepUntil(clock.now() + timeLimitSeconds * 1000, patience.signal).then(async () => {
      if (patience.signal.aborted) return;
      exceeded = new TimeLimitExceeded(timeLimitSeconds);
      measured.timedOut();
      log.error({ key, timeLimitSeconds }, 'a reconcile takes too long: asking it to end');
      work.abort();
      await tell(key, troubleOf(name, exceeded), signal);
    });
    try {
      return await reconcile(key, work.signal);
    } catch (error) {
      throw exceeded ?? error;
    } finally {
      patience.abort();
      await watched;
      patience.release();
      work.release();
    }
  };

  const handle = async (key: string, signal: CancelSignal): Promise<void> => {
    const began = clock.now();
    let result: Result = 'error';
    measured.began();
    try {
      const { requeueAt } = await withinLimit(key, signal);
      queue.forget(key);
      result = requeueAt === undefined ? 'success' : 'requeue_after';
      if (requeueAt !== undefined && !signal.aborted) accept(queue.addAt(key, requeueAt), key);
      if (report !== undefined && !signal.aborted) await tell(key, undefined, signal);
    } catch (error) {
      if (!signal.aborted) await failed(key, error, signal);
    } finally {
      measured.ended(result, (clock.now() - began) / 1000);
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
      const stop = (): void => { stopping = true; };
      signal.addEventListener('abort', stop, { once: true });
      await Promise.all([queue.start(signal), ...Array.from({ length: workers }, () => work(signal))]);
      signal.removeEventListener('abort', stop);
    },
  };
}
