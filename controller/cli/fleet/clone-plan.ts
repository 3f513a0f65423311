/** What a clone is planned from, read from the hub's API; and what the planner says of the fleet as it would be then. */
import type { ClusterObject } from '../../../mesh/api/resources/cluster.ts';
import type { AccessPolicyObject } from '../../../mesh/api/resources/access-policy.ts';
import { DriftPolicy, type DriftPolicyObject } from '../../../mesh/api/resources/drift-policy.ts';
import { AccessPolicy, Cluster, ExportPolicy, FailoverPolicy, GlobalService, Mesh, UpdateStrategy } from '../../../mesh/api/resources/index.ts';
import type { MeshObject } from '../../../mesh/api/resources/mesh.ts';
import type { ExportPolicyObject, FailoverPolicyObject, GlobalServiceObject } from '../../../mesh/api/resources/policies.ts';
import type { UpdateStrategyObject } from '../../../mesh/api/resources/updates.ts';
import { type Clonable, type CloneOutcome, type ClonePlan, type NamedSelector, planClone } from '../../../mesh/inventory/clone.ts';
import { viewCluster } from '../../../mesh/inventory/view.ts';
import type { ClusterStatusValue } from '../../../mesh/model/cluster-status.ts';
import type { ClusterView } from '../../../mesh/model/cluster.ts';
import type { ClusterSelector } from '../../../mesh/model/selector.ts';
import { type Plan, planMesh } from '../../../mesh/plan/plan.ts';
import { compileAccess } from '../../../mesh/policy/compile.ts';
import type { KubernetesClient, KubernetesObject } from '../../../mesh/ports/kubernetes.ts';
import { freezeTargets, stageNames } from '../../../mesh/rollout/targets.ts';
import { sha256Hex } from '../../adapters/digest.ts';
import { shownLedgers } from '../../hub/mesh/shown-ids.ts';
import { accessPolicyValue, failoverPolicyValues, globalServiceValues, meshEndpoint, meshValues, strategyValue } from '../../hub/views.ts';
import { CommandFailure } from '../environment.ts';
import { listAll } from '../list.ts';

const DEFAULT_STRATEGY = 'default';

interface FleetObjects {
  readonly clusters: readonly ClusterObject[];
  readonly meshes: readonly MeshObject[];
  readonly exportPolicies: readonly ExportPolicyObject[];
  readonly failover: readonly FailoverPolicyObject[];
  readonly globalServices: readonly GlobalServiceObject[];
  readonly strategies: readonly UpdateStrategyObject[];
  readonly driftPolicies: readonly DriftPolicyObject[];
  readonly accessPolicies: readonly AccessPolicyObject[];
}

/** The run that the hub would make of the changes. */
interface FollowingRun {
  readonly strategy: string;
  readonly stages: readonly { readonly name: string; readonly clusters: readonly string[] }[];
}

export interface PlannedClone extends ClonePlan {
  /** Clusters whose desired state would be another one, sorted. */
  readonly changed: readonly string[];
  /** How many clusters of the fleet have joined. */
  readonly joined: number;
  /** undefined: no cluster's state would change now. */
  readonly run: FollowingRun | undefined;
  /** Has not joined or reported: becomes part of a mesh once it has. */
  readonly waiting: boolean;
  /** As they are. */
  object(kind: string, name: string): KubernetesObject | undefined;
}

export async function readFleet(client: KubernetesClient, signal: AbortSignal): Promise<FleetObjects> {
  const [clusters, meshes, exportPolicies, failover, globalServices, strategies, driftPolicies, accessPolicies] = await Promise.all([
    listAll<ClusterObject>(client, Cluster, signal), listAll<MeshObject>(client, Mesh, signal), listAll<ExportPolicyObject>(client, ExportPolicy, signal),
    listAll<FailoverPolicyObject>(client, FailoverPolicy, signal), listAll<GlobalServiceObject>(client, GlobalService, signal),
    listAll<UpdateStrategyObject>(client, UpdateStrategy, signal), listAll<DriftPolicyObject>(client, DriftPolicy, signal), listAll<AccessPolicyObject>(client, AccessPolicy, signal),
  ]);
  return { clusters, meshes, exportPolicies, failover, globalServices, strategies, driftPolicies, accessPolicies };
}

/** A malformed list of conditions is the hub's to complain about. */
function selectorsOf({ meshes, exportPolicies, strategies, driftPolicies, accessPolicies }: FleetObjects): NamedSelector[] {
  const whole = (kind: NamedSelector['kind'], objects: readonly (KubernetesObject & { readonly spec: { readonly clusters: unknown } })[]): NamedSelector[] =>
    objects.map(({ metadata, spec }) => ({ kind, name: metadata.name, path: ['spec', 'clusters'], selector: spec.clusters as ClusterSelector }));
  return [
    ...whole('Mesh', meshes), ...whole('ExportPolicy', exportPolicies), ...whole('DriftPolicy', driftPolicies),
    ...strategies.flatMap(({ metadata, spec }) => spec.stages.map((stage): NamedSelector =>
      ({ kind: 'UpdateStrategy', name: metadata.name, path: ['spec', 'stages', stage.name, 'clusters'], selector: stage.clusters as ClusterSelector }))),
    ...accessPolicies.flatMap(({ metadata: { name }, spec }) => [...(spec.from ?? []).map(({ clusters }, index) => ({ path: ['spec', 'from', String(index), 'clusters'], clusters })), { path: ['spec', 'to', 'clusters'], clusters: spec.to?.clusters }]
      .flatMap(({ path, clusters }): NamedSelector[] => (clusters === undefined ? [] : [{ kind: 'AccessPolicy', name, path, selector: clusters as ClusterSelector }]))),
  ];
}

const viewOf = ({ metadata, status }: ClusterObject): ClusterView => viewCluster(metadata.name, metadata.labels ?? {}, status as ClusterStatusValue | undefined);

function clonable(object: ClusterObject): Clonable {
  const declared = object.spec?.properties ?? {};
  const view = viewOf(object);
  // The status follows the specification a moment later.
  const observed = view.properties.filter(({ name, source }) => source === 'observed' && !Object.hasOwn(declared, name));
  return {
    subject: { ...view, properties: [...Object.entries(declared).map(([name, value]) => ({ name, value })), ...observed] },
    declared, hasMeshEndpoint: object.spec?.meshEndpoint !== undefined, frozen: object.spec?.frozen !== undefined, exports: object.status?.exports ?? [],
  };
}

/** The target's properties have no age here: no planner asks for it. */
function viewsAfter({ clusters }: FleetObjects, { target }: CloneOutcome): ClusterView[] {
  const { name, labels, properties } = target.subject;
  return clusters.map(viewOf).map((view) => (view.name === name ? { ...view, labels, properties: properties.map((property) => ({ ...property, source: 'declared' as const, observedAt: 0 })) } : view));
}

function planOf(fleet: FleetObjects, clusters: readonly ClusterView[], { selectors, failover }: Pick<CloneOutcome, 'selectors' | 'failover'>): Plan {
  const selectorOf = (mesh: string): ClusterSelector | undefined => selectors.find(({ kind, name }) => kind === 'Mesh' && name === mesh)?.selector;
  return planMesh({
    clusters, failover, globalServices: globalServiceValues(fleet.globalServices),
    meshes: meshValues(fleet.meshes).map((mesh) => ({ ...mesh, clusters: selectorOf(mesh.name) ?? mesh.clusters })),
    // The same before and after: only differences are looked at.
    trust: { trustDomain: '', sequence: 0, bundlePem: '' },
    endpointOverrides: Object.fromEntries(fleet.clusters.flatMap(({ metadata, spec }) => (spec?.meshEndpoint === undefined ? [] : [[metadata.name, meshEndpoint(spec.meshEndpoint)]]))),
    ledgers: shownLedgers(fleet.meshes),
    access: compileAccess(fleet.accessPolicies.map(accessPolicyValue), clusters, new Map()).rules,
  }, sha256Hex);
}

export function planFleetClone(fleet: FleetObjects, names: { readonly source: string; readonly target: string }, exact: boolean): PlannedClone {
  const find = (name: string): ClusterObject => {
    const found = fleet.clusters.find(({ metadata }) => metadata.name === name);
    if (found === undefined) throw new CommandFailure(`there is no Cluster ${JSON.stringify(name)}; "isthmus fleet query -o name" lists them`);
    return found;
  };
  const [source, target] = [clonable(find(names.source)), clonable(find(names.target))];
  const selectors = selectorsOf(fleet);
  const failover = failoverPolicyValues(fleet.failover);
  const before = planOf(fleet, fleet.clusters.map(viewOf), { selectors, failover });
  const known = new Set(before.meshes.flatMap(({ conflicts }) => conflicts.map(({ message }) => message)));
  let after: { readonly plan: Plan; readonly views: readonly ClusterView[] } | undefined;

  const clone = planClone({
    source, target, selectors, exact, failover, globalServices: fleet.globalServices.map(({ metadata }) => metadata.name),
    check(outcome) {
      const views = viewsAfter(fleet, outcome);
      after = { views, plan: planOf(fleet, views, outcome) };
      return after.plan.meshes.flatMap(({ conflicts }) => conflicts.filter(({ message }) => !known.has(message)));
    },
  });
  const objects = new Map(Object.values(fleet).flat().map((object: KubernetesObject) => [`${object.kind}/${object.metadata.name}`, object]));
  const changed = after === undefined ? [] : changedClusters(before, after.plan);
  return {
    ...clone, changed,
    joined: before.baseline.length,
    run: after === undefined || clone.conflicts.length > 0 ? undefined : followingRun(fleet, after.plan, after.views, changed),
    waiting: after?.plan.meshes.some(({ waiting }) => waiting.includes(names.target)) ?? false,
    object: (kind, name) => objects.get(`${kind}/${name}`),
  };
}

const changedClusters = (before: Plan, after: Plan): string[] => {
  const ids = new Map(before.desired.map(({ cluster, id }) => [cluster, id]));
  return after.desired.filter(({ cluster, id }) => ids.get(cluster) !== id).map(({ cluster }) => cluster);
};

/** As controller/hub/mesh makes it: by the strategy of the first mesh that changes. */
function followingRun(fleet: FleetObjects, plan: Plan, views: readonly ClusterView[], changed: readonly string[]): FollowingRun | undefined {
  if (changed.length === 0) return undefined;
  const mesh = plan.meshes.find(({ members, conflicts }) => conflicts.length === 0 && members.some(({ name }) => changed.includes(name)))?.mesh;
  const name = fleet.meshes.find(({ metadata }) => metadata.name === mesh)?.spec.strategy ?? DEFAULT_STRATEGY;
  const object = fleet.strategies.find(({ metadata }) => metadata.name === name);
  const strategy = object === undefined ? undefined : strategyValue(object);
  if (strategy === undefined) return { strategy: name, stages: [{ name: 'none: this UpdateStrategy does not exist, so nothing is rolled out', clusters: changed }] };
  const targets = freezeTargets(strategy, views, changed.map((cluster) => ({ cluster, fromId: null, toId: cluster })));
  return {
    strategy: name,
    stages: stageNames(strategy).map((stage, index) => ({ name: stage, clusters: targets.filter((target) => target.stage === index).map(({ cluster }) => cluster) })).filter(({ clusters }) => clusters.length > 0),
  };
}
