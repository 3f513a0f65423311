/** Deployment `clustermesh-apiserver` of each simulated cluster, and a controller that replaces its pods one after another when their template changes. */
import { Deployment, Secret, type SecretObject, type WorkloadObject } from '../../mesh/api/resources/core.ts';
import { seconds } from '../../mesh/model/instant.ts';
import type { KubernetesObject } from '../../mesh/ports/kubernetes.ts';
import type { Fleet, Member } from './fleet.ts';

export const MESH_SERVER = { namespace: 'kube-system', name: 'clustermesh-apiserver' } as const;

const never = new AbortController().signal;
const BY = 'deployment-controller';
/** A new pod is there; the old one is gone and the new one is ready. */
const STEPS: readonly NonNullable<WorkloadObject['status']>[] = [{ replicas: 2, updatedReplicas: 1, availableReplicas: 1 }, { replicas: 1, updatedReplicas: 1, availableReplicas: 1 }];
const STEP_SECONDS = 1;

/** PEM of the roots that each running pod has read: at its start, and never again. */
const read = new WeakMap<Member, string[]>();

/** Empty: no pod runs, for the Secret that it needs was never there. The first one starts when it is. */
export function rootsOfPods(member: Member): readonly string[] {
  const known = read.get(member);
  if (known === undefined || known.length > 0) return known ?? [];
  const roots = rootsNow(member);
  if (roots !== undefined) known.push(roots);
  return known;
}

function rootsNow(member: Member): string | undefined {
  const data = member.read<SecretObject>(Secret, { namespace: MESH_SERVER.namespace, name: 'clustermesh-apiserver-server-cert' })?.data?.['ca.crt'];
  return data === undefined ? undefined : Buffer.from(data, 'base64').toString('utf8');
}

async function watch(member: Member, fleet: Fleet): Promise<void> {
  const { name, kubernetes } = member;
  const clock = fleet.clock.ownedBy(`${name} ${BY}`);
  for await (const event of kubernetes.watch<WorkloadObject>(Deployment, { resourceVersion: '', sendInitialEvents: true }, never)) {
    if (event.type === 'BOOKMARK' || event.type === 'DELETED') continue;
    const { metadata: { generation = 1 }, status } = event.object;
    if (status?.observedGeneration === generation || status?.replicas === 2) continue;
    for (const step of STEPS) {
      await clock.sleepUntil(clock.now() + seconds(STEP_SECONDS), never);
      const done = step === STEPS.at(-1);
      const running = [...rootsOfPods(member)];
      read.set(member, done ? running.slice(-1) : [...running, ...[rootsNow(member) ?? []].flat()]);
      await kubernetes.patch(Deployment, MESH_SERVER, { status: { ...step, ...(done ? { observedGeneration: generation } : {}) } }, { type: 'merge', fieldManager: BY, subresource: 'status' }, never);
    }
  }
}

export async function beginMeshServers(fleet: Fleet): Promise<void> {
  for (const member of fleet.members) {
    await member.kubernetes.create(Deployment, {
      apiVersion: 'apps/v1', kind: 'Deployment', metadata: { ...MESH_SERVER },
      spec: { replicas: 1, selector: { matchLabels: { app: MESH_SERVER.name } }, template: { metadata: { labels: { app: MESH_SERVER.name } }, spec: { containers: ['etcd', 'apiserver', 'kvstoremesh'].map((container) => ({ name: container, image: container })) } } },
    } as KubernetesObject, { fieldManager: 'helm' }, never);
    read.set(member, []);
    void watch(member, fleet);
  }
}
