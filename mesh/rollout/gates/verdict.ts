/** What is known of a gate makes it pass, fail, hold or wait. */
import { fromRfc3339, type Instant, toRfc3339 } from '../../model/instant.ts';
import type { Measurement, MeasurementTally } from '../../model/metric-gate.ts';
import { originOf } from '../../model/origin.ts';
import type { GateObservation, GatePhase, GateState, GateValue } from '../../model/rollout.ts';
import { approvalVerdict, type RunAuthors } from './approval.ts';
import { keepMeasurements, metricVerdict } from './metric.ts';

export interface GateVerdict {
  readonly phase: GatePhase;
  readonly message: string;
  /** When time alone may change it. */
  readonly nextAt: Instant | null;
  readonly approvedBy?: readonly string[];
  readonly measurements?: readonly Measurement[];
  readonly earlier?: MeasurementTally;
}

/** Total: a gate of no known kind waits and says so. */
export function gateVerdict(gate: GateValue, state: GateState, observation: GateObservation | undefined, authors: RunAuthors, now: Instant): GateVerdict {
  const { measurements = [], earlier } = state;
  const kept = { ...(state.measurements === undefined ? {} : { measurements }), ...(earlier === undefined ? {} : { earlier }) };
  if (observation?.problem !== undefined) return { phase: 'Waiting', message: observation.problem, nextAt: null, ...kept };
  if (gate.approval !== undefined) return { ...approvalVerdict(gate.approval, observation?.approvals ?? [], authors), nextAt: null };
  if (gate.waitUntil !== undefined) {
    const at = fromRfc3339(gate.waitUntil.at);
    if (at === undefined) return { phase: 'Waiting', message: `waitUntil.at ${JSON.stringify(gate.waitUntil.at)} is no time; stop the run and repair its strategy`, nextAt: null };
    return now >= at ? { phase: 'Passed', message: `it is past ${toRfc3339(at)}`, nextAt: null } : { phase: 'Waiting', message: `until ${toRfc3339(at)}`, nextAt: at };
  }
  if (gate.metric !== undefined) {
    const all = keepMeasurements({ measurements, ...(earlier === undefined ? {} : { earlier }) }, (observation?.measurements ?? []).filter(({ at }) => at >= state.since));
    const { measurements: newest, ...before } = all;
    return { ...metricVerdict(gate.metric, newest, now, state.since, all.earlier), ...before, ...(newest.length === 0 ? {} : { measurements: newest }) };
  }
  if (gate.webhook === undefined && gate.job === undefined) return { phase: 'Waiting', message: 'the gate asks for nothing that is known here; stop the run and repair its strategy', nextAt: null };
  if (observation?.outcome !== undefined) return { ...observation.outcome, nextAt: null };
  return { phase: 'Waiting', message: gate.webhook === undefined ? `waits for a Job made from ${gate.job!.namespace}/${gate.job!.template}` : `waits for an answer of ${originOf(gate.webhook.url)}`, nextAt: null };
}
