/** The API as a `KubernetesClient` in the same process: copies in and out, no timers, events by microtask. */
import type { CancelSignal } from '../../mesh/ports/cancel.ts';
import {
  type DeleteOptions, type KubernetesClient, KubernetesError, type KubernetesObject, type ListOptions, type ObjectList, type ObjectRef,
  type PatchOptions, type ResourceKind, type WatchEvent, type WatchOptions, type WriteOptions,
} from '../../mesh/ports/kubernetes.ts';
import { SelfSubjectReview } from '../../mesh/api/resources/core.ts';
import { judge } from './admission/admission.ts';
import { stampAs } from './admission/stamp.ts';
import type { EmbeddedApi } from './api.ts';
import { partialMetadata } from './documents/table.ts';
import type { Delivery } from './events.ts';
import { clone, type JsonObject } from './json.ts';
import type { ServedKind } from './kinds.ts';
import { AUTHENTICATED, MASTERS, type User } from './rbac/authority.ts';
import type { Admit, Stamp } from './requests.ts';
import type { Target } from './target.ts';

/** A reader that falls this far behind is cut off, and resumes from its last version. */
const MOST_UNREAD = 10_000;

/** Whoever is not named: the process itself, which no policy judges. */
const ITSELF: User = { name: 'system:embedded', uid: '', groups: [MASTERS, AUTHENTICATED], extra: {} };

/** As whoever calls in process. */
export const inProcess = (name: string, groups: readonly string[] = []): User => ({ name, uid: '', groups: [...groups, AUTHENTICATED], extra: {} });

/** `user` given: admission policies judge its writes, and it is named where it changes something. Roles are not asked in either case. */
export function embeddedClient(api: EmbeddedApi, user?: User): KubernetesClient {
  const judged = (kind: ResourceKind, { dryRun = false, subresource = '' }: { readonly dryRun?: boolean; readonly subresource?: string }): { readonly admit?: Admit; readonly stamp?: Stamp } => (user === undefined ? {} : {
    stamp: stampAs(user),
    admit: (_kind: ServedKind, next: JsonObject | undefined, live: JsonObject | undefined) => judge(api, { user, target: target(kind), subresource, next, live, dryRun }, []),
  });
  const target = (kind: ResourceKind): Target => api.target(kind.group, kind.version, kind.plural);
  const out = <T extends KubernetesObject>(object: unknown): T => clone(object) as T;
  return {
    async get<T extends KubernetesObject>(kind: ResourceKind, ref: ObjectRef, _signal: CancelSignal): Promise<T | undefined> {
      return orAbsent(() => out<T>(api.get(target(kind), ref.namespace, ref.name)));
    },
    async list<T extends KubernetesObject>(kind: ResourceKind, options: ListOptions, _signal: CancelSignal): Promise<ObjectList<T>> {
      const page = api.list(target(kind), options);
      return { resourceVersion: page.resourceVersion, items: page.items.map((item) => out<T>(options.metadataOnly === true ? partialMetadata(item) : item)), ...(page.continueToken === undefined ? {} : { continueToken: page.continueToken }) };
    },
    watch: <T extends KubernetesObject>(kind: ResourceKind, options: WatchOptions, signal: CancelSignal) => watch<T>(api, () => target(kind), options, signal),
    async create<T extends KubernetesObject>(kind: ResourceKind, object: T, options: WriteOptions, _signal: CancelSignal): Promise<T> {
      if (kind.group === SelfSubjectReview.group && kind.plural === SelfSubjectReview.plural) return reviewed<T>(object, user ?? ITSELF);
      return out<T>(api.create(target(kind), object.metadata.namespace, object, { ...options, ...judged(kind, options) }));
    },
    async update<T extends KubernetesObject>(kind: ResourceKind, object: T, options: WriteOptions & { subresource?: 'status' }, _signal: CancelSignal): Promise<T> {
      return out<T>(api.update(target(kind), object.metadata.namespace, object.metadata.name, object, { ...options, ...judged(kind, options) }));
    },
    async patch<T extends KubernetesObject>(kind: ResourceKind, ref: ObjectRef, body: unknown, options: PatchOptions, _signal: CancelSignal): Promise<T> {
      return out<T>(api.patch(target(kind), ref.namespace, ref.name, clone(body), { ...options, ...judged(kind, options) }));
    },
    async delete(kind: ResourceKind, ref: ObjectRef, options: DeleteOptions, _signal: CancelSignal): Promise<void> {
      orAbsent(() => api.delete(target(kind), ref.namespace, ref.name, { ...options, ...judged(kind, {}) }));
    },
  };
}

const reviewed = <T>(object: KubernetesObject, { name, groups }: User): T => ({ ...object, status: { userInfo: { username: name, groups } } }) as T;

function orAbsent<T>(call: () => T): T | undefined {
  try {
    return call();
  } catch (error) {
    if (error instanceof KubernetesError && error.code === 404) return undefined;
    throw error;
  }
}

/** From the first `next()` on, so that an iteration that never begins costs nothing. */
async function* watch<T extends KubernetesObject>(api: EmbeddedApi, target: () => Target, options: WatchOptions, signal: CancelSignal): AsyncGenerator<WatchEvent<T>> {
  if (signal.aborted) return;
  const unread: Delivery[] = [];
  let ended = false;
  let failure: KubernetesError | undefined;
  let wake: () => void = () => {};
  const end = (error?: KubernetesError): void => {
    ended = true;
    failure = error;
    wake();
  };
  const abort = (): void => end();
  signal.addEventListener('abort', abort, { once: true });
  const stop = api.watch(target(), { ...options, ...(options.sendInitialEvents === undefined ? {} : { resourceVersionMatch: 'NotOlderThan' }) }, {
    deliver(delivery) {
      if (ended) return;
      if (unread.length >= MOST_UNREAD) return end();
      unread.push(delivery);
      wake();
    },
    end,
  });
  try {
    for (;;) {
      const delivery = signal.aborted ? undefined : unread.shift();
      if (delivery !== undefined) {
        yield delivery.type === 'BOOKMARK' ? { type: 'BOOKMARK', resourceVersion: String(delivery.resourceVersion), ...(delivery.initialEventsEnd ? { initialEventsEnd: true } : {}) } : { type: delivery.type, object: clone(delivery.object) as unknown as T };
      } else if (ended) {
        if (failure !== undefined) throw failure;
        return;
      } else {
        await new Promise<void>((resolve) => { wake = resolve; });
      }
    }
  } finally {
    stop();
    signal.removeEventListener('abort', abort);
  }
}
