/** Answers what the plan changes, as it stands or with objects that nobody has written: the hub's own planner over them, and nothing is kept of it. */
import type { AccessPolicyObject } from '../../../mesh/api/resources/access-policy.ts';
import type { ClusterObject } from '../../../mesh/api/resources/cluster.ts';
import type { MeshPlanAnswer, MeshPlanHead } from '../../../mesh/api/resources/inquiry-answers.ts';
import type { InquiryObject } from '../../../mesh/api/resources/inquiry.ts';
import { type MeshObject, meshSpec } from '../../../mesh/api/resources/mesh.ts';
import type { DesiredState } from '../../../mesh/model/desired.ts';
import { nearest } from '../../../mesh/model/near.ts';
import type { PlanChange } from '../../../mesh/model/plan-change.ts';
import type { ExportFact } from '../../../mesh/model/service.ts';
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import type { Clock } from '../../../mesh/ports/clock.ts';
import type { KubernetesObject } from '../../../mesh/ports/kubernetes.ts';
import type { RecordStore } from '../../../mesh/ports/records.ts';
import { planChange } from '../../../mesh/plan/change.ts';
import { createStepPlanner, type Plan, type PlanInput } from '../../../mesh/plan/plan.ts';
import type { Steps } from '../../../mesh/plan/steps.ts';
import type { Cache } from '../../runtime/cache.ts';
import { AdvisedError } from '../../runtime/errors.ts';
import { WrongQuery } from '../inquiry/answers.ts';
import { createPages } from '../inventory/query-pages.ts';
import { currentPlan, planInput, type PlanSources } from './current-plan.ts';
import { changesOf } from './next-run.ts';
import { headsOf } from './plan-head.ts';

type Question = NonNullable<InquiryObject['spec']['plan']>;
type Given = NonNullable<Question['objects']>[number];

/** Of states, read between two looks at the network. */
const AT_ONCE_CHARACTERS = 100_000;
/** Of peers, in all rows of one answer: beyond, each row names the first few. */
const MOST_PEER_NAMES = 100_000;
const FEW_PEER_NAMES = 8;
const ASSUMED = { clusterId: 0, maxConnectedClusters: 255, podCidrs: [], namespace: 'kube-system', kvstoreMesh: true, authMode: 'cluster' } as const;

/** `given` over what there is, by name; sorted. */
function overlaid<T extends KubernetesObject>(present: readonly T[], given: readonly Given[], merge: (before: T | undefined, object: Given) => T): readonly T[] {
  const byName = new Map(present.map((object) => [object.metadata.name, object]));
  for (const object of given) byName.set(object.metadata.name, merge(byName.get(object.metadata.name), object));
  return [...byName.values()].sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
}

/** A cluster of which a file says what its Cilium is counts as one that has joined and reported that. */
function clusterOf(before: ClusterObject | undefined, { metadata, spec, status }: Given): ClusterObject {
  const known = before?.status as Record<string, unknown> | undefined;
  const cilium = (status as { readonly cilium?: object } | undefined)?.cilium;
  const reported = cilium === undefined ? known : { identity: {}, agentVersion: '', ...known, cilium: { ...ASSUMED, clusterName: metadata.name, ...(known?.['cilium'] as object | undefined), ...cilium } };
  const { labels } = metadata;
  return {
    ...before, apiVersion: 'isthmus.dev/v1alpha1', kind: 'Cluster',
    metadata: { ...before?.metadata, name: metadata.name, ...(labels === undefined ? {} : { labels }) }, ...(spec === undefined ? { spec: before?.spec } : { spec }), ...(reported === undefined ? {} : { status: reported }),
  } as ClusterObject;
}

function meshOf(before: MeshObject | undefined, { metadata, spec }: Given): MeshObject {
  const read = meshSpec.safeParse(spec ?? {});
  const [issue] = read.error?.issues ?? [];
  if (!read.success) throw new WrongQuery(`Mesh ${metadata.name}: spec.${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'is not as the schema has it'}`);
  return { ...before, kind: 'Mesh', metadata: { ...before?.metadata, name: metadata.name }, spec } as MeshObject;
}

function withObjects(sources: PlanSources, objects: readonly Given[]): PlanSources {
  const of = (kind: Given['kind']): readonly Given[] => objects.filter((object) => object.kind === kind);
  const list = <T extends KubernetesObject>(cache: Pick<Cache<T>, 'list'>, items: readonly T[]): Cache<T> => ({ ...cache, list: () => items, get: ({ name }) => items.find(({ metadata }) => metadata.name === name) }) as Cache<T>;
  const [meshes, clusters, policies] = [of('Mesh'), of('Cluster'), of('AccessPolicy')];
  return {
    ...sources,
    meshes: meshes.length === 0 ? sources.meshes : list(sources.meshes, overlaid(sources.meshes.list(), meshes, meshOf)),
    clusters: clusters.length === 0 ? sources.clusters : list(sources.clusters, overlaid(sources.clusters.list(), clusters, clusterOf)),
    accessPolicies: policies.length === 0 ? sources.accessPolicies : list(sources.accessPolicies, overlaid(sources.accessPolicies.list(), policies, (before, { metadata, spec }) => ({ ...before, kind: 'AccessPolicy', metadata: { ...before?.metadata, name: metadata.name }, spec }) as AccessPolicyObject)),
  };
}

export interface WhatIfParts {
  readonly clock: Clock;
  readonly records: Pick<RecordStore, 'getRevision'>;
  readonly sources: PlanSources;
  /** What a cluster's agent tells. */
  readonly exportsOf: (cluster: string) => readonly ExportFact[];
}

export function whatIfAnswers({ clock, records, sources, exportsOf }: WhatIfParts): { plan(question: Question, asked: { readonly signal: CancelSignal }): Promise<MeshPlanAnswer> } {
  const pages = createPages<MeshPlanHead, PlanChange, PlanChange>(clock.now(), (row) => row);
  /** Kept between questions: people ask again with one value changed. undefined: it was left in the middle of one. */
  let imagined: ReturnType<typeof createStepPlanner> | undefined;
  let last: Promise<unknown> = Promise.resolve();

  async function rest(signal: CancelSignal): Promise<void> {
    await clock.sleepUntil(clock.now() + 1, signal);
    if (signal.aborted) throw new AdvisedError('retry', 'the hub is going down; ask again');
  }

  /** A step at a time: the hub does all else in between. */
  async function inSteps<T>(steps: Steps<T>, signal: CancelSignal): Promise<T> {
    for (;;) {
      const step = steps.next();
      if (step.done === true) return step.value;
      await rest(signal);
    }
  }

  /** One at a time. */
  async function imagine(input: PlanInput, signal: CancelSignal): Promise<Plan> {
    const planner = imagined ?? createStepPlanner(sources.digest);
    imagined = undefined;
    const plan = await inSteps(planner(input), signal);
    imagined = planner;
    return plan;
  }

  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = last.then(work);
    last = mine.catch(() => {});
    return mine;
  }

  async function assigned(cluster: string): Promise<string | undefined> {
    const id = sources.assignments.get(cluster)?.desiredId;
    return id === undefined ? undefined : (await records.getRevision(id))?.content;
  }

  async function planned({ mesh, objects = [] }: Question, signal: CancelSignal): Promise<{ readonly head: MeshPlanHead; readonly rows: readonly PlanChange[] }> {
    const world = objects.length === 0 ? sources : withObjects(sources, objects);
    const plan = objects.length === 0 ? currentPlan(sources) : await inTurn(() => imagine(planInput(world), signal));
    const names = plan.meshes.map((one) => one.mesh);
    if (mesh !== undefined && !names.includes(mesh)) {
      const near = nearest(mesh, names);
      throw new AdvisedError('user', `there is no mesh ${JSON.stringify(mesh)}${near === undefined ? '' : `; did you mean ${near}?`}`);
    }
    const chosen = plan.meshes.filter((one) => mesh === undefined || one.mesh === mesh);
    const changes = changesOf(plan, (cluster) => sources.assignments.get(cluster)?.desiredId ?? null);
    await rest(signal);
    const planned = new Map(plan.desired.map((revision) => [revision.cluster, revision]));
    const ciliumIds = new Map(plan.meshes.flatMap((one) => [...one.selected]));
    const rows: PlanChange[] = [];
    let [characters, peerNames] = [0, 0];
    for (const { cluster } of changes) {
      const [was, next] = [await assigned(cluster), planned.get(cluster)!.content];
      const [before, after] = [was === undefined ? undefined : JSON.parse(was) as DesiredState, JSON.parse(next) as DesiredState];
      if (mesh === undefined || after.mesh === mesh || before?.mesh === mesh) {
        const row = planChange(before, after, ciliumIds.get(cluster) ?? 0);
        peerNames += row.peersAdded.length + row.peersRemoved.length + row.peersChanged.length;
        rows.push(peerNames > MOST_PEER_NAMES ? withFewNames(row) : row);
      }
      characters += next.length + (was?.length ?? 0);
      if (characters < AT_ONCE_CHARACTERS) continue;
      characters = 0;
      await rest(signal);
    }
    return { head: { meshes: await inSteps(headsOf(chosen, exportsOf), signal), of: joined(plan), changed: rows.length, restarts: rows.filter(({ restarts }) => restarts.length > 0).length }, rows };
  }

  return {
    async plan(question, { signal }) {
      const { limit = Number.POSITIVE_INFINITY, continue: next } = question;
      if (next !== undefined) {
        const page = pages.next(next, limit, clock.now());
        return { clusters: page.rows, ...(page.next === undefined ? {} : { continue: page.next }) };
      }
      const { head, rows } = await planned(question, signal);
      const page = pages.first(head, rows, limit, clock.now());
      return { head: page.head, clusters: page.rows, ...(page.next === undefined ? {} : { continue: page.next }) };
    },
  };
}

function withFewNames(row: PlanChange): PlanChange {
  const { peersAdded, peersRemoved, peersChanged } = row;
  const few = (names: readonly string[]): readonly string[] => names.slice(0, FEW_PEER_NAMES);
  return { ...row, peersAdded: few(peersAdded), peersRemoved: few(peersRemoved), peersChanged: few(peersChanged), peerCounts: { added: peersAdded.length, removed: peersRemoved.length, changed: peersChanged.length } };
}

const joined = ({ baseline }: Plan): number => baseline.length;
