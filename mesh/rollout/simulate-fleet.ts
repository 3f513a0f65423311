/** Clusters in virtual time: each is healthy on what it was given so many seconds later, unless it is assumed to fail or to be away. */
import { type Instant, seconds } from '../model/instant.ts';
import type { RunTarget, TargetObservation } from '../model/rollout.ts';
import type { SimulationAssumptions } from '../model/simulation.ts';
import { isInFlight } from './stage.ts';

interface Report {
  readonly index: number;
  readonly id: string;
  readonly generation: number;
}

export interface VirtualFleet {
  /** In the order of the rows. */
  readonly observed: TargetObservation[];
  /** When the next agent reports; null: none will. */
  nextAt(): Instant | null;
  /** Rows whose agents report then, as numbers. */
  next(): readonly number[];
  advanceTo(now: Instant): void;
  /** The row with the generation of its new assignment. */
  give(index: number, target: RunTarget, desiredId: string, now: Instant): RunTarget;
}

/** Those named, and of each stage with a share so many, evenly spread over its order. */
export function failingClusters(targets: readonly RunTarget[], stages: readonly { readonly name: string }[], { failing, failingPercent = {} }: SimulationAssumptions): ReadonlySet<string> {
  const found = new Set(failing);
  for (const [number, { name }] of stages.entries()) {
    const percent = Object.hasOwn(failingPercent, name) ? failingPercent[name]! : 0;
    if (percent <= 0) continue;
    targets.filter(({ stage }) => stage === number).forEach(({ cluster }, place) => {
      if (Math.floor(((place + 1) * percent) / 100) > Math.floor((place * percent) / 100)) found.add(cluster);
    });
  }
  return found;
}

const ASSUMED = 'assumed to fail';

export function createVirtualFleet(targets: readonly RunTarget[], base: readonly TargetObservation[], failing: ReadonlySet<string>, assumptions: SimulationAssumptions, from: Instant): VirtualFleet {
  const away = new Set(assumptions.away);
  const known = new Map(base.map((observation) => [observation.cluster, observation]));
  const observed = targets.map(({ cluster, fromId }): TargetObservation => {
    const { window: _window, ...now } = known.get(cluster) ?? { cluster, connected: true, appliedId: fromId, generation: 1, healthy: true, message: '' };
    return away.has(cluster) ? { ...now, connected: false } : now;
  });
  /** Sorted, each once. */
  const times: Instant[] = [];
  const reports = new Map<Instant, Report[]>();
  /** Generation of the last assignment. */
  const told: number[] = [];

  function expect(at: Instant, report: Report): void {
    const there = reports.get(at);
    if (there !== undefined) {
      there.push(report);
      return;
    }
    reports.set(at, [report]);
    let place = times.length;
    while (place > 0 && times[place - 1]! > at) place -= 1;
    times.splice(place, 0, at);
  }

  const secondsOf = (cluster: string): number => {
    const { secondsToHealthy, secondsToHealthyOf = {} } = assumptions;
    return Object.hasOwn(secondsToHealthyOf, cluster) ? secondsToHealthyOf[cluster]! : secondsToHealthy;
  };

  // What is in flight already gets there when it would have, had the run begun under these assumptions.
  for (const [index, target] of targets.entries()) {
    if (!isInFlight(target)) continue;
    const isBack = target.phase === 'RollingBack';
    const id = isBack ? target.backId ?? target.toId : target.toId;
    const generation = target.generation ?? observed[index]!.generation ?? 1;
    if (target.phase === 'Soaking' && !failing.has(target.cluster)) continue;
    expect(Math.max(from, ((isBack ? target.rolledBackAt : target.assignedAt) ?? from) + seconds(secondsOf(target.cluster))), { index, id, generation });
  }

  return {
    observed,
    nextAt: () => times[0] ?? null,
    next: () => (reports.get(times[0] ?? Number.NaN) ?? []).map(({ index }) => index),
    advanceTo(now) {
      while (times.length > 0 && times[0]! <= now) {
        const at = times.shift()!;
        for (const { index, id, generation } of reports.get(at)!) {
          const before = observed[index]!;
          // Who was given something else since is at work on that.
          if ((told[index] ?? 0) > generation) continue;
          const fails = failing.has(before.cluster) && id === targets[index]!.toId;
          observed[index] = { ...before, appliedId: id, generation, healthy: !fails, message: fails ? ASSUMED : '' };
        }
        reports.delete(at);
      }
    },
    give(index, target, desiredId, now) {
      const before = observed[index]!;
      const generation = Math.max(told[index] ?? 0, target.generation ?? 0, before.generation ?? 0) + 1;
      const { window: _window, ...agent } = before;
      observed[index] = { ...agent, generation: before.generation ?? generation - 1 };
      told[index] = generation;
      if (agent.connected) expect(now + seconds(secondsOf(target.cluster)), { index, id: desiredId, generation });
      return { ...target, generation };
    },
  };
}
