/** AccessPolicy.status: what became of each, where it holds, and what its people should know. Rules reach clusters as all of the plan does, by runs. */
import { AccessPolicy } from '../../../mesh/api/resources/index.ts';
import type { AccessPolicyObject } from '../../../mesh/api/resources/access-policy.ts';
import { canonicalJson } from '../../../mesh/model/canonical.ts';
import { findCondition, setCondition } from '../../../mesh/model/condition.ts';
import { accessStatus, type HolderState } from '../../../mesh/policy/status.ts';
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import { eachApart } from '../../runtime/apart.ts';
import { createLoop, type Loop } from '../../runtime/loop.ts';
import { currentAccess, type PlanSources } from '../mesh/current-plan.ts';
import type { HubPorts } from '../ports.ts';
import { reportOn } from '../report.ts';
import { conditionsOf } from '../views.ts';
import { writeStatus } from '../write-status.ts';

const NAME = 'access';
const ALL = 'all';
/** Every report of a cluster wakes it: they are looked at together. */
const PAUSE_MILLISECONDS = 1000;
const MOST_LISTED = 511;

export function createAccess({ ports, sources }: { readonly ports: Pick<HubPorts, 'clock' | 'random' | 'log' | 'metrics' | 'kubernetes'>; readonly sources: Pick<PlanSources, 'accessPolicies' | 'clusters' | 'assignments'> }): Loop {
  const { clock, kubernetes } = ports;
  const { accessPolicies, clusters, assignments } = sources;
  const report = reportOn<AccessPolicyObject>(ports, AccessPolicy);

  function isApplied(cluster: string): boolean {
    const object = clusters.get({ name: cluster });
    const assigned = assignments.get(cluster)?.desiredId;
    return assigned !== undefined && object?.status?.current?.id === assigned && findCondition(conditionsOf(object), 'Applied')?.status === 'True';
  }

  let restsUntil = Number.NEGATIVE_INFINITY;

  async function reconcile(_key: string, signal: CancelSignal): Promise<{ requeueAt?: number }> {
    if (accessPolicies.list().length === 0) return {};
    if (clock.now() < restsUntil) return { requeueAt: restsUntil };
    restsUntil = clock.now() + PAUSE_MILLISECONDS;
    const { rules, policies } = currentAccess(sources);
    const held = assignments.access();
    const stateOf = (policy: string, cluster: string): HolderState | undefined => {
      const [wanted, assigned] = [rules, held].map((some) => some.get(cluster)?.find((rule) => rule.policy === policy));
      if (wanted === undefined) return assigned === undefined ? undefined : 'Leaving';
      if (assigned === undefined || canonicalJson(assigned) !== canonicalJson(wanted)) return 'Pending';
      return isApplied(cluster) ? 'InForce' : 'Assigned';
    };
    const names = [...new Set([...rules.keys(), ...held.keys()])].sort();
    const compiled = new Map(policies.map((one) => [one.policy, one]));
    await eachApart({
      controller: NAME, objects: accessPolicies.list(), report,
      async work(object) {
        const { metadata: { name, generation = 0 } } = object;
        const conflicts = compiled.get(name)?.conflicts ?? [];
        const holders = names.flatMap((cluster) => { const state = stateOf(name, cluster); return state === undefined ? [] : [{ name: cluster, state }]; });
        const { conditions } = accessStatus(conflicts, holders, generation);
        await writeStatus(kubernetes, AccessPolicy, object, {
          observedGeneration: generation, clusterCount: holders.filter(({ state }) => state !== 'Leaving').length, inForceCount: holders.filter(({ state }) => state === 'InForce').length,
          clusters: holders.slice(0, MOST_LISTED), conditions: [...conditions.reduce((all, one) => setCondition(all, one, clock.now()), conditionsOf(object))],
        }, signal);
      },
    }, signal);
    return {};
  }

  const loop = createLoop({ name: NAME, reconcile, ...ports });
  const wake = (): void => loop.add(ALL);
  accessPolicies.subscribe(wake);
  clusters.subscribe(wake);
  assignments.subscribe(wake);
  return loop;
}
