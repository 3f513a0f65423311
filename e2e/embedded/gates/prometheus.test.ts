/** Metric gates against a real Prometheus: over HTTP, with credentials, from the query to the verdict. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../../controller/adapters/clock.ts';
import { sha256Hex } from '../../../controller/adapters/digest.ts';
import { createHttpAsk, type HttpAsk } from '../../../controller/adapters/http/ask.ts';
import { createEmbeddedApi } from '../../../controller/embedded/api.ts';
import { embeddedClient } from '../../../controller/embedded/client.ts';
import { memoryObjectStore } from '../../../controller/embedded/store.ts';
import { createAskedGates } from '../../../controller/hub/gates/gates.ts';
import { measure } from '../../../controller/hub/gates/metric.ts';
import { ensureNamespace } from '../../../controller/hub/preparation.ts';
import { createCache } from '../../../controller/runtime/cache.ts';
import { fakeMetrics, seededRandom, silentLog } from '../../../controller/runtime/testing/fakes.ts';
import { Secret } from '../../../mesh/api/resources/core.ts';
import { HUB_RESOURCES, UpdateRun } from '../../../mesh/api/resources/index.ts';
import type { UpdateRunObject } from '../../../mesh/api/resources/updates.ts';
import type { Measurement, MetricGateValue } from '../../../mesh/model/metric-gate.ts';
import { NEW_RUN_STATE, type RunTarget, type RunValue } from '../../../mesh/model/rollout.ts';
import type { KubernetesClient, KubernetesObject } from '../../../mesh/ports/kubernetes.ts';
import { metricVerdict } from '../../../mesh/rollout/gates/metric.ts';
import type { WantedGate } from '../../../mesh/rollout/step.ts';
import { findPrometheus, PASSWORD, startPrometheus, type TestPrometheus, USER } from './prometheus-server.ts';

const program = findPrometheus();
const never = new AbortController().signal;
const NAMESPACE = 'isthmus-system';
const CLUSTERS = { clusters: ['berlin'], control: ['oslo', 'paris'] };
const ERROR_RATE = (role: string): string => `sum(errors{cluster=~"{{${role}}}"}) / sum(requests{cluster=~"{{${role}}}"})`;

let prometheus: TestPrometheus;
let http: HttpAsk;
let kubernetes: KubernetesClient;

const gateOf = (more: Partial<MetricGateValue> = {}): MetricGateValue => ({
  address: prometheus.url, authSecret: 'prometheus', query: ERROR_RATE('clusters'), controlQuery: ERROR_RATE('control'), traffic: { query: 'sum(requests{cluster=~"{{clusters}}"})', atLeast: 100 },
  successCondition: 'result[0] <= control[0] * 1.5', failureCondition: 'result[0] > control[0] * 2.0', initialDelaySeconds: 0, intervalSeconds: 1, count: 1, failureLimit: 0, inconclusiveLimit: 0, consecutiveErrorLimit: 2, timeoutSeconds: 5, ...more,
});
const look = (gate: MetricGateValue, clusters = CLUSTERS): Promise<Measurement> => measure({ ports: { clock: systemClock, kubernetes }, ask: http.ask, namespace: NAMESPACE }, gate, clusters, never);

/** Errors and requests by cluster, once Prometheus has them. */
async function traffic(clusters: Readonly<Record<string, readonly [errors: number, requests: number]>>): Promise<void> {
  prometheus.tell(Object.fromEntries(Object.entries(clusters).flatMap(([cluster, [errors, requests]]) => [[`errors{cluster="${cluster}"}`, errors], [`requests{cluster="${cluster}"}`, requests]])));
  const sums = Object.values(clusters).reduce(([errors, requests], one) => [errors + one[0], requests + one[1]], [0, 0]);
  const seen = gateOf({ query: 'sum(errors) + 1e6 * count(errors)', controlQuery: 'sum(requests)', successCondition: `result[0] == ${sums[0] + 1e6 * Object.keys(clusters).length}.0 && control[0] == ${sums[1]}.0`, failureCondition: 'false', traffic: { query: 'vector(1)', atLeast: 1 } });
  for (const deadline = Date.now() + 30_000; (await look(seen)).phase !== 'Successful';) {
    if (Date.now() > deadline) throw new Error(`Prometheus does not scrape: ${JSON.stringify(await look(seen))}`);
    await sleep(50);
  }
}

describe.skipIf(program === undefined)(`metric gates on a real Prometheus${program === undefined ? ' (skipped: prometheus is not on PATH; Debian has it in the package prometheus)' : ''}`, () => {
  beforeAll(async () => {
    prometheus = await startPrometheus(program!);
    http = createHttpAsk({ userAgent: 'isthmus-test' });
    kubernetes = embeddedClient(createEmbeddedApi({ objects: memoryObjectStore(), clock: systemClock, random: seededRandom(1), definitions: HUB_RESOURCES }));
    await ensureNamespace(kubernetes, NAMESPACE, never);
    await kubernetes.create(Secret, {
      apiVersion: 'v1', kind: 'Secret', metadata: { namespace: NAMESPACE, name: 'prometheus', annotations: { 'isthmus.dev/origin': prometheus.url } }, data: { username: btoa(USER), password: btoa(PASSWORD) },
    } as KubernetesObject, { fieldManager: 'test' }, never);
  });
  afterAll(async () => {
    await http?.close();
    await prometheus?.stop();
  });

  test('a canary as good as its control succeeds, a worse one fails, and what lies between proves nothing', async () => {
    await traffic({ berlin: [10, 1000], oslo: [10, 1000], paris: [10, 1000] });
    expect(await look(gateOf())).toMatchObject({ phase: 'Successful', values: [0.01], message: '0.01, control 0.01' });
    await traffic({ berlin: [40, 1000], oslo: [10, 1000], paris: [10, 1000] });
    expect(await look(gateOf())).toMatchObject({ phase: 'Failed', message: '0.04, control 0.01: result[0] > control[0] * 2.0 is true' });
    await traffic({ berlin: [18, 1000], oslo: [10, 1000], paris: [10, 1000] });
    expect(await look(gateOf())).toMatchObject({ phase: 'Inconclusive', message: '0.018, control 0.01: neither condition is true' });
  });

  test('too little traffic is inconclusive, however good it looks', async () => {
    await traffic({ berlin: [0, 99], oslo: [10, 1000], paris: [10, 1000] });
    const measurement = await look(gateOf());
    expect(measurement).toMatchObject({ phase: 'Inconclusive', message: 'too little traffic: 99, at least 100 is asked for' });
    expect(metricVerdict(gateOf(), [measurement], measurement.at, 0).phase).toBe('Inconclusive');
    await traffic({ berlin: [0, 0], oslo: [10, 1000], paris: [10, 1000] });
    const { traffic: _, ...withoutTraffic } = gateOf();
    expect(await look(withoutTraffic)).toMatchObject({ phase: 'Inconclusive', values: [], message: 'query gives NaN, which proves nothing' });
  });

  test('no data is an error and never a success', async () => {
    await traffic({ oslo: [10, 1000], paris: [10, 1000] });
    const { traffic: _, ...gate } = gateOf({ successCondition: 'true' });
    expect(await look(gate)).toMatchObject({ phase: 'Error', message: 'query gives no data, which is no success' });
    expect(await look(gate, { clusters: ['oslo'], control: ['rome'] })).toMatchObject({ phase: 'Error', message: 'controlQuery gives no data, which is no success' });
    expect(await look(gate, { clusters: ['oslo'], control: [] })).toMatchObject({ phase: 'Error', message: '{{control}} stands for nobody: the run has left no cluster as it was' });
    expect(await look(gate, { clusters: [], control: ['oslo'] })).toMatchObject({ phase: 'Error', message: '{{clusters}} stands for nobody: the run has changed no cluster that this gate looks at' });
    expect(await look(gateOf())).toMatchObject({ phase: 'Inconclusive', message: 'traffic.query gives no data, at least 100 is asked for' });
  });

  test.each([
    ['cut short', 'sum(errors', 'query: bad_data: invalid parameter "query": 1:11: parse error: unclosed left parenthesis'],
    ['with an unknown function', 'summ(errors)', 'query: bad_data: invalid parameter "query": 1:1: parse error: unknown function with name "summ"'],
    ['that cannot be carried out', 'label_replace(errors, "1x", "", "", "")', 'query: execution: invalid destination label name in label_replace(): 1x'],
    ['that gives a range', 'errors[5m]', 'query: answers a matrix: the query must give one moment\'s numbers; take away a range such as [5m], or put a function such as rate() around it'],
    ['that gives a text', '"errors"', 'query: answers a string: the query must give one moment\'s numbers; take away a range such as [5m], or put a function such as rate() around it'],
  ])('a query %s is said as Prometheus says it', async (_, query, message) => {
    await traffic({ berlin: [10, 1000], oslo: [10, 1000] });
    expect(await look(gateOf({ query }))).toMatchObject({ phase: 'Error', message });
  });

  test('an expression over ten thousand clusters fits', async () => {
    await traffic({ berlin: [10, 1000], 'far-4711': [10, 1000], elsewhere: [900, 1000] });
    const control = Array.from({ length: 10_000 }, (_, index) => `far-${index}`);
    expect(await look(gateOf(), { clusters: ['berlin'], control })).toMatchObject({ phase: 'Successful', message: '0.01, control 0.01' });
  });

  test('without the right credentials nothing is measured, and nothing of them is told', async () => {
    const { authSecret: _, ...open } = gateOf();
    expect(await look(open)).toMatchObject({ phase: 'Error', message: expect.stringContaining('answers 401: it asks for other credentials (metric.authSecret)') });
    expect(await look(gateOf({ address: prometheus.url.replace('127.0.0.1', 'localhost') }))).toMatchObject({ phase: 'Error', message: `Secret ${NAMESPACE}/prometheus may be sent to ${prometheus.url} alone (annotation isthmus.dev/origin)` });
  });

  test('a whole gate: measured again and again until it has enough, over what the target tells meanwhile', async () => {
    await traffic({ berlin: [10, 1000], oslo: [10, 1000], paris: [10, 1000] });
    const target = (cluster: string, assignedAt: number | null): RunTarget => ({ cluster, stage: 0, fromId: null, toId: 'b', phase: assignedAt === null ? 'Pending' : 'Done', assignedAt, healthyAt: null, finishedAt: null, message: '' });
    const targets = [target('berlin', 1), target('oslo', null), target('paris', null)];
    const gate = { name: 'errors', metric: gateOf({ count: 3, failureLimit: 1 }) };
    const strategy = { name: 's', stages: [{ name: 'canary', clusters: {}, maxConcurrency: 1, soakSeconds: 0, after: [gate] }], progressDeadlineSeconds: 600 };
    const run: RunValue = { name: 'one', phase: 'Running', strategy, stopRequested: false, targets, state: NEW_RUN_STATE };
    const since = systemClock.now();
    const wanted: WantedGate = { key: 'canary/after/errors', stage: 0, side: 'after', gate, since };
    const ports = { clock: systemClock, random: seededRandom(1), log: silentLog, metrics: fakeMetrics(), kubernetes, digest: sha256Hex, ask: http.ask };
    const stop = new AbortController();
    const gates = createAskedGates({ ports, runs: createCache<UpdateRunObject>(kubernetes, UpdateRun, {}, ports), namespace: NAMESPACE, source: '/isthmus/test' });
    const running = gates.start(stop.signal);
    try {
      const verdictNow = () => {
        const { measurements = [] } = gates.observe(run, [wanted])[wanted.key]!;
        return { measurements, verdict: metricVerdict(gate.metric, measurements, systemClock.now(), since) };
      };
      const until = async (what: string, holds: () => boolean): Promise<void> => {
        for (const deadline = Date.now() + 30_000; !holds(); await sleep(20)) if (Date.now() > deadline) throw new Error(`${what}: ${JSON.stringify(verdictNow())}`);
      };
      await until('the first measurement', () => verdictNow().measurements.length > 0);
      await traffic({ berlin: [90, 1000], oslo: [10, 1000], paris: [10, 1000] });
      await until('a failed one', () => verdictNow().measurements.some(({ phase }) => phase === 'Failed'));
      await traffic({ berlin: [10, 1000], oslo: [10, 1000], paris: [10, 1000] });
      await until('the verdict', () => verdictNow().verdict.phase !== 'Waiting');
      const { measurements, verdict } = verdictNow();
      // One bad moment is within failureLimit; two would have failed the gate.
      expect(verdict.phase).toBe(measurements.filter(({ phase }) => phase === 'Failed').length > 1 ? 'Failed' : 'Passed');
      for (const [index, { at }] of measurements.entries()) if (index > 0) expect(at - measurements[index - 1]!.at).toBeGreaterThanOrEqual(1000);
    } finally {
      stop.abort();
      await running;
    }
  });

  test('a target that is gone leaves no data; a Prometheus that is gone leaves errors', async () => {
    await traffic({ berlin: [10, 1000], oslo: [10, 1000], paris: [10, 1000] });
    await prometheus.closeTarget();
    const { traffic: _, ...gate } = gateOf();
    for (const deadline = Date.now() + 30_000; (await look(gate)).phase === 'Successful'; await sleep(50)) if (Date.now() > deadline) throw new Error('the series do not go stale');
    expect(await look(gate)).toMatchObject({ phase: 'Error', message: 'query gives no data, which is no success' });
    expect(await look(gateOf())).toMatchObject({ phase: 'Inconclusive', message: 'traffic.query gives no data, at least 100 is asked for' });
    await prometheus.stop();
    expect(await look(gate)).toMatchObject({ phase: 'Error', message: expect.stringContaining('ECONNREFUSED') });
  });
});
