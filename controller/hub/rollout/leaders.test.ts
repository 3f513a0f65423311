/** Two hubs with one Lease, one API and one set of records: the leader loses the API after each durable step of a run, and the other goes on. */
import { expect, it } from 'vitest';
import { deterministicSigner } from '../../../certs/testing/deterministic-signer.ts';
import { UpdateStrategy } from '../../../mesh/api/resources/index.ts';
import { type KubernetesClient, KubernetesUnreachable } from '../../../mesh/ports/kubernetes.ts';
import type { RecordStore } from '../../../mesh/ports/records.ts';
import type { GatewayHandler } from '../../../mesh/ports/transport.ts';
import { fakeMetrics, seededRandom } from '../../runtime/testing/fakes.ts';
import { type Bench, createBench, digest, scriptedAgent } from '../testing/bench.ts';
import { ensureNamespace } from '../preparation.ts';
import { createHub } from '../wiring.ts';
import { watchSteps } from './testing/deaths.ts';
import { makeBundle, makeRun, packagesOf, runOf, statusOf } from './testing/runs.ts';

const NAMES = ['amber', 'birch', 'cedar', 'delta'];
const CONCURRENCY = 2;
const STRATEGY = {
  progressDeadlineSeconds: 300,
  stages: [{ name: 'canary', clusters: { names: ['amber'] }, maxConcurrency: 1, soakSeconds: 0 }, { name: 'rest', clusters: {}, maxConcurrency: CONCURRENCY, soakSeconds: 0 }],
};

interface Replica { cut: boolean; handler: GatewayHandler | undefined }

/** Every request fails while the replica is cut off. */
function cuttable(client: KubernetesClient, replica: Replica): KubernetesClient {
  const reached = <A extends readonly unknown[], R>(method: (...call: A) => Promise<R>) => (...call: A): Promise<R> => (replica.cut ? Promise.reject(new KubernetesUnreachable('cut off')) : method(...call));
  return {
    ...client, get: reached(client.get), list: reached(client.list), create: reached(client.create), update: reached(client.update), patch: reached(client.patch), delete: reached(client.delete),
  } as KubernetesClient;
}

function startReplica(bench: Bench, identity: string, records: RecordStore, signal: AbortSignal): Replica {
  const replica: Replica = { cut: false, handler: undefined };
  const hub = createHub({
    clock: bench.clock, random: seededRandom(identity.length), kubernetes: cuttable(bench.kubernetes, replica), records, signer: deterministicSigner('hub'), log: bench.log, metrics: fakeMetrics(), digest,
    gateway: { async serve(given, _material, within) {
      replica.handler = given;
      within.addEventListener('abort', () => { replica.handler = undefined; }, { once: true });
      return { address: 'hub.test:8443' };
    } },
  }, { namespace: 'isthmus-system', trustDomain: 'test', advertisedAddress: '', createNamespace: true, leaderElection: { identity } });
  hub.start(signal).catch((error: unknown) => bench.log.error({ error: String(error) }, 'the hub ended'));
  return replica;
}

it('whoever leads: no cluster is told twice, budgets hold at each step, and the run ends', async () => {
  const bench = await createBench();
  await ensureNamespace(bench.kubernetes, 'isthmus-system', new AbortController().signal);
  for (const name of NAMES) await bench.join(name);
  await bench.create(UpdateStrategy, 'waves', STRATEGY);
  await makeBundle(bench, 'values', 1);
  const watched = watchSteps(bench.records, (run, targets) => {
    const flying = targets.filter(({ phase }) => phase === 'Assigned' || phase === 'Soaking').length;
    return flying > CONCURRENCY ? `${run}: ${flying} in flight` : undefined;
  });
  const stop = new AbortController();
  const replicas: Replica[] = [];
  const recordsOf = (index: number): RecordStore => ({
    ...watched.records,
    async saveProgress(step) {
      const given = await watched.records.saveProgress(step);
      // It goes on with what it has until its Lease is over: only then may the other begin.
      replicas.forEach((replica, other) => { replica.cut = other === index; });
      return given;
    },
  });
  for (const [index, identity] of ['hub-0', 'hub-00'].entries()) replicas.push(startReplica(bench, identity, recordsOf(index), stop.signal));
  const agents = NAMES.map((name, index) => scriptedAgent(name, index + 1));
  let heard: GatewayHandler | undefined;
  let led = 0;
  await makeRun(bench, 'values', { strategyName: 'waves', bundle: { name: 'values-1', clusters: {}, all: true } });
  for (let step = 0; step < 600 && (await runOf(bench, 'values'))?.status?.finishedAt === undefined; step += 1) {
    const leader = replicas.find(({ handler, cut }) => handler !== undefined && !cut)?.handler ?? replicas.find(({ handler }) => handler !== undefined)?.handler;
    if (leader !== heard) {
      for (const agent of agents) agent.disconnect();
      heard = leader;
      if (leader !== undefined) led += 1;
      for (const agent of agents) agent.connect({ ...bench, handler: () => leader });
    }
    // What is heard moves a run on: nothing is said to one that is cut off.
    if (replicas.some(({ handler, cut }) => handler === leader && !cut)) for (const agent of agents) agent.apply();
    await bench.clock.advance(1000);
  }
  expect(await statusOf(bench, 'values')).toMatchObject({ phase: 'Completed', counts: { done: 4 } });
  expect(led).toBeGreaterThanOrEqual(4);
  expect(watched.problems).toEqual([]);
  expect(agents.map(packagesOf)).toEqual(NAMES.map(() => ['values 1.0.0']));
  const journal = await bench.records.listJournal('values', 1000);
  for (const name of NAMES) expect(journal.filter(({ cluster }) => cluster === name).map(({ event }) => event), name).toEqual(['Assigned', 'Soaking', 'Done']);
  expect((await bench.records.listAssignments()).map(({ generation }) => generation)).toEqual([1, 1, 1, 1]);
  stop.abort();
  await bench.clock.advance(10_000);
});
