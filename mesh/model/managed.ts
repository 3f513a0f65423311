/** What we write into clusters: under which names, and the objects that an agent writes whole and watches for other people's changes. */

/** Field managers of all that agents and hubs write; also the value of the label `app.kubernetes.io/managed-by` of what they make. */
export const AGENT_FIELD_MANAGER = 'isthmus-agent';
export const HUB_FIELD_MANAGER = 'isthmus-hub';

/** Their `data` has one key, `spec`: the whole of it as canonical JSON. */
export type ManagedPolicyKind = 'CiliumNetworkPolicy' | 'CiliumClusterwideNetworkPolicy';
export const SPEC_KEY = 'spec';

/** `data` is plain text, never base64: the shell encodes Secrets. `type` counts for Secrets only; absent: `Opaque`. */
export interface ManagedObject {
  readonly kind: 'Secret' | 'ConfigMap' | ManagedPolicyKind;
  /** Empty: the kind has none. */
  readonly namespace: string;
  readonly name: string;
  readonly data: Readonly<Record<string, string>>;
  readonly type?: string;
}

/** `Secret kube-system/cilium-clustermesh`: how drift, logs and messages name it. */
export const managedObjectName = (object: Pick<ManagedObject, 'kind' | 'namespace' | 'name'>): string =>
  `${object.kind} ${object.namespace === '' ? '' : `${object.namespace}/`}${object.name}`;

export const isPolicyKind = (kind: ManagedObject['kind']): kind is ManagedPolicyKind => kind === 'CiliumNetworkPolicy' || kind === 'CiliumClusterwideNetworkPolicy';

/** Where the server and drift find one key of `data`: `.data.oslo`, `.spec`. */
export const managedPath = (kind: ManagedObject['kind'], key: string): string => (isPolicyKind(kind) ? `.${key}` : `.data.${key}`);
