/** The engine alone: one decision on a large run beside the dumb twin's, and a month in virtual time beside the decisions that it takes. */
import type { ChangeWindowValue } from '../../../mesh/model/change-window.ts';
import type { ClusterView } from '../../../mesh/model/cluster.ts';
import { USUAL_ASSUMPTIONS, type Simulation } from '../../../mesh/model/simulation.ts';
import type { RunTarget, RunValue, StrategyValue, TargetObservation } from '../../../mesh/model/rollout.ts';
import { decide } from '../../../mesh/rollout/decide.ts';
import { simulate } from '../../../mesh/rollout/simulate.ts';
import { freezeTargets } from '../../../mesh/rollout/targets.ts';
import { newTwin, twinDecide } from '../../../mesh/rollout/testing/twin.ts';
import { quantile } from '../kube/figures.ts';

const NOW = Date.UTC(2026, 10, 2);
const HOUR_SECONDS = 3600;
const SOAK_SECONDS = 12 * HOUR_SECONDS;
const WAVES = ['canary', 'early', 'half', 'rest'] as const;
const waveOf = (index: number, count: number): (typeof WAVES)[number] => (index < count / 100 ? 'canary' : index < count / 10 ? 'early' : index < count / 2 ? 'half' : 'rest');

const views = (count: number): ClusterView[] => Array.from({ length: count }, (_, index) => ({
  name: `cluster-${String(index).padStart(5, '0')}`, labels: { wave: waveOf(index, count) }, properties: [], joined: true, report: null, assignedId: 'old',
}));

const strategy = (soakSeconds: number): StrategyValue => ({
  name: 'waves', progressDeadlineSeconds: 600, maxFailures: '5%', onFailure: 'Stop',
  stages: WAVES.map((wave) => ({ name: wave, clusters: { labels: { wave } }, maxConcurrency: wave === 'canary' ? '50%' : '10%', maxFailures: '5%', soakSeconds, stageSoakSeconds: soakSeconds * 4 })),
});

/** Saturdays and Sundays nothing begins. */
const WEEKENDS: ChangeWindowValue = { name: 'weekends', kind: 'Deny', clusters: {}, cron: '0 0 * * 6', durationSeconds: 48 * HOUR_SECONDS, timeZone: 'Europe/Berlin', reason: 'nobody is there' };

const newRun = (count: number, soakSeconds: number): RunValue => {
  const chosen = strategy(soakSeconds);
  const clusters = views(count);
  return { name: 'bench', phase: 'Pending', strategy: chosen, stopRequested: false, author: 'ann', targets: freezeTargets(chosen, clusters, clusters.map(({ name }) => ({ cluster: name, fromId: 'old', toId: 'new' }))) };
};

export interface DecideFigures { readonly p50: number; readonly p99: number; readonly most: number; readonly decisions: number; readonly twinP50: number }

/** One cluster after the other reports that it is healthy, as a hub hears it, until every one has. */
export function measureDecide(count: number, twinDecisions: number): DecideFigures {
  let run = newRun(count, 0);
  const places = new Map(run.targets.map(({ cluster }, index) => [cluster, index]));
  const observed: TargetObservation[] = run.targets.map(({ cluster }) => ({ cluster, connected: true, appliedId: 'old', generation: 1, healthy: true, message: '' }));
  const times: number[] = [];
  const waiting: number[] = [];
  let now = NOW;
  for (;;) {
    const begin = performance.now();
    const step = decide(run, observed, now);
    times.push(performance.now() - begin);
    const targets: RunTarget[] = [...step.targets];
    for (const { cluster } of step.assign) {
      const index = places.get(cluster)!;
      targets[index] = { ...targets[index]!, generation: 2 };
      waiting.push(index);
    }
    run = { ...run, targets, state: step.state, phase: step.phase };
    if (step.state.finished !== undefined) break;
    const next = waiting.shift();
    if (next !== undefined) observed[next] = { ...observed[next]!, appliedId: 'new', generation: 2 };
    now += 1000;
  }
  const twin = newTwin(strategy(0), newRun(count, 0).targets, 'ann');
  const twinTimes = Array.from({ length: twinDecisions }, (_, index) => {
    const begin = performance.now();
    twinDecide(twin, { now: NOW + index * 1000, observed: observed.map((one) => ({ ...one, appliedId: 'old', generation: 1 })), gates: {}, stop: false, pause: false, resumedAt: undefined }, () => 2);
    return performance.now() - begin;
  });
  return { p50: quantile(times, 0.5), p99: quantile(times, 0.99), most: quantile(times, 1), decisions: times.length, twinP50: quantile(twinTimes, 0.5) };
}

export interface SimulateFigures { readonly milliseconds: number; readonly simulation: Simulation; readonly stepMilliseconds: number; readonly seconds: number }

/** The baseline: the same engine asked at so many seconds one after the other, as a clock that ticks would. */
export function measureSimulate(count: number, days: number, ticks: number): SimulateFigures {
  const run = newRun(count, SOAK_SECONDS);
  const input = {
    run, observed: [], clusters: views(count), windows: [WEEKENDS], overrides: [], windowRun: { name: run.name, strategy: run.strategy.name }, from: NOW, horizonSeconds: days * 24 * HOUR_SECONDS,
    assumptions: { ...USUAL_ASSUMPTIONS, secondsToHealthyOf: Object.fromEntries(run.targets.map(({ cluster }, index) => [cluster, 10 + (index % 290)])), failingPercent: { rest: 2 } },
  };
  const begin = performance.now();
  const simulation = simulate(input);
  const milliseconds = performance.now() - begin;
  const observed: TargetObservation[] = run.targets.map(({ cluster }) => ({ cluster, connected: true, appliedId: 'old', generation: 1, healthy: true, message: '' }));
  const stepTimes = Array.from({ length: ticks }, (_, index) => {
    const start = performance.now();
    decide(run, observed, NOW + index * 1000);
    return performance.now() - start;
  });
  return { milliseconds, simulation, stepMilliseconds: quantile(stepTimes, 0.5), seconds: (simulation.until - simulation.from) / 1000 };
}
