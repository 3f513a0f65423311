import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { GateValue, StageValue, StrategyValue } from '../model/rollout.ts';
import { failingClusters } from './simulate-fleet.ts';
import { simulate, type SimulationInput } from './simulate.ts';
import { stagesOf } from './stage.ts';
import { secondBySecond } from './testing/second-by-second.ts';
import { newRun, view } from './testing/rig.ts';
import { changeWindow } from './windows/testing/values.ts';

const NAMES = ['berlin', 'cairo', 'delhi', 'lima', 'oslo', 'paris', 'quito', 'rome'];
const FROM = Date.UTC(2027, 0, 4, 11, 55);
const some = fc.subarray(NAMES);
const amount = fc.oneof(fc.integer({ min: 1, max: 3 }), fc.constantFrom('10%', '34%', '50%', '100%'));
const maybe = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(value, { nil: undefined });

const gate: fc.Arbitrary<GateValue> = fc.constantFrom(
  { name: 'people', approval: { count: 2, groups: ['ops'] } },
  { name: 'clock', waitUntil: { at: '2027-01-04T12:01:30Z' } },
  { name: 'errors', metric: { address: 'http://x', query: 'up', successCondition: 'true', initialDelaySeconds: 7, intervalSeconds: 20, count: 3, failureLimit: 1, inconclusiveLimit: 0, consecutiveErrorLimit: 4, timeoutSeconds: 5 } },
  { name: 'hook', webhook: { url: 'http://x', intervalSeconds: 5, timeoutSeconds: 5, failureLimit: 0 } },
);

const stage = (name: string): fc.Arbitrary<StageValue> => fc.record({
  clusters: some.map((names) => ({ names })), maxConcurrency: amount, maxFailures: maybe(fc.oneof(fc.integer({ min: 0, max: 2 }), fc.constant('25%'))), maxUnavailable: maybe(amount),
  soakSeconds: fc.constantFrom(0, 15, 60), stageSoakSeconds: maybe(fc.constant(40)), before: maybe(fc.array(gate, { maxLength: 1 })), after: maybe(fc.array(gate, { maxLength: 1 })),
}).map((value) => present({ name, ...value }) as StageValue);

const present = (value: object): object => Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined));

const strategy: fc.Arbitrary<StrategyValue> = fc.record({
  first: stage('first'), second: stage('second'), onFailure: fc.constantFrom('Pause' as const, 'Stop' as const, 'RollBackCluster' as const, 'RollBackStage' as const, 'RollBackRun' as const),
  maxConcurrency: maybe(amount), maxFailures: maybe(fc.integer({ min: 0, max: 3 })), rollback: maybe(fc.constant({ maxConcurrency: 2 })), remaining: maybe(fc.constantFrom('Last' as const, 'Skip' as const)),
}).map(({ first, second, ...more }) => ({ name: 'random', progressDeadlineSeconds: 90, stages: [first, second], ...present(more) }));

const input: fc.Arbitrary<SimulationInput> = fc.record({
  strategy, names: fc.subarray(NAMES, { minLength: 1 }), failing: fc.subarray(NAMES, { maxLength: 3 }), away: fc.subarray(NAMES, { maxLength: 2 }),
  secondsToHealthy: fc.constantFrom(0, 5, 30, 45), secondsToHealthyOf: fc.dictionary(fc.constantFrom(...NAMES), fc.integer({ min: 0, max: 120 }), { maxKeys: 3 }),
  secondsToApproval: fc.constantFrom(0, 33, null), gatesPass: fc.boolean(), share: fc.constantFrom(0, 0, 30),
  windows: fc.subarray([
    changeWindow({ name: 'noon', cron: '0 12 * * *', durationSeconds: 120 }),
    changeWindow({ name: 'quarter', kind: 'Deny', cron: '2,15 * * * *', durationSeconds: 180, clusters: { names: ['o*', 'l*'] } }),
    changeWindow({ name: 'south', cron: '*/10 * * * *', durationSeconds: 240, clusters: { names: ['cairo', 'quito'] } }),
  ]),
}).map(({ strategy: chosen, names, failing, away, share, windows, ...assumed }) => ({
  run: newRun(chosen, names), observed: [], clusters: names.map((name) => view(name)), windows, overrides: [], windowRun: { name: 'run-1', strategy: chosen.name },
  assumptions: { ...assumed, failing, away, ...(share === 0 ? {} : { failingPercent: { first: share } }) }, from: FROM, horizonSeconds: 1200,
}));

test('what is simulated is what a fleet does that behaves as was assumed, under a hub that decides every second', () => {
  fc.assert(fc.property(input, (one) => {
    const simulated = simulate(one);
    const { run, inFlight } = secondBySecond(one, failingClusters(one.run.targets, stagesOf(one.run.strategy), one.assumptions));
    const rows = run.targets.map(({ cluster, stage: number, phase, assignedAt, healthyAt, finishedAt, rolledBackAt, message }) =>
      ({ cluster, stage: number, phase, assignedAt, healthyAt, finishedAt, ...(rolledBackAt === undefined ? {} : { rolledBackAt }), message }));
    // What keeps one waiting for good is told as it was when the last thing happened.
    const told = (row: typeof rows[number]): typeof row => (row.phase === 'Pending' ? { ...row, message: '' } : row);
    expect(simulated.clusters.map(({ doneAt: _doneAt, ...row }) => told(row as typeof rows[number]))).toEqual(rows.map(told));
    expect(simulated.finishedAt).toBe(run.state?.finished?.at ?? null);
    expect(simulated.phase).toBe(run.phase);
    expect(simulated.peak.inFlight).toBe(inFlight);
    if (simulated.onFailure === 'Stop' || simulated.onFailure === 'Pause') expect(simulated.clusters.filter(({ phase }) => phase === 'Failed').length).toBeLessThanOrEqual(simulated.worstFailures);
    for (const [place, point] of simulated.radius.entries()) {
      const at = simulated.clusters.filter(({ assignedAt }) => assignedAt !== null && assignedAt <= point.at).length;
      expect(point.changed).toBeLessThanOrEqual(at);
      if (place > 0) expect(point.at).toBeGreaterThan(simulated.radius[place - 1]!.at);
    }
  }), { numRuns: 30 });
}, 60_000);
