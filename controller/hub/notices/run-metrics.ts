/** What a Prometheus reads of open runs, and of those that ended last. As many as are told are bounded: names of runs are people's. */
import type { UpdateRunObject } from '../../../mesh/api/resources/updates.ts';
import { fromRfc3339 } from '../../../mesh/model/instant.ts';
import type { Cache } from '../../runtime/cache.ts';
import type { HubPorts } from '../ports.ts';
import type { Budgets } from './budgets.ts';
import { endedRuns, openRuns, runPhase } from '../views.ts';

interface Parts {
  readonly ports: Pick<HubPorts, 'metrics'>;
  readonly runs: Cache<UpdateRunObject>;
  /** Of the stage at work; undefined: none is. */
  readonly budgetOf: (run: string) => Budgets | undefined;
}

const MOST_RUNS = 32;
const CLUSTERS = ['done', 'inFlight', 'failed', 'skipped', 'rolledBack', 'away', 'gone'] as const;

/** Why a run does not go on by itself, from what its status says. */
function waitsFor({ status }: UpdateRunObject): string | undefined {
  const phase = status?.phase ?? 'Pending';
  const gates = (status?.gates ?? []).map((gate) => gate.phase);
  if (phase === 'Paused') return gates.includes('Inconclusive') ? 'inconclusive-gate' : 'person';
  if (phase !== 'Pending' && phase !== 'Waiting') return phase === 'Soaking' ? 'soak' : undefined;
  if (gates.includes('Waiting')) return 'gate';
  const { total, done, failed, skipped, rolledBack = 0, away = 0 } = status?.counts ?? { total: 0, done: 0, failed: 0, skipped: 0 };
  if (away > 0 && done + failed + skipped + rolledBack + away === total) return 'away';
  return status?.waitingUntil === undefined ? 'turn' : 'time';
}

/** The result ends it. */
export function measureRuns({ ports: { metrics }, runs, budgetOf }: Parts): () => void {
  const open = metrics.gauge('isthmus_hub_runs_open', 'Update runs that have not ended.');
  const past = metrics.gauge('isthmus_hub_runs_ended', 'UpdateRun objects of ended runs that stand.');
  const phases = metrics.gauge('isthmus_hub_run_phase', 'Phase of each open update run: 1 for the one that it is in. Of at most 32 runs, the oldest.', ['run', 'phase']);
  const clusters = metrics.gauge('isthmus_hub_run_clusters', 'Clusters of each open update run, by what became of them.', ['run', 'state']);
  const waits = metrics.gauge('isthmus_hub_run_waiting', 'What each open update run waits for: gate, time, away, turn, soak, person, inconclusive-gate.', ['run', 'reason']);
  const budget = metrics.gauge('isthmus_hub_run_budget', 'Of the stage at work: how much of its budgets is used, and their limits.', ['run', 'budget', 'side']);
  const ended = metrics.gauge('isthmus_hub_run_ended_timestamp_seconds', 'When update runs ended, by the phase that they ended in. Of at most 32 runs, the last.', ['run', 'phase']);
  const all = [phases, clusters, waits, budget, ended];

  return metrics.beforeReading(() => {
    for (const gauge of all) gauge.clear();
    past.set({}, endedRuns(runs).length);
    const last = endedRuns(runs).map((object) => ({ run: object.metadata.name, phase: runPhase(object), at: fromRfc3339(object.status?.finishedAt) ?? 0 })).sort((a, b) => b.at - a.at).slice(0, MOST_RUNS);
    for (const { run, phase, at } of last) ended.set({ run, phase }, at / 1000);
    const every = openRuns(runs);
    open.set({}, every.length);
    const oldest = [...every].sort((a, b) => ((a.metadata.creationTimestamp ?? '') < (b.metadata.creationTimestamp ?? '') ? -1 : 1)).slice(0, MOST_RUNS);
    for (const object of oldest) {
      const run = object.metadata.name;
      phases.set({ run, phase: runPhase(object) }, 1);
      for (const state of CLUSTERS) clusters.set({ run, state: state.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`) }, object.status?.counts[state] ?? 0);
      const reason = waitsFor(object);
      if (reason !== undefined) waits.set({ run, reason }, 1);
      for (const [name, { used, limit }] of Object.entries(budgetOf(run) ?? {})) {
        budget.set({ run, budget: name, side: 'used' }, used);
        budget.set({ run, budget: name, side: 'limit' }, limit);
      }
    }
  });
}
