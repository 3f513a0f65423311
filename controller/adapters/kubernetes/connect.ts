/** The `KubernetesClient` port over HTTPS: raw JSON, few connections, bounded lines and pages. */
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import {
  type ApiDiscovery, type KubernetesClient, KubernetesError, type KubernetesObject, KubernetesUnreachable, type ListOptions, type ObjectList, type ObjectRef, type PatchOptions, type ResourceKind,
  type WatchEvent, type WatchOptions, type WriteOptions,
} from '../../../mesh/ports/kubernetes.ts';
import type { Metrics } from '../../../mesh/ports/metrics.ts';
import { createCredentials } from './credentials.ts';
import { discoveryOver } from './discovery.ts';
import { linesOf, LineTooLong } from './lines.ts';
import { describe, type Query, targetOf } from './paths.ts';
import { createRequests, type RequestLimits } from './request.ts';
import { statusError } from './status.ts';

const MAXIMUM_PAGE = 500;
/** The server ends a watch after this; a little later we give up on a connection that went silent. */
const WATCH_SECONDS = 290;
/**
 * Nobody promises bookmarks (KEP-956). kube-apiserver's watch cache sends one a minute, but none before its kind has changed or etcd has reported progress, and kinds without
 * a watch cache (events, and whatever `--watch-cache-sizes` says) have none at all: there a quiet watch is a good one. So two minutes of missed bookmarks tell only of a watch
 * that has had a periodic one. The bookmark that ends the initial events is no such sign: kinds without a cache send it, too.
 */
const LIMITS: RequestLimits = { connectMilliseconds: 10_000, requestMilliseconds: 30_000, watchQuietMilliseconds: 320_000, bookmarkedQuietMilliseconds: 150_000 };

/** Nothing beside it, so that a server that cannot do this refuses. */
const METADATA_ALONE = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1';

const PATCH_TYPES = { merge: 'application/merge-patch+json', json: 'application/json-patch+json', apply: 'application/apply-patch+yaml' } as const;

export interface ConnectOptions {
  /** Path of a kubeconfig. Left out: the pod's own account, else `$KUBECONFIG`, else `~/.kube/config`. */
  readonly kubeconfig?: string;
  /** Left out: the kubeconfig's current context. */
  readonly context?: string;
  readonly userAgent: string;
  readonly metrics: Metrics;
  /** Left out: 10 s to connect, 30 s to answer, 320 s of silence in a watch, 150 s in one that gets bookmarks. */
  readonly limits?: Partial<RequestLimits>;
}

export interface ConnectedKubernetes extends KubernetesClient, ApiDiscovery {
  /** Breaks what is under way and closes every connection. */
  close(): Promise<void>;
}

const writeQuery = (options: WriteOptions): Query => ({ fieldManager: options.fieldManager, dryRun: options.dryRun === true ? 'All' : undefined });

/** Does not wait for the network. Throws an error of advice `user` where the kubeconfig is missing or unusable. */
export function connectKubernetes({ kubeconfig, context, userAgent, metrics, limits }: ConnectOptions): ConnectedKubernetes {
  const { connectMilliseconds, requestMilliseconds, watchQuietMilliseconds, bookmarkedQuietMilliseconds } = { ...LIMITS, ...limits };
  const connections = metrics.gauge('isthmus_kubernetes_connections', 'Open connections to the Kubernetes API.');
  let open = 0;
  const onConnection = (change: 1 | -1): void => {
    open += change;
    connections.set({}, open);
  };
  const credentials = createCredentials({ kubeconfig, context, connectMilliseconds, onConnection });
  const requests = createRequests({ credentials, userAgent, metrics, connectMilliseconds, requestMilliseconds });

  return {
    async get<T extends KubernetesObject>(kind: ResourceKind, ref: ObjectRef, signal: CancelSignal) {
      try {
        return await requests.json(targetOf('get', kind, ref), {}, signal) as T;
      } catch (error) {
        if (error instanceof KubernetesError && error.code === 404) return undefined;
        throw error;
      }
    },

    async list<T extends KubernetesObject>(kind: ResourceKind, options: ListOptions, signal: CancelSignal): Promise<ObjectList<T>> {
      const target = targetOf('list', kind, options);
      const list = await requests.json(target, {
        query: {
          labelSelector: options.labelSelector,
          fieldSelector: options.fieldSelector,
          limit: Math.min(options.limit ?? MAXIMUM_PAGE, MAXIMUM_PAGE),
          continue: options.continueToken,
          resourceVersion: options.resourceVersion,
          resourceVersionMatch: options.resourceVersionMatch,
        },
        ...(options.metadataOnly === true ? { accept: METADATA_ALONE } : {}),
      }, signal) as { readonly apiVersion?: string; readonly kind?: string; readonly metadata?: { readonly resourceVersion?: string; readonly continue?: string }; readonly items?: readonly KubernetesObject[] | null };
      if (typeof list.metadata?.resourceVersion !== 'string') throw new KubernetesUnreachable(`${describe(target)}: the answer is no list`);
      const itemKind = list.kind?.endsWith('List') === true ? list.kind.slice(0, -4) : kind.kind;
      // Built-in kinds leave `apiVersion` and `kind` out of a list's items.
      const items = (list.items ?? []).map((item) => ({ ...item, apiVersion: item.apiVersion ?? list.apiVersion, kind: item.kind ?? itemKind }) as T);
      const continueToken = list.metadata.continue;
      return { resourceVersion: list.metadata.resourceVersion, items, ...(continueToken === undefined || continueToken === '' ? {} : { continueToken }) };
    },

    async *watch<T extends KubernetesObject>(kind: ResourceKind, options: WatchOptions, signal: CancelSignal): AsyncGenerator<WatchEvent<T>> {
      const target = targetOf('watch', kind, options);
      const what = describe(target);
      let quietMilliseconds = watchQuietMilliseconds;
      const chunks = requests.stream(target, {
        query: {
          watch: 1, allowWatchBookmarks: true, timeoutSeconds: WATCH_SECONDS,
          labelSelector: options.labelSelector, fieldSelector: options.fieldSelector, resourceVersion: options.resourceVersion,
          // The server refuses one without the other.
          ...(options.sendInitialEvents === true ? { sendInitialEvents: true, resourceVersionMatch: 'NotOlderThan' } : {}),
        },
        quietMilliseconds: () => quietMilliseconds,
      }, signal);
      try {
        for await (const line of linesOf(chunks)) {
          if (signal.aborted) return;
          const event = watchEvent<T>(line, what);
          if (event.type === 'BOOKMARK' && event.initialEventsEnd !== true) quietMilliseconds = Math.min(watchQuietMilliseconds, bookmarkedQuietMilliseconds);
          yield event;
        }
      } catch (error) {
        if (error instanceof LineTooLong) throw new KubernetesUnreachable(`${what}: ${error.message}`);
        throw error;
      }
    },

    async create<T extends KubernetesObject>(kind: ResourceKind, object: T, options: WriteOptions, signal: CancelSignal) {
      const target = targetOf('create', kind, object.metadata.namespace === undefined ? {} : { namespace: object.metadata.namespace });
      return await requests.json(target, { query: writeQuery(options), body: JSON.stringify(object), contentType: 'application/json' }, signal) as T;
    },

    async update<T extends KubernetesObject>(kind: ResourceKind, object: T, options: WriteOptions & { subresource?: 'status' }, signal: CancelSignal) {
      const target = targetOf('update', kind, object.metadata, options.subresource);
      return await requests.json(target, { query: writeQuery(options), body: JSON.stringify(object), contentType: 'application/json' }, signal) as T;
    },

    async patch<T extends KubernetesObject>(kind: ResourceKind, ref: ObjectRef, body: unknown, options: PatchOptions, signal: CancelSignal) {
      const target = targetOf('patch', kind, ref, options.subresource);
      const query = { ...writeQuery(options), force: options.type === 'apply' ? options.force : undefined };
      return await requests.json(target, { query, body: JSON.stringify(body), contentType: PATCH_TYPES[options.type] }, signal) as T;
    },

    async delete(kind, ref, options, signal) {
      const body = {
        apiVersion: 'v1', kind: 'DeleteOptions',
        ...(options.propagation === undefined ? {} : { propagationPolicy: options.propagation }),
        ...(options.uid === undefined && options.resourceVersion === undefined ? {} : { preconditions: { uid: options.uid, resourceVersion: options.resourceVersion } }),
      };
      try {
        await requests.json(targetOf('delete', kind, ref), { body: JSON.stringify(body), contentType: 'application/json' }, signal);
      } catch (error) {
        if (!(error instanceof KubernetesError && error.code === 404)) throw error;
      }
    },

    ...discoveryOver(requests),
    close: () => credentials.close(),
  };
}

function watchEvent<T extends KubernetesObject>(line: string, what: string): WatchEvent<T> {
  let event: { readonly type?: string; readonly object?: T & { readonly code?: number } };
  try {
    event = JSON.parse(line) as typeof event;
  } catch {
    throw new KubernetesUnreachable(`${what}: the stream broke in the middle of an event`);
  }
  const { type, object } = event;
  if (type === 'ERROR') throw statusError(what, object?.code ?? 500, object);
  if (object?.metadata === undefined) throw new KubernetesUnreachable(`${what}: an event without an object`);
  if (type === 'BOOKMARK') {
    const initialEventsEnd = object.metadata.annotations?.['k8s.io/initial-events-end'] === 'true';
    return { type, resourceVersion: object.metadata.resourceVersion ?? '', ...(initialEventsEnd ? { initialEventsEnd } : {}) };
  }
  if (type === 'ADDED' || type === 'MODIFIED' || type === 'DELETED') return { type, object };
  throw new KubernetesUnreachable(`${what}: an event of unknown type`);
}
