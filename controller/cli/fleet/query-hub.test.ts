/** `isthmus fleet query` against a whole hub in virtual time. */
import { expect, test } from 'vitest';
import type { ClusterObject } from '../../../mesh/api/resources/cluster.ts';
import { apiVersionOf, Cluster, FleetQuery } from '../../../mesh/api/resources/index.ts';
import type { QueryAnswer } from '../../../mesh/api/resources/inquiry-answers.ts';
import type { InquiryObject } from '../../../mesh/api/resources/inquiry.ts';
import { toRfc3339 } from '../../../mesh/model/instant.ts';
import type { KubernetesClient } from '../../../mesh/ports/kubernetes.ts';
import { type Bench, createBench, reportOf, scriptedAgent, type ScriptedAgent } from '../../hub/testing/bench.ts';
import { testEnvironment, type TestEnvironment } from '../testing/environment.ts';
import { askHub } from './ask.ts';
import { queryFleet } from './query.ts';

const never = new AbortController().signal;

const environmentOf = (bench: Bench, signal?: AbortSignal): TestEnvironment => testEnvironment({ client: bench.kubernetes, clock: bench.clock }, signal);

interface Member { readonly region: string; readonly generation: number; readonly agent: string; readonly frozen?: boolean }

async function startFleet(members: Readonly<Record<string, Member>>): Promise<{ bench: Bench; agents: Record<string, ScriptedAgent> }> {
  const bench = await createBench();
  const agents: Record<string, ScriptedAgent> = {};
  for (const [at, [name, { region, generation, frozen }]] of Object.entries(members).entries()) {
    const spec = frozen === true ? { frozen: { reason: 'year end' } } : {};
    const identity = {
      spiffeId: `spiffe://test/cluster/${name}`, certificateSerial: '1', issuer: `issuing ${generation}`, issuingCaGeneration: generation, trustDomain: 'test',
      notAfter: toRfc3339(bench.clock.now() + 86_400_000), joinedAt: toRfc3339(bench.clock.now()),
    };
    const created = await bench.kubernetes.create<ClusterObject>(Cluster, { apiVersion: apiVersionOf(Cluster), kind: 'Cluster', metadata: { name, labels: { region } }, spec } as ClusterObject, { fieldManager: 'test' }, never);
    await bench.kubernetes.update(Cluster, { ...created, status: { identity } }, { fieldManager: 'test', subresource: 'status' }, never);
    agents[name] = scriptedAgent(name, at + 1);
  }
  await bench.startHub();
  for (const [at, [name, { agent }]] of Object.entries(members).entries()) {
    agents[name]?.publisher.set('ClusterReport', name, { ...reportOf(at + 1), agentVersion: agent });
    agents[name]?.connect(bench);
    await bench.clock.advance(60_000);
  }
  return { bench, agents };
}

const FLEET: Readonly<Record<string, Member>> = {
  stockholm: { region: 'europe', generation: 3, agent: '1.3.9' },
  berlin: { region: 'europe', generation: 3, agent: '1.3.0-rc.1' },
  oslo: { region: 'europe', generation: 3, agent: '1.4.0' },
  madrid: { region: 'europe', generation: 2, agent: '1.3.9' },
  paris: { region: 'europe', generation: 3, agent: '1.2.0', frozen: true },
  virginia: { region: 'us', generation: 3, agent: '1.3.9' },
  rome: { region: 'europe', generation: 3, agent: 'v1.10.2' },
};
const STALE_AGENTS = 'region=europe,issuing-ca-generation=3,!frozen,agent-version<1.4 order by last-change';

test('clusters in Europe on issuing CA generation 3, not frozen, whose agent is older than 1.4, ordered by last change', async () => {
  const { bench } = await startFleet(FLEET);
  const environment = environmentOf(bench);
  await queryFleet(environment, STALE_AGENTS, { output: 'table', columns: 'region,issuing-ca-generation,agent-version,last-change' });
  expect(environment.printed()).toMatch(/^NAME +REGION +ISSUING-CA-GENERATION +AGENT-VERSION +LAST-CHANGE\nstockholm +europe +3 +1\.3\.9 +\d+m\nberlin +europe +3 +1\.3\.0-rc\.1 +\d+m\n$/);
  expect(environment.complained()).toMatch(/^2 of 7 clusters, from the hub's memory as of 20\S+; index: \S.*, \d looked at\ndeclared: 0s old\nobserved: \d+s old.*\nhub: 0s old\n$/);
  const sorted = environmentOf(bench);
  await queryFleet(sorted, STALE_AGENTS, { output: 'name', sortBy: 'agent-version', quiet: true });
  expect(sorted.printed()).toBe('cluster.isthmus.dev/berlin\ncluster.isthmus.dev/stockholm\n');
  expect(sorted.complained()).toBe('');
});

test('a past moment is answered from the records', async () => {
  const { bench } = await startFleet(FLEET);
  await bench.clock.advance(3_600_000);
  await bench.kubernetes.patch(Cluster, { name: 'berlin' }, { metadata: { labels: { region: 'us' } } }, { type: 'merge', fieldManager: 'kubectl' }, never);
  await bench.clock.advance(1000);
  const [now, then] = [environmentOf(bench), environmentOf(bench)];
  await queryFleet(now, STALE_AGENTS, { output: 'name', quiet: true });
  await queryFleet(then, STALE_AGENTS, { output: 'name', at: '30m' });
  expect([now.printed(), then.printed()]).toEqual(['cluster.isthmus.dev/stockholm\n', 'cluster.isthmus.dev/stockholm\ncluster.isthmus.dev/berlin\n']);
  expect(then.complained()).toContain('2 of 7 clusters, from the hub\'s records as of ');
});

test('--watch prints the result, then each cluster that enters, changes and leaves it, until Ctrl-C', async () => {
  const { bench } = await startFleet({ berlin: FLEET['berlin']!, oslo: FLEET['oslo']! });
  const label = (name: string, labels: Record<string, string>): Promise<unknown> => bench.kubernetes.patch(Cluster, { name }, { metadata: { labels } }, { type: 'merge', fieldManager: 'kubectl' }, never);
  const stop = new AbortController();
  const [table, json] = [environmentOf(bench, stop.signal), environmentOf(bench, stop.signal)];
  // A clock for all: whoever sleeps is woken by whoever advances, so only this test does.
  const asleep = (environment: TestEnvironment): TestEnvironment => ({ ...environment, sleep: (milliseconds) => bench.clock.sleepUntil(bench.clock.now() + milliseconds, stop.signal) });
  const watching = [
    queryFleet(asleep(table), 'region=europe', { output: 'table', columns: 'team,agent-version', watch: true, quiet: true }),
    queryFleet(asleep(json), 'region=europe', { output: 'json', columns: 'team', watch: true, quiet: true }),
  ];
  await bench.clock.advance(3000);
  await label('berlin', { team: 'payments' });
  await bench.clock.advance(3000);
  await label('oslo', { region: 'asia' });
  await bench.clock.advance(60_000);
  await label('oslo', { region: 'europe' });
  await bench.clock.advance(3000);
  stop.abort();
  await Promise.all(watching);
  expect(table.printed().split('\n').map((line) => line.replace(/ +/g, ' '))).toEqual([
    'EVENT NAME TEAM AGENT-VERSION', 'ADDED berlin <none> 1.3.0-rc.1', 'ADDED oslo <none> 1.4.0', 'MODIFIED berlin payments 1.3.0-rc.1', 'DELETED oslo <none> 1.4.0', 'ADDED oslo <none> 1.4.0', '',
  ]);
  expect(json.printed().trim().split('\n').map((line) => JSON.parse(line) as { type: string; object: { name: string; columns: object } }).map(({ type, object }) => [type, object.name, object.columns])).toEqual([
    ['ADDED', 'berlin', {}], ['ADDED', 'oslo', {}], ['MODIFIED', 'berlin', { team: 'payments' }], ['DELETED', 'oslo', {}], ['ADDED', 'oslo', {}],
  ]);
});

test('a watch outlives the hub', async () => {
  const { bench } = await startFleet({ berlin: FLEET['berlin']! });
  const stop = new AbortController();
  const environment = environmentOf(bench, stop.signal);
  const watching = queryFleet({ ...environment, sleep: (milliseconds) => bench.clock.sleepUntil(bench.clock.now() + milliseconds, stop.signal) }, '', { output: 'name', watch: true });
  await bench.clock.advance(3000);
  await bench.stopHub();
  await bench.kubernetes.create(Cluster, { apiVersion: apiVersionOf(Cluster), kind: 'Cluster', metadata: { name: 'oslo' }, spec: {} } as never, { fieldManager: 'test' }, never);
  await bench.clock.advance(30_000);
  expect(environment.printed()).toBe('cluster.isthmus.dev/berlin\ncluster.isthmus.dev/oslo\n');
  expect(environment.complained()).toContain('reading the Cluster objects instead');
  stop.abort();
  await watching;
});

test('saved queries bring their columns', async () => {
  const { bench } = await startFleet(FLEET);
  await bench.create(FleetQuery, 'stale-agents', { query: STALE_AGENTS, description: 'who must be upgraded', columns: ['agent-version'] });
  await bench.clock.advance(100);
  const environment = environmentOf(bench);
  await queryFleet(environment, '@stale-agents', { output: 'csv', quiet: true });
  expect(environment.printed()).toMatch(/^name,agent-version,unknown,ageSeconds\r\nstockholm,1\.3\.9,,\d+\r\nberlin,1\.3\.0-rc\.1,,\d+\r\n$/);
  await expect(queryFleet(environment, '@stale-agent', { output: 'csv' })).rejects.toThrow('did you mean "stale-agents"?');
});

test('a long answer is asked for page by page', async () => {
  const environment = testEnvironment();
  const asked: unknown[] = [];
  const page = (from: number, next?: string): string => JSON.stringify({ columns: [], matched: 5, rows: [from, from + 1].map((at) => ({ name: `c-${at}`, columns: {}, unknown: [], ageSeconds: 0 })), ...(next === undefined ? {} : { continue: next }) });
  const answers = [page(0, 'a:2'), page(2, 'a:4'), page(4)];
  const client: KubernetesClient = {
    ...environment.client,
    create: async (_kind, object) => { asked.push((object as unknown as InquiryObject).spec.query); return { ...object, metadata: { ...object.metadata, name: 'asked' } }; },
    get: async () => ({ status: { answer: answers[asked.length - 1], answeredAt: '' } }) as never,
    delete: async () => {},
  };
  const answer: QueryAnswer = await askHub(environment, client, { text: 'region=europe' });
  expect(answer.rows.map(({ name }) => name)).toEqual(['c-0', 'c-1', 'c-2', 'c-3', 'c-4', 'c-5']);
  expect(asked).toEqual([{ text: 'region=europe' }, { continue: 'a:2' }, { continue: 'a:4' }]);
  expect('continue' in answer).toBe(false);
});
