/** The Kubernetes API as hub and agents use it. Contract suite: `e2e/kube/contract`. */
import type { CancelSignal } from './cancel.ts';

export interface ResourceKind {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly kind: string;
  readonly namespaced: boolean;
}

export interface ObjectRef {
  readonly namespace?: string;
  readonly name: string;
}

interface OwnerReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
  readonly controller?: boolean;
  readonly blockOwnerDeletion?: boolean;
}

export interface ManagedFieldsEntry {
  readonly manager?: string;
  readonly operation?: 'Apply' | 'Update';
  readonly apiVersion?: string;
  readonly time?: string;
  readonly fieldsType?: string;
  /** `FieldsV1`: `{"f:data": {"f:oslo": {}}}`. */
  readonly fieldsV1?: Readonly<Record<string, unknown>>;
  readonly subresource?: string;
}

export interface ObjectMeta {
  readonly name: string;
  readonly namespace?: string;
  readonly generateName?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly generation?: number;
  readonly creationTimestamp?: string;
  readonly deletionTimestamp?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly finalizers?: readonly string[];
  readonly ownerReferences?: readonly OwnerReference[];
  readonly managedFields?: readonly ManagedFieldsEntry[];
}

/** Raw JSON as the server sent it: unknown fields are kept, timestamps are text. */
export interface KubernetesObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta;
}

export interface ObjectList<T extends KubernetesObject = KubernetesObject> {
  readonly resourceVersion: string;
  /** Present: more pages follow. */
  readonly continueToken?: string;
  readonly items: readonly T[];
}

export interface ListOptions {
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  readonly limit?: number;
  readonly continueToken?: string;
  readonly resourceVersion?: string;
  /** How `resourceVersion` is meant; the server's default is not older than it. */
  readonly resourceVersionMatch?: 'Exact' | 'NotOlderThan';
  /** Names, labels and annotations alone: items are `PartialObjectMetadata`, and no other content leaves the server, which answers 406 where it cannot leave it out. */
  readonly metadataOnly?: boolean;
}

export interface WatchOptions {
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  /** Events after this version. Empty only with `sendInitialEvents`: the newest. */
  readonly resourceVersion: string;
  /** A streaming list (KEP-3157): first everything that is, as ADDED, then a bookmark with `initialEventsEnd`. A server that cannot answers 422 or sends no such bookmark. */
  readonly sendInitialEvents?: boolean;
}

/** A server's ERROR event ends the watch as a `KubernetesError` (410 after compaction). */
export type WatchEvent<T extends KubernetesObject = KubernetesObject> =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: T }
  | { readonly type: 'BOOKMARK'; readonly resourceVersion: string; readonly initialEventsEnd?: true };

export interface WriteOptions {
  readonly fieldManager: string;
  readonly dryRun?: boolean;
}

export interface PatchOptions extends WriteOptions {
  /** `apply` is server-side apply; the body then holds the whole intent of this field manager. */
  readonly type: 'merge' | 'json' | 'apply';
  readonly subresource?: 'status';
  /** `apply` only: take fields that another manager owns. */
  readonly force?: boolean;
}

export interface DeleteOptions {
  readonly resourceVersion?: string;
  readonly uid?: string;
  readonly propagation?: 'Background' | 'Foreground' | 'Orphan';
}

/** `get` gives undefined for 404; every other failure of any method is a thrown `KubernetesError` or `KubernetesUnreachable`. */
export interface KubernetesClient {
  get<T extends KubernetesObject>(kind: ResourceKind, ref: ObjectRef, signal: CancelSignal): Promise<T | undefined>;
  list<T extends KubernetesObject>(kind: ResourceKind, options: ListOptions, signal: CancelSignal): Promise<ObjectList<T>>;
  /** Ends normally when the server closes the stream or `signal` aborts. Always asks for bookmarks. */
  watch<T extends KubernetesObject>(kind: ResourceKind, options: WatchOptions, signal: CancelSignal): AsyncIterable<WatchEvent<T>>;
  create<T extends KubernetesObject>(kind: ResourceKind, object: T, options: WriteOptions, signal: CancelSignal): Promise<T>;
  /** Replaces; carries `metadata.resourceVersion` for optimistic concurrency (409 Conflict where it is stale). */
  update<T extends KubernetesObject>(kind: ResourceKind, object: T, options: WriteOptions & { subresource?: 'status' }, signal: CancelSignal): Promise<T>;
  patch<T extends KubernetesObject>(kind: ResourceKind, ref: ObjectRef, body: unknown, options: PatchOptions, signal: CancelSignal): Promise<T>;
  /** 404 counts as done. */
  delete(kind: ResourceKind, ref: ObjectRef, options: DeleteOptions, signal: CancelSignal): Promise<void>;
}

/** What the server serves, for those who are told kinds and not resources. */
export interface ApiDiscovery {
  /** Kinds of one `apiVersion`, without subresources; undefined: it is not served. */
  kindsOf(apiVersion: string, signal: CancelSignal): Promise<readonly ResourceKind[] | undefined>;
  /** `apiVersion`s of a group, best first; empty: it is not served. */
  versionsOf(group: string, signal: CancelSignal): Promise<readonly string[]>;
}

/** `details.causes[]` of a Status. For an apply conflict: `field` is the path (`.data.oslo`), `message` names the manager (`conflict with "kubectl-edit" using v1`). */
export interface StatusCause {
  readonly reason?: string;
  readonly field?: string;
  readonly message?: string;
}

/** The server answered with a Status. */
export class KubernetesError extends Error {
  readonly code: number;
  /** `NotFound`, `AlreadyExists`, `Conflict`, `Invalid`, `Forbidden`, `Expired`, … */
  readonly reason: string;
  readonly causes: readonly StatusCause[];
  readonly retryAfterSeconds: number | undefined;
  constructor(code: number, reason: string, message: string, causes: readonly StatusCause[] = [], retryAfterSeconds?: number) {
    super(message);
    this.name = 'KubernetesError';
    this.code = code;
    this.reason = reason;
    this.causes = causes;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** No answer: the connection failed or broke. Retry later. */
export class KubernetesUnreachable extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'KubernetesUnreachable';
  }
}
