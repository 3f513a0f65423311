/** Gates in virtual time: people approve, measurements are made, webhooks and Jobs answer, all as assumed. */
import { type Instant, seconds } from '../model/instant.ts';
import type { Measurement } from '../model/metric-gate.ts';
import type { ApprovalValue, GateObservation, GateObservations, GateValue, RunValue } from '../model/rollout.ts';
import type { SimulationAssumptions } from '../model/simulation.ts';
import type { WantedGate } from './step.ts';

export interface VirtualGates {
  look(run: RunValue, wanted: readonly WantedGate[], now: Instant): GateObservations;
  /** When a person does what a gate waited for at the last look; null: nobody will. */
  nextAt(now: Instant): Instant | null;
}

const approvalsOf = (key: string, { count, groups }: NonNullable<GateValue['approval']>, at: Instant): readonly ApprovalValue[] =>
  Array.from({ length: count }, (_, place) => ({ name: `assumed-${place + 1}`, gate: key, approver: `assumed approver ${place + 1}`, groups, decision: 'Approve', reason: 'assumed', at }));

export function createVirtualGates({ secondsToApproval, gatesPass }: SimulationAssumptions): VirtualGates {
  const measured = new Map<string, Measurement[]>();
  let dues: Instant[] = [];

  function measurements({ key, gate, since }: WantedGate, run: RunValue, now: Instant): readonly Measurement[] {
    const { initialDelaySeconds, intervalSeconds } = gate.metric!;
    const made = measured.get(key) ?? [];
    measured.set(key, made);
    const last = made.at(-1) ?? run.state?.gates[key]?.measurements?.at(-1);
    const dueAt = last === undefined || last.at < since ? since + seconds(initialDelaySeconds) : last.at + seconds(intervalSeconds);
    if (now >= dueAt) made.push({ at: now, phase: gatesPass ? 'Successful' : 'Failed', values: [], message: 'assumed' });
    return made;
  }

  function observe(wanted: WantedGate, run: RunValue, now: Instant): GateObservation {
    const { key, gate, since } = wanted;
    if (gate.approval !== undefined) {
      if (secondsToApproval === null) return {};
      const at = since + seconds(secondsToApproval);
      if (now < at) {
        dues.push(at);
        return {};
      }
      return { approvals: approvalsOf(key, gate.approval, at) };
    }
    if (gate.metric !== undefined) return { measurements: measurements(wanted, run, now) };
    if (gate.webhook !== undefined || gate.job !== undefined) return { outcome: { phase: gatesPass ? 'Passed' : 'Failed', message: 'assumed' } };
    return {};
  }

  return {
    look(run, wanted, now) {
      dues = [];
      return Object.fromEntries(wanted.map((gate) => [gate.key, observe(gate, run, now)]));
    },
    nextAt: (now) => dues.reduce<Instant | null>((least, at) => (at > now && (least === null || at < least) ? at : least), null),
  };
}
