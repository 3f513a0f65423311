/** What is written down of a simulated run: how much of the fleet is touched over time, and what kept it waiting. Bounded, however long it goes. */
import type { Instant } from '../model/instant.ts';
import type { RunTarget, TargetObservation, WindowVerdict } from '../model/rollout.ts';
import type { RadiusPoint, SimulatedClosing, SimulatedWait } from '../model/simulation.ts';
import { isBackInHealth, isFailingStill } from './health.ts';
import type { RunStep } from './step.ts';

const MOST_POINTS = 2000;
const MOST_WAITS = 200;
const MOST_CLOSINGS = 500;

type Open<T> = { -readonly [K in keyof T]: T[K] };

export interface SimulationRecord {
  take(step: RunStep, observed: readonly TargetObservation[], now: Instant): void;
  /** When a row was done that is not any more, for it went back. */
  doneAt(cluster: string): Instant | undefined;
  waits(end: Instant | null): readonly SimulatedWait[];
  readonly closings: readonly SimulatedClosing[];
  readonly radius: readonly RadiusPoint[];
  readonly peak: Omit<RadiusPoint, 'at'>;
}

const isChanged = ({ assignedAt, phase }: RunTarget): boolean => assignedAt !== null && phase !== 'RolledBack';
const hasFailed = ({ phase }: RunTarget): boolean => phase === 'Failed' || phase === 'RollbackFailed';

/** Half as many points: each pair becomes one that hides nothing, with the worse of both. */
function thinned(points: readonly RadiusPoint[]): RadiusPoint[] {
  const kept: RadiusPoint[] = [];
  for (let place = 0; place < points.length; place += 2) {
    const [first, second = first] = [points[place]!, points[place + 1]];
    kept.push({ at: first.at, inFlight: Math.max(first.inFlight, second.inFlight), failed: Math.max(first.failed, second.failed), unavailable: Math.max(first.unavailable, second.unavailable), changed: second.changed });
  }
  return kept;
}

export function createSimulationRecord(targets: readonly RunTarget[], observed: (index: number) => TargetObservation | undefined): SimulationRecord {
  const indexOf = new Map(targets.map(({ cluster }, index) => [cluster, index]));
  const rows = [...targets];
  const done = new Map(targets.flatMap(({ cluster, phase, finishedAt }) => (phase === 'Done' && finishedAt !== null ? [[cluster, finishedAt] as const] : [])));
  const failed = new Set(targets.flatMap((target, index) => (hasFailed(target) ? [index] : [])));
  const isFailingBefore = (target: RunTarget, index: number): boolean => isFailingStill(target, observed(index));
  let failingBefore = targets.filter(isFailingBefore).length;
  let changed = targets.filter(isChanged).length;
  let radius: RadiusPoint[] = [];
  const waits: Open<SimulatedWait>[] = [];
  const open = new Map<string, Open<SimulatedWait>>();
  const closings: Open<SimulatedClosing>[] = [];
  const shut = new Map<string, Open<SimulatedClosing>>();
  let [lastStage, lastReasons]: [string, readonly string[]] = ['', []];
  let peak = { inFlight: 0, failed: 0, unavailable: 0, changed: 0 };

  function takeRows(step: RunStep): void {
    for (const next of step.changed) {
      const index = indexOf.get(next.cluster)!;
      const before = rows[index]!;
      rows[index] = next;
      if (next.phase === 'Done' && next.finishedAt !== null) done.set(next.cluster, next.finishedAt);
      changed += Number(isChanged(next)) - Number(isChanged(before));
      failingBefore += Number(isFailingBefore(next, index)) - Number(isFailingBefore(before, index));
      if (hasFailed(next)) failed.add(index);
      else failed.delete(index);
    }
  }

  function takeRadius({ counts: { inFlight, failed: failures } }: RunStep, observed: readonly TargetObservation[], now: Instant): void {
    let broken = 0;
    for (const index of failed) if (!isBackInHealth(rows[index]!, observed[index])) broken += 1;
    const point = { at: now, inFlight, failed: failures, unavailable: inFlight + broken + failingBefore, changed };
    peak = { inFlight: Math.max(peak.inFlight, inFlight), failed: Math.max(peak.failed, failures), unavailable: Math.max(peak.unavailable, point.unavailable), changed: Math.max(peak.changed, changed) };
    const last = radius.at(-1);
    if (last !== undefined && last.inFlight === inFlight && last.failed === failures && last.unavailable === point.unavailable && last.changed === changed) return;
    if (last?.at === now) radius.pop();
    if (radius.length >= MOST_POINTS) radius = thinned(radius);
    radius.push(point);
  }

  function takeWaits({ reasons, stage }: RunStep, now: Instant): void {
    for (const [key, wait] of open) {
      if (stage === wait.stage && reasons.includes(wait.reason)) continue;
      wait.to = now;
      open.delete(key);
      if (wait.from === now) waits.splice(waits.indexOf(wait), 1);
    }
    if (stage === null) return;
    for (const reason of reasons) {
      const key = `${stage} ${reason}`;
      if (open.has(key) || waits.length >= MOST_WAITS) continue;
      const wait = { stage, reason, from: now, to: null };
      open.set(key, wait);
      waits.push(wait);
    }
  }

  /** Rows that were passed over for a closed window say so; those whose turn was not near say nothing. */
  function takeClosings({ reasons, stage }: RunStep, observed: readonly TargetObservation[], now: Instant): void {
    if (reasons.length === 0 || stage === null || (stage === lastStage && reasons.length === lastReasons.length && reasons.every((reason, place) => reason === lastReasons[place]))) return;
    [lastStage, lastReasons] = [stage, reasons];
    const waiting = new Map<WindowVerdict, number>();
    for (const [index, { phase, message }] of rows.entries()) {
      const window = phase === 'Pending' && message !== '' ? observed[index]!.window : undefined;
      if (window?.open === false) waiting.set(window, (waiting.get(window) ?? 0) + 1);
    }
    for (const [{ reason, opensAt }, clusters] of waiting) {
      const key = `${stage} ${reason}`;
      const known = shut.get(key);
      if (known !== undefined && (known.to === null || known.to >= now)) {
        known.clusters = Math.max(known.clusters, clusters);
        known.to = known.to === null || opensAt === null ? null : Math.max(known.to, opensAt);
      } else if (closings.length < MOST_CLOSINGS) {
        const closing = { stage, reason, clusters, from: now, to: opensAt };
        shut.set(key, closing);
        closings.push(closing);
      }
    }
  }

  return {
    take(step, observed, now) {
      takeRows(step);
      takeRadius(step, observed, now);
      takeWaits(step, now);
      takeClosings(step, observed, now);
    },
    doneAt: (cluster) => done.get(cluster),
    waits(end) {
      for (const wait of open.values()) wait.to = end;
      return waits;
    },
    closings,
    get radius() { return radius; },
    get peak() { return peak; },
  };
}
