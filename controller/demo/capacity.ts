/** Nodes, pods and storage classes of a demo's cluster. Nothing runs: objects say what there is and what is asked for, as a kubelet and a scheduler would have left them. */
import { Node, type NodeObject, Pod, StorageClass } from '../../mesh/api/resources/core.ts';
import type { KubernetesClient, KubernetesObject, ResourceKind } from '../../mesh/ports/kubernetes.ts';

export interface DemoCapacity {
  readonly nodes: readonly { readonly cpu: string; readonly memory: string; readonly gpus?: number }[];
  /** In the namespace `shop`; on the first node, or with GPUs on the first that has any. */
  readonly pods: readonly { readonly name: string; readonly team: string; readonly cpu: string; readonly memory: string; readonly gpus?: number }[];
  /** The first is the default. */
  readonly storageClasses: readonly string[];
}

const GPU = 'nvidia.com/gpu';
const FIELD_MANAGER = 'demo';

export async function ensure<T extends KubernetesObject>(client: KubernetesClient, kind: ResourceKind, object: T, signal: AbortSignal): Promise<void> {
  const { name, namespace } = object.metadata;
  if (await client.get(kind, namespace === undefined ? { name } : { name, namespace }, signal) === undefined) await client.create(kind, object, { fieldManager: FIELD_MANAGER }, signal);
}

const gpusOf = (count: number | undefined): Record<string, string> => (count === undefined ? {} : { [GPU]: String(count) });
const nodeName = (cluster: string, index: number): string => `${cluster}-node-${index + 1}`;

type Cluster = DemoCapacity & { readonly name: string; readonly labels: Readonly<Record<string, string>> };

async function seedNodes(client: KubernetesClient, { name, labels, nodes }: Cluster, signal: AbortSignal): Promise<void> {
  for (const [index, { cpu, memory, gpus }] of nodes.entries()) {
    const node: NodeObject = {
      apiVersion: 'v1', kind: 'Node',
      metadata: { name: nodeName(name, index), labels: { 'topology.kubernetes.io/region': labels['region'] ?? '', 'topology.kubernetes.io/zone': `${labels['region'] ?? ''}-${index + 1}`, 'kubernetes.io/arch': 'amd64', 'kubernetes.io/os': 'linux' } },
    };
    await ensure(client, Node, node, signal);
    await client.patch(Node, { name: nodeName(name, index) }, {
      status: {
        conditions: [{ type: 'Ready', status: 'True', reason: 'Demo', message: 'stands in for a kubelet', lastTransitionTime: '2026-01-01T00:00:00Z' }],
        capacity: { cpu, memory, pods: '110', ...gpusOf(gpus) }, allocatable: { cpu: `${Number(cpu) * 1000 - 200}m`, memory: `${Number.parseInt(memory, 10) - 2}Gi`, pods: '110', ...gpusOf(gpus) },
      },
    }, { type: 'merge', fieldManager: FIELD_MANAGER, subresource: 'status' }, signal);
  }
}

async function seedPods(client: KubernetesClient, { name, nodes, pods }: Cluster, signal: AbortSignal): Promise<void> {
  for (const { name: pod, team, cpu, memory, gpus } of pods) {
    const index = gpus === undefined ? 0 : nodes.findIndex((node) => node.gpus !== undefined);
    const resources = { requests: { cpu, memory, ...gpusOf(gpus) }, ...(gpus === undefined ? {} : { limits: gpusOf(gpus) }) };
    const object = {
      apiVersion: 'v1', kind: 'Pod', metadata: { name: pod, namespace: 'shop', labels: { team } },
      spec: { nodeName: nodeName(name, index), automountServiceAccountToken: false, containers: [{ name: 'main', image: 'example.com/demo:1', resources }] },
    };
    await ensure(client, Pod, object, signal);
    await client.patch(Pod, { name: pod, namespace: 'shop' }, { status: { phase: 'Running' } }, { type: 'merge', fieldManager: FIELD_MANAGER, subresource: 'status' }, signal);
  }
}

export async function seedCapacity(client: KubernetesClient, cluster: Cluster, signal: AbortSignal): Promise<void> {
  await seedNodes(client, cluster, signal);
  await seedPods(client, cluster, signal);
  for (const [index, name] of cluster.storageClasses.entries()) {
    await ensure(client, StorageClass, {
      apiVersion: 'storage.k8s.io/v1', kind: 'StorageClass', metadata: { name, ...(index === 0 ? { annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } } : {}) },
      provisioner: 'example.com/disk',
    } as KubernetesObject, signal);
  }
}
