/** Many runs over few clusters, with people and crashes between: whatever happens, no cluster is on its way in two runs at once, and every run ends. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { UpdateRun } from '../../../mesh/api/resources/index.ts';
import { FINAL_RUN_PHASES } from '../../../mesh/model/rollout.ts';
import type { RecordStore } from '../../../mesh/ports/records.ts';
import { createBench, scriptedAgent } from '../testing/bench.ts';
import { change, makeBundle, packagesOf, runBundle, statusOf } from './testing/runs.ts';

const NAMES = ['amber', 'birch', 'cedar', 'delta', 'ember'];
const TRIES = 8;
const runs = fc.array(fc.record({ clusters: fc.subarray(NAMES, { minLength: 1 }), major: fc.constantFrom(1, 2, 3), concurrency: fc.constantFrom(1, 2) }), { minLength: 2, maxLength: 5 });
type Deed = 'wait' | 'stop' | 'delete' | 'crash' | 'sulk';
const deeds = fc.array(fc.tuple(fc.constantFrom<Deed>('wait', 'wait', 'stop', 'delete', 'crash', 'sulk'), fc.nat()), { minLength: 4, maxLength: 10 });

/** Which run has each cluster, as the records say at each step. */
function watchClaims(records: RecordStore): { readonly records: RecordStore; readonly problems: readonly string[] } {
  const flying = new Map<string, ReadonlySet<string>>();
  const problems: string[] = [];
  return {
    problems,
    records: {
      ...records,
      async saveProgress(step) {
        const given = await records.saveProgress(step);
        flying.set(step.run, new Set((await records.listTargets(step.run)).filter(({ phase }) => phase === 'Assigned' || phase === 'Soaking' || phase === 'RollingBack').map(({ cluster }) => cluster)));
        for (const [other, clusters] of flying) {
          const both = other === step.run ? [] : [...flying.get(step.run) ?? []].filter((cluster) => clusters.has(cluster));
          if (both.length > 0) problems.push(`${both.join(', ')} in ${other} and in ${step.run}`);
        }
        return given;
      },
    },
  };
}

it('holds for random runs, people and crashes', async () => {
  await fc.assert(fc.asyncProperty(runs, deeds, async (wanted, done) => {
    const bench = await createBench();
    for (const name of NAMES) await bench.join(name);
    for (const major of [1, 2, 3]) await makeBundle(bench, 'values', major);
    const watched = watchClaims(bench.records);
    const agents = NAMES.map((name, index) => scriptedAgent(name, index + 1));
    const start = async (): Promise<void> => { await bench.startHub(watched.records); for (const agent of agents) agent.connect(bench); };
    const live = async (seconds: number, healthy = true): Promise<void> => {
      for (let second = 0; second < seconds; second += 1) {
        for (const agent of agents) agent.apply(healthy);
        await bench.clock.advance(1000);
      }
    };
    await start();
    await live(1);
    const names = wanted.map((_, index) => `run-${index}`);
    for (const [index, { clusters, major, concurrency }] of wanted.entries()) {
      await runBundle(bench, names[index]!, `values-${major}`, clusters, { name: 'quick', progressDeadlineSeconds: 5, stages: [{ name: 'all', clusters: {}, maxConcurrency: concurrency, soakSeconds: 1 }] });
      await bench.clock.advance(1000);
    }
    const deleted = new Set<string>();
    for (const [deed, choice] of done) {
      const name = names[choice % names.length]!;
      if (deed === 'stop' && !deleted.has(name)) await change(bench, name, { stop: true });
      if (deed === 'delete') { deleted.add(name); await bench.kubernetes.delete(UpdateRun, { name }, {}, new AbortController().signal); }
      if (deed === 'crash') {
        for (const agent of agents) agent.disconnect();
        await bench.stopHub();
        await start();
      }
      await live(2, deed !== 'sulk');
    }
    await live(60);
    expect(watched.problems).toEqual([]);
    for (const name of names) {
      const status = await statusOf(bench, name);
      if (deleted.has(name)) expect(status, name).toBeUndefined();
      else expect(FINAL_RUN_PHASES, `${name}: ${status?.message}`).toContain(status?.phase);
    }
    // What agents hold is what the records say, once each.
    const assigned = new Map((await bench.records.listAssignments()).map(({ cluster, desiredId }) => [cluster, desiredId]));
    for (const agent of agents) expect(agent.value<{ id: string }>('DesiredRevision', agent.cluster)?.id).toBe(assigned.get(agent.cluster));
    for (const agent of agents) expect(packagesOf(agent).length).toBeLessThanOrEqual(1);
    await bench.stopHub();
  }), { numRuns: TRIES });
});
