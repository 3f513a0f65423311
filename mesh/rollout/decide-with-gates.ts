/** A step of a run whose gates are looked at as they are reached. */
import type { Instant } from '../model/instant.ts';
import type { GateObservations, RunValue, TargetObservation } from '../model/rollout.ts';
import { type Decide, decide } from './decide.ts';
import type { RunStep, WantedGate } from './step.ts';

/** A gate that passes may bring another: bounds what is asked in one step. */
const MOST_GATE_ROUNDS = 8;

/** Decides until what is known of gates no longer changes what is to be asked. */
export function decideWithGates(run: RunValue, observed: readonly TargetObservation[], now: Instant, look: (run: RunValue, wanted: readonly WantedGate[]) => GateObservations, decider: Decide = decide): RunStep {
  let known: GateObservations = {};
  let step = decider(run, observed, now, known);
  // Once in any case: gates that are no longer wanted are to be looked at no more.
  for (let round = 0; round < MOST_GATE_ROUNDS && (round === 0 || step.gatesWanted.some(({ key }) => !Object.hasOwn(known, key))); round += 1) {
    const asked = step.gatesWanted;
    known = { ...known, ...look(run, asked) };
    if (asked.length === 0) break;
    step = decider(run, observed, now, known);
    if (step.gatesWanted.every(({ key }) => asked.some((gate) => gate.key === key))) break;
  }
  return step;
}
