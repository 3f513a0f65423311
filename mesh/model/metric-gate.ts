/** Metric gates as values: what is asked, how it is judged, what was measured. Fields after Argo Rollouts' AnalysisTemplate, whose users know them. */
import type { Instant } from './instant.ts';

export interface MetricGateValue {
  /** `https://prometheus.monitoring:9090`: the API root of a Prometheus. */
  readonly address: string;
  /** PromQL. `{{clusters}}` is replaced by a regular expression that matches the clusters of the stage that were changed, `{{control}}` by those not yet changed. */
  readonly query: string;
  /** CEL over `result` (list of numbers), `control` (the same of `controlQuery`), true or false. Neither true: the measurement is inconclusive. At least one is given. */
  readonly successCondition?: string;
  readonly failureCondition?: string;
  /** Asked beside `query`, of clusters that the run has not changed. */
  readonly controlQuery?: string;
  /** A query whose first value must be at least `atLeast`, or the measurement is inconclusive: too little traffic proves nothing. */
  readonly traffic?: { readonly query: string; readonly atLeast: number };
  readonly initialDelaySeconds: number;
  readonly intervalSeconds: number;
  /** Successful measurements that are needed. */
  readonly count: number;
  /** More failed measurements than this fail the gate. */
  readonly failureLimit: number;
  /** More inconclusive ones than this make the gate Inconclusive: it holds until a person resumes or stops the run. */
  readonly inconclusiveLimit: number;
  /** More errors one after another than this make it Inconclusive as well: no data is not success. */
  readonly consecutiveErrorLimit: number;
  readonly timeoutSeconds: number;
  /** Secret of the hub's namespace with `token`, or `username` and `password`; sent to no origin but that of its annotation `isthmus.dev/origin`. */
  readonly authSecret?: string;
}

export type MeasurementPhase = 'Successful' | 'Failed' | 'Inconclusive' | 'Error';

export interface Measurement {
  readonly at: Instant;
  readonly phase: MeasurementPhase;
  /** The first values, for people. */
  readonly values: readonly number[];
  readonly message: string;
}

/** Measurements that are counted and no longer kept one by one. */
export interface MeasurementTally {
  readonly successful: number;
  readonly failed: number;
  readonly inconclusive: number;
  /** Errors one after another, up to the last of them. */
  readonly lastErrors: number;
}
