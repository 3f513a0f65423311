import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { MetricGateValue } from '../../model/metric-gate.ts';
import type { RunTarget } from '../../model/rollout.ts';
import type { StrategyValue } from '../../model/strategy.ts';
import { measurementOf, type Readings } from './measurement.ts';
import { conditionProblem } from './measurement-condition.ts';
import { readPrometheus } from './measurement-prometheus.ts';
import { fillQuery, namesPattern, queryClusters } from './measurement-query.ts';
import { gateProblems } from './metric-problems.ts';

const gateOf = (more: Partial<MetricGateValue> = {}): MetricGateValue => ({
  address: 'http://prometheus:9090', query: 'rate', successCondition: 'result[0] <= control[0] * 1.5', failureCondition: 'result[0] > control[0] * 3.0', controlQuery: 'rate of control', traffic: { query: 'requests', atLeast: 100 },
  initialDelaySeconds: 0, intervalSeconds: 60, count: 1, failureLimit: 0, inconclusiveLimit: 0, consecutiveErrorLimit: 4, timeoutSeconds: 5, ...more,
});
const values = (...all: number[]) => ({ values: all, warnings: [] });
const good: Readings = { result: values(0.01), control: values(0.01), traffic: values(500) };

describe('one measurement', () => {
  test.each<[string, Readings, string, string]>([
    ['as good as control', good, 'Successful', '0.01, control 0.01'],
    ['worse than control', { ...good, result: values(0.04) }, 'Failed', '0.04, control 0.01: result[0] > control[0] * 3.0 is true'],
    ['between both conditions', { ...good, result: values(0.02) }, 'Inconclusive', '0.02, control 0.01: neither condition is true'],
    ['no data', { ...good, result: values() }, 'Error', 'query gives no data, which is no success'],
    ['no data of control', { ...good, control: values() }, 'Error', 'controlQuery gives no data, which is no success'],
    ['NaN', { ...good, result: values(Number.NaN) }, 'Inconclusive', 'query gives NaN, which proves nothing'],
    ['infinite', { ...good, control: values(Number.POSITIVE_INFINITY) }, 'Inconclusive', 'controlQuery gives Infinity, which proves nothing'],
    ['NaN among others', { ...good, result: values(0.01, Number.NaN) }, 'Inconclusive', 'query gives NaN, which proves nothing'],
    ['too little traffic, however good', { ...good, traffic: values(99) }, 'Inconclusive', 'too little traffic: 99, at least 100 is asked for'],
    ['too little traffic, however bad', { ...good, result: values(1), traffic: values(99) }, 'Inconclusive', 'too little traffic: 99, at least 100 is asked for'],
    ['no traffic', { ...good, traffic: values() }, 'Inconclusive', 'traffic.query gives no data, at least 100 is asked for'],
    ['traffic that is NaN', { ...good, traffic: values(Number.NaN) }, 'Inconclusive', 'too little traffic: NaN, at least 100 is asked for'],
    ['a query that failed', { ...good, control: { problem: 'answers 503', advice: 'retry' } }, 'Error', 'controlQuery: answers 503'],
    ['warnings', { ...good, result: { values: [0.01], warnings: ['half of it is missing'] } }, 'Successful', '0.01, control 0.01; Prometheus warns: half of it is missing'],
  ])('%s', (_, readings, phase, message) => expect(measurementOf(gateOf(), readings, 7)).toMatchObject({ at: 7, phase, message }));

  test('a condition that does not fit what came is an error', () => {
    expect(measurementOf(gateOf({ failureCondition: 'result[3] > 1.0' }), good, 7)).toMatchObject({ phase: 'Error', message: expect.stringContaining('failureCondition index 3 out of bounds') });
  });

  test('without a success condition that is true nothing is a success', () => {
    fc.assert(fc.property(fc.array(fc.double()), fc.array(fc.double()), (result, control) => {
      const { phase, values: kept } = measurementOf(gateOf({ successCondition: 'false', failureCondition: 'false' }), { result: values(...result), control: values(...control), traffic: values(1000) }, 7);
      expect(phase).not.toBe('Successful');
      expect(JSON.parse(JSON.stringify(kept))).toEqual(kept.map((value) => (Object.is(value, -0) ? 0 : value)));
    }));
  });
});

describe('conditions', () => {
  test.each([
    ['result[0] < 1', undefined],
    ['result.all(each, each < 0.05)', undefined],
    ['size(result) > 3 && result[3] < 0.1', undefined],
    ['result[0] <', 'is no CEL: at column 11: found < but expecting end of input'],
    ['result[0] > 1 && reslt[0] < 1', 'at column 18: names "reslt"; known are result, control'],
    ['result[0] < mean(control)', 'at column 13: calls mean(), which is not known'],
    ['result[0] < "', 'has a text without its closing quote at column 13'],
    ['result.first < 1', 'at column 1: result.first: a list of numbers has no first; its first is written [0], their count size(…)'],
    ['result[0] + control[0]', 'answers no truth value; compare it with something'],
    ['result[0] < control[0] * 2', "found no matching overload for '_*_' applied to '(double, int)': results are fractions; write whole numbers beside them with a point, 2.0 for 2"],
    ['', 'is empty; leave it out to ask for nothing'],
  ])('%s', (text, problem) => expect(conditionProblem(text)).toBe(problem));
});

describe('queries', () => {
  test('placeholders become expressions that match these names alone', () => {
    expect(fillQuery('sum(rate(errors{cluster=~"{{clusters}}"}[5m])) / {{ control }} {{other}}', { clusters: ['berlin', 'eu.oslo'], control: [] })).toBe('sum(rate(errors{cluster=~"(?:berlin|eu[.]oslo)"}[5m])) / (?:-) {{other}}');
  });

  test('whatever the names are', () => {
    const name = fc.string({ unit: fc.constantFrom(...'ab-0.+*?()|{}[]$'.split('')), minLength: 1, maxLength: 6 });
    fc.assert(fc.property(fc.array(name, { maxLength: 5 }), name, (names, other) => {
      const pattern = new RegExp(`^(?:${namesPattern(names)})$`);
      for (const one of names) expect(pattern.test(one)).toBe(true);
      expect(pattern.test(other)).toBe(names.includes(other) || (names.length === 0 && other === '-'));
      expect(pattern.test('')).toBe(false);
    }));
  });

  test('canary is what was changed and did not go back, control what was not', () => {
    const target = (cluster: string, stage: number, assignedAt: number | null, more: Partial<RunTarget> = {}): RunTarget =>
      ({ cluster, stage, fromId: null, toId: 'b', phase: assignedAt === null ? 'Pending' : 'Done', assignedAt, healthyAt: null, finishedAt: null, message: '', ...more });
    const targets = [target('paris', 1, 5), target('berlin', 0, 1), target('oslo', 0, 2, { rolledBackAt: 3, phase: 'RolledBack' }), target('rome', 2, null), target('bern', 2, null, { phase: 'Skipped' })];
    expect(queryClusters(targets, 1, 'after')).toEqual({ clusters: ['paris'], control: ['bern', 'rome'] });
    expect(queryClusters(targets, 2, 'before')).toEqual({ clusters: ['berlin', 'paris'], control: ['bern', 'rome'] });
  });
});

describe('answers of Prometheus', () => {
  const success = (data: unknown, more: object = {}): string => JSON.stringify({ status: 'success', data, ...more });
  test.each<[string, number, string, object]>([
    ['a vector', 200, success({ resultType: 'vector', result: [{ metric: {}, value: [1, '0.5'] }, { metric: {}, value: [1, '+Inf'] }, { metric: {}, value: [1, 'NaN'] }] }), { values: [0.5, Number.POSITIVE_INFINITY, Number.NaN], warnings: [] }],
    ['an empty vector', 200, success({ resultType: 'vector', result: [] }), { values: [], warnings: [] }],
    ['a scalar', 200, success({ resultType: 'scalar', result: [1, '1e-3'] }), { values: [0.001], warnings: [] }],
    ['warnings and infos', 200, success({ resultType: 'vector', result: [] }, { warnings: ['some'], infos: ['more'] }), { values: [], warnings: ['some', 'more'] }],
    ['a matrix', 200, success({ resultType: 'matrix', result: [] }), { advice: 'user', problem: expect.stringMatching(/^answers a matrix: .*take away a range/) }],
    ['histograms', 200, success({ resultType: 'vector', result: [{ metric: {}, histogram: [1, {}] }] }), { advice: 'user', problem: expect.stringContaining('histogram_quantile()') }],
    ['too many series', 200, success({ resultType: 'vector', result: Array.from({ length: 1025 }, () => ({ value: [1, '1'] })) }), { advice: 'user', problem: expect.stringContaining('1025 series') }],
    ['a sample without a number', 200, success({ resultType: 'vector', result: [{ metric: {}, value: [1, 'one'] }] }), { advice: 'retry' }],
    ['an empty sample', 200, success({ resultType: 'vector', result: [{ metric: {}, value: [1, ''] }] }), { advice: 'retry' }],
    ['a wrong query', 400, JSON.stringify({ status: 'error', errorType: 'bad_data', error: 'invalid parameter "query": 1:5: parse error: unexpected end of input' }), { advice: 'user', problem: 'bad_data: invalid parameter "query": 1:5: parse error: unexpected end of input' }],
    ['one that cannot be carried out', 422, JSON.stringify({ status: 'error', errorType: 'execution', error: 'many-to-many matching not allowed' }), { advice: 'user' }],
    ['no time', 503, JSON.stringify({ status: 'error', errorType: 'timeout', error: 'query timed out' }), { advice: 'retry', problem: 'answers 503, timeout: query timed out' }],
    ['another server', 404, '<html>secret</html>', { advice: 'retry', problem: 'answers 404: there is no Prometheus API; metric.address is its root, without /api/v1' }],
    ['wrong credentials', 401, 'Unauthorized', { advice: 'retry', problem: 'answers 401: it asks for other credentials (metric.authSecret)' }],
    ['JSON of somebody else', 200, '{"password": "secret"}', { advice: 'retry', problem: 'answers 200 with something that is not of Prometheus' }],
    ['no data', 200, '{"status": "success"}', { advice: 'retry', problem: 'answers without data' }],
  ])('%s', (_, status, body, reading) => expect(readPrometheus(status, body)).toMatchObject(reading));

  test('whatever is answered, reading it never throws', () => {
    fc.assert(fc.property(fc.integer({ min: 100, max: 599 }), fc.oneof(fc.string(), fc.json(), fc.json().map((data) => `{"status":"success","data":${data}}`), fc.json().map((result) => `{"status":"success","data":{"resultType":"vector","result":${result}}}`)), (status, body) => {
      expect(readPrometheus(status, body)).toBeTypeOf('object');
    }));
  });
});

test('problems of gates are told before they are asked', () => {
  const { successCondition: _, controlQuery: __, ...plain } = gateOf();
  const strategy = {
    name: 's', progressDeadlineSeconds: 600, remaining: 'Skip',
    stages: [{
      name: 'canary', clusters: {}, maxConcurrency: 1, soakSeconds: 0,
      before: [{ name: 'late', waitUntil: { at: 'tomorrow' } }, { name: 'fine', metric: gateOf() }],
      after: [
        { name: 'errors', metric: gateOf({ query: 'errors{c=~"{{cluster}}"}', successCondition: 'reslt[0] < 1', failureCondition: 'control[0] > 1.0', controlQuery: 'x{c=~"{{control}}"}' }) },
        { name: 'never', metric: { ...plain, failureCondition: 'result[0] > 1.0' } },
      ],
    }],
  } satisfies StrategyValue;
  expect(gateProblems(strategy)).toEqual([
    'gate canary/before/late: waitUntil.at "tomorrow" is no time; write 2026-12-24T18:00:00Z',
    'gate canary/after/errors: query: at column 12: {{cluster}} stands for nothing; known are {{clusters}} and {{control}}',
    'gate canary/after/errors: successCondition: at column 1: names "reslt"; known are result, control',
    'gate canary/after/errors: after the last stage no cluster is left that the run has not changed: {{control}} matches none',
    'gate canary/after/never: has no successCondition: it can fail or hold, and never pass',
  ]);
});
