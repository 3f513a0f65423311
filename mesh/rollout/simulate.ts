/** A run in virtual time: the very engine that decides on real runs, over clusters, windows and people that do what is assumed of them. */
import type { ChangeWindowValue, WindowOverrideValue, WindowRun } from '../model/change-window.ts';
import type { ClusterView } from '../model/cluster.ts';
import { type Instant, seconds } from '../model/instant.ts';
import type { RunTarget, RunValue, TargetObservation, TargetPhase } from '../model/rollout.ts';
import type { SimulatedCluster, Simulation, SimulationAssumptions, SimulationEnd } from '../model/simulation.ts';
import { createDecider } from './decide.ts';
import { advance } from './advance.ts';
import { decideWithGates } from './decide-with-gates.ts';
import { createVirtualFleet, failingClusters } from './simulate-fleet.ts';
import { createVirtualGates } from './simulate-gates.ts';
import { createSimulationRecord } from './simulate-record.ts';
import { worstCase } from './simulate-worst.ts';
import { deadlineSecondsOf, soakSecondsOf, stagesOf } from './stage.ts';
import type { RunStep } from './step.ts';
import { createWindowBook, type WindowBook } from './windows/book.ts';

export interface SimulationInput {
  /** With its targets as a real run of it has frozen them, begun or not. */
  readonly run: RunValue;
  /** As they are at `from`; a cluster that is not here is connected and healthy. Of `window` nothing is taken: it follows from the windows. */
  readonly observed: readonly TargetObservation[];
  readonly clusters: readonly ClusterView[];
  readonly windows: readonly ChangeWindowValue[];
  readonly overrides: readonly WindowOverrideValue[];
  /** What windows ask of the run. */
  readonly windowRun: WindowRun;
  readonly assumptions: SimulationAssumptions;
  readonly from: Instant;
  /** At most 90 days. */
  readonly horizonSeconds: number;
}

export interface Simulator {
  /** So many decisions more; true: it is at its end. */
  advance(decisions: number): boolean;
  result(): Simulation;
}

export const LONGEST_HORIZON_SECONDS = 90 * 86_400;
const MOST_DECISIONS = 100_000;
/** As the hub does: what lies beyond the horizon of windows comes nearer by the day. */
const LOOK_AGAIN_SECONDS = 86_400;

const earliest = (...instants: readonly (Instant | null)[]): Instant | null => instants.reduce((least, at) => (at === null || (least !== null && least <= at) ? least : at), null);

/** It jumps from one thing that happens to the next: time in which nothing happens costs nothing. */
export function createSimulator(input: SimulationInput): Simulator {
  const { assumptions, from, windows, overrides, windowRun, clusters } = input;
  const stages = stagesOf(input.run.strategy);
  const until = from + seconds(Math.min(input.horizonSeconds, LONGEST_HORIZON_SECONDS));
  const failing = failingClusters(input.run.targets, stages, assumptions);
  const fleet = createVirtualFleet(input.run.targets, input.observed, failing, assumptions, from);
  const gates = createVirtualGates(assumptions);
  const record = createSimulationRecord(input.run.targets, (index) => fleet.observed[index]);
  const views = new Map(clusters.map((view) => [view.name, view]));
  const indexOf = new Map(input.run.targets.map(({ cluster }, index) => [cluster, index]));
  const worst = worstCase(input.run.strategy, input.run.targets, ({ cluster }) => !fleet.observed[indexOf.get(cluster)!]!.connected);
  const decide = createDecider();
  // What people would have to type is no part of a plan.
  let run: RunValue = { ...input.run, name: '' };
  let now = from;
  let step: RunStep | undefined;
  let end: SimulationEnd | undefined;
  let decisions = 0;
  let book: WindowBook | undefined;
  let bookedUntil = from;

  function lookAtWindows(): void {
    if (windows.length === 0 || (book !== undefined && now < bookedUntil)) return;
    book = createWindowBook(windows, overrides, now);
    bookedUntil = Math.min(book.wakeAt ?? Number.POSITIVE_INFINITY, now + seconds(LOOK_AGAIN_SECONDS));
    for (const [index, { cluster, phase }] of run.targets.entries()) {
      const view = phase === 'Pending' ? views.get(cluster) : undefined;
      if (view !== undefined) fleet.observed[index] = { ...fleet.observed[index]!, window: book.verdict(view, windowRun) };
    }
  }

  /** As the records do when they save it. */
  function saved({ targets, assign, state, phase }: RunStep): RunValue {
    const rows: RunTarget[] = assign.length === 0 ? targets as RunTarget[] : [...targets];
    for (const { cluster, desiredId } of assign) {
      const index = indexOf.get(cluster)!;
      rows[index] = fleet.give(index, rows[index]!, desiredId, now);
    }
    return { ...run, targets: rows, state, phase };
  }

  function turn(): SimulationEnd | undefined {
    fleet.advanceTo(now);
    lookAtWindows();
    step = decideWithGates(run, fleet.observed, now, (value, wanted) => gates.look(value, wanted, now), decide);
    run = saved(step);
    record.take(step, fleet.observed, now);
    if (step.state.finished !== undefined) return 'Finished';
    return skip(step);
  }

  /** On to the next time at which a decision is needed. */
  function skip({ wakeAt }: RunStep): SimulationEnd | undefined {
    let soaked: Instant | null = null;
    for (;;) {
      const [reportAt, other] = [fleet.nextAt(), earliest(wakeAt, soaked, gates.nextAt(now))];
      const next = earliest(reportAt, other);
      if (next === null || next > until) {
        // What the last reports have changed is said as well.
        if (soaked !== null) step = decideWithGates(run, fleet.observed, now, (value, wanted) => gates.look(value, wanted, now), decide);
        return next === null ? 'Waits' : 'Horizon';
      }
      const reports = next === other ? [] : fleet.next();
      now = next;
      if (reports.length === 0 || !reports.every(onlyBeginsToSoak)) break;
      soaked = earliest(soaked, soak(reports));
    }
    decisions += 1;
    return decisions >= MOST_DECISIONS ? 'Steps' : undefined;
  }

  /** Nothing else follows from a cluster that is healthy and has to soak, nor from one in flight that is not healthy yet: it keeps its place, and takes nobody's. */
  function onlyBeginsToSoak(index: number): boolean {
    const target = run.targets[index]!;
    return target.phase === 'Assigned' && fleet.observed[index]!.connected && soakSecondsOf(stages[target.stage]!, target) > 0;
  }

  /** Rows as deciding would leave them; when the first of them has soaked, null: none soaks. */
  function soak(indices: readonly number[]): Instant | null {
    fleet.advanceTo(now);
    const targets = [...run.targets];
    let first: Instant | null = null;
    for (const index of indices) {
      const stage = stages[targets[index]!.stage]!;
      const clock = { now, progressDeadlineSeconds: deadlineSecondsOf(run.strategy, stage), watchedSince: run.watchedSince ?? 0 };
      const target = targets[index] = advance(targets[index]!, stage, fleet.observed[index], clock, targets[index]!.generation);
      if (target.phase === 'Soaking') first = earliest(first, now + seconds(soakSecondsOf(stage, target)));
    }
    run = { ...run, targets };
    return first;
  }

  return {
    advance(most) {
      for (let count = 0; end === undefined && count < most; count += 1) end = turn();
      return end !== undefined;
    },
    result() {
      const last = step ?? decideWithGates(run, fleet.observed, now, () => ({}));
      const finishedAt = last.state.finished?.at ?? null;
      const numbers = [...new Set(run.targets.map(({ stage }) => stage))].sort((a, b) => a - b);
      return {
        from, until: now, end: end ?? 'Steps', phase: last.phase, message: last.message, finishedAt, onFailure: run.strategy.onFailure ?? 'Stop', assumptions,
        stages: numbers.map((number) => stageOf(number)),
        clusters: run.targets.map(clusterOf),
        waits: record.waits(finishedAt), closings: record.closings, radius: record.radius, peak: record.peak, worstFailures: worst.run,
      };
    },
  };

  function clusterOf({ cluster, stage, phase, assignedAt, healthyAt, finishedAt, rolledBackAt, message }: RunTarget): SimulatedCluster {
    const doneAt = rolledBackAt === undefined ? undefined : record.doneAt(cluster);
    return { cluster, stage, phase, assignedAt, healthyAt, finishedAt, ...(rolledBackAt === undefined ? {} : { rolledBackAt }), ...(doneAt === undefined ? {} : { doneAt }), message };
  }

  function stageOf(number: number): Simulation['stages'][number] {
    const { name, maxConcurrency, maxFailures = 0, soakSeconds } = stages[number]!;
    const tally: Partial<Record<TargetPhase, number>> = {};
    const members = run.targets.filter(({ stage }) => stage === number);
    for (const { phase } of members) tally[phase] = (tally[phase] ?? 0) + 1;
    return {
      name, number, clusters: members.length, beginsAt: run.state?.stageStartedAt[number] ?? null, endsAt: run.state?.stageFinishedAt?.[number] ?? null,
      maxConcurrency, maxFailures, soakSeconds, tally, worstFailures: worst.stages[number]!,
    };
  }
}

export function simulate(input: SimulationInput): Simulation {
  const simulator = createSimulator(input);
  simulator.advance(Number.POSITIVE_INFINITY);
  return simulator.result();
}
