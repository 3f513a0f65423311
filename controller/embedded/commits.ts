/** The last steps of every write: prepare, store, and what follows from it (kinds of CRDs, finalizers that went). */
import { toRfc3339 } from '../../mesh/model/instant.ts';
import type { Clock } from '../../mesh/ports/clock.ts';
import type { Random } from '../../mesh/ports/random.ts';
import { crdKind, crdRemarks } from './builtin/custom-resource-definition.ts';
import { CrdKinds } from './crd-kinds.ts';
import { Deletion } from './deletion.ts';
import type { Later } from './emptying.ts';
import { withoutTimes, type Writer } from './fields/ownership.ts';
import { equal, type JsonObject, objectAt, textAt } from './json.ts';
import { apiVersionIn, type KindRegistry, type ServedKind, type WriteSurroundings } from './kinds.ts';
import { checkMetadata, isDeleting, nameFor, nameOf, namespaceOf } from './metadata.ts';
import type { Objects } from './objects.ts';
import { alreadyExists, ApiProblem, forbidden, invalid, notFound } from './problems.ts';
import type { DeleteRequest, WriteRequest } from './requests.ts';
import { inVersionOf, markCurrent, type Target, toStored } from './target.ts';
import { prepareNew, prepareNext } from './write.ts';

/** As kube-apiserver: so often is a generated name that is taken made anew. */
const NAME_ATTEMPTS = 8;
const NAMESPACES = { group: '', plural: 'namespaces' };

/** Notes in a new state who owns which field. In place. */
export type Own = (object: JsonObject) => void;

/** As kube-apiserver: what admission writes belongs to nobody. */
const stamped = (kind: ServedKind, live: JsonObject | undefined, { subresource, stamp }: WriteRequest, own: Own): Own => (next) => {
  own(next);
  if (subresource === undefined) stamp?.(kind, next, live);
};

export class Commits {
  readonly objects: Objects;
  readonly #crdKinds: CrdKinds;
  readonly #deletion: Deletion;
  readonly #clock: Pick<Clock, 'now'>;
  readonly #random: Random;

  constructor(objects: Objects, kinds: KindRegistry, clock: Pick<Clock, 'now'>, random: Random, later: Later) {
    this.objects = objects;
    this.#clock = clock;
    this.#random = random;
    this.#crdKinds = new CrdKinds(objects, kinds, () => this.#now());
    this.#deletion = new Deletion(objects, kinds, this.#crdKinds, () => this.#now(), later);
  }

  /** Takes up what was stored before: kinds of CRDs, deletions that a stop cut short. */
  resume(): void {
    this.#crdKinds.resume();
    this.#deletion.resume();
  }

  /** Kinds as the stored CRDs say, after changes were taken back. */
  resumeKinds(): void {
    this.#crdKinds.resume();
  }

  insert(target: Target, object: JsonObject, request: WriteRequest, own: Own): JsonObject {
    const { kind } = target;
    const namespace = namespaceOf(object);
    if (kind.namespaced) {
      const home = this.objects.get(NAMESPACES, '', namespace);
      if (home === undefined) throw notFound({ ...NAMESPACES, kind: 'Namespace' }, namespace);
      if (isDeleting(home)) throw new ApiProblem(403, 'Forbidden', forbidden(kind, nameOf(object), `unable to create new content in namespace ${namespace} because it is being terminated`).message, { name: nameOf(object), kind: kind.plural }, [{ reason: 'NamespaceTerminating', message: `namespace ${namespace} is being terminated`, field: 'metadata.namespace' }]);
    }
    this.#generateName(kind, object);
    if (this.#crdKinds.isEnding(kind)) throw forbidden(kind, nameOf(object), 'create not allowed while custom resource definition is terminating');
    prepareNew(kind, object, this.#around(), this.#random, stamped(kind, undefined, request, own));
    request.admit?.(kind, object, undefined);
    if (this.objects.get(kind, namespace, nameOf(object)) !== undefined) throw alreadyExists(kind, nameOf(object));
    const kept = toStored(target, object);
    if (kind === crdKind) request.warnings?.push(...crdRemarks(kept));
    if (request.dryRun === true) return inVersionOf(target, kept);
    const stored = this.#took(target, this.objects.put(kind, kept), request);
    this.#deletion.created(kind, stored);
    return inVersionOf(target, stored);
  }

  /** Writes only where something differs. `live` is as stored, `sent` in the target's version. */
  replace(target: Target, live: JsonObject, sent: JsonObject, request: WriteRequest, own: Own): JsonObject {
    const { kind } = target;
    const before = inVersionOf(target, live);
    const next = prepareNext(kind, before, sent, request, this.#around(), stamped(kind, before, request, own));
    request.admit?.(kind, next, live);
    const kept = toStored(target, next);
    if (kind === crdKind) request.warnings?.push(...crdRemarks(kept));
    if (request.dryRun === true) return inVersionOf(target, kept);
    if (equal(withoutTimes(live), withoutTimes(kept))) return inVersionOf(target, live);
    return inVersionOf(target, this.#took(target, this.#deletion.replace(kind, live, kept), request));
  }

  #took({ kind, version }: Target, stored: JsonObject, request: WriteRequest): JsonObject {
    if (version === kind.storedVersion) markCurrent(kind, stored);
    if (kind === crdKind && this.objects.get(kind, '', nameOf(stored)) !== undefined) this.#crdKinds.register(stored, request.warnings ?? []);
    return stored;
  }

  #generateName(kind: ServedKind, object: JsonObject): void {
    const metadata = objectAt(object, 'metadata');
    const prefix = textAt(metadata, 'generateName');
    if (prefix === undefined || textAt(metadata, 'name') !== undefined) return;
    for (let attempt = 0; attempt < NAME_ATTEMPTS; attempt++) {
      metadata['name'] = nameFor(prefix, this.#random);
      if (this.objects.get(kind, namespaceOf(object), nameOf(object)) === undefined) return;
    }
  }

  /** `gone`: false while finalizers hold it. */
  remove(target: Target, live: JsonObject, request: DeleteRequest): { readonly object: JsonObject; readonly gone: boolean } {
    if (request.dryRun === true) {
      const marked = this.#deletion.marked(target.kind, live, request.propagation);
      return { object: inVersionOf(target, marked ?? live), gone: marked === undefined };
    }
    const { object, gone } = this.#deletion.delete(target.kind, live, request.propagation);
    return { object: inVersionOf(target, object), gone };
  }

  /** A namespace with other `spec.finalizers`; the rest of `sent` is an update as any other. */
  finalize(target: Target, live: JsonObject, sent: JsonObject, finalizers: readonly string[], request: WriteRequest): JsonObject {
    const next = prepareNext(target.kind, live, sent, request, this.#around(), () => {});
    next['spec'] = finalizers.length === 0 ? {} : { finalizers };
    const causes = checkMetadata(target.kind, next);
    if (causes.length > 0) throw invalid(target.kind, nameOf(live), causes);
    request.admit?.(target.kind, next, live);
    return request.dryRun === true || equal(live, next) ? next : this.#deletion.replace(target.kind, live, next);
  }

  writer({ kind, version }: Target, request: WriteRequest): Writer {
    return { manager: request.fieldManager, apiVersion: apiVersionIn(kind, version), time: this.#now(), ...(request.subresource === undefined ? {} : { subresource: request.subresource }) };
  }

  #around(): WriteSurroundings {
    return { now: this.#now(), objects: (group, plural) => this.objects.all({ group, plural }) };
  }

  /** Whole seconds, as every timestamp in Kubernetes metadata. */
  #now(): string {
    return toRfc3339(this.#clock.now()).replace(/\.\d+Z$/, 'Z');
  }
}
