/** Objects as the values that planners take. What the schema of a kind refuses is left out: one malformed object must not stop the rest. */
import type { z } from 'zod';
import { accessPolicySpec } from '../../mesh/api/resources/access-policy.ts';
import { exportPolicySpec, failoverPolicySpec, globalServiceSpec } from '../../mesh/api/resources/policies.ts';
import type { ExportPolicyObject, FailoverPolicyObject, GlobalServiceObject } from '../../mesh/api/resources/policies.ts';
import type { ClusterObject } from '../../mesh/api/resources/cluster.ts';
import { type DriftDecisionObject, driftDecisionSpec, type DriftPolicyObject, driftPolicySpec } from '../../mesh/api/resources/drift-policy.ts';
import { type DrillObject, drillSpec } from '../../mesh/api/resources/drill.ts';
import { type MeshObject, meshSpec } from '../../mesh/api/resources/mesh.ts';
import { type UpdateRunObject, updateRunSpec, type UpdateStrategyObject, updateStrategySpec } from '../../mesh/api/resources/updates.ts';
import { isFinished } from '../../mesh/drill/decide.ts';
import { viewCluster } from '../../mesh/inventory/view.ts';
import type { AccessPolicyValue } from '../../mesh/model/access.ts';
import type { ClusterView, MeshEndpoint, PeerTls } from '../../mesh/model/cluster.ts';
import type { ClusterStatusValue } from '../../mesh/model/cluster-status.ts';
import type { Condition } from '../../mesh/model/condition.ts';
import type { DriftDecisionValue, DriftPolicyValue } from '../../mesh/model/drift.ts';
import type { DrillValue } from '../../mesh/model/drill.ts';
import { fromRfc3339 } from '../../mesh/model/instant.ts';
import type { Assignment } from '../../mesh/model/history.ts';
import type { ExportPolicyValue, FailoverPolicyValue, GlobalServiceValue, MeshValue } from '../../mesh/model/policy.ts';
import type { ClusterSelector } from '../../mesh/model/selector.ts';
import type { Topology } from '../../mesh/model/topology.ts';
import { FINAL_RUN_PHASES, type RunValue, type StrategyValue } from '../../mesh/model/rollout.ts';
import type { KubernetesObject } from '../../mesh/ports/kubernetes.ts';
import type { Cache } from '../runtime/cache.ts';

/** Defaults filled in; undefined where the schema refuses the spec. */
function specOf<S extends z.ZodType>(schema: S, object: KubernetesObject & { readonly spec?: unknown }): z.infer<S> | undefined {
  const parsed = schema.safeParse(object.spec ?? {});
  return parsed.success ? parsed.data : undefined;
}

/** zod's optional members may be `undefined`; the model's are absent. */
const present = <T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } =>
  Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as { [K in keyof T]: Exclude<T[K], undefined> };

export function meshEndpoint(endpoint: { readonly address?: string | undefined; readonly ips?: string[] | undefined; readonly port: number; readonly tls?: PeerTls | undefined }): MeshEndpoint {
  return present(endpoint) as MeshEndpoint;
}

/** Assigned is what the records say; the status repeats it a moment later. */
export function clusterView(object: ClusterObject, assignment: Assignment | undefined): ClusterView {
  const assignedId = assignment?.desiredId ?? null;
  const known = seen.get(object) ?? viewCluster(object.metadata.name, object.metadata.labels ?? {}, object.status as ClusterStatusValue | undefined);
  const view = known.assignedId === assignedId ? known : { ...known, assignedId };
  seen.set(object, view);
  return view;
}

/** Caches give the same object until it changes, and each change of one cluster asks for the views of all: an unchanged one is the same view. */
const seen = new WeakMap<ClusterObject, ClusterView>();

const values = <O extends KubernetesObject, V>(objects: readonly O[], value: (object: O) => V | undefined): V[] =>
  objects.flatMap((object) => { const one = value(object); return one === undefined ? [] : [one]; });

/** The same value for the same object. */
function remembered<O extends KubernetesObject, V>(value: (object: O) => V | undefined): (objects: readonly O[]) => V[] {
  const known = new WeakMap<O, { readonly value: V | undefined }>();
  return (objects) => values(objects, (object) => {
    const one = known.get(object) ?? { value: value(object) };
    known.set(object, one);
    return one.value;
  });
}

export const meshValues = remembered((object: MeshObject): MeshValue | undefined => {
  const spec = specOf(meshSpec, object);
  if (spec === undefined) return undefined;
  const { topology, ...rest } = spec;
  return { ...rest, ...(topology === undefined ? {} : { topology: topologyValue(topology) }), name: object.metadata.name, generation: object.metadata.generation ?? 0 } as MeshValue;
});

/** No selector can be read of it: what the kind's own rules refuse is refused by the plan as well, and named there. */
const NO_SELECTOR: ClusterSelector = { names: [] };

function topologyValue({ type, hubs, groupBy = '', gateways, pairs = [] }: NonNullable<z.infer<typeof meshSpec>['topology']>): Topology {
  switch (type) {
    case 'HubAndSpoke': return { type, hubs: (hubs ?? NO_SELECTOR) as ClusterSelector };
    case 'Regional': return { type, groupBy, gateways: (gateways ?? NO_SELECTOR) as ClusterSelector };
    case 'Pairs': return { type, pairs };
    case 'FullMesh': return { type };
  }
}

export const exportPolicyValues = (objects: readonly ExportPolicyObject[]): ExportPolicyValue[] => values(objects, (object) => {
  const spec = specOf(exportPolicySpec, object);
  return spec === undefined ? undefined : { ...spec, name: object.metadata.name } as ExportPolicyValue;
});

/** What cannot be read of one is said of it: leaving it out would open what it shuts. */
export const accessPolicyValue = ({ metadata: { name }, spec }: { readonly metadata: { readonly name: string }; readonly spec?: unknown }): AccessPolicyValue => {
  const parsed = accessPolicySpec.safeParse(spec ?? {});
  if (parsed.success) return { ...parsed.data, name } as AccessPolicyValue;
  const [issue] = parsed.error.issues;
  return { name, mode: 'DefaultDeny', from: [], to: {}, problem: `spec${issue === undefined || issue.path.length === 0 ? '' : `.${issue.path.join('.')}`}: ${issue?.message ?? 'is not as the schema has it'}` };
};

export const failoverPolicyValues = remembered((object: FailoverPolicyObject): FailoverPolicyValue | undefined => {
  const spec = specOf(failoverPolicySpec, object);
  return spec === undefined ? undefined : { ...spec, name: object.metadata.name };
});

export const globalServiceValues = remembered((object: GlobalServiceObject): GlobalServiceValue | undefined => {
  const spec = specOf(globalServiceSpec, object);
  return spec === undefined ? undefined : { ...spec, name: object.metadata.name };
});

export const driftPolicyValues = (objects: readonly DriftPolicyObject[]): DriftPolicyValue[] => values(objects, (object) => {
  const spec = specOf(driftPolicySpec, object);
  return spec === undefined ? undefined : { ...spec, name: object.metadata.name } as DriftPolicyValue;
});

export const driftDecisionValues = (objects: readonly DriftDecisionObject[]): DriftDecisionValue[] => values(objects, (object) => {
  const spec = specOf(driftDecisionSpec, object);
  return spec === undefined ? undefined : { ...spec, name: object.metadata.name, createdAt: fromRfc3339(object.metadata.creationTimestamp) ?? 0 };
});

export function strategyValue(object: UpdateStrategyObject): StrategyValue | undefined {
  const spec = specOf(updateStrategySpec, object);
  return spec === undefined ? undefined : { ...spec, name: object.metadata.name } as StrategyValue;
}

export function runSpec(object: UpdateRunObject): z.infer<typeof updateRunSpec> | undefined {
  return specOf(updateRunSpec, object);
}

export function runPhase(object: UpdateRunObject): RunValue['phase'] {
  return object.status?.phase ?? 'Pending';
}

/** Is on an UpdateRun from before it begins until it has ended. */
export const RUN_FINALIZER = 'isthmus.dev/update-run';

const hasEnded = (object: UpdateRunObject): boolean => FINAL_RUN_PHASES.includes(runPhase(object));

/** For the cache of runs: most runs have ended, and those that have not are asked for with each report of a cluster. `settled`: there is nothing left to do about it. */
export const RUN_INDEXES = {
  ended: (object: UpdateRunObject): readonly string[] => [String(hasEnded(object))],
  settled: (object: UpdateRunObject): readonly string[] => [String(hasEnded(object) && !(object.metadata.finalizers ?? []).includes(RUN_FINALIZER))],
};

/** Sorted by name. */
export const openRuns = (runs: Cache<UpdateRunObject>): readonly UpdateRunObject[] => runs.byIndex('ended', 'false');

/** Their objects are there yet. Sorted by name. */
export const endedRuns = (runs: Cache<UpdateRunObject>): readonly UpdateRunObject[] => runs.byIndex('ended', 'true');

/** Open ones, and ended ones whose object is still held. Sorted by name. */
export const unsettledRuns = (runs: Cache<UpdateRunObject>): readonly UpdateRunObject[] => runs.byIndex('settled', 'false');

/** zod's conditions allow an `undefined` member, which JSON never has. */
export const conditionsOf = (object: { readonly status?: { readonly conditions?: readonly unknown[] | undefined } | undefined }): readonly Condition[] =>
  (object.status?.conditions ?? []) as readonly Condition[];

/** For the cache of drills: each DNS sample of an agent asks for those that run. */
export const DRILL_INDEXES = { finished: ({ status }: DrillObject): readonly string[] => [String(isFinished(status?.phase ?? 'Pending'))] };

/** Sorted by name. */
export const openDrills = (drills: Cache<DrillObject>): readonly DrillObject[] => drills.byIndex('finished', 'false');

export function drillValue(object: DrillObject): DrillValue | undefined {
  const spec = specOf(drillSpec, object);
  if (spec === undefined) return undefined;
  const { service, evacuate, holdSeconds, objectiveSeconds, stop } = spec;
  return { name: object.metadata.name, service, evacuate, holdSeconds, objectiveSeconds, cancelRequested: stop };
}
