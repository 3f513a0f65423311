/** controller-runtime's metrics of a controller (`pkg/internal/controller/metrics`). */
import type { Metrics } from '../../mesh/ports/metrics.ts';

export type Result = 'success' | 'requeue_after' | 'error';

const BUCKETS_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.25, 1.5, 1.75, 2, 2.5, 3, 3.5, 4, 4.5, 5, 6, 7, 8, 9, 10, 15, 20, 25, 30, 40, 50, 60];

export function createLoopMetrics(metrics: Metrics, controller: string, workers: number) {
  const labels = { controller };
  const counter = (name: string, help: string) => {
    const one = metrics.counter(name, help, ['controller']);
    // From the start, so that an alert on its rate sees the first step.
    one.inc(labels, 0);
    return one;
  };
  const total = metrics.counter('controller_runtime_reconcile_total', 'Reconciles, by result.', ['controller', 'result']);
  const errors = counter('controller_runtime_reconcile_errors_total', 'Reconciles that failed.');
  const terminal = counter('controller_runtime_terminal_reconcile_errors_total', 'Reconciles that failed for good: not retried until the key is added again.');
  const panics = counter('controller_runtime_reconcile_panics_total', 'Reconciles that failed by a bug.');
  const timeouts = counter('controller_runtime_reconcile_timeouts_total', 'Reconciles that took longer than their time limit.');
  const duration = metrics.histogram('controller_runtime_reconcile_time_seconds', 'How long a reconcile took.', ['controller'], BUCKETS_SECONDS);
  const active = metrics.gauge('controller_runtime_active_workers', 'Reconciles under way.', ['controller']);
  metrics.gauge('controller_runtime_max_concurrent_reconciles', 'Reconciles that may be under way at once.', ['controller']).set(labels, workers);
  let running = 0;
  active.set(labels, 0);

  return {
    began: (): void => active.set(labels, running += 1),
    ended(result: Result, seconds: number): void {
      active.set(labels, running -= 1);
      total.inc({ controller, result });
      duration.observe(labels, seconds);
    },
    failed(panic: boolean, forGood: boolean): void {
      errors.inc(labels);
      if (panic) panics.inc(labels);
      if (forGood) terminal.inc(labels);
    },
    timedOut: (): void => timeouts.inc(labels),
  };
}
