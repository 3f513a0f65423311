/** The embedded Kubernetes-style API: everything but HTTP. Each call is synchronous, so calls never interleave. */
import type { ResourceDefinition } from '../../mesh/api/resources/define.ts';
import { toRfc3339 } from '../../mesh/model/instant.ts';
import type { Clock } from '../../mesh/ports/clock.ts';
import type { Random } from '../../mesh/ports/random.ts';
import { builtInKinds } from './builtin/kinds.ts';
import { crdKind, kindOfCrd } from './builtin/custom-resource-definition.ts';
import { kindOfDefinition } from './custom-kinds.ts';
import { Deletion, type Propagation } from './deletion.ts';
import type { Watcher } from './events.ts';
import { apply, trackUpdate } from './fields/ownership.ts';
import { equal, isObject, type JsonObject, objectAt, textAt } from './json.ts';
import { apiVersionIn, KindRegistry, kindKey, type ServedKind, type WriteSurroundings } from './kinds.ts';
import { isDeleting, nameOf, namespaceOf, uidOf } from './metadata.ts';
import { Objects } from './objects.ts';
import { jsonPatch } from './patch/json-patch.ts';
import { mergePatch } from './patch/merge-patch.ts';
import { strategicMergePatch } from './patch/strategic-merge.ts';
import { alreadyExists, ApiProblem, badRequest, conflict, forbidden, invalid, methodNotAllowed, MODIFIED, noSuchResource, notFound, required, unsupportedMediaType } from './problems.ts';
import { parseFieldSelector, parseLabelSelector } from './selectors.ts';
import type { ObjectStore } from './store.ts';
import { decode, type FieldValidation, place, prepareNew, prepareNext, versionRequired } from './write.ts';

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

/** A kind in the version that the caller speaks. */
export interface Target { readonly kind: ServedKind; readonly version: string }

export interface Selection {
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
}

export interface ListRequest extends Selection {
  readonly limit?: number;
  readonly continueToken?: string;
  readonly resourceVersion?: string;
  readonly resourceVersionMatch?: string;
}

export interface WatchRequest extends Selection {
  /** Absent, empty or `0`: begins with everything there is. */
  readonly resourceVersion?: string;
  /** Begins with everything there is, then a bookmark that says so. */
  readonly sendInitialEvents?: boolean;
}

export interface WriteRequest {
  readonly fieldManager: string;
  readonly dryRun?: boolean;
  /** What happens to unknown fields; as in Kubernetes `Warn` where absent. */
  readonly fieldValidation?: FieldValidation;
  readonly subresource?: 'status';
  readonly warnings?: string[];
}

export interface PatchRequest extends WriteRequest {
  readonly type: 'json' | 'merge' | 'strategic' | 'apply';
  readonly force?: boolean;
}

export interface DeleteRequest {
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly propagation?: Propagation;
  readonly dryRun?: boolean;
}

export interface Page {
  readonly resourceVersion: string;
  readonly items: readonly JsonObject[];
  readonly continueToken: string | undefined;
  readonly remaining: number | undefined;
}

/** Objects that come out are the stored ones: copy before changing. Every refusal is a `KubernetesError`. */
export type EmbeddedApi = Api;

export function createEmbeddedApi(options: EmbeddedApiOptions): EmbeddedApi {
  return new Api(options);
}

const NAMESPACES = { group: '', plural: 'namespaces' };
const CRDS = { group: 'apiextensions.k8s.io', plural: 'customresourcedefinitions' };
/** Subresources of the applied object that are not the applier's to own. */
const IGNORED_IN_MAIN = [['f:status']];

class Api {
  readonly kinds = new KindRegistry();
  readonly #objects: Objects;
  readonly #deletion: Deletion;
  readonly #random: Random;
  readonly #clock: Pick<Clock, 'now'>;

  constructor(options: EmbeddedApiOptions) {
    this.#random = options.random;
    this.#clock = options.clock;
    for (const kind of builtInKinds(options.serviceCidrs ?? ['10.96.0.0/16'])) this.kinds.add(kind);
    this.kinds.add(crdKind);
    for (const definition of options.definitions) this.kinds.add(kindOfDefinition(definition));
    this.#objects = new Objects(options.objects, options.eventLogSize ?? 10_000);
    this.#deletion = new Deletion(this.#objects, this.kinds, () => this.#now());
    for (const crd of this.#objects.all(CRDS)) this.#register(crd);
    this.#deletion.resume();
    for (const name of new Set(['default', 'kube-system', ...options.namespaces ?? []])) {
      if (this.#objects.get(NAMESPACES, '', name) === undefined) this.create(this.target('', 'v1', 'namespaces'), undefined, { metadata: { name } }, { fieldManager: 'isthmus-embedded' });
    }
  }

  get resourceVersion(): string {
    return String(this.#objects.version);
  }

  /** Throws 404 for a kind or version that is not served. */
  target(group: string, version: string, plural: string): Target {
    const kind = this.kinds.find(group, version, plural);
    if (kind === undefined) throw noSuchResource();
    return { kind, version };
  }

  get(target: Target, namespace: string | undefined, name: string): JsonObject {
    return this.#out(target, this.#live(target, namespace, name));
  }

  list(target: Target, request: ListRequest): Page {
    const { matches, version, after } = this.#listing(target, request);
    const found = this.#objects.allAt(target.kind, version).filter(matches);
    const rest = after === undefined ? found : found.filter((object) => sortKey(object) > after);
    const limit = request.limit ?? 0;
    const page = limit > 0 ? rest.slice(0, limit) : rest;
    const more = rest.length - page.length;
    return {
      resourceVersion: String(version),
      items: page.map((object) => this.#out(target, object)),
      continueToken: more > 0 ? encodeContinue({ version, after: sortKey(page.at(-1) as JsonObject) }) : undefined,
      remaining: more > 0 ? more : undefined,
    };
  }

  /** The result ends the watch; after that nothing more is delivered. */
  watch(target: Target, request: WatchRequest, watcher: Watcher): () => void {
    const matches = this.#matcher(target, request);
    const out: Watcher = {
      deliver: (delivery) => watcher.deliver(delivery.type === 'BOOKMARK' ? delivery : { type: delivery.type, object: this.#out(target, delivery.object) }),
      end: (error) => watcher.end(error),
    };
    const asked = request.resourceVersion ?? '';
    const everything = request.sendInitialEvents === true || (request.sendInitialEvents === undefined && (asked === '' || asked === '0'));
    const version = asked === '' || asked === '0' || everything ? this.#objects.version : this.#version(asked);
    if (version > this.#objects.version) throw tooLarge(version, this.#objects.version);
    if (everything) {
      for (const object of this.#objects.all(target.kind)) if (matches(object)) out.deliver({ type: 'ADDED', object });
      if (request.sendInitialEvents === true) out.deliver({ type: 'BOOKMARK', resourceVersion: version, initialEventsEnd: true });
    }
    return this.#objects.events.watch(kindKey(target.kind), version, matches, out);
  }

  create(target: Target, namespace: string | undefined, body: unknown, request: WriteRequest): JsonObject {
    const { kind, version } = target;
    const object = decode(kind, version, body, request.fieldValidation ?? 'Warn', request.warnings ?? []);
    if (textAt(objectAt(object, 'metadata'), 'resourceVersion') !== undefined) throw badRequest('resourceVersion should not be set on objects to be created');
    place(kind, object, namespace, undefined);
    return this.#create(target, object, request, (stored) => trackUpdate(kind.schema, undefined, blank(kind), stored, this.#writer(target, request)));
  }

  update(target: Target, namespace: string | undefined, name: string, body: unknown, request: WriteRequest): JsonObject {
    const live = this.#live(target, namespace, name);
    this.#needsSubresource(target, request);
    const sent = decode(target.kind, target.version, body, request.fieldValidation ?? 'Warn', request.warnings ?? []);
    place(target.kind, sent, namespace, name);
    return this.#update(target, live, sent, request);
  }

  patch(target: Target, namespace: string | undefined, name: string, body: unknown, request: PatchRequest): JsonObject {
    const { kind } = target;
    this.#needsSubresource(target, request);
    if (request.type === 'apply') return this.#apply(target, namespace, name, body, request);
    const live = this.#live(target, namespace, name);
    if (request.type === 'strategic' && !kind.builtIn) throw unsupportedMediaType('the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml');
    if (request.type !== 'json' && !isObject(body)) throw badRequest('the patch is no JSON object');
    const before = this.#out(target, live);
    const patched = request.type === 'json' ? jsonPatch(before, body) : request.type === 'merge' ? mergePatch(before, body) : strategicMergePatch(kind.schema, before, body);
    const sent = decode(kind, target.version, patched, request.fieldValidation ?? 'Warn', request.warnings ?? []);
    place(kind, sent, namespace, name);
    // A patch is about the object as it is now, unless it names a version itself.
    if (!isObject(body) || textAt(objectAt(body, 'metadata'), 'resourceVersion') === undefined) {
      if (request.type !== 'json') objectAt(sent, 'metadata')['resourceVersion'] = objectAt(live, 'metadata')['resourceVersion'];
    }
    return this.#update(target, live, sent, request);
  }

  /** `gone`: false while finalizers hold it. */
  delete(target: Target, namespace: string | undefined, name: string, request: DeleteRequest): { readonly object: JsonObject; readonly gone: boolean } {
    const { kind } = target;
    const live = this.#live(target, namespace, name);
    if (request.uid !== undefined && request.uid !== uidOf(live)) throw conflict(kind, name, `the UID in the precondition (${request.uid}) does not match the UID in record (${uidOf(live)}). The object might have been deleted and then recreated`);
    const version = textAt(objectAt(live, 'metadata'), 'resourceVersion');
    if (request.resourceVersion !== undefined && request.resourceVersion !== version) throw conflict(kind, name, `the ResourceVersion in the precondition (${request.resourceVersion}) does not match the ResourceVersion in record (${version}). The object might have been modified`);
    if (kind.group === '' && kind.plural === 'namespaces' && (name === 'default' || name === 'kube-system')) throw forbidden(kind, name, 'this namespace may not be deleted');
    if (request.dryRun === true) return { object: this.#out(target, live), gone: true };
    if (kind === crdKind) this.#unregister(live);
    const { object, gone } = this.#deletion.delete(kind, live, request.propagation ?? 'Background');
    return { object: this.#out(target, object), gone };
  }

  /** Deletes what the selection matches; the objects as they were. */
  deleteCollection(target: Target, selection: Selection, request: DeleteRequest): readonly JsonObject[] {
    const { items } = this.list(target, selection);
    for (const object of items) {
      if (this.#objects.byUid(uidOf(object)) !== undefined) this.delete(target, namespaceOf(object), nameOf(object), request);
    }
    return items;
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

  #create(target: Target, object: JsonObject, request: WriteRequest, own: (stored: JsonObject) => void): JsonObject {
    const { kind } = target;
    const namespace = namespaceOf(object);
    if (kind.namespaced) {
      const home = this.#objects.get(NAMESPACES, '', namespace);
      if (home === undefined) throw notFound({ ...NAMESPACES, kind: 'Namespace' }, namespace);
      if (isDeleting(home)) throw new ApiProblem(403, 'Forbidden', forbidden(kind, nameOf(object), `unable to create new content in namespace ${namespace} because it is being terminated`).message, { name: nameOf(object), kind: kind.plural }, [{ reason: 'NamespaceTerminating', message: `namespace ${namespace} is being terminated`, field: 'metadata.namespace' }]);
    }
    prepareNew(kind, object, this.#around(), this.#random, own);
    if (this.#objects.get(kind, namespace, nameOf(object)) !== undefined) throw alreadyExists(kind, nameOf(object));
    if (request.dryRun === true) return this.#out(target, object);
    const stored = this.#objects.put(kind, object);
    if (kind === crdKind) this.#register(stored);
    return this.#out(target, stored);
  }

  #update(target: Target, live: JsonObject, sent: JsonObject, request: WriteRequest): JsonObject {
    const { kind } = target;
    const name = nameOf(live);
    const metadata = objectAt(sent, 'metadata');
    const version = textAt(metadata, 'resourceVersion') ?? '';
    if (version === '' || version === '0') {
      if (!kind.unconditionalUpdate) throw versionRequired(kind, name);
    } else if (version !== objectAt(live, 'metadata')['resourceVersion']) throw conflict(kind, name, MODIFIED);
    const uid = textAt(metadata, 'uid');
    if (uid !== undefined && uid !== uidOf(live)) throw conflict(kind, name, `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${uidOf(live)}`);
    const next = prepareNext(kind, live, sent, request.subresource, this.#around(), (object) => trackUpdate(kind.schema, live, blank(kind), object, this.#writer(target, request)));
    return this.#store(target, live, next, request);
  }

  #apply(target: Target, namespace: string | undefined, name: string, body: unknown, request: PatchRequest): JsonObject {
    const { kind, version } = target;
    if (request.fieldManager === '') throw invalid({ group: 'meta.k8s.io', plural: 'patchoptions', kind: 'PatchOptions' }, '', [required('fieldManager', 'is required for apply patch')]);
    if (!isObject(body)) throw badRequest('error decoding YAML: the applied configuration is no object');
    if (textAt(body, 'apiVersion') === undefined || textAt(body, 'kind') === undefined) throw badRequest('the applied configuration must name its apiVersion and kind');
    if (isObject(body['metadata']) && body['metadata']['managedFields'] !== undefined) throw badRequest('metadata.managedFields must be nil');
    // Ownership is about what was sent, so defaults come after the merge.
    const config = decode(withoutDefaults(kind), version, body, request.fieldValidation ?? 'Warn', request.warnings ?? []);
    place(kind, config, namespace, name);
    const live = this.#objects.get(kind, kind.namespaced ? namespace ?? '' : '', name);
    if (live === undefined && request.subresource !== undefined) throw notFound(kind, name);
    const expectedVersion = textAt(objectAt(config, 'metadata'), 'resourceVersion');
    if (expectedVersion !== undefined && (live === undefined || expectedVersion !== objectAt(live, 'metadata')['resourceVersion'])) throw conflict(kind, name, MODIFIED);
    const expectedUid = textAt(objectAt(config, 'metadata'), 'uid');
    if (expectedUid !== undefined && live === undefined) throw conflict(kind, name, `Precondition failed: UID in precondition: ${expectedUid}, UID in object meta: `);

    const ignored = request.subresource === 'status' ? Object.keys(config).filter((key) => key !== 'status').map((key) => [`f:${key}`]) : kind.statusSubresource && kind.kind !== 'Node' ? IGNORED_IN_MAIN : [];
    for (const [path] of ignored) if (path !== 'f:metadata' && path !== 'f:apiVersion' && path !== 'f:kind') delete config[(path as string).slice(2)];
    const base = live ?? { apiVersion: config['apiVersion'], kind: kind.kind, metadata: {} };
    const { merged, settle } = apply(kind.schema, base, config, ignored, this.#writer(target, request), request.force === true);
    const whole = decode(kind, kind.versions[0] as string, merged, 'Ignore', []);
    if (live === undefined) {
      delete objectAt(whole, 'metadata')['resourceVersion'];
      return this.#create(target, whole, request, settle);
    }
    const next = prepareNext(kind, live, whole, request.subresource, this.#around(), settle);
    return this.#store(target, live, next, request);
  }

  /** Writes where something differs. */
  #store(target: Target, live: JsonObject, next: JsonObject, request: WriteRequest): JsonObject {
    if (request.dryRun === true || equal(live, next)) return this.#out(target, request.dryRun === true ? next : live);
    const stored = this.#objects.put(target.kind, next);
    if (target.kind === crdKind) this.#register(stored);
    this.#deletion.finish(target.kind, stored);
    return this.#out(target, stored);
  }

  #live({ kind }: Target, namespace: string | undefined, name: string): JsonObject {
    const live = this.#objects.get(kind, kind.namespaced ? namespace ?? '' : '', name);
    if (live === undefined) throw notFound(kind, name);
    return live;
  }

  #needsSubresource({ kind }: Target, request: WriteRequest): void {
    if (request.subresource !== undefined && !kind.statusSubresource) throw request.subresource === 'status' ? noSuchResource() : methodNotAllowed();
  }

  #matcher({ kind }: Target, selection: Selection): (object: JsonObject) => boolean {
    const labels = parseLabelSelector(selection.labelSelector);
    const fields = parseFieldSelector(selection.fieldSelector, kind.fields);
    const { namespace } = selection;
    return (object) => (namespace === undefined || !kind.namespaced || namespaceOf(object) === namespace)
      && labels(objectAt(objectAt(object, 'metadata'), 'labels') as Record<string, string>) && fields(object);
  }

  #listing(target: Target, request: ListRequest): { matches: (object: JsonObject) => boolean; version: number; after: string | undefined } {
    const matches = this.#matcher(target, request);
    const current = this.#objects.version;
    if (request.continueToken !== undefined && request.continueToken !== '') {
      const { version, after } = decodeContinue(request.continueToken);
      if (version > current) throw badRequest('continue key is not valid: it is from another server');
      return { matches, version, after };
    }
    const asked = this.#version(request.resourceVersion ?? '');
    if (asked > current) throw tooLarge(asked, current);
    return { matches, version: request.resourceVersionMatch === 'Exact' ? asked : current, after: undefined };
  }

  /** Empty and `0` are 0: any version will do. */
  #version(text: string): number {
    if (text === '') return 0;
    if (!/^\d{1,15}$/.test(text)) throw badRequest(`invalid resource version ${JSON.stringify(text.slice(0, 40))}`);
    return Number(text);
  }

  /** In the version that the caller speaks. */
  #out({ kind, version }: Target, object: JsonObject): JsonObject {
    return version === kind.versions[0] ? object : { ...object, apiVersion: apiVersionIn(kind, version) };
  }

  #register(crd: JsonObject): void {
    const kind = kindOfCrd(crd);
    if (kind !== undefined) this.kinds.add(kind);
  }

  #unregister(crd: JsonObject): void {
    const kind = kindOfCrd(crd);
    if (kind === undefined) return;
    for (const object of this.#objects.all(kind)) this.#deletion.delete(kind, object, 'Background');
    this.kinds.remove(kind.group, kind.plural);
  }

  #writer({ kind, version }: Target, request: WriteRequest): Parameters<typeof trackUpdate>[4] {
    return { manager: request.fieldManager, apiVersion: apiVersionIn(kind, version), time: this.#now(), ...(request.subresource === undefined ? {} : { subresource: request.subresource }) };
  }

  #around(): WriteSurroundings {
    return { now: this.#now(), objects: (group, plural) => this.#objects.all({ group, plural }) };
  }

  /** Whole seconds, as every timestamp in Kubernetes metadata. */
  #now(): string {
    return toRfc3339(this.#clock.now()).replace(/\.\d+Z$/, 'Z');
  }
}

/** What nobody owns because it is always there. */
const blank = (kind: ServedKind): JsonObject => ({ metadata: {}, ...(kind.builtIn ? { spec: {}, status: {} } : {}) });

function withoutDefaults({ defaults: _defaults, ...kind }: ServedKind): ServedKind {
  return { ...kind, schema: stripDefaults(kind.schema) };
}

const stripped = new WeakMap<object, ServedKind['schema']>();
/** The same schema without defaults, made once per schema. */
function stripDefaults(schema: ServedKind['schema']): ServedKind['schema'] {
  let result = stripped.get(schema);
  if (result === undefined) {
    const { default: _default, ...rest } = schema;
    result = {
      ...rest,
      ...(schema.properties === undefined ? {} : { properties: Object.fromEntries(Object.entries(schema.properties).map(([key, child]) => [key, stripDefaults(child)])) }),
      ...(schema.items === undefined ? {} : { items: stripDefaults(schema.items) }),
      ...(schema.additionalProperties === undefined ? {} : { additionalProperties: stripDefaults(schema.additionalProperties) }),
    };
    stripped.set(schema, result);
  }
  return result;
}

const sortKey = (object: JsonObject): string => `${namespaceOf(object)}/${nameOf(object)}`;

const tooLarge = (asked: number, current: number): ApiProblem =>
  new ApiProblem(504, 'Timeout', `Too large resource version: ${asked}, current: ${current}`, {}, [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }], 1);

const encodeContinue = (token: { readonly version: number; readonly after: string }): string => Buffer.from(JSON.stringify(token)).toString('base64url');
function decodeContinue(text: string): { readonly version: number; readonly after: string } {
  try {
    const token = JSON.parse(Buffer.from(text, 'base64url').toString('utf8')) as unknown;
    if (isObject(token) && Number.isSafeInteger(token['version']) && typeof token['after'] === 'string') return { version: token['version'] as number, after: token['after'] };
  } catch {
    // Refused below.
  }
  throw badRequest('continue key is not valid');
}

