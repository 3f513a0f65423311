/** Metrics by prom-client, one registry a process part; asking for a name again gives the same metric. */
import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
import type { Metrics } from '../../mesh/ports/metrics.ts';

export interface MetricsRegistry extends Metrics {
  readonly contentType: string;
  /** Prometheus text format. */
  render(): Promise<string>;
}

const DEFAULT_BUCKETS_SECONDS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 60];

export function createMetrics(options: { readonly processMetrics: boolean }): MetricsRegistry {
  const registry = new Registry();
  if (options.processMetrics) collectDefaultMetrics({ register: registry });
  const updates = new Set<() => void>();
  const once = <T>(name: string, make: () => T): T => (registry.getSingleMetric(name) as T | undefined) ?? make();
  return {
    contentType: registry.contentType,
    render() {
      for (const update of updates) update();
      return registry.metrics();
    },
    beforeReading(update) {
      const one = (): void => update();
      updates.add(one);
      return () => { updates.delete(one); };
    },
    counter(name, help, labelNames = []) {
      const counter = once(name, () => new Counter({ name, help, labelNames, registers: [registry] }));
      return { inc: (labels = {}, by = 1) => counter.inc(labels, by) };
    },
    gauge(name, help, labelNames = []) {
      const gauge = once(name, () => new Gauge({ name, help, labelNames, registers: [registry] }));
      return { set: (labels, value) => gauge.set(labels, value), clear: () => gauge.reset() };
    },
    histogram(name, help, labelNames = [], bucketsSeconds = DEFAULT_BUCKETS_SECONDS) {
      const histogram = once(name, () => new Histogram({ name, help, labelNames, buckets: [...bucketsSeconds], registers: [registry] }));
      return { observe: (labels, seconds) => histogram.observe(labels, seconds) };
    },
  };
}
