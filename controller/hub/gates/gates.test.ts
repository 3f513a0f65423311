/** Gates that ask others, from the strategy to the run: metrics, webhooks, and what becomes of them when the hub restarts. */
import { expect, it } from 'vitest';
import { Mesh, UpdateRun, UpdateStrategy } from '../../../mesh/api/resources/index.ts';
import { Secret } from '../../../mesh/api/resources/core.ts';
import type { UpdateRunObject, UpdateStrategyObject } from '../../../mesh/api/resources/updates.ts';
import type { MetricGateValue } from '../../../mesh/model/metric-gate.ts';
import { type AskAnswer, AskFailed, type AskRequest } from '../../../mesh/ports/ask.ts';
import type { KubernetesObject } from '../../../mesh/ports/kubernetes.ts';
import type { Bench } from '../testing/bench.ts';
import { applyAll, conditionOf, threeClusters } from '../testing/three-clusters.ts';
import { measure } from './metric.ts';

const never = new AbortController().signal;
const strategyOf = (gate: object): object => ({
  stages: [
    { name: 'canary', clusters: { names: ['berlin'] }, maxConcurrency: 1, soakSeconds: 0, after: [{ name: 'look', ...gate }] },
    { name: 'rest', clusters: {}, maxConcurrency: 3, soakSeconds: 0 },
  ],
  progressDeadlineSeconds: 60, onFailure: 'Stop',
});
const METRIC = { address: 'https://prometheus.test:9090', query: 'errors{cluster=~"{{clusters}}"}', controlQuery: 'errors{cluster=~"{{control}}"}', successCondition: 'result[0] <= control[0]', failureCondition: 'result[0] > control[0]', intervalSeconds: 10, count: 3 };

const vector = (...values: readonly number[]): AskAnswer => ({ status: 200, body: JSON.stringify({ status: 'success', data: { resultType: 'vector', result: values.map((value) => ({ metric: {}, value: [0, String(value)] })) } }), retryAfterSeconds: undefined });
const json = (value: unknown, status = 200): AskAnswer => ({ status, body: JSON.stringify(value), retryAfterSeconds: undefined });

const runOf = async (bench: Bench) => (await bench.get<UpdateRunObject>(UpdateRun, 'europe-1'))?.status;
const gateOf = async (bench: Bench) => (await runOf(bench))?.gates?.[0];

/** `asked` gets every request; the run is at its gate. */
async function atTheGate(gate: object, answer: (request: AskRequest, count: number) => AskAnswer): Promise<Awaited<ReturnType<typeof threeClusters>> & { readonly asked: AskRequest[] }> {
  const world = await threeClusters();
  const { bench, agents } = world;
  const asked: AskRequest[] = [];
  bench.ask = async (request) => {
    asked.push(request);
    return answer(request, asked.length);
  };
  await bench.create(UpdateStrategy, 'gated', strategyOf(gate));
  await bench.create(Mesh, 'europe', { clusters: {}, strategy: 'gated' });
  for (let turn = 0; turn < 30 && await gateOf(bench) === undefined; turn++) await applyAll(bench, Object.values(agents), 1);
  expect(await gateOf(bench)).toMatchObject({ name: 'canary/after/look' });
  return { ...world, asked };
}

const isControl = ({ body }: AskRequest): boolean => new URLSearchParams(body).get('query')!.includes('oslo');

it('a metric gate passes after its measurements, each due after the last', async () => {
  const { bench, agents, asked } = await atTheGate({ metric: METRIC }, () => vector(0.5));
  expect(asked[0]).toMatchObject({ method: 'POST', url: 'https://prometheus.test:9090/api/v1/query', timeoutSeconds: 10 });
  expect(asked.slice(0, 2).map(({ body }) => new URLSearchParams(body).get('query'))).toEqual(['errors{cluster=~"(?:berlin)"}', 'errors{cluster=~"(?:oslo|virginia)"}']);
  expect(await gateOf(bench)).toMatchObject({ phase: 'Waiting', message: expect.stringContaining('of 3 successful measurements') });
  await applyAll(bench, Object.values(agents), 40);
  expect(await runOf(bench)).toMatchObject({ phase: 'Completed', gates: [{ phase: 'Passed', message: '3 successful measurements: 0.5, control 0.5' }] });
  expect(asked).toHaveLength(6);
  expect(bench.metrics.value('isthmus_hub_gate_looks_total', { kind: 'metric', outcome: 'Successful' })).toBe(3);
});

it('a canary that is worse than its control fails the gate, and the run stops', async () => {
  const { bench, agents } = await atTheGate({ metric: METRIC }, (request) => vector(isControl(request) ? 0.1 : 0.4));
  await applyAll(bench, Object.values(agents), 5);
  expect(await runOf(bench)).toMatchObject({ phase: 'Failed', gates: [{ phase: 'Failed', message: expect.stringContaining('0.4, control 0.1: result[0] > control[0] is true') }], counts: { done: 1, skipped: 2 } });
});

it('a Prometheus that is away is asked less and less often, and then the run is held until a person resumes it', async () => {
  let away = true;
  const { bench, agents, asked } = await atTheGate({ metric: { ...METRIC, intervalSeconds: 60, count: 1, consecutiveErrorLimit: 3 } }, () => {
    if (away) throw new AskFailed('retry', 'connect ECONNREFUSED');
    return vector(0);
  });
  // At once, and after 10, 20 and 40 seconds; two queries each.
  await applyAll(bench, Object.values(agents), 65);
  expect(asked).toHaveLength(6);
  await applyAll(bench, Object.values(agents), 10);
  expect(asked).toHaveLength(8);
  expect(await runOf(bench)).toMatchObject({ phase: 'Paused', gates: [{ phase: 'Inconclusive', message: '4 errors one after another, more than consecutiveErrorLimit 3: query: https://prometheus.test:9090: connect ECONNREFUSED' }] });
  await applyAll(bench, Object.values(agents), 300);
  expect(asked).toHaveLength(8);
  away = false;
  await bench.kubernetes.patch(UpdateRun, { name: 'europe-1' }, { spec: { resumedAt: new Date(bench.clock.now()).toISOString() } }, { type: 'merge', fieldManager: 'test' }, never);
  await applyAll(bench, Object.values(agents), 20);
  expect(await runOf(bench)).toMatchObject({ phase: 'Completed' });
});

it('a hub that restarts goes on with what was measured', async () => {
  const { bench, agents, asked } = await atTheGate({ metric: { ...METRIC, intervalSeconds: 60, count: 3 } }, () => vector(1));
  await applyAll(bench, Object.values(agents), 65);
  expect(asked).toHaveLength(4);
  await bench.stopHub();
  await bench.startHub();
  for (const agent of Object.values(agents)) agent.connect(bench);
  await applyAll(bench, Object.values(agents), 45);
  expect(asked).toHaveLength(4);
  await applyAll(bench, Object.values(agents), 30);
  expect(asked).toHaveLength(6);
  expect(await runOf(bench)).toMatchObject({ phase: 'Completed' });
});

it('nothing is asked while a person pauses the run', async () => {
  const { bench, agents, asked } = await atTheGate({ metric: { ...METRIC, count: 100 } }, () => vector(1));
  const pause = (set: boolean) => bench.kubernetes.patch(UpdateRun, { name: 'europe-1' }, { spec: { pause: set } }, { type: 'merge', fieldManager: 'test' }, never);
  await pause(true);
  await applyAll(bench, Object.values(agents), 5);
  const before = asked.length;
  await applyAll(bench, Object.values(agents), 60);
  expect(asked).toHaveLength(before);
  await pause(false);
  await applyAll(bench, Object.values(agents), 20);
  expect(asked.length).toBeGreaterThan(before);
});

it('a password in an address is refused, and where an older object has one nobody is told', async () => {
  const { bench } = await threeClusters();
  const address = 'https://user:secretpw@prometheus.test:9090/of?token=secretpw';
  await expect(bench.create(UpdateStrategy, 'gated', strategyOf({ metric: { ...METRIC, address } }))).rejects.toThrow(/address must hold no user and no password: put them into a Secret .* authSecret/);
  await expect(bench.create(UpdateStrategy, 'gated', strategyOf({ webhook: { url: address } }))).rejects.toThrow(/url must hold no user and no password: .* authSecret/);
  const ask = (): Promise<AskAnswer> => Promise.reject(new AskFailed('retry', 'connect ECONNREFUSED'));
  const said = await measure({ ports: bench, ask, namespace: 'isthmus-system' }, { ...METRIC, address, timeoutSeconds: 10 } as unknown as MetricGateValue, { clusters: ['berlin'], control: ['oslo'] }, never);
  expect(said.message).toBe('query: https://prometheus.test:9090: connect ECONNREFUSED');
});

it('a wrong condition is told on the strategy and on the run', async () => {
  const { bench } = await atTheGate({ metric: { ...METRIC, successCondition: 'result[0] <' } }, () => vector(1));
  const told = 'gate canary/after/look: successCondition: is no CEL: at column 11: found < but expecting end of input';
  expect(conditionOf(await bench.get<UpdateStrategyObject>(UpdateStrategy, 'gated'), 'Valid')).toMatchObject({ status: 'False', reason: 'InvalidGate', message: `spec.stages: ${told}` });
  expect(conditionOf(await bench.get<UpdateRunObject>(UpdateRun, 'europe-1'), 'StrategySound')).toMatchObject({ status: 'False', reason: 'Warnings', message: expect.stringContaining(told) });
});

const secret = (name: string, origin: string | undefined, data: Record<string, string>): KubernetesObject => ({
  apiVersion: 'v1', kind: 'Secret', metadata: { namespace: 'isthmus-system', name, ...(origin === undefined ? {} : { annotations: { 'isthmus.dev/origin': origin } }) },
  data: Object.fromEntries(Object.entries(data).map(([key, value]) => [key, btoa(value)])),
} as KubernetesObject);

it.each<[string, string | undefined, Record<string, string>, string | undefined, string]>([
  ['a token', 'https://prometheus.test:9090', { token: 'hush-hush\n' }, 'Bearer hush-hush', ''],
  ['a user and a password', 'https://prometheus.test:9090/', { username: 'ada', password: 'hush-hush' }, `Basic ${btoa('ada:hush-hush')}`, ''],
  ['one for somebody else', 'https://other.test', { token: 'hush-hush' }, undefined, 'may be sent to https://other.test alone (annotation isthmus.dev/origin)'],
  ['one for nobody', undefined, { token: 'hush-hush' }, undefined, 'is sent nowhere: its annotation isthmus.dev/origin must name the origin that may have it'],
  ['one with nothing', 'https://prometheus.test:9090', {}, undefined, 'has neither token nor username and password'],
])('credentials of a Secret: %s', async (_, origin, data, header, problem) => {
  const { bench, agents, asked } = await atTheGate({ metric: { ...METRIC, authSecret: 'prometheus' } }, () => vector(1));
  await bench.kubernetes.create(Secret, secret('prometheus', origin, data), { fieldManager: 'test' }, never);
  await applyAll(bench, Object.values(agents), 15);
  expect(asked.at(-1)?.headers?.['authorization']).toBe(header);
  if (header === undefined) expect((await gateOf(bench))?.message).toContain(`Secret isthmus-system/prometheus ${problem}`);
  expect(JSON.stringify([bench.log.lines, await runOf(bench)])).not.toContain('hush-hush');
});

it('a webhook is asked with a CloudEvent until it decides', async () => {
  const { bench, agents, asked } = await atTheGate({ webhook: { url: 'https://gate.test/ask', intervalSeconds: 5 } }, (_, count) => json(count < 3 ? { decision: 'wait', message: 'ticket 12 is open' } : { decision: 'pass', message: 'ticket 12 is closed' }));
  await applyAll(bench, Object.values(agents), 2);
  expect(await gateOf(bench)).toMatchObject({ phase: 'Waiting', message: 'gate.test: ticket 12 is open' });
  await applyAll(bench, Object.values(agents), 20);
  expect(await runOf(bench)).toMatchObject({ phase: 'Completed', gates: [{ phase: 'Passed', message: 'gate.test: ticket 12 is closed' }] });
  const events = asked.map(({ body }) => JSON.parse(body!) as Record<string, unknown>);
  expect(asked[0]!.headers).toMatchObject({ 'content-type': 'application/cloudevents+json; charset=utf-8' });
  expect(events[0]).toMatchObject({ specversion: '1.0', source: '/isthmus/test', type: 'dev.isthmus.gate.asked', subject: 'europe-1', datacontenttype: 'application/json', data: { run: 'europe-1', stage: 'canary', side: 'after', gate: 'look', clusters: ['berlin'] } });
  expect(new Set(events.map(({ id }) => id)).size).toBe(1);
  expect(asked).toHaveLength(3);
});

it('a webhook that refuses stops the run; one that answers nonsense holds it', async () => {
  const refused = await atTheGate({ webhook: { url: 'https://gate.test/ask' } }, () => json({ decision: 'fail', message: 'not on Friday' }));
  await applyAll(refused.bench, Object.values(refused.agents), 3);
  expect(await runOf(refused.bench)).toMatchObject({ phase: 'Failed', gates: [{ phase: 'Failed', message: 'gate.test: not on Friday' }] });

  const nonsense = await atTheGate({ webhook: { url: 'https://gate.test/ask', intervalSeconds: 5, failureLimit: 1 } }, () => json('pass'));
  await applyAll(nonsense.bench, Object.values(nonsense.agents), 10);
  expect(await runOf(nonsense.bench)).toMatchObject({ phase: 'Paused', gates: [{ phase: 'Inconclusive', message: 'gate.test: 2 errors one after another, more than failureLimit 1: answers without a decision; it must be "pass", "fail" or "wait"' }] });
});

it('a Job gate where no Jobs can be made holds and says why', async () => {
  const { bench, agents } = await atTheGate({ job: { namespace: 'checks', template: 'smoke' } }, () => json({}));
  await applyAll(bench, Object.values(agents), 7);
  expect(await gateOf(bench)).toMatchObject({ phase: 'Waiting', message: expect.stringMatching(/Jobs cannot be made in checks|there is no Job checks\/smoke/) });
});
