/** The embedded Kubernetes-style API: everything but HTTP. Each call is synchronous, so calls never interleave. */
import type { ResourceDefinition } from '../../mesh/api/resources/define.ts';
import type { Clock } from '../../mesh/ports/clock.ts';
import type { Random } from '../../mesh/ports/random.ts';
import { crdKind } from './builtin/custom-resource-definition.ts';
import { builtInKinds } from './builtin/kinds.ts';
import { Commits } from './commits.ts';
import { kindOfDefinition } from './custom-kinds.ts';
import { atOnce, type Later } from './emptying.ts';
import type { Watcher } from './events.ts';
import type { JsonObject } from './json.ts';
import { apiVersionIn, KindRegistry } from './kinds.ts';
import { nameOf, namespaceOf, uidOf } from './metadata.ts';
import { Objects } from './objects.ts';
import { checkDelete } from './preconditions.ts';
import { noSuchResource } from './problems.ts';
import { checkReached, parseVersion } from './list-options.ts';
import { type Listing, listObjects, openList, type OpenWatch, openWatch, watchObjects } from './reads.ts';
import type { DeleteRequest, ListRequest, Page, PatchRequest, Selection, WatchRequest, WriteRequest } from './requests.ts';
import type { ObjectStore } from './store.ts';
import { inVersionOf, liveObject, type Target } from './target.ts';
import { createObject, finalizeNamespace, patchObject, updateObject } from './writes.ts';

export interface EmbeddedApiOptions {
  readonly objects: ObjectStore;
  /** For timestamps only. */
  readonly clock: Pick<Clock, 'now'>;
  readonly random: Random;
  readonly definitions: readonly ResourceDefinition[];
  /** Made at start where they are absent, beside `default` and `kube-system`. */
  readonly namespaces?: readonly string[];
  /** CIDRs that cluster IPs come from, at most one of each family. */
  readonly serviceCidrs?: readonly string[];
  /** Changes that a watch can resume from; older versions answer 410. */
  readonly eventLogSize?: number;
}

/** Objects that come out are the stored ones: copy before changing. Every refusal is a `KubernetesError`. */
export type EmbeddedApi = Api;

export function createEmbeddedApi(options: EmbeddedApiOptions): EmbeddedApi {
  return new Api(options);
}

class Api {
  readonly kinds = new KindRegistry();
  readonly #objects: Objects;
  readonly #commits: Commits;
  #later: Later = atOnce;

  constructor(options: EmbeddedApiOptions) {
    for (const kind of builtInKinds(options.serviceCidrs ?? ['10.96.0.0/16'])) this.kinds.add(kind);
    this.kinds.add(crdKind);
    for (const definition of options.definitions) this.kinds.add(kindOfDefinition(definition));
    this.#objects = new Objects(options.objects, options.eventLogSize ?? 10_000);
    this.#commits = new Commits(this.#objects, this.kinds, options.clock, options.random, (slice) => this.#later(slice));
    this.#commits.resume();
    for (const name of new Set(['default', 'kube-system', ...options.namespaces ?? []])) {
      if (this.#objects.get({ group: '', plural: 'namespaces' }, '', name) === undefined) this.create(this.target('', 'v1', 'namespaces'), undefined, { metadata: { name } }, { fieldManager: 'isthmus-embedded' });
    }
  }

  get resourceVersion(): string {
    return String(this.#objects.version);
  }

  /** Throws 404 for a kind or version that is not served. */
  target(group: string, version: string, plural: string): Target {
    const kind = this.kinds.find(group, version, plural);
    if (kind === undefined) throw noSuchResource(`this API serves no ${plural} in ${apiVersionIn({ group }, version)}`);
    return { kind, version };
  }

  /** `resourceVersion`: the answer is not older; throws 504 where it is yet to come. */
  /** Objects of a kind as they are stored, by namespace and name. */
  stored(group: string, plural: string): readonly JsonObject[] {
    return this.#objects.all({ group, plural });
  }

  /** As it is stored; `namespace` empty: of a kind that has none. */
  storedObject(group: string, plural: string, namespace: string, name: string): JsonObject | undefined {
    return this.#objects.get({ group, plural }, namespace, name);
  }

  get(target: Target, namespace: string | undefined, name: string, resourceVersion = ''): JsonObject {
    checkReached(parseVersion(resourceVersion), this.#objects.version);
    return inVersionOf(target, liveObject(this.#objects, target, namespace, name));
  }

  list(target: Target, request: ListRequest): Page {
    return listObjects(this.#objects, target, request);
  }

  /** A list that the caller goes through at its own pace. */
  openList(target: Target, request: ListRequest): Listing {
    return openList(this.#objects, target, request);
  }

  /** A watch whose past the caller goes through at its own pace. */
  openWatch(target: Target, request: WatchRequest): OpenWatch {
    return openWatch(this.#objects, target, request);
  }

  /** The result ends the watch; after that nothing more is delivered. */
  watch(target: Target, request: WatchRequest, watcher: Watcher): () => void {
    return watchObjects(this.#objects, target, request, watcher);
  }

  create(target: Target, namespace: string | undefined, body: unknown, request: WriteRequest): JsonObject {
    return createObject(this.#commits, target, namespace, body, request);
  }

  update(target: Target, namespace: string | undefined, name: string, body: unknown, request: WriteRequest): JsonObject {
    return updateObject(this.#commits, target, namespace, name, body, request);
  }

  patch(target: Target, namespace: string | undefined, name: string, body: unknown, request: PatchRequest): JsonObject {
    return patchObject(this.#commits, target, namespace, name, body, request);
  }

  /** `gone`: false while finalizers hold it. */
  delete(target: Target, namespace: string | undefined, name: string, request: DeleteRequest): { readonly object: JsonObject; readonly gone: boolean } {
    const live = liveObject(this.#objects, target, namespace, name);
    checkDelete(target.kind, live, request);
    request.admit?.(target.kind, undefined, live);
    return this.#commits.remove(target, live, request);
  }

  /** The `finalize` subresource of a namespace: what its `spec.finalizers` are from now on. */
  finalize(target: Target, name: string, body: unknown, request: WriteRequest): JsonObject {
    return finalizeNamespace(this.#commits, target, name, body, request);
  }

  /** Deletes what the selection matches, each object when the caller comes to it; the objects as they were. */
  deleteCollection(target: Target, selection: Selection, request: DeleteRequest): Listing {
    const { resourceVersion, objects } = this.openList(target, selection);
    return { resourceVersion, objects: this.#deleteEach(target, objects, request) };
  }

  *#deleteEach(target: Target, objects: Listing['objects'], request: DeleteRequest): Listing['objects'] {
    for (;;) {
      const step = objects.next();
      if (step.done === true) return step.value;
      if (step.value !== undefined && this.#objects.byUid(uidOf(step.value)) !== undefined) this.delete(target, namespaceOf(step.value), nameOf(step.value), request);
      yield step.value;
    }
  }

  /** Who works off the contents of large namespaces and kinds that go, in slices. Until this is called it happens at once. */
  workLater(later: Later): void {
    this.#later = later;
  }

  /** What the calls within `run` change is stored in one piece, and shown to watchers after; throws, and changes nothing, where the store cannot. Not to be nested. */
  together(run: () => void): void {
    try {
      this.#objects.together(run);
    } catch (error) {
      this.#commits.resumeKinds();
      throw error;
    }
  }

  /** Tells every watcher the current version. */
  bookmark(): void {
    this.#objects.events.bookmarkAll(this.#objects.version);
  }

  get watcherCount(): number {
    return this.#objects.events.watcherCount;
  }

  /** Ends all watches and lets go of the store. */
  close(): void {
    this.#objects.close();
  }
}
