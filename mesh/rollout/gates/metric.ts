/** What measurements make of a metric gate. */
import { type Instant, seconds, toRfc3339 } from '../../model/instant.ts';
import type { Measurement, MeasurementTally, MetricGateValue } from '../../model/metric-gate.ts';
import type { GatePhase } from '../../model/rollout.ts';

export interface MetricVerdict {
  readonly phase: GatePhase;
  readonly message: string;
  /** When the next measurement is to be made; null: no more are needed. */
  readonly nextAt: Instant | null;
}

/** Kept one by one; older ones are only counted. */
export const MOST_MEASUREMENTS = 32;
/** After an error the next is made sooner, as Argo Rollouts does; after more of them ever later, up to the interval. */
const ERROR_PAUSE_SECONDS = 10;
const NOTHING: MeasurementTally = { successful: 0, failed: 0, inconclusive: 0, lastErrors: 0 };

/** What is kept of a gate's measurements: the newest, and how many of each kind there were before them. */
export interface KeptMeasurements {
  readonly measurements: readonly Measurement[];
  readonly earlier?: MeasurementTally;
}

function counted(tally: MeasurementTally, { phase }: Measurement): MeasurementTally {
  const lastErrors = phase === 'Error' ? tally.lastErrors + 1 : 0;
  switch (phase) {
    case 'Successful': return { ...tally, lastErrors, successful: tally.successful + 1 };
    case 'Failed': return { ...tally, lastErrors, failed: tally.failed + 1 };
    case 'Inconclusive': return { ...tally, lastErrors, inconclusive: tally.inconclusive + 1 };
    case 'Error': return { ...tally, lastErrors };
  }
}

/** Adds those of `seen` that are newer than all that are kept; both oldest first. A hub that was restarted remembers none, and has seen none twice. */
export function keepMeasurements({ measurements, earlier }: KeptMeasurements, seen: readonly Measurement[]): KeptMeasurements {
  const last = measurements.at(-1)?.at ?? Number.NEGATIVE_INFINITY;
  const all = [...measurements, ...seen.filter(({ at }) => at > last)];
  const dropped = all.slice(0, Math.max(0, all.length - MOST_MEASUREMENTS));
  return { measurements: all.slice(dropped.length), ...(earlier === undefined && dropped.length === 0 ? {} : { earlier: dropped.reduce(counted, earlier ?? NOTHING) }) };
}

/** `measurements`: oldest first; those before `since` do not count. `earlier`: how many there were since then before the first of them. Too many failures win over everything else. */
export function metricVerdict(gate: MetricGateValue, measurements: readonly Measurement[], now: Instant, since: Instant, earlier: MeasurementTally = NOTHING): MetricVerdict {
  const own = measurements.filter(({ at }) => at >= since);
  const { successful, failed, inconclusive, lastErrors } = own.reduce(counted, earlier);
  const last = own.at(-1);
  const why = last === undefined || last.message === '' ? '' : `: ${last.message}`;
  const done = (phase: GatePhase, message: string): MetricVerdict => ({ phase, message, nextAt: null });
  if (failed > gate.failureLimit) return done('Failed', `${failed} failed measurements, more than failureLimit ${gate.failureLimit}${why}`);
  if (inconclusive > gate.inconclusiveLimit) return done('Inconclusive', `${inconclusive} inconclusive measurements, more than inconclusiveLimit ${gate.inconclusiveLimit}${why}`);
  if (lastErrors > gate.consecutiveErrorLimit) return done('Inconclusive', `${lastErrors} errors one after another, more than consecutiveErrorLimit ${gate.consecutiveErrorLimit}${why}`);
  if (successful >= gate.count) return done('Passed', `${successful} successful measurements${why}`);
  const pauseSeconds = lastErrors > 0 ? Math.min(ERROR_PAUSE_SECONDS * 2 ** (lastErrors - 1), gate.intervalSeconds) : gate.intervalSeconds;
  const nextAt = last === undefined ? since + seconds(gate.initialDelaySeconds) : last.at + seconds(pauseSeconds);
  return { phase: 'Waiting', message: `${successful} of ${gate.count} successful measurements${why}; ${nextAt > now ? `next at ${toRfc3339(nextAt)}` : 'the next is due'}`, nextAt };
}
