/** Random fleets, strategies and what happens to them. */
import fc from 'fast-check';
import { FAILURE_POLICIES, type FailurePolicy, type GateValue, type StageValue, type StrategyValue } from '../../model/strategy.ts';

export const CLUSTERS = ['ams', 'ber', 'cph', 'dub', 'edi', 'fra', 'gva'];

const some = <T>(...values: T[]): fc.Arbitrary<T> => fc.constantFrom(...values);
/** Absent as often as not. */
const maybe = <Key extends string, T>(key: Key, value: fc.Arbitrary<T>): fc.Arbitrary<{ readonly [K in Key]?: T }> => fc.option(value).map((one) => (one === null ? {} : { [key]: one }) as { readonly [K in Key]?: T });
const all = <T extends readonly fc.Arbitrary<object>[]>(...parts: T): fc.Arbitrary<object> => fc.tuple(...parts).map((objects) => Object.assign({}, ...objects) as object);

const names = fc.subarray(CLUSTERS, { minLength: 1 });
const concurrency = some<number | string>(1, 1, 2, 3, '34%', '50%', '100%');
const failures = some<number | string>(0, 1, 2, '20%', '50%');
const gate: fc.Arbitrary<Omit<GateValue, 'name'>> = fc.oneof(
  some({ approval: { count: 1, groups: [] } }, { approval: { count: 2, groups: ['sre'] } }),
  some({ waitUntil: { at: '1970-01-01T00:00:20Z' } }, { waitUntil: { at: '1970-01-01T00:01:30Z' } }),
  some({ webhook: { url: 'https://gate', intervalSeconds: 30, timeoutSeconds: 5, failureLimit: 1 } }, { job: { namespace: 'gates', template: 'smoke', deadlineSeconds: 60 } }),
);
const gates = fc.array(gate, { minLength: 1, maxLength: 2 }).map((list) => list.map((one, index): GateValue => ({ name: `g${index}`, ...one })));
const rarely = <T>(arbitrary: fc.Arbitrary<T>, absent: T): fc.Arbitrary<T> => fc.oneof({ weight: 3, arbitrary: fc.constant(absent) }, { weight: 1, arbitrary });
const least = some<number | string>(0, 1, 2, '34%', '100%');
const group = all(fc.record({ clusters: fc.record({ names }) }), maybe('maxConcurrency', concurrency), maybe('maxFailures', failures), rarely<object>(least.map((minDone) => ({ minDone })), {}));
const stage = all(
  fc.record({ clusters: fc.record({ names }), maxConcurrency: concurrency, soakSeconds: fc.integer({ min: 0, max: 8 }) }),
  maybe('maxFailures', failures), maybe('maxUnavailable', some<number | string>(1, 2, 3, '50%')), rarely<object>(some({ stageSoakSeconds: 5 }, { stageSoakSeconds: 30 }), {}),
  maybe('minDone', least), rarely<object>(some({ progressDeadlineSeconds: 4 }, { progressDeadlineSeconds: 20 }), {}), rarely<object>(some({ orderBy: 'tier' }), {}),
  rarely<object>(gates.map((before) => ({ before })), {}), rarely<object>(gates.map((after) => ({ after })), {}),
  rarely<object>(fc.array(group, { minLength: 1, maxLength: 2 }).map((list) => ({ groups: list.map((one, index) => ({ ...one, name: `group${index}` })) })), {}),
) as fc.Arbitrary<StageValue>;

export const strategies: fc.Arbitrary<StrategyValue> = all(
  fc.record({ name: fc.constant('any'), progressDeadlineSeconds: fc.integer({ min: 5, max: 25 }), stages: fc.array(stage, { minLength: 1, maxLength: 3 }).map((list) => list.map((one, index) => ({ ...one, name: `s${index}` }))) }),
  rarely<object>(some({ maxConcurrency: 2 }, { maxConcurrency: '40%' }), {}), rarely<object>(some({ maxFailures: 1 }, { maxFailures: '30%' }), {}), rarely<object>(some({ maxUnavailable: 1 }, { maxUnavailable: 2 }, { maxUnavailable: '30%' }), {}),
  maybe('onFailure', some<FailurePolicy>(...FAILURE_POLICIES, 'Pause', 'RollBackRun')), maybe('remaining', some<'Last' | 'Skip'>('Last', 'Skip')),
  rarely<object>(some({ rollback: { maxConcurrency: 1 } }, { rollback: { maxConcurrency: '50%', progressDeadlineSeconds: 6 } }, { rollback: { maxConcurrency: 5 } }), {}),
) as fc.Arbitrary<StrategyValue>;

export const fleets = fc.tuple(...CLUSTERS.map((cluster) => fc.record({
  cluster: fc.constant(cluster), tier: some(undefined, '1', '2', '10', 'gold'), hadNothing: rarely(fc.constant(true), false), failingBefore: rarely(fc.constant(true), false),
  fast: rarely(fc.constant(true), false), saysGeneration: fc.oneof({ weight: 6, arbitrary: fc.constant(true) }, { weight: 1, arbitrary: fc.constant(false) }),
})));

/** What befalls one cluster between two steps. */
const fate = fc.record({
  does: some('obeys', 'obeys', 'obeys', 'fails', 'fails', 'recovers', 'nothing', 'nothing', 'goes away', 'comes back', 'comes back', 'goes back by itself', 'refuses', 'is changed by hand'),
  taken: fc.integer({ min: 0, max: 100 }).map((dice) => dice === 0),
  closedForSeconds: fc.oneof({ weight: 6, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: some(3, 30, Number.POSITIVE_INFINITY) }),
  busy: fc.integer({ min: 0, max: 12 }).map((dice) => dice === 0), held: fc.integer({ min: 0, max: 60 }).map((dice) => dice === 0), leaves: fc.integer({ min: 0, max: 150 }).map((dice) => dice === 0),
});

const word = fc.record({ approver: some('ann', 'ben', 'cay', 'dan'), decision: fc.oneof({ weight: 5, arbitrary: fc.constant('Approve' as const) }, { weight: 1, arbitrary: fc.constant('Reject' as const) }), at: fc.integer({ min: 0, max: 3 }), groups: some(['sre'], []) });

export const moments = fc.array(fc.record({
  waitSeconds: fc.integer({ min: 0, max: 9 }),
  fates: fc.tuple(...CLUSTERS.map(() => fate)),
  stop: fc.integer({ min: 0, max: 50 }).map((dice) => dice === 0), pause: fc.integer({ min: 0, max: 8 }).map((dice) => dice === 0), resume: fc.option(some(0, 0, 3, 8, -20, -600), { freq: 3 }),
  words: fc.array(word, { maxLength: 4 }), outcome: some('Waiting' as const, 'Waiting' as const, 'Passed' as const, 'Passed' as const, 'Inconclusive' as const, 'Failed' as const),
  /** The hub dies: before the step is saved, or after it. */
  crash: some('none', 'none', 'none', 'before', 'after'),
}), { maxLength: 40 });

export type Fleet = typeof fleets extends fc.Arbitrary<infer T> ? T : never;
export type Moment = typeof moments extends fc.Arbitrary<(infer T)[]> ? T : never;
