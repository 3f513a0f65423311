/** What we write into clusters: under which names, and the objects that an agent writes whole and watches for other people's changes. */

/** Field managers of all that agents and hubs write; also the value of the label `app.kubernetes.io/managed-by` of what they make. */
export const AGENT_FIELD_MANAGER = 'isthmus-agent';
export const HUB_FIELD_MANAGER = 'isthmus-hub';

/** `data` is plain text, never base64: the shell encodes Secrets. `type` counts for Secrets only; absent: `Opaque`. */
export interface ManagedObject {
  readonly kind: 'Secret' | 'ConfigMap';
  readonly namespace: string;
  readonly name: string;
  readonly data: Readonly<Record<string, string>>;
  readonly type?: string;
}

/** `Secret kube-system/cilium-clustermesh`: how drift, logs and messages name it. */
export const managedObjectName = (object: Pick<ManagedObject, 'kind' | 'namespace' | 'name'>): string =>
  `${object.kind} ${object.namespace}/${object.name}`;
