/** A hub is killed before and after each durable write of a run, and another goes on: same end, no cluster told twice, budgets kept at every step. */
import { describe, expect, it } from 'vitest';
import { Mesh, UpdateStrategy } from '../../../mesh/api/resources/index.ts';
import type { RunTarget } from '../../../mesh/model/rollout.ts';
import { type RecordStore, RunMoved } from '../../../mesh/ports/records.ts';
import { fenced } from '../fence.ts';
import type { HubPorts } from '../ports.ts';
import { type Bench, createBench, scriptedAgent, type ScriptedAgent } from '../testing/bench.ts';
import { countWrites, type Watched, watchSteps } from './testing/deaths.ts';
import { makeBundle, makeRun, packagesOf, runOf, stateOf, statusOf } from './testing/runs.ts';

const NAMES = ['amber', 'birch', 'cedar'] as const;
const CONCURRENCY = 2;
const STRATEGY = {
  progressDeadlineSeconds: 10, onFailure: 'RollBackRun', rollback: { maxConcurrency: CONCURRENCY },
  stages: [{ name: 'canary', clusters: { names: ['amber'] }, maxConcurrency: 1, soakSeconds: 1 }, { name: 'rest', clusters: {}, maxConcurrency: CONCURRENCY, soakSeconds: 0 }],
};
const IN_FLIGHT: readonly RunTarget['phase'][] = ['Assigned', 'Soaking', 'RollingBack'];

function budget(run: string, targets: readonly RunTarget[]): string | undefined {
  const count = targets.filter(({ phase }) => IN_FLIGHT.includes(phase)).length;
  return count > CONCURRENCY ? `${run}: ${count} in flight` : undefined;
}

interface Scenario {
  readonly run: string;
  readonly phase: 'RolledBack' | 'Completed';
  readonly healthy: (agent: ScriptedAgent) => boolean;
  begin(bench: Bench): Promise<void>;
}

const SCENARIOS: Readonly<Record<string, Scenario>> = {
  'a bundle that a cluster cannot bear, so that all go back': {
    run: 'values', phase: 'RolledBack', healthy: (agent) => agent.cluster !== 'cedar' || packagesOf(agent).length === 0,
    begin: (bench) => makeRun(bench, 'values', { strategyName: 'waves', bundle: { name: 'values-1', clusters: {}, all: true } }),
  },
  'a mesh': { run: 'europe-1', phase: 'Completed', healthy: () => true, begin: (bench) => bench.create(Mesh, 'europe', { clusters: {}, strategy: 'waves' }) },
};

interface World { readonly bench: Bench; readonly agents: readonly ScriptedAgent[]; readonly watched: Watched }

async function world(): Promise<World> {
  const bench = await createBench();
  for (const name of NAMES) await bench.join(name);
  await bench.create(UpdateStrategy, 'waves', STRATEGY);
  await makeBundle(bench, 'values', 1);
  return { bench, agents: NAMES.map((name, index) => scriptedAgent(name, index + 1)), watched: watchSteps(bench.records, budget) };
}

/** Until the run has ended and its object is free, or the hub is dead. */
async function live({ bench, agents }: World, { run, healthy, begin }: Scenario, mostSteps = 80): Promise<void> {
  for (const agent of agents) agent.connect(bench);
  await bench.clock.advance(1000);
  if (await runOf(bench, run) === undefined && (await bench.list(Mesh)).length === 0) await begin(bench);
  for (let step = 0; step < mostSteps; step += 1) {
    if (bench.handler() === undefined) break;
    for (const agent of agents) agent.apply(healthy(agent));
    await bench.clock.advance(500);
    const object = await runOf(bench, run);
    if (object?.status?.finishedAt !== undefined && (object.metadata.finalizers ?? []).length === 0) break;
  }
  for (const agent of agents) agent.disconnect();
}

/** All that must be equal, however often a hub died. */
async function endOf({ bench, agents }: World, { run }: Scenario): Promise<object> {
  const journal = await bench.records.listJournal(run, 1000);
  const status = await statusOf(bench, run);
  return {
    phase: status?.phase, counts: status?.counts, finalizers: (await runOf(bench, run))?.metadata.finalizers ?? [],
    rows: (await bench.records.listTargets(run)).map(({ cluster, phase, toId, backId, generation }) => [cluster, phase, toId, backId, generation]),
    journal: [...NAMES, ''].map((name) => journal.filter(({ cluster }) => cluster === name).map(({ event }) => event)),
    assigned: (await bench.records.listAssignments()).map(({ cluster, desiredId, generation }) => [cluster, desiredId, generation]),
    states: agents.map((agent) => [stateOf(agent)?.mesh, packagesOf(agent)]),
  };
}

describe.each(Object.keys(SCENARIOS))('%s', (name) => {
  const scenario = SCENARIOS[name]!;

  async function undisturbed(): Promise<{ readonly end: object; readonly writes: readonly string[] }> {
    const all = await world();
    const counter = countWrites(all.watched.records, all.bench.kubernetes);
    await all.bench.startHub(counter.records, undefined, undefined, counter.kubernetes);
    await live(all, scenario);
    expect(all.watched.problems).toEqual([]);
    const result = { end: await endOf(all, scenario), writes: counter.writes };
    expect(result.end).toMatchObject({ phase: scenario.phase, finalizers: [] });
    await all.bench.stopHub();
    return result;
  }

  it.each(['before', 'after'] as const)('killed %s each of its writes', async (when) => {
    const { end, writes } = await undisturbed();
    expect(writes.length).toBeGreaterThan(10);
    for (let write = 1; write <= writes.length; write += 1) {
      const all = await world();
      const { bench, watched } = all;
      let died = false;
      const dying = countWrites(watched.records, bench.kubernetes, { write, when, die() { died = true; void bench.stopHub(); } });
      await bench.startHub(dying.records, undefined, undefined, dying.kubernetes);
      await live(all, scenario);
      await bench.clock.advance(10);
      expect(died, `write ${write} of ${writes.length}`).toBe(true);
      await bench.startHub(watched.records);
      await live(all, scenario);
      expect(await endOf(all, scenario), `killed ${when} write ${write}, ${writes[write - 1]}`).toEqual(end);
      expect(watched.problems).toEqual([]);
      await bench.stopHub();
    }
  });

  it.each(['before the next hub writes', 'after the next hub is done'] as const)('a write of a hub that no longer leads arrives late, %s', async (when) => {
    const { end, writes } = await undisturbed();
    const steps = writes.filter((write) => write.startsWith('step ')).length;
    for (let late = 1; late <= steps; late += 1) {
      const all = await world();
      const { bench, watched } = all;
      let arrives: (() => Promise<unknown>) | undefined;
      let count = 0;
      let leads = true;
      const stalled: RecordStore = {
        ...watched.records,
        saveProgress(step) {
          count += 1;
          if (count < late) return watched.records.saveProgress(step);
          arrives ??= () => watched.records.saveProgress(step);
          leads = false;
          void bench.stopHub();
          return new Promise(() => {});
        },
      };
      const led = fenced({ records: stalled, kubernetes: bench.kubernetes } as HubPorts, () => leads);
      await bench.startHub(led.records, undefined, undefined, led.kubernetes);
      await live(all, scenario);
      await bench.clock.advance(10);
      expect(arrives, `step ${late}`).toBeDefined();
      let outcome: unknown;
      const arrive = async (): Promise<void> => { outcome ??= await arrives?.().then(() => 'kept', (error: unknown) => error); };
      await bench.startHub({
        ...watched.records,
        async saveProgress(step) {
          if (when === 'before the next hub writes') await arrive();
          return watched.records.saveProgress(step);
        },
      });
      await live(all, scenario);
      await arrive();
      if (when === 'before the next hub writes') expect(outcome).toBe('kept');
      else expect(outcome).toBeInstanceOf(RunMoved);
      expect(await endOf(all, scenario), `step ${late} came late`).toEqual(end);
      expect(watched.problems).toEqual([]);
      await bench.stopHub();
    }
  });
});
