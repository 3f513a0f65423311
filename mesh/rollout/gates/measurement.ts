/** One measurement of a metric gate, from what its queries answered. Nothing but a success condition that is true is a success. */
import type { Instant } from '../../model/instant.ts';
import type { Measurement, MeasurementPhase, MetricGateValue } from '../../model/metric-gate.ts';
import { shortened } from '../../model/shortened.ts';
import { compileCondition, type ConditionSubject } from './measurement-condition.ts';
import type { Reading } from './measurement-prometheus.ts';

/** `control` and `traffic`: absent where the gate does not ask for them. */
export interface Readings {
  readonly result: Reading;
  readonly control?: Reading;
  readonly traffic?: Reading;
}

type Judged = Pick<Measurement, 'phase' | 'message'>;

const MOST_VALUES = 8;
const LONGEST_MESSAGE = 500;

const judged = (phase: MeasurementPhase, message: string): Judged => ({ phase, message });
const valuesOf = (reading: Reading | undefined): readonly number[] => (reading === undefined || 'problem' in reading ? [] : reading.values);
const numbers = (values: readonly number[]): string => `${values.slice(0, MOST_VALUES).map((value) => Number(value.toPrecision(6))).join(', ')}${values.length > MOST_VALUES ? ` and ${values.length - MOST_VALUES} more` : ''}`;
const FIELDS = { result: 'query', control: 'controlQuery', traffic: 'traffic.query' } as const;

function problemOf(gate: MetricGateValue, readings: Readings): Judged | undefined {
  for (const part of ['result', 'control', 'traffic'] as const) {
    const reading = readings[part];
    if (reading !== undefined && 'problem' in reading) return judged('Error', `${FIELDS[part]}: ${reading.problem}`);
  }
  if (gate.traffic !== undefined) {
    const [traffic] = valuesOf(readings.traffic);
    if (traffic === undefined) return judged('Inconclusive', `traffic.query gives no data, at least ${gate.traffic.atLeast} is asked for`);
    // Written so that NaN is too little.
    if (!(traffic >= gate.traffic.atLeast)) return judged('Inconclusive', `too little traffic: ${numbers([traffic])}, at least ${gate.traffic.atLeast} is asked for`);
  }
  for (const part of ['result', 'control'] as const) {
    if (readings[part] === undefined) continue;
    const values = valuesOf(readings[part]);
    if (values.length === 0) return judged('Error', `${FIELDS[part]} gives no data, which is no success`);
    const odd = values.find((value) => !Number.isFinite(value));
    if (odd !== undefined) return judged('Inconclusive', `${FIELDS[part]} gives ${odd}, which proves nothing`);
  }
  return undefined;
}

function condition(field: string, text: string | undefined, subject: ConditionSubject): boolean | Judged {
  if (text === undefined) return false;
  const program = compileCondition(text);
  const answer = 'problem' in program ? program : program.evaluate(subject);
  return typeof answer === 'boolean' ? answer : judged('Error', `${field} ${answer.problem}`);
}

/** A failure that is true stands above a success that is true. */
function conditions(gate: MetricGateValue, subject: ConditionSubject): Judged {
  const failed = condition('failureCondition', gate.failureCondition, subject);
  if (typeof failed !== 'boolean') return failed;
  const against = subject.control.length === 0 ? '' : `, control ${numbers(subject.control)}`;
  if (failed) return judged('Failed', `${numbers(subject.result)}${against}: ${gate.failureCondition} is true`);
  const succeeded = condition('successCondition', gate.successCondition, subject);
  if (typeof succeeded !== 'boolean') return succeeded;
  if (succeeded) return judged('Successful', `${numbers(subject.result)}${against}`);
  return judged('Inconclusive', `${numbers(subject.result)}${against}: neither condition is true`);
}

/** Total. */
export function measurementOf(gate: MetricGateValue, readings: Readings, at: Instant): Measurement {
  const result = valuesOf(readings.result);
  const { phase, message } = problemOf(gate, readings) ?? conditions(gate, { result, control: valuesOf(readings.control) });
  const warnings = Object.values(readings).flatMap((reading: Reading) => ('problem' in reading ? [] : reading.warnings));
  const whole = warnings.length === 0 ? message : `${message}; Prometheus warns: ${warnings.join('; ')}`;
  return { at, phase, values: result.filter(Number.isFinite).slice(0, MOST_VALUES), message: shortened(whole, LONGEST_MESSAGE) };
}

/** Of one that could not be made at all. */
export const failedMeasurement = (at: Instant, message: string): Measurement => ({ at, phase: 'Error', values: [], message: shortened(message, LONGEST_MESSAGE) });
