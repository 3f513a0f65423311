/** A hub is killed before and after each durable write of a promotion, and another goes on: the same runs, and no cluster told twice. */
import { expect, it } from 'vitest';
import { Bundle, Channel, UpdateRun, UpdateStrategy } from '../../../mesh/api/resources/index.ts';
import type { UpdateRunObject } from '../../../mesh/api/resources/updates.ts';
import { countWrites, type Watched, watchSteps } from '../rollout/testing/deaths.ts';
import { type Bench, createBench, scriptedAgent, type ScriptedAgent } from '../testing/bench.ts';

const RINGS = { amber: 'staging', birch: 'production' } as const;
const manifests = [{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'settings', namespace: 'shop' } }];

interface World { readonly bench: Bench; readonly agents: readonly ScriptedAgent[]; readonly watched: Watched }

async function world(): Promise<World> {
  const bench = await createBench();
  for (const [name, ring] of Object.entries(RINGS)) await bench.join(name, { ring });
  await bench.create(UpdateStrategy, 'quick', { stages: [{ name: 'all', clusters: {}, soakSeconds: 0 }], progressDeadlineSeconds: 60 });
  await bench.create(Bundle, 'shop-1', { package: 'shop', version: '1.0.0', parts: [{ name: 'settings', manifests }] });
  const channel = (ring: string, from: string): object => ({ package: 'shop', strategyName: 'quick', clusters: { labels: { ring } }, autoUpdate: { from } });
  await bench.create(Channel, 'staging', channel('staging', 'Bundles'));
  await bench.create(Channel, 'production', channel('production', 'staging'));
  return { bench, agents: Object.keys(RINGS).map((name, index) => scriptedAgent(name, index + 1)), watched: watchSteps(bench.records, () => undefined) };
}

const runs = async (bench: Bench): Promise<readonly UpdateRunObject[]> => bench.list<UpdateRunObject>(UpdateRun);

async function live({ bench, agents }: World): Promise<void> {
  for (const agent of agents) agent.connect(bench);
  for (let step = 0; step < 60 && bench.handler() !== undefined; step += 1) {
    for (const agent of agents) agent.apply();
    await bench.clock.advance(500);
    const all = await runs(bench);
    if (all.length === 2 && all.every(({ status, metadata }) => status?.finishedAt !== undefined && (metadata.finalizers ?? []).length === 0)) break;
  }
  for (const agent of agents) agent.disconnect();
}

const endOf = async ({ bench, agents }: World): Promise<object> => ({
  runs: (await runs(bench)).map(({ metadata, spec, status }) => [metadata.name, spec.bundle?.digest, status?.phase, status?.counts.done]).sort(),
  assigned: (await bench.records.listAssignments()).map(({ cluster, desiredId, generation }) => [cluster, desiredId, generation]),
  told: agents.map((agent) => agent.holds('Bundle')),
});

it.each(['before', 'after'] as const)('killed %s each of its writes', async (when) => {
  const calm = await world();
  const counter = countWrites(calm.watched.records, calm.bench.kubernetes);
  await calm.bench.startHub(counter.records, undefined, undefined, counter.kubernetes);
  await live(calm);
  const end = await endOf(calm);
  expect(end).toMatchObject({ runs: [['channel-production-1', expect.any(String), 'Completed', 1], ['channel-staging-1', expect.any(String), 'Completed', 1]] });
  await calm.bench.stopHub();
  expect(counter.writes.filter((write) => write.startsWith('create'))).toEqual(['create channel-staging-1', 'create channel-production-1']);
  for (let write = 1; write <= counter.writes.length; write += 1) {
    const all = await world();
    const { bench, watched } = all;
    let died = false;
    const dying = countWrites(watched.records, bench.kubernetes, { write, when, die() { died = true; void bench.stopHub(); } });
    await bench.startHub(dying.records, undefined, undefined, dying.kubernetes);
    await live(all);
    await bench.clock.advance(10);
    expect(died, `write ${write} of ${counter.writes.length}`).toBe(true);
    await bench.startHub(watched.records);
    await live(all);
    expect(await endOf(all), `killed ${when} write ${write}, ${counter.writes[write - 1]}`).toEqual(end);
    expect(watched.problems).toEqual([]);
    await bench.stopHub();
  }
});
