/** Clusters that say of themselves what cannot be: for the next start of their agent. */
import { Namespace } from '../../mesh/api/resources/core.ts';
import type { KubernetesClient, KubernetesObject, ResourceKind } from '../../mesh/ports/kubernetes.ts';

export interface ClusterClaim {
  /** What the agent is configured to report. */
  properties?: Readonly<Record<string, string>>;
  /** Of namespace kube-system, as where a cluster was made from a copy of another. */
  uid?: string;
}

const MOST_VALUE = 1000;

/** `10MB of properties`: as many, of a thousand characters each. */
export function propertiesOf(megabytes: number): Record<string, string> {
  return Object.fromEntries(Array.from({ length: Math.ceil(megabytes * 1_000_000 / MOST_VALUE) }, (_, index) => [`claim-${index}`, 'x'.repeat(MOST_VALUE)]));
}

export function claimingKubernetes(client: KubernetesClient, { uid }: ClusterClaim): KubernetesClient {
  if (uid === undefined) return client;
  const lied = <T extends KubernetesObject>(kind: ResourceKind, object: T): T =>
    (kind.kind === Namespace.kind && object.metadata.name === 'kube-system' ? { ...object, metadata: { ...object.metadata, uid } } : object);
  return {
    ...client,
    async get<T extends KubernetesObject>(kind: ResourceKind, ...rest: [Parameters<KubernetesClient['get']>[1], Parameters<KubernetesClient['get']>[2]]) {
      const object = await client.get<T>(kind, ...rest);
      return object === undefined ? undefined : lied(kind, object);
    },
    async list<T extends KubernetesObject>(kind: ResourceKind, ...rest: [Parameters<KubernetesClient['list']>[1], Parameters<KubernetesClient['list']>[2]]) {
      const list = await client.list<T>(kind, ...rest);
      return { ...list, items: list.items.map((object) => lied(kind, object)) };
    },
    async* watch<T extends KubernetesObject>(kind: ResourceKind, ...rest: [Parameters<KubernetesClient['watch']>[1], Parameters<KubernetesClient['watch']>[2]]) {
      for await (const event of client.watch<T>(kind, ...rest)) yield event.type === 'BOOKMARK' ? event : { ...event, object: lied(kind, event.object) };
    },
  };
}
