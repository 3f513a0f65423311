/** Runs that roll out the plan. */
import { readChanges } from '../mesh/frozen-changes.ts';
import { changesOf } from '../mesh/next-run.ts';
import type { Hindrance, IntentWorld, Meaning } from './intent-world.ts';

/**
 * The hub's own run goes to the clusters that it was made for, and brings what is planned for them when its turn comes: it may have waited for another run. One that a
 * person made is of the plan that it names, or of none.
 */
export async function intentOfPlan(run: string, planDigest: string, world: IntentWorld): Promise<Meaning | Hindrance> {
  const made = await readChanges(world.records, run);
  if (made === undefined && world.plan().planDigest !== planDigest) return { final: true, problem: `plan ${planDigest} is not the present plan, ${world.plan().planDigest}; make a run of that one` };
  const wanted = (): readonly string[] => changesOf(world.plan(), (cluster) => world.assigned(cluster)?.desiredId ?? null).map(({ cluster }) => cluster);
  const clusters = made === undefined ? wanted() : made.map(({ cluster }) => cluster).sort();
  return {
    changes: 'Plan', undoOf: null, clusters,
    async contents() {
      const plan = world.plan();
      const same = plan.planDigest === planDigest;
      const held = new Set(same ? [] : (await world.held(plan)).map(({ cluster }) => cluster));
      const going = new Set(wanted().filter((cluster) => clusters.includes(cluster) && !held.has(cluster)));
      const message = made === undefined ? going.size === 0 ? 'every cluster has what is planned for it, or is told to have it' : 'created by hand' : same ? 'created' : `created for plan ${planDigest}; rolls out the present one, ${plan.planDigest}`;
      return { changes: plan.desired.filter(({ cluster }) => going.has(cluster)).map((to) => ({ to })), message };
    },
  };
}
