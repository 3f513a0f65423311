/** client-go's metrics of a work queue (`component-base/metrics/prometheus/workqueue`), with controller-runtime's labels. */
import type { Instant } from '../../mesh/model/instant.ts';
import type { Clock } from '../../mesh/ports/clock.ts';
import type { Metrics } from '../../mesh/ports/metrics.ts';

const LABELS = ['name', 'controller'];
/** client-go's powers of ten, from what our clock can tell. */
const BUCKETS_SECONDS = [0.001, 0.01, 0.1, 1, 10, 100, 1000];

export function createQueueMetrics(metrics: Metrics, name: string, clock: Clock) {
  const labels = { name, controller: name };
  const depth = metrics.gauge('workqueue_depth', 'Keys that wait for a worker.', LABELS);
  const adds = metrics.counter('workqueue_adds_total', 'Keys added.', LABELS);
  const retries = metrics.counter('workqueue_retries_total', 'Keys added again after a failure.', LABELS);
  const queueSeconds = metrics.histogram('workqueue_queue_duration_seconds', 'How long a key waited for a worker.', LABELS, BUCKETS_SECONDS);
  const workSeconds = metrics.histogram('workqueue_work_duration_seconds', 'How long a worker held a key.', LABELS, BUCKETS_SECONDS);
  const unfinished = metrics.gauge('workqueue_unfinished_work_seconds', 'How long the keys that workers hold have been held, together.', LABELS);
  const longest = metrics.gauge('workqueue_longest_running_processor_seconds', 'How long the key that a worker has held longest has been held.', LABELS);
  const addedAt = new Map<string, Instant>();
  const startedAt = new Map<string, Instant>();
  const since = (at: Instant | undefined): number => (at === undefined ? 0 : Math.max(0, clock.now() - at) / 1000);

  const measureHeld = (): void => {
    const held = [...startedAt.values()].map(since);
    unfinished.set(labels, held.reduce((sum, seconds) => sum + seconds, 0));
    longest.set(labels, held.reduce((most, seconds) => Math.max(most, seconds), 0));
  };

  return {
    added(key: string): void {
      addedAt.set(key, clock.now());
      adds.inc(labels);
    },
    retried: (): void => retries.inc(labels),
    waiting: (keys: number): void => depth.set(labels, keys),
    handed(key: string): void {
      queueSeconds.observe(labels, since(addedAt.get(key)));
      addedAt.delete(key);
      startedAt.set(key, clock.now());
    },
    done(key: string): void {
      workSeconds.observe(labels, since(startedAt.get(key)));
      startedAt.delete(key);
    },
    /** Keeps the gauges of unfinished work true while the queue runs. The result ends that. */
    follow(): () => void {
      const stop = metrics.beforeReading(measureHeld);
      return () => { stop(); measureHeld(); };
    },
  };
}
