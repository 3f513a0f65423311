/** The dumb twin of the simulator: a fleet that behaves as assumed, and a hub that decides every second, whether anything happened or not. */
import type { RunTarget, RunValue, TargetObservation } from '../../model/rollout.ts';
import { decideWithGates } from '../decide-with-gates.ts';
import { createVirtualGates } from '../simulate-gates.ts';
import type { SimulationInput } from '../simulate.ts';
import { windowVerdict } from '../windows/book.ts';

interface Agent {
  id: string | null;
  generation: number;
  healthy: boolean;
  told: { readonly id: string; readonly generation: number; readonly at: number } | null;
}

/** The rows at the end, and at most how many were in flight, or failed, at once. */
export function secondBySecond({ run: first, clusters, windows, overrides, windowRun, assumptions, from, horizonSeconds }: SimulationInput, failing: ReadonlySet<string>): { readonly run: RunValue; readonly inFlight: number } {
  const agents = new Map(first.targets.map(({ cluster, fromId }): [string, Agent] => [cluster, { id: fromId, generation: 1, healthy: true, told: null }]));
  const gates = createVirtualGates(assumptions);
  const generations = new Map<string, number>();
  let run = first;
  let inFlight = 0;
  for (let now = from; now <= from + horizonSeconds * 1000; now += 1000) {
    for (;;) {
      for (const [cluster, agent] of agents) {
        const wait = (assumptions.secondsToHealthyOf?.[cluster] ?? assumptions.secondsToHealthy) * 1000;
        if (agent.told === null || now < agent.told.at + wait || assumptions.away.includes(cluster)) continue;
        const { toId } = first.targets.find((target) => target.cluster === cluster)!;
        Object.assign(agent, { id: agent.told.id, generation: agent.told.generation, healthy: !(failing.has(cluster) && agent.told.id === toId), told: null });
      }
      const observed = run.targets.map(({ cluster, phase }): TargetObservation => {
        const { id, generation, healthy } = agents.get(cluster)!;
        return {
          cluster, connected: !assumptions.away.includes(cluster), appliedId: id, generation, healthy, message: healthy ? '' : 'assumed to fail',
          ...(phase === 'Pending' ? { window: windowVerdict(windows, overrides, clusters.find(({ name }) => name === cluster)!, windowRun, now) } : {}),
        };
      });
      const step = decideWithGates(run, observed, now, (value, wanted) => gates.look(value, wanted, now));
      const given = new Map(step.assign.map(({ cluster, desiredId }) => [cluster, desiredId]));
      const targets = step.targets.map((target): RunTarget => {
        const id = given.get(target.cluster);
        if (id === undefined) return target;
        const agent = agents.get(target.cluster)!;
        const generation = (generations.get(target.cluster) ?? 1) + 1;
        generations.set(target.cluster, generation);
        agent.told = { id, generation, at: now };
        return { ...target, generation };
      });
      run = { ...run, targets, state: step.state, phase: step.phase };
      inFlight = Math.max(inFlight, step.counts.inFlight);
      if (step.state.finished !== undefined) return { run, inFlight };
      // Who is healthy at once is heard of at once.
      if (given.size === 0) break;
    }
  }
  return { run, inFlight };
}
