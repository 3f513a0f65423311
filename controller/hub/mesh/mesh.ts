/** Plan → Mesh.status, desired revisions, and an UpdateRun where the plan is not what clusters were assigned. Nothing reaches a cluster from here. */
import type { MeshObject } from '../../../mesh/api/resources/mesh.ts';
import { apiVersionOf, Mesh, UpdateRun } from '../../../mesh/api/resources/index.ts';
import type { UpdateRunObject, UpdateStrategyObject } from '../../../mesh/api/resources/updates.ts';
import { type Condition, findCondition, setCondition } from '../../../mesh/model/condition.ts';
import { HUB_FIELD_MANAGER } from '../../../mesh/model/managed.ts';
import type { MeshPlan, Plan } from '../../../mesh/plan/plan.ts';
import { wasAway } from '../../../mesh/rollout/skipped.ts';
import { strategyProblem } from '../../../mesh/rollout/targets.ts';
import { KubernetesError } from '../../../mesh/ports/kubernetes.ts';
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import { eachApart } from '../../runtime/apart.ts';
import type { Cache } from '../../runtime/cache.ts';
import { createLoop, type Loop } from '../../runtime/loop.ts';
import type { DriftJudge } from '../drift/judge.ts';
import { decidedReason, type RunReason } from '../drift/run-reason.ts';
import type { HubPorts } from '../ports.ts';
import { reportOn } from '../report.ts';
import { conditionsOf, openRuns, strategyValue } from '../views.ts';
import { writeStatus } from '../write-status.ts';
import { abandonedClusters } from './abandoned.ts';
import { planned, preflightSkipped, rolledOut, type Rollout } from './conditions.ts';
import { currentPlan, type PlanSources } from './current-plan.ts';
import { cellsStatus } from './cells.ts';
import { findingsStatus, skippedReason } from './findings.ts';
import { writeChanges } from './frozen-changes.ts';
import { bookOf, type MeshIds } from './ids.ts';
import { createPlannedIds, heldChanges, isPlanRun, lastRuns } from './last-runs.ts';
import { leftMesh } from './left-mesh.ts';
import { peered } from './peered.ts';
import { type Change, changesOf, type HeldChange, type LastRun, runName } from './next-run.ts';
import { idsStatus } from './shown-ids.ts';

export const DEFAULT_STRATEGY = 'default';
const NAME = 'mesh';
const ALL = 'plan';
/** A plan of many clusters takes long and each of them wakes the loop: then they are planned together. A small fleet is planned at once. */
const SMALL_FLEET = 50;
const PAUSE_MILLISECONDS_PER_CLUSTER = 2;
/** In a status. */
const MOST_MEMBERS = 511;
/** Of planning with what the plan before has freed: ids that are given to those who waited, once. */
const MOST_ROUNDS = 4;

export interface MeshParts {
  readonly ports: Pick<HubPorts, 'clock' | 'random' | 'log' | 'metrics' | 'kubernetes' | 'records'>;
  readonly sources: PlanSources & { readonly ids: MeshIds };
  readonly runs: Cache<UpdateRunObject>;
  readonly strategies: Cache<UpdateStrategyObject>;
  readonly drift: DriftJudge;
  /** What a rotation of the authority asks for while it runs; undefined: nothing. */
  readonly rotationStrategy?: () => string | undefined;
}

interface Outlook {
  readonly free: readonly Change[];
  readonly held: readonly HeldChange[];
  /** Left alone by runs now: frozen, or a change by others holds them. */
  readonly blocked: Rollout['blocked'];
  readonly failed: Rollout['failed'];
  readonly abandoned: Rollout['abandoned'];
  readonly activeRun: string | undefined;
  /** The mesh that has some of those who change; null: a change outside meshes, or of those who have left one. */
  readonly mesh: string | null;
}

export function createMesh({ ports, sources, runs, strategies, drift, rotationStrategy = () => undefined }: MeshParts): Loop {
  const { clock, log, kubernetes, records } = ports;
  const plannedIds = createPlannedIds(records, sources.digest);
  const reportMesh = reportOn<MeshObject>(ports, Mesh);
  const conflicts = ports.metrics.gauge('isthmus_hub_mesh_conflicts', 'Conflicts that keep a mesh from being planned.', ['mesh']);

  /** The hub makes one at a time. Runs of bundles go beside it, and wait for it, or it for them, where they share clusters. */
  async function openPlanRun(): Promise<string | undefined> {
    for (const run of openRuns(runs)) if (await isPlanRun(run, records)) return run.metadata.name;
    return undefined;
  }

  function waitsOf(run: string | undefined): string | undefined {
    const status = run === undefined ? undefined : runs.get({ name: run })?.status;
    return status?.phase === 'Pending' && status.startedAt === undefined && status.message !== '' ? status.message : undefined;
  }

  /** A run has waited for the cluster to the end: another one would as well. */
  function awayReason(cluster: string, last: LastRun | undefined): string | null {
    if (last === undefined || !wasAway(last.target)) return null;
    const connected = findCondition(conditionsOf(sources.clusters.get({ name: cluster }) ?? {}), 'Connected')?.status === 'True';
    return connected ? null : `run ${last.name} has waited for it to the end; it gets its turn when its agent is back`;
  }

  async function look(plan: Plan): Promise<Outlook> {
    // Of the moment of the plan, which keeps the bundles that were assigned then.
    const changes = changesOf(plan, (cluster) => sources.assignments.get(cluster)?.desiredId ?? null);
    // Before the rest: a run that ends while that is read would be neither open nor among those that hold a change back.
    const activeRun = await openPlanRun();
    const last = await lastRuns(plan.desired.map(({ cluster }) => cluster), runs.list(), records);
    const failed = plan.desired.flatMap(({ cluster, id }) => {
      const newest = last.get(cluster);
      const applied = findCondition(conditionsOf(sources.clusters.get({ name: cluster }) ?? {}), 'Applied')?.status === 'True';
      return newest?.target.phase === 'Failed' && newest.target.toId === id && !applied ? [{ run: newest.name, cluster, message: newest.target.message }] : [];
    });
    const abandoned = await abandonedClusters(plan, sources, runs, records);
    const held = await heldChanges(plan, changes, last, plannedIds);
    const blocked = changes.flatMap(({ cluster }) => { const reason = drift.held(cluster) ?? awayReason(cluster, last.get(cluster)); return reason === null ? [] : [{ cluster, reason }]; });
    const left = new Set([...held, ...blocked].map(({ cluster }) => cluster));
    const free = changes.filter(({ cluster }) => !left.has(cluster));
    const freed = new Set(free.map(({ cluster }) => cluster));
    const mesh = plan.meshes.find(({ members }) => members.some(({ name }) => freed.has(name)))?.mesh ?? null;
    return { free, held, blocked, failed, abandoned, mesh, activeRun };
  }

  async function decidedBy(plan: Plan, free: readonly Change[]): Promise<RunReason> {
    if (sources.overrides().size === 0) return {};
    const changes = await Promise.all(free.map(async ({ cluster, toId }) => {
      const assigned = sources.assignments.get(cluster)?.desiredId;
      return { before: assigned === undefined ? null : (await records.getRevision(assigned))?.content ?? null, after: plan.desired.find(({ id }) => id === toId)?.content ?? '{}' };
    }));
    return decidedReason(changes, drift.decisionValues());
  }

  async function createRun(plan: Plan, { free, abandoned, mesh: joined }: Outlook, signal: CancelSignal): Promise<void> {
    if (free.length === 0 || abandoned.length > 0) return;
    const mesh = joined ?? await leftMesh(free, sources.assignments, records);
    const strategyName = rotationStrategy() ?? sources.meshes.get({ name: mesh ?? '' })?.spec.strategy ?? DEFAULT_STRATEGY;
    const object = strategies.get({ name: strategyName });
    const strategy = object === undefined ? undefined : strategyValue(object);
    if (strategy === undefined || strategyProblem(strategy) !== undefined) return;
    const taken = runs.list().map(({ metadata }) => metadata.name);
    let name = runName(mesh, taken);
    // A deleted UpdateRun leaves its records: its name is not free.
    while (await records.getRun(name) !== undefined) name = runName(mesh, [...taken, name]);
    const changed = new Set(free.map(({ toId }) => toId));
    await records.putRevisions(plan.desired.filter(({ id }) => changed.has(id)));
    await writeChanges(records, name, free);
    const clusters = free.map(({ cluster }) => cluster).join(', ');
    const decided = await decidedBy(plan, free);
    const reason = (decided.reason ?? `${mesh === null ? 'Policies' : `Mesh ${mesh}${sources.meshes.get({ name: mesh }) === undefined ? ', which is gone' : ''}`}: new desired state for ${clusters}`).slice(0, 512) + skippedReason(plan.meshes.find((one) => one.mesh === mesh)).slice(0, 512);
    try {
      await kubernetes.create<UpdateRunObject>(UpdateRun, {
        apiVersion: apiVersionOf(UpdateRun), kind: 'UpdateRun', metadata: { name },
        spec: { strategy: strategy as UpdateRunObject['spec']['strategy'], planDigest: plan.planDigest, reason, requestedBy: decided.requestedBy ?? HUB_FIELD_MANAGER, stop: false },
      }, { fieldManager: HUB_FIELD_MANAGER }, signal);
      log.info({ run: name, clusters: free.length, strategy: strategyName }, 'update run created');
    } catch (error) {
      // The cache lags behind our own create: the run that it will show is the active one.
      if (!(error instanceof KubernetesError && error.reason === 'AlreadyExists')) throw error;
    }
  }

  function problemOf(name: string): Rollout['problem'] {
    const object = strategies.get({ name });
    if (object === undefined) return { reason: 'StrategyMissing', message: `UpdateStrategy ${name} does not exist, so nothing is rolled out; create it, or set spec.strategy to one that exists` };
    const strategy = strategyValue(object);
    const problem = strategy === undefined ? 'its spec is not as the schema has it' : strategyProblem(strategy);
    return problem === undefined ? undefined : { reason: 'StrategyInvalid', message: `UpdateStrategy ${name}: ${problem}; nothing is rolled out until that is repaired` };
  }

  async function writeMesh(object: MeshObject, plan: Plan, mesh: MeshPlan, outlook: Outlook, inFlight: readonly string[], signal: CancelSignal): Promise<void> {
    const members = new Set(mesh.members.map(({ name }) => name));
    const member = ({ cluster }: { readonly cluster: string }): boolean => members.has(cluster);
    const generation = object.metadata.generation ?? 0;
    const problem = problemOf(rotationStrategy() ?? object.spec.strategy ?? DEFAULT_STRATEGY);
    const rollout = {
      changes: outlook.free.filter(member), held: outlook.held.filter(member), blocked: outlook.blocked.filter(member), failed: outlook.failed.filter(member), inFlight: inFlight.filter((cluster) => member({ cluster })),
      abandoned: outlook.abandoned, activeRun: outlook.activeRun, activeRunWaits: waitsOf(outlook.activeRun), problem: outlook.free.some(member) ? problem : undefined,
    };
    const now = clock.now();
    const before = conditionsOf(object);
    const skips = preflightSkipped(mesh, before, generation);
    const pairs = peered(mesh, (cluster) => sources.clusters.get({ name: cluster })?.status, generation);
    const told = [planned(mesh, generation), rolledOut(mesh, rollout, generation), pairs.condition].reduce<readonly Condition[]>((all, update) => setCondition(all, update, now), before);
    const conditions = skips === undefined ? told : setCondition(told, skips, now);
    const planDigest = mesh.conflicts.length === 0 ? plan.planDigest : object.status?.planDigest;
    conflicts.set({ mesh: mesh.mesh }, mesh.conflicts.length);
    await writeStatus(kubernetes, Mesh, object, {
      observedGeneration: generation, ...(planDigest === undefined ? {} : { planDigest }),
      clusterCount: mesh.members.length, conflictCount: mesh.conflicts.length, clusters: mesh.members.slice(0, MOST_MEMBERS).map((one) => ({ ...one })), ...cellsStatus(mesh), ...idsStatus(bookOf(sources.ids, mesh.mesh)), ...findingsStatus(mesh), ...(pairs.pairsWaiting === undefined ? {} : { pairsWaiting: pairs.pairsWaiting }), conditions: [...conditions],
    }, signal);
  }

  /** Ids are written down before anybody is told of them; what that frees or keeps is planned with at once. */
  async function planAndKeepIds(): Promise<Plan> {
    await sources.ids.know();
    let plan = currentPlan(sources);
    for (let round = 1; round < MOST_ROUNDS && await sources.ids.follow(plan, clock.now()); round++) plan = currentPlan(sources);
    return plan;
  }

  let restsUntil = Number.NEGATIVE_INFINITY;

  async function reconcile(_key: string, signal: CancelSignal): Promise<{ requeueAt?: number }> {
    if (clock.now() < restsUntil) return { requeueAt: restsUntil };
    const count = sources.clusters.list().length;
    if (count > SMALL_FLEET) restsUntil = clock.now() + count * PAUSE_MILLISECONDS_PER_CLUSTER;
    const plan = await planAndKeepIds();
    const outlook = await look(plan);
    const targets = outlook.activeRun === undefined ? [] : await records.listTargets(outlook.activeRun);
    const inFlight = targets.filter(({ finishedAt }) => finishedAt === null).map(({ cluster }) => cluster);
    if (outlook.activeRun === undefined) await createRun(plan, outlook, signal);
    const byName = new Map(plan.meshes.map((mesh) => [mesh.mesh, mesh]));
    await eachApart({
      controller: NAME, objects: sources.meshes.list(), report: reportMesh,
      async work(object) {
        const mesh = byName.get(object.metadata.name);
        if (mesh !== undefined) await writeMesh(object, plan, mesh, outlook, inFlight, signal);
      },
    }, signal);
    const wakes = [drift.thawsAt(), sources.ids.nextFreeAt()].filter((at) => at !== undefined);
    return wakes.length === 0 ? {} : { requeueAt: Math.min(...wakes) };
  }

  const loop = createLoop({
    name: NAME, reconcile, ...ports,
    // No plan at all: that concerns every mesh.
    async report(_key, trouble, signal) {
      if (trouble !== undefined) for (const object of sources.meshes.list()) await reportMesh(object, trouble, signal);
    },
  });
  const wake = (): void => loop.add(ALL);
  for (const cache of [sources.clusters, sources.meshes, sources.failover, sources.globalServices, sources.accessPolicies, runs, strategies]) cache.subscribe(wake);
  sources.assignments.subscribe(wake);
  drift.subscribe(wake);
  return loop;
}
