/** Gauges of one leadership: what a process told while it led is not so any more when another one leads. */
import type { Metrics } from '../../mesh/ports/metrics.ts';

/** The same metrics; `clear` empties every gauge that was asked for by them. */
export function passingMetrics(metrics: Metrics): { readonly metrics: Metrics; clear(): void } {
  const gauges = new Map<string, ReturnType<Metrics['gauge']>>();
  return {
    metrics: {
      ...metrics,
      gauge(name, help, labelNames) {
        const gauge = metrics.gauge(name, help, labelNames);
        gauges.set(name, gauge);
        return gauge;
      },
    },
    clear() { for (const gauge of gauges.values()) gauge.clear(); },
  };
}
