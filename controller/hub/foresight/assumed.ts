/** What a simulation takes for granted, in words: each gate that it passes or not, and deadlines that its own assumption misses. Pure. */
import type { SimulationAssumptions } from '../../../mesh/model/simulation.ts';
import type { GateValue, StrategyValue } from '../../../mesh/model/strategy.ts';

const MOST_GATES = 64;

function gateText({ approval, metric, waitUntil, webhook, job }: GateValue, { secondsToApproval, gatesPass }: SimulationAssumptions): string {
  if (approval !== undefined) {
    const who = approval.groups.length === 0 ? 'anybody with the right to' : `groups ${approval.groups.join(', ')}`;
    return `approval by ${approval.count} of ${who}; assumed ${secondsToApproval === null ? 'never to come' : secondsToApproval === 0 ? 'to come at once' : `to come ${secondsToApproval} s after it is asked for`}`;
  }
  if (waitUntil !== undefined) return `waits until ${waitUntil.at}`;
  const kind = metric !== undefined ? 'metric' : webhook !== undefined ? 'webhook' : `Job ${job?.namespace ?? ''}/${job?.template ?? ''}`;
  return `${kind}; assumed to ${gatesPass ? 'pass' : 'fail'}`;
}

export function gateNotes({ stages }: StrategyValue, assumptions: SimulationAssumptions): readonly string[] {
  const notes = stages.flatMap((stage) => (['before', 'after'] as const).flatMap((side) => (stage[side] ?? []).map((gate) => `gate ${stage.name}/${side}/${gate.name}: ${gateText(gate, assumptions)}`)));
  return notes.length <= MOST_GATES ? notes : [...notes.slice(0, MOST_GATES), `and ${notes.length - MOST_GATES} gates more`];
}

/** Where a healthy cluster is assumed to take longer than it may, the outcome says nothing of the change. */
export function deadlineWarnings({ stages, progressDeadlineSeconds: usual }: StrategyValue, { secondsToHealthy }: SimulationAssumptions): readonly string[] {
  const late = stages.filter(({ progressDeadlineSeconds = usual }) => secondsToHealthy > progressDeadlineSeconds);
  if (late.length === 0) return [];
  const shortest = Math.min(...late.map(({ progressDeadlineSeconds = usual }) => progressDeadlineSeconds));
  return [`clusters are assumed to be healthy after ${secondsToHealthy} s, which is later than progressDeadlineSeconds allows (${shortest}; stage ${late.map(({ name }) => name).join(', ')}): they fail by this assumption alone`];
}
