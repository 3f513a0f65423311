/** The last steps of every write: prepare, store, and what follows from it (kinds of CRDs, finalizers that went). */
import { toRfc3339 } from '../../mesh/model/instant.ts';
import type { Clock } from '../../mesh/ports/clock.ts';
import type { Random } from '../../mesh/ports/random.ts';
import { crdKind } from './builtin/custom-resource-definition.ts';
import { CrdKinds } from './crd-kinds.ts';
import { Deletion } from './deletion.ts';
import type { Writer } from './fields/ownership.ts';
import { equal, type JsonObject } from './json.ts';
import { apiVersionIn, type KindRegistry, type WriteSurroundings } from './kinds.ts';
import { isDeleting, nameOf, namespaceOf } from './metadata.ts';
import type { Objects } from './objects.ts';
import { alreadyExists, ApiProblem, forbidden, methodNotAllowed, notFound } from './problems.ts';
import type { DeleteRequest, WriteRequest } from './requests.ts';
import { inVersionOf, type Target } from './target.ts';
import { prepareNew, prepareNext } from './write.ts';

const NAMESPACES = { group: '', plural: 'namespaces' };

/** Notes in a new state who owns which field. In place. */
export type Own = (object: JsonObject) => void;

export class Commits {
  readonly objects: Objects;
  readonly #crdKinds: CrdKinds;
  readonly #deletion: Deletion;
  readonly #clock: Pick<Clock, 'now'>;
  readonly #random: Random;

  constructor(objects: Objects, kinds: KindRegistry, clock: Pick<Clock, 'now'>, random: Random) {
    this.objects = objects;
    this.#clock = clock;
    this.#random = random;
    this.#crdKinds = new CrdKinds(objects, kinds);
    this.#deletion = new Deletion(objects, kinds, this.#crdKinds, () => this.#now());
  }

  /** Takes up what was stored before: kinds of CRDs, deletions that a stop cut short. */
  resume(): void {
    this.#crdKinds.resume();
    this.#deletion.resume();
  }

  insert(target: Target, object: JsonObject, request: WriteRequest, own: Own): JsonObject {
    const { kind } = target;
    const namespace = namespaceOf(object);
    if (kind.namespaced) {
      const home = this.objects.get(NAMESPACES, '', namespace);
      if (home === undefined) throw notFound({ ...NAMESPACES, kind: 'Namespace' }, namespace);
      if (isDeleting(home)) throw new ApiProblem(403, 'Forbidden', forbidden(kind, nameOf(object), `unable to create new content in namespace ${namespace} because it is being terminated`).message, { name: nameOf(object), kind: kind.plural }, [{ reason: 'NamespaceTerminating', message: `namespace ${namespace} is being terminated`, field: 'metadata.namespace' }]);
    }
    if (this.#crdKinds.isEnding(kind)) throw methodNotAllowed('create not allowed while custom resource definition is terminating');
    prepareNew(kind, object, this.#around(), this.#random, own);
    if (this.objects.get(kind, namespace, nameOf(object)) !== undefined) throw alreadyExists(kind, nameOf(object));
    if (request.dryRun === true) return inVersionOf(target, object);
    const stored = this.objects.put(kind, object);
    if (kind === crdKind) this.#crdKinds.register(stored, request.warnings ?? []);
    this.#deletion.created(kind, stored);
    return inVersionOf(target, stored);
  }

  /** Writes only where something differs. */
  replace(target: Target, live: JsonObject, sent: JsonObject, request: WriteRequest, own: Own): JsonObject {
    const { kind } = target;
    const next = prepareNext(kind, live, sent, request.subresource, this.#around(), own);
    if (request.dryRun === true || equal(live, next)) return inVersionOf(target, request.dryRun === true ? next : live);
    const stored = this.#deletion.replace(kind, live, next);
    if (kind === crdKind && this.objects.get(kind, '', nameOf(stored)) !== undefined) this.#crdKinds.register(stored, request.warnings ?? []);
    return inVersionOf(target, stored);
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
