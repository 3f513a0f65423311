/** From what a caller sent to what will be stored: decode, prune, default, prepare, check. Nothing here touches the store. */
import type { Random } from '../../mesh/ports/random.ts';
import { typeProblems } from './fields/type-problems.ts';
import { clone, equal, isObject, type JsonObject, objectAt, put, textAt } from './json.ts';
import { apiVersionIn, keptKind, type ServedKind, type WriteSurroundings } from './kinds.ts';
import { checkMetadata, finalizersOf, isDeleting, nameOf, newUid, tidyMetadata } from './metadata.ts';
import type { StatusCause } from '../../mesh/ports/kubernetes.ts';
import { ApiProblem, badRequest, fieldForbidden, invalid, invalidValue } from './problems.ts';
import type { Decoding, WriteRequest } from './requests.ts';
import { dropEmpty } from './schema/omit-empty.ts';
import { applyDefaults, prune } from './schema/prune.ts';
import { checkContent } from './schema/content.ts';
import { validate } from './schema/validate.ts';

/** A copy of `body` for this kind in this version; unknown and repeated fields are dropped, refused (`Strict`) or named in `warnings`. */
export function decode(kind: ServedKind, version: string, body: unknown, { fieldValidation = 'Warn', warnings = [], duplicates = [], asWritten }: Decoding): JsonObject {
  if (!isObject(body) && body !== null) throw badRequest(`the object provided is unrecognized (must be of type ${kind.kind}): the body is no JSON object`);
  const object = clone(body ?? {});
  checkType(kind, version, object);
  if ((object['metadata'] ?? undefined) !== undefined && !isObject(object['metadata'])) throw badRequest(`${kind.kind} in version ${JSON.stringify(version)} cannot be handled as a ${kind.kind}: metadata is no JSON object`);
  object['metadata'] ??= {};
  const unknown = [...prune(kind.schema, object), ...kind.dropUnknown?.(object) ?? []];
  // As kube-apiserver: for what definitions define, sorted; else as they come.
  if (!kind.builtIn) unknown.sort();
  const untyped = asWritten !== undefined ? [...unknown.map((path) => `.${path}: field not declared in schema`), ...typeProblems(asWritten, object)] : [];
  if (untyped.length > 0) throw notTyped(kind, version, object, untyped);
  if (kind.builtIn && asWritten === undefined) dropEmpty(kind.schema, object);
  const complaints = [...duplicates, ...unknown.map((path) => `unknown field ${JSON.stringify(path)}`)];
  if (complaints.length > 0 && fieldValidation === 'Strict') throw badRequest(`${kind.kind} in version ${JSON.stringify(version)} cannot be handled as a ${kind.kind}: strict decoding error: ${complaints.join(', ')}`);
  if (fieldValidation === 'Warn') warnings.push(...complaints);
  tidyMetadata(object);
  applyDefaults(kind.schema, object);
  kind.defaults?.(object);
  return object;
}

/** As kube-apiserver: 500 without a reason, though the mistake is the applier's. */
function notTyped(kind: ServedKind, version: string, object: JsonObject, problems: readonly string[]): ApiProblem {
  const { namespace = '', name = '' } = objectAt(object, 'metadata');
  return new ApiProblem(500, '', `failed to create typed patch object (${String(namespace)}/${String(name)}; ${apiVersionIn(kind, version)}, Kind=${kind.kind}): ${problems.join('\n')}`);
}

/** Members that are always there belong to nobody. */
export const blankOf = (kind: ServedKind): JsonObject => ({ metadata: {}, ...(kind.builtIn ? kind.blank ?? { spec: {}, status: {} } : {}) });

/** Built-in kinds take a body without them: the path says what it is. */
function checkType(kind: ServedKind, version: string, object: JsonObject): void {
  const apiVersion = apiVersionIn(kind, version);
  for (const [key, expected] of [['apiVersion', apiVersion], ['kind', kind.kind]] as const) {
    if (kind.builtIn && object[key] === '') delete object[key];
    if (kind.builtIn) object[key] ??= expected;
    else if (object[key] === undefined) throw badRequest(`the object provided is unrecognized (must be of type ${kind.kind}): Object '${key}' is missing`);
  }
  if (object['apiVersion'] !== apiVersion) throw badRequest(`the API version in the data (${String(object['apiVersion'])}) does not match the expected API version (${apiVersion})`);
  if (object['kind'] !== kind.kind) throw badRequest(`the kind in the data (${String(object['kind'])}) does not match the expected kind (${kind.kind})`);
}

/** Namespace and name of the body must be those of the request. */
export function place(kind: ServedKind, object: JsonObject, namespace: string | undefined, name: string | undefined): void {
  const metadata = objectAt(object, 'metadata');
  if (!kind.namespaced) delete metadata['namespace'];
  else {
    const given = textAt(metadata, 'namespace');
    if (given !== undefined && given !== namespace) throw badRequest(`the namespace of the provided object does not match the namespace sent on the request`);
    metadata['namespace'] = namespace;
  }
  if (name === undefined) return;
  const given = textAt(metadata, 'name');
  if (given === undefined) throw badRequest(`the name of the object (${name} based on URL) was undeterminable: name must be provided`);
  if (given !== name) throw badRequest(`the name of the object (${given}) does not match the name on the URL (${name})`);
  metadata['name'] = name;
}

/** A new object as it will be stored, but for its version. `own` sees it before the server fills in what is its own to decide. In place. */
export function prepareNew(kind: ServedKind, object: JsonObject, around: WriteSurroundings, random: Random, own: (object: JsonObject) => void): void {
  const metadata = objectAt(object, 'metadata');
  for (const key of ['deletionTimestamp', 'deletionGracePeriodSeconds', 'selfLink', 'resourceVersion']) delete metadata[key];
  metadata['uid'] = newUid(random);
  metadata['creationTimestamp'] = around.now;
  if (kind.hasGeneration) metadata['generation'] = 1;
  if (kind.statusSubresource && kind.kind !== 'Node') delete object['status'];
  own(object);
  kind.prepare?.(object, undefined, around);
  check(kind, object, undefined, around, []);
}

/** What only the server sets stays as it was. */
const SERVER_METADATA = ['uid', 'creationTimestamp', 'generation', 'deletionTimestamp', 'deletionGracePeriodSeconds', 'selfLink', 'resourceVersion'];

/** The next state of an existing object, but for its version; `own` as above. `live` and `sent` are in the version of the request. */
export function prepareNext(kind: ServedKind, live: JsonObject, sent: JsonObject, request: WriteRequest, around: WriteSurroundings, own: (next: JsonObject) => void): JsonObject {
  const { subresource, warnings } = request;
  const next = subresource === 'status' ? statusOf(kind, live, sent) : sent;
  const [metadata, before] = [objectAt(next, 'metadata'), objectAt(live, 'metadata')];
  const causes = immutable(before, objectAt(sent, 'metadata'));
  for (const key of SERVER_METADATA) {
    if (before[key] === undefined) delete metadata[key];
    else metadata[key] = before[key];
  }
  if (subresource === undefined && kind.statusSubresource) {
    if (live['status'] === undefined) delete next['status'];
    else next['status'] = clone(live['status']);
  }
  own(next);
  if (subresource === undefined) {
    kind.prepare?.(next, live, around);
    if (kind.hasGeneration && !equal(intent(kind, live), intent(kind, next))) metadata['generation'] = Number(before['generation'] ?? 0) + 1;
  }
  const added = finalizersOf(next).filter((finalizer) => !finalizersOf(live).includes(finalizer));
  if (isDeleting(live) && added.length > 0) {
    causes.push(fieldForbidden('metadata.finalizers', `no new finalizers can be added if the object is being deleted, found new finalizers []string{${added.map((name) => JSON.stringify(name)).join(', ')}}`));
  }
  check(kind, next, live, around, causes, warnings);
  return next;
}

function immutable(before: JsonObject, sent: JsonObject): StatusCause[] {
  return ['uid', 'deletionTimestamp'].flatMap((key) => {
    const value = sent[key];
    return value === undefined || value === null || value === before[key] ? [] : [invalidValue(`metadata.${key}`, value, 'field is immutable')];
  });
}

/** A write to `/status` of a custom kind carries nothing but status; a built-in kind takes metadata along. */
function statusOf(kind: ServedKind, live: JsonObject, sent: JsonObject): JsonObject {
  const next = clone(live);
  if (kind.builtIn) next['metadata'] = clone(sent['metadata']);
  else {
    const owners = objectAt(sent, 'metadata')['managedFields'];
    if (owners !== undefined) objectAt(next, 'metadata')['managedFields'] = owners;
  }
  if (sent['status'] === undefined) delete next['status'];
  else put(next, 'status', sent['status']);
  return next;
}

/** What `metadata.generation` counts. */
function intent(kind: ServedKind, object: JsonObject): JsonObject {
  const { metadata: _metadata, apiVersion: _apiVersion, ...rest } = object;
  if (kind.statusSubresource) delete rest['status'];
  return rest;
}

/** What Go cannot decode into a built-in kind is 400; the rest of what its schema says comes back. */
export function checkDecodable(kind: ServedKind, object: JsonObject): StatusCause[] {
  const metadata = kind.schema.properties?.['metadata'];
  const causes = kind.builtIn || metadata === undefined ? validate(kind.schema, object) : validate(metadata, object['metadata'], 'metadata');
  const undecodable = causes.find((cause) => cause.reason === 'FieldValueTypeInvalid');
  if (undecodable !== undefined) throw badRequest(`${kind.kind} in version ${JSON.stringify(kind.storedVersion)} cannot be handled as a ${kind.kind}: ${undecodable.field}: ${undecodable.message}`);
  return causes;
}

function check(kind: ServedKind, object: JsonObject, live: JsonObject | undefined, around: WriteSurroundings, causes: StatusCause[], warnings: string[] = []): void {
  causes.push(...checkMetadata(kind, object));
  const decodable = checkDecodable(kind, object);
  if (kind.builtIn) causes.push(...decodable);
  else causes.push(...checkContent(kind.schema, object, live, warnings));
  if (causes.length === 0) causes.push(...kind.check?.(object, live, around) ?? []);
  if (causes.length > 0) throw invalid(keptKind(kind), nameOf(object), causes);
}
