/** Metrics, a thin face of prom-client. Label values come from closed sets or cluster names; never from user input. */
interface Counter { inc(labels?: Readonly<Record<string, string>>, by?: number): void }
interface Gauge {
  set(labels: Readonly<Record<string, string>>, value: number): void;
  /** Every series of it goes. */
  clear(): void;
}
interface Histogram { observe(labels: Readonly<Record<string, string>>, seconds: number): void }

export interface Metrics {
  counter(name: string, help: string, labelNames?: readonly string[]): Counter;
  gauge(name: string, help: string, labelNames?: readonly string[]): Gauge;
  histogram(name: string, help: string, labelNames?: readonly string[], bucketsSeconds?: readonly number[]): Histogram;
  /** `update` is called before each reading, for what changes with time alone. The result ends that. */
  beforeReading(update: () => void): () => void;
}
