/** What measurements make of a metric gate. */
import { type Instant, seconds, toRfc3339 } from '../../model/instant.ts';
import type { Measurement, MetricGateValue } from '../../model/metric-gate.ts';
import type { GatePhase } from '../../model/rollout.ts';

export interface MetricVerdict {
  readonly phase: GatePhase;
  readonly message: string;
  /** When the next measurement is to be made; null: no more are needed. */
  readonly nextAt: Instant | null;
}

/** `measurements`: oldest first; those before `since` do not count. Too many failures win over everything else. */
export function metricVerdict(gate: MetricGateValue, measurements: readonly Measurement[], now: Instant, since: Instant): MetricVerdict {
  const counted = measurements.filter(({ at }) => at >= since);
  const count = (phase: Measurement['phase']): number => counted.filter((measurement) => measurement.phase === phase).length;
  const lastGood = counted.findLastIndex(({ phase }) => phase !== 'Error');
  const errors = counted.length - 1 - lastGood;
  const last = counted.at(-1);
  const why = last === undefined || last.message === '' ? '' : `: ${last.message}`;
  const done = (phase: GatePhase, message: string): MetricVerdict => ({ phase, message, nextAt: null });
  if (count('Failed') > gate.failureLimit) return done('Failed', `${count('Failed')} failed measurements, more than failureLimit ${gate.failureLimit}${why}`);
  if (count('Inconclusive') > gate.inconclusiveLimit) return done('Inconclusive', `${count('Inconclusive')} inconclusive measurements, more than inconclusiveLimit ${gate.inconclusiveLimit}${why}`);
  if (errors > gate.consecutiveErrorLimit) return done('Inconclusive', `${errors} errors one after another, more than consecutiveErrorLimit ${gate.consecutiveErrorLimit}${why}`);
  if (count('Successful') >= gate.count) return done('Passed', `${count('Successful')} successful measurements`);
  const nextAt = last === undefined ? since + seconds(gate.initialDelaySeconds) : last.at + seconds(gate.intervalSeconds);
  return { phase: 'Waiting', message: `${count('Successful')} of ${gate.count} successful measurements${why}; ${nextAt > now ? `next at ${toRfc3339(nextAt)}` : 'the next is due'}`, nextAt };
}
