/** Runs the planner over what the caches hold. */
import type { AccessPolicyObject } from '../../../mesh/api/resources/access-policy.ts';
import type { ClusterObject } from '../../../mesh/api/resources/cluster.ts';
import type { MeshObject } from '../../../mesh/api/resources/mesh.ts';
import type { FailoverPolicyObject, GlobalServiceObject } from '../../../mesh/api/resources/policies.ts';
import type { Digest } from '../../../mesh/model/canonical.ts';
import type { ClusterView, MeshEndpoint } from '../../../mesh/model/cluster.ts';
import type { DriftOverride, TrustState } from '../../../mesh/model/desired.ts';
import { type AccessPlan, createAccessCompiler } from '../../../mesh/policy/compile.ts';
import { createPlanner, type Plan, type PlanInput } from '../../../mesh/plan/plan.ts';
import type { Cache } from '../../runtime/cache.ts';
import type { Assignments } from '../rollout/assignments.ts';
import type { MeshIds } from './ids.ts';
import { accessPolicyValue, clusterView, failoverPolicyValues, globalServiceValues, meshEndpoint, meshValues } from '../views.ts';

export interface PlanSources {
  readonly clusters: Cache<ClusterObject>;
  readonly meshes: Cache<MeshObject>;
  readonly failover: Cache<FailoverPolicyObject>;
  readonly globalServices: Cache<GlobalServiceObject>;
  readonly accessPolicies: Pick<Cache<AccessPolicyObject>, 'list' | 'subscribe'>;
  readonly assignments: Assignments;
  readonly trust: () => TrustState;
  readonly digest: Digest;
  /** Who has which id, and which ones are still held. */
  readonly ids: Pick<MeshIds, 'current'>;
  /** What people decided on changes by others. */
  readonly overrides: () => ReadonlyMap<string, readonly DriftOverride[]>;
}

export const clusterViews = ({ clusters, assignments }: Pick<PlanSources, 'clusters' | 'assignments'>): ClusterView[] =>
  clusters.list().map((object) => clusterView(object, assignments.get(object.metadata.name)));

const compilers = new WeakMap<PlanSources['accessPolicies'], ReturnType<typeof createAccessCompiler>>();

export function currentAccess({ accessPolicies, clusters, assignments }: Pick<PlanSources, 'accessPolicies' | 'clusters' | 'assignments'>): AccessPlan {
  const compile = compilers.get(accessPolicies) ?? createAccessCompiler();
  compilers.set(accessPolicies, compile);
  const objects = accessPolicies.list();
  return compile(objects.map(accessPolicyValue), objects.length === 0 ? [] : clusterViews({ clusters, assignments }), assignments.access());
}

/** As administrators declare them; the same object while they are the same. */
function createEndpointOverrides(): (clusters: readonly ClusterObject[]) => PlanInput['endpointOverrides'] {
  const read = new WeakMap<ClusterObject, MeshEndpoint>();
  let before: PlanInput['endpointOverrides'] = {};
  return (clusters) => {
    const next = Object.fromEntries(clusters.flatMap((object) => {
      const declared = object.spec?.meshEndpoint;
      if (declared === undefined) return [];
      const endpoint = read.get(object) ?? meshEndpoint(declared);
      read.set(object, endpoint);
      return [[object.metadata.name, endpoint]];
    }));
    if (Object.keys(next).length !== Object.keys(before).length || Object.entries(next).some(([name, endpoint]) => before[name] !== endpoint)) before = next;
    return before;
  };
}

/** Whoever asks for the plan of the same sources has the same planner, which plans anew only what has changed since anybody asked. */
const planners = new WeakMap<PlanSources, { readonly plan: (input: PlanInput) => Plan; readonly endpointOverrides: ReturnType<typeof createEndpointOverrides> }>();

export function planInput(sources: PlanSources, endpointOverrides = createEndpointOverrides()): PlanInput {
  const { clusters, meshes, failover, globalServices, assignments, trust, overrides, ids } = sources;
  return {
    meshes: meshValues(meshes.list()),
    clusters: clusterViews(sources),
    failover: failoverPolicyValues(failover.list()),
    globalServices: globalServiceValues(globalServices.list()),
    trust: trust(),
    access: currentAccess(sources).rules,
    overrides: overrides(),
    bundles: assignments.bundles(),
    endpointOverrides: endpointOverrides(clusters.list()),
    ledgers: ids.current(),
  };
}

export function currentPlan(sources: PlanSources): Plan {
  const planner = planners.get(sources) ?? { plan: createPlanner(sources.digest), endpointOverrides: createEndpointOverrides() };
  planners.set(sources, planner);
  return planner.plan(planInput(sources, planner.endpointOverrides));
}
