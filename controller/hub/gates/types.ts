/** What the rollout asks of whoever finds out about gates: approvals, metrics, webhooks, Jobs. */
import type { GateObservations, RunValue } from '../../../mesh/model/rollout.ts';
import type { WantedGate } from '../../../mesh/rollout/step.ts';

export interface Gates {
  /**
   * What is known of `wanted` now, at once and without a request; asking is what begins the looking. Called with each decision, with the run's rows and state as they are
   * durable (`run.state.gates[key].measurements` survives a restart of the hub). A gate that is no longer among `wanted` is looked at no more; a run that has ended is given once more, with none.
   */
  observe(run: RunValue, wanted: readonly WantedGate[]): GateObservations;
  /** Called with a run's name when what `observe` would give may have changed. */
  subscribe(listener: (run: string) => void): void;
}
