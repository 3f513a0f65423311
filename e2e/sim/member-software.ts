/** What simulated clusters may have beside Kubernetes: a Flux HelmRelease of Cilium and a controller that brings in what it says, and one that runs Jobs. */
import { apiVersionOf } from '../../mesh/api/resources/index.ts';
import { Job } from '../../controller/agent/bundles/hook.ts';
import { seconds, toRfc3339 } from '../../mesh/model/instant.ts';
import type { KubernetesObject } from '../../mesh/ports/kubernetes.ts';
import type { Fleet, Member } from './hosts.ts';
import { HelmRelease } from './member-kinds.ts';

export const CILIUM_RELEASE = { namespace: 'kube-system', name: 'cilium' } as const;
/** `works`: what is asked for is ready a second later. `fails`: it never is. `sleeps`: nobody looks at it, and the status stays what it was. `fails-tests`: it works, but no Job does. */
export const MANNERS = ['works', 'fails', 'sleeps', 'fails-tests'] as const;
export type Manner = (typeof MANNERS)[number];

export interface HelmReleaseObject extends KubernetesObject {
  readonly spec?: { readonly values?: { readonly version?: string } };
  readonly status?: { readonly observedGeneration?: number; readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

export interface HelmControllers {
  /** From now on, for what is asked for already as well. */
  behave(cluster: string, manner: Manner): void;
}

const never = new AbortController().signal;
const BY = 'helm-controller';
const REACTION_SECONDS = 1;

/** A release and a controller in each cluster, all of which work. */
export async function beginHelmControllers(fleet: Fleet): Promise<HelmControllers> {
  const manners = new Map<string, Manner>();

  async function reconcile({ name, kubernetes, read }: Member): Promise<void> {
    const release = read<HelmReleaseObject>(HelmRelease, CILIUM_RELEASE);
    const manner = manners.get(name) ?? 'works';
    if (release === undefined || manner === 'sleeps') return;
    const { generation = 1 } = release.metadata;
    const works = manner !== 'fails';
    const ready = works ? 'True' : 'False';
    if (release.status?.observedGeneration === generation && release.status.conditions?.[0]?.status === ready) return;
    const condition = { type: 'Ready', status: ready, observedGeneration: generation, reason: works ? 'UpgradeSucceeded' : 'UpgradeFailed', message: works ? 'Helm upgrade succeeded' : 'Helm upgrade failed: pods are not ready', lastTransitionTime: toRfc3339(fleet.clock.now()) };
    await kubernetes.patch(HelmRelease, CILIUM_RELEASE, { status: { observedGeneration: generation, conditions: [condition] } }, { type: 'merge', fieldManager: BY, subresource: 'status' }, never);
  }

  async function watch(member: Member): Promise<void> {
    const clock = fleet.clock.ownedBy(`${member.name} ${BY}`);
    for await (const event of member.kubernetes.watch<HelmReleaseObject>(HelmRelease, { resourceVersion: '', sendInitialEvents: true }, never)) {
      if (event.type === 'BOOKMARK' || event.type === 'DELETED') continue;
      await clock.sleepUntil(clock.now() + seconds(REACTION_SECONDS), never);
      await reconcile(member);
    }
  }

  async function runJobs({ name, kubernetes }: Member): Promise<void> {
    const clock = fleet.clock.ownedBy(`${name} job-controller`);
    for await (const event of kubernetes.watch(Job, { resourceVersion: '', sendInitialEvents: true }, never)) {
      if (event.type !== 'ADDED') continue;
      await clock.sleepUntil(clock.now() + seconds(REACTION_SECONDS), never);
      const type = manners.get(name) === 'fails-tests' ? 'Failed' : 'Complete';
      const { namespace = '', name: job } = event.object.metadata;
      const condition = { type, status: 'True', reason: type === 'Failed' ? 'BackoffLimitExceeded' : 'CompletionsReached', message: type === 'Failed' ? 'Job has reached the specified backoff limit' : '', lastTransitionTime: toRfc3339(clock.now()) };
      await kubernetes.patch(Job, { namespace, name: job }, { status: { conditions: [condition] } }, { type: 'merge', fieldManager: 'job-controller', subresource: 'status' }, never);
    }
  }

  for (const member of fleet.members) {
    await member.kubernetes.create(HelmRelease, { apiVersion: apiVersionOf(HelmRelease), kind: 'HelmRelease', metadata: { ...CILIUM_RELEASE }, spec: { chart: { spec: { chart: 'cilium' } }, values: { operator: { replicas: 2 } } } } as KubernetesObject, { fieldManager: 'flux' }, never);
    await reconcile(member);
    void watch(member);
    void runJobs(member);
  }
  return {
    behave(cluster, manner) {
      const member = fleet.member(cluster);
      manners.set(cluster, manner);
      void reconcile(member);
    },
  };
}
