import { expect, test } from 'vitest';
import type { Simulation, SimulationAssumptions } from '../model/simulation.ts';
import { USUAL_ASSUMPTIONS } from '../model/simulation.ts';
import type { ChangeWindowValue } from '../model/change-window.ts';
import { absences } from './minimum.ts';
import { createSimulator, simulate, type SimulationInput } from './simulate.ts';
import { newRun, Rig, stage, strategyOf, view } from './testing/rig.ts';
import type { StrategyValue } from '../model/rollout.ts';
import { changeWindow } from './windows/testing/values.ts';

const FROM = Date.UTC(2027, 0, 4, 11, 0);
const careful = strategyOf([stage('canary', ['berlin'], { soakSeconds: 60 }), stage('rest', ['oslo', 'paris', 'quito', 'rome'], { maxConcurrency: 2, soakSeconds: 60, maxFailures: 1 })], { progressDeadlineSeconds: 120 });

function inputOf(strategy: StrategyValue, assumed: Partial<SimulationAssumptions> = {}, windows: readonly ChangeWindowValue[] = []): SimulationInput {
  const names = ['berlin', 'oslo', 'paris', 'quito', 'rome'];
  return {
    run: newRun(strategy, names), observed: [], clusters: names.map((name) => view(name)), windows, overrides: [], windowRun: { name: 'run-1', strategy: strategy.name },
    assumptions: { ...USUAL_ASSUMPTIONS, ...assumed }, from: FROM, horizonSeconds: 7 * 86_400,
  };
}

/** Seconds from the beginning: assigned, healthy, finished. */
const timesOf = ({ clusters, from }: Simulation): string[] =>
  clusters.map(({ cluster, phase, assignedAt, healthyAt, finishedAt }) => `${cluster} ${phase} ${[assignedAt, healthyAt, finishedAt].map((at) => (at === null ? '-' : (at - from) / 1000)).join(' ')}`);

test('a careful run: stage after stage, two at a time', () => {
  const simulated = simulate(inputOf(careful));
  expect(timesOf(simulated)).toEqual(['berlin Done 0 30 90', 'oslo Done 90 120 180', 'paris Done 90 120 180', 'quito Done 180 210 270', 'rome Done 180 210 270']);
  expect(simulated).toMatchObject({ phase: 'Completed', end: 'Finished', finishedAt: FROM + 270_000, peak: { inFlight: 2, failed: 0, unavailable: 2, changed: 5 }, worstFailures: 3 });
  expect(simulated.radius.map(({ at, inFlight, changed }) => [(at - FROM) / 1000, inFlight, changed])).toEqual([[0, 1, 1], [90, 2, 3], [180, 2, 5], [270, 0, 5]]);
  expect(simulated.stages.map(({ name, beginsAt, endsAt, worstFailures }) => [name, (beginsAt! - FROM) / 1000, (endsAt! - FROM) / 1000, worstFailures])).toEqual([['canary', 0, 90, 1], ['rest', 90, 270, 3]]);
});

test('what if a cluster fails: within maxFailures the run goes on, beyond it the policy says what follows', () => {
  expect(timesOf(simulate(inputOf(careful, { failing: ['paris'] })))).toEqual(['berlin Done 0 30 90', 'oslo Done 90 120 180', 'paris Failed 90 - 210', 'quito Done 180 210 270', 'rome Done 210 240 300']);
  const canary = simulate(inputOf({ ...careful, onFailure: 'RollBackRun' }, { failing: ['berlin'] }));
  expect(timesOf(canary)[0]).toBe('berlin RolledBack 0 150 150');
  expect(canary).toMatchObject({ phase: 'RolledBack', peak: { changed: 1 } });
  expect(canary.clusters[0]).toMatchObject({ rolledBackAt: FROM + 120_000 });
  const rest = simulate(inputOf({ ...careful, onFailure: 'RollBackRun', stages: [careful.stages[0]!, { ...careful.stages[1]!, maxFailures: 0 }] }, { failing: ['oslo'] }));
  expect(rest.clusters[0]).toMatchObject({ cluster: 'berlin', phase: 'RolledBack', assignedAt: FROM, doneAt: FROM + 90_000, rolledBackAt: FROM + 210_000 });
  expect(simulate(inputOf({ ...careful, onFailure: 'Pause' }, { failing: ['berlin'] }))).toMatchObject({ end: 'Waits', phase: 'Paused', finishedAt: null });
});

test('a run that has begun goes on from where it is, and ends as it would have', () => {
  const input = inputOf(careful);
  const rig = new Rig(input.run, FROM);
  rig.after();
  const assigned = simulate({ ...input, run: rig.run, observed: [...rig.agents.values()], from: rig.now + 10_000 });
  rig.now += 30_000;
  rig.apply(['berlin']).after();
  const soaking = simulate({ ...input, run: rig.run, observed: [...rig.agents.values()], from: rig.now + 20_000 });
  const whole = simulate(input).clusters;
  expect(assigned.clusters).toEqual(whole);
  expect(soaking.clusters).toEqual(whole);
  expect(soaking.radius[0]).toMatchObject({ at: FROM + 50_000, inFlight: 1, changed: 1 });
  const failing = simulate({ ...input, run: rig.run, observed: [...rig.agents.values()], from: rig.now, assumptions: { ...USUAL_ASSUMPTIONS, failing: ['berlin'] } });
  expect(timesOf({ ...failing, from: FROM })[0]).toMatch(/^berlin Failed 0 - /);
});

test('a closed window is told of as what kept the run waiting', () => {
  const simulated = simulate(inputOf(careful, {}, [changeWindow({ name: 'noon', cron: '0 12 * * *', clusters: { names: ['q*', 'r*'] } })]));
  expect(timesOf(simulated).slice(3)).toEqual(['quito Done 3600 3630 3690', 'rome Done 3600 3630 3690']);
  expect(simulated.closings).toEqual([{ stage: 'rest', reason: 'outside ChangeWindow noon', clusters: 2, from: FROM + 180_000, to: FROM + 3_600_000 }]);
  expect(simulated.waits).toEqual([{ stage: 'rest', reason: 'outside ChangeWindow noon for quito, rome; opens at 2027-01-04T12:00:00.000Z', from: FROM + 180_000, to: FROM + 3_600_000 }]);
});

test('an approval comes when it is assumed to, or never', () => {
  const gated = { ...careful, stages: [careful.stages[0]!, { ...careful.stages[1]!, before: [{ name: 'go', approval: { count: 2, groups: ['ops'] } }] }] };
  expect(timesOf(simulate(inputOf(gated, { secondsToApproval: 600 })))[1]).toBe('oslo Done 690 720 780');
  const never = simulate(inputOf(gated, { secondsToApproval: null }));
  expect(never).toMatchObject({ end: 'Waits', phase: 'Waiting', finishedAt: null, waits: [{ stage: 'rest', reason: 'gate go: 0 of 2 approvals from ops, 2 missing', from: FROM + 90_000, to: null }] });
});

test('a cluster that is away holds nobody up, and is left out at the end', () => {
  const simulated = simulate(inputOf(careful, { away: ['oslo'] }));
  expect(timesOf(simulated)[1]).toBe('oslo Skipped - - 390');
  expect(simulated).toMatchObject({ phase: 'CompletedWithFailures', until: FROM + 390_000 });
});

test('where the canary is away the plan says that nothing follows, and until when: for good', () => {
  const input = inputOf(careful, { away: ['berlin'] });
  expect(simulate(input)).toMatchObject({ end: 'Waits', phase: 'Waiting', peak: { changed: 0 }, waits: [{ stage: 'canary', from: FROM, to: null, reason: 'stage canary passes with 1 of 1 cluster done (minDone 1), and none is; away: berlin; waits since 2027-01-04T11:00:00.000Z; it goes on when enough are done, or without them after a person resumes it' }] });
  expect(absences(careful, input.run.targets, (cluster) => cluster === 'berlin')).toEqual(['stage canary: away: berlin (1 of 1), and 1 must be done before anything follows (minDone 1): the run waits there, for them or for a person who resumes it']);
  expect(absences(careful, input.run.targets, (cluster) => cluster === 'oslo' || cluster === 'paris')).toEqual([]);
});

test('a run of 2,000 clusters that fail here and there is told within bounds, in slices', () => {
  const names = Array.from({ length: 2000 }, (_, index) => `cluster-${index}`);
  const strategy = strategyOf([stage('all', ['*'], { maxConcurrency: '5%', maxFailures: '10%', soakSeconds: 60 })]);
  const simulator = createSimulator({ ...inputOf(strategy, { failingPercent: { all: 3 } }), run: newRun(strategy, names), clusters: names.map((name) => view(name)) });
  let slices = 0;
  while (!simulator.advance(10)) slices += 1;
  expect(slices).toBeGreaterThan(2);
  const { stages, peak, worstFailures } = simulator.result();
  expect(stages[0]).toMatchObject({ tally: { Done: 1940, Failed: 60 }, worstFailures: 300 });
  expect(peak.inFlight).toBe(100);
  expect(worstFailures).toBe(300);
});
