/** One measurement of a metric gate: its queries, one after the other, asked of a Prometheus. */
import type { Measurement, MetricGateValue } from '../../../mesh/model/metric-gate.ts';
import { originOf } from '../../../mesh/model/origin.ts';
import { type Ask, AskFailed } from '../../../mesh/ports/ask.ts';
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import { failedMeasurement, measurementOf } from '../../../mesh/rollout/gates/measurement.ts';
import { type Reading, readPrometheus } from '../../../mesh/rollout/gates/measurement-prometheus.ts';
import { asksFor, fillQuery, type QueryClusters } from '../../../mesh/rollout/gates/measurement-query.ts';
import { messageOf } from '../../runtime/errors.ts';
import type { HubPorts } from '../ports.ts';
import { authorization } from './gate-secret.ts';

export interface AskParts {
  readonly ports: Pick<HubPorts, 'clock' | 'kubernetes'>;
  readonly ask: Ask;
  /** Of the hub: where Secrets are. */
  readonly namespace: string;
}

const PATH = '/api/v1/query';
/** Rows of an answer are numbers with labels: what asks for more is wrong, and says so. */
const FORM = 'application/x-www-form-urlencoded';

const NOBODY = {
  clusters: '{{clusters}} stands for nobody: the run has changed no cluster that this gate looks at',
  control: '{{control}} stands for nobody: the run has left no cluster as it was',
};

const urlOf = (address: string): string => `${address.replace(/\/+$/, '')}${PATH}`;

/** Never throws: what cannot be measured is an error, which is a measurement too. */
export async function measure({ ports: { clock, kubernetes }, ask, namespace }: AskParts, gate: MetricGateValue, clusters: QueryClusters, signal: CancelSignal): Promise<Measurement> {
  const url = urlOf(gate.address);

  async function read(query: string, headers: Readonly<Record<string, string>>): Promise<Reading> {
    // By POST: an expression that names ten thousand clusters fits no address.
    const body = new URLSearchParams({ query: fillQuery(query, clusters), timeout: `${gate.timeoutSeconds}s` }).toString();
    try {
      const answer = await ask({ method: 'POST', url, headers, body, timeoutSeconds: gate.timeoutSeconds }, signal);
      return readPrometheus(answer.status, answer.body);
    } catch (error) {
      return { problem: `${originOf(gate.address)}: ${messageOf(error)}`, advice: error instanceof AskFailed ? error.advice : 'retry' };
    }
  }

  const queries = [gate.query, gate.controlQuery, gate.traffic?.query];
  for (const role of ['clusters', 'control'] as const) {
    if (clusters[role].length === 0 && queries.some((query) => query !== undefined && asksFor(query, role))) return failedMeasurement(clock.now(), NOBODY[role]);
  }

  try {
    const headers = { 'content-type': FORM, accept: 'application/json', ...(gate.authSecret === undefined ? {} : { authorization: await authorization(kubernetes, namespace, gate.authSecret, gate.address, signal) }) };
    const traffic = gate.traffic === undefined ? undefined : await read(gate.traffic.query, headers);
    const result = await read(gate.query, headers);
    const control = gate.controlQuery === undefined ? undefined : await read(gate.controlQuery, headers);
    return measurementOf(gate, { result, ...(control === undefined ? {} : { control }), ...(traffic === undefined ? {} : { traffic }) }, clock.now());
  } catch (error) {
    return failedMeasurement(clock.now(), messageOf(error));
  }
}
