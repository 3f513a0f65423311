/**
 * Deployment `clustermesh-apiserver` of each simulated cluster, a controller that replaces its pods one after another when their template changes, and a kubelet that is as late with
 * files as kubelets are: Cilium's processes see what Secrets held at its last look.
 */
import { Deployment, Secret, type SecretObject, type WorkloadObject } from '../../mesh/api/resources/core.ts';
import { seconds } from '../../mesh/model/instant.ts';
import type { KubernetesObject } from '../../mesh/ports/kubernetes.ts';
import type { Fleet, Member } from './hosts.ts';

export const MESH_SERVER = { namespace: 'kube-system', name: 'clustermesh-apiserver' } as const;

const never = new AbortController().signal;
const BY = 'deployment-controller';
/** A new pod is there; the old one is gone and the new one is ready. */
const STEPS: readonly NonNullable<WorkloadObject['status']>[] = [{ replicas: 2, updatedReplicas: 1, availableReplicas: 1 }, { replicas: 1, updatedReplicas: 1, availableReplicas: 1 }];
const STEP_SECONDS = 1;

/** The longest that a kubelet takes to sync a pod. */
const KUBELET_SECONDS = 90;

/** PEM: what programs have that read files, and make their clients when a peer's text is another. */
interface Files {
  readonly leaves: Readonly<Record<'server' | 'remote' | 'local', string | undefined>>;
  /** Whom the clients of KVStoreMesh and of the nodes' agents believe: as their roots were when they were made. */
  readonly believes: Readonly<Record<'kvstoremesh' | 'agents', string | undefined>>;
  readonly texts: Readonly<Record<'kvstoremesh' | 'agents', string>>;
}

const files = new WeakMap<Member, Files>();
export const filesOf = (member: Member): Pick<Files, 'leaves' | 'believes'> | undefined => files.get(member);

const secretOf = (member: Member, name: string): SecretObject['data'] => member.read<SecretObject>(Secret, { namespace: MESH_SERVER.namespace, name })?.data;
const textOf = (member: Member, name: string, key: string): string | undefined => {
  const text = secretOf(member, name)?.[key];
  return text === undefined ? undefined : Buffer.from(text, 'base64').toString('utf8');
};

/** The kubelet's look, or with `restarted` the start of the pods of clustermesh-apiserver: KVStoreMesh is one of them, agents are not. */
function project(member: Member, restarted: boolean): void {
  const before = files.get(member);
  const certificate = (role: string, key: string): string | undefined => textOf(member, `clustermesh-apiserver-${role}-cert`, key);
  const text = (name: string): string => JSON.stringify(secretOf(member, name) ?? {});
  const texts = { kvstoremesh: text('cilium-kvstoremesh'), agents: restarted ? (before?.texts.agents ?? '') : text('cilium-clustermesh') };
  files.set(member, {
    leaves: { server: certificate('server', 'tls.crt'), remote: certificate('remote', 'tls.crt'), local: restarted ? before?.leaves.local : certificate('local', 'tls.crt') },
    believes: {
      kvstoremesh: restarted || texts.kvstoremesh !== before?.texts.kvstoremesh ? certificate('remote', 'ca.crt') : before.believes.kvstoremesh,
      agents: texts.agents !== (before?.texts.agents ?? '') ? certificate('local', 'ca.crt') : before?.believes.agents,
    },
    texts,
  });
}

async function kubelet(member: Member, fleet: Fleet): Promise<void> {
  const clock = fleet.clock.ownedBy(`${member.name} kubelet`);
  for (;;) {
    project(member, false);
    await clock.sleepUntil(clock.now() + seconds(KUBELET_SECONDS), never);
  }
}

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

const rootsNow = (member: Member): string | undefined => textOf(member, 'clustermesh-apiserver-server-cert', 'ca.crt');

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
      if (!done) project(member, true);
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
    void kubelet(member, fleet);
  }
}
