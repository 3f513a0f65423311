/** A run in virtual time: decides, saves as the records do (each assignment gets its generation), and lets agents report. After each step it decides again, which must change nothing. */
import { expect } from 'vitest';
import type { ClusterView } from '../../model/cluster.ts';
import type { JournalEntry } from '../../model/history.ts';
import type { GateObservation, RunTarget, RunValue, StageValue, StrategyValue, TargetObservation } from '../../model/rollout.ts';
import { decide } from '../decide.ts';
import type { RunStep } from '../step.ts';
import { freezeTargets } from '../targets.ts';

export const stage = (name: string, clusters: readonly string[], more: Partial<StageValue> = {}): StageValue => ({ name, clusters: { names: clusters }, maxConcurrency: 1, soakSeconds: 0, ...more });
export const strategyOf = (stages: readonly StageValue[], more: Partial<StrategyValue> = {}): StrategyValue => ({ name: 'careful', progressDeadlineSeconds: 60, stages, ...more });
export const view = (name: string, labels: Readonly<Record<string, string>> = {}, more: Partial<ClusterView> = {}): ClusterView => ({ name, labels, properties: [], joined: true, report: null, assignedId: 'old', ...more });

export const newRun = (strategy: StrategyValue, names: readonly string[], more: Partial<RunValue> = {}): RunValue => ({
  name: 'run-1', phase: 'Pending', strategy, stopRequested: false, targets: freezeTargets(strategy, names.map((name) => view(name)), names.map((cluster) => ({ cluster, fromId: 'old', toId: 'new' }))), ...more,
});

const rowsText = (targets: readonly RunTarget[]): string => targets.map(({ cluster, phase }) => `${cluster}=${phase}`).join(' ');
export const eventsText = (journal: readonly JournalEntry[]): string => journal.map(({ cluster, event }) => `${cluster}:${event}`).join(' ');

export class Rig {
  run: RunValue;
  now = 0;
  step: RunStep;
  readonly gates: Record<string, GateObservation> = {};
  /** Every step's, in order. */
  readonly journal: JournalEntry[] = [];
  readonly assigned = new Map<string, { readonly id: string; readonly generation: number }>();
  readonly agents = new Map<string, TargetObservation>();

  constructor(run: RunValue, now = 0) {
    this.run = run;
    this.now = now;
    for (const { cluster, fromId } of run.targets) {
      this.assigned.set(cluster, { id: fromId ?? 'none', generation: 1 });
      this.agents.set(cluster, { cluster, connected: true, appliedId: fromId, generation: 1, healthy: true, message: '' });
    }
    this.step = this.#decide(run);
  }

  #decide(run: RunValue): RunStep {
    return decide(run, run.targets.map(({ cluster }) => this.agents.get(cluster)!), this.now, this.gates);
  }

  /** Decides `seconds` later. */
  after(seconds = 0): RunStep {
    this.now += seconds * 1000;
    const step = this.#decide(this.run);
    for (const { cluster, desiredId } of step.assign) this.assigned.set(cluster, { id: desiredId, generation: (this.assigned.get(cluster)?.generation ?? 0) + 1 });
    const given = new Set(step.assign.map(({ cluster }) => cluster));
    const targets = step.targets.map((target) => (given.has(target.cluster) ? { ...target, generation: this.assigned.get(target.cluster)!.generation } : target));
    this.run = { ...this.run, targets, state: step.state, phase: step.phase };
    this.journal.push(...step.journal);
    const again = this.#decide(this.run);
    expect(again).toEqual({ ...step, targets, changed: [], assign: [], journal: [] });
    expect(again.state).toBe(step.state);
    this.step = step;
    return step;
  }

  agent(cluster: string, change: Partial<TargetObservation>): this {
    this.agents.set(cluster, { ...this.agents.get(cluster)!, ...change });
    return this;
  }

  /** Agents apply what they were given; all, where none is named. */
  apply(clusters: readonly string[] = [...this.agents.keys()], healthy = true): this {
    for (const cluster of clusters) this.agent(cluster, { appliedId: this.assigned.get(cluster)!.id, generation: this.assigned.get(cluster)!.generation, healthy });
    return this;
  }

  break(...clusters: string[]): this {
    return this.apply(clusters, false);
  }

  away(...clusters: string[]): this {
    for (const cluster of clusters) this.agent(cluster, { connected: false });
    return this;
  }

  back(...clusters: string[]): this {
    for (const cluster of clusters) this.agent(cluster, { connected: true });
    return this;
  }

  ask(change: Partial<RunValue>): this {
    this.run = { ...this.run, ...change };
    return this;
  }

  /** All agents obey at once, step by step, until the run ends or waits. */
  finish(): RunStep {
    for (let round = 0; round < 200; round++) {
      this.apply([...this.agents.values()].filter(({ connected }) => connected).map(({ cluster }) => cluster));
      this.after();
      if (this.step.wakeAt === null && this.step.assign.length === 0) break;
      if (this.step.wakeAt !== null && this.step.assign.length === 0) this.now = this.step.wakeAt;
    }
    return this.step;
  }

  get rows(): string { return rowsText(this.run.targets); }
  row(cluster: string): RunTarget { return this.run.targets.find((target) => target.cluster === cluster)!; }
}
