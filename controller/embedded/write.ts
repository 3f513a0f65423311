/** From what a caller sent to what will be stored: decode, prune, default, prepare, check. Nothing here touches the store. */
import type { Random } from '../../mesh/ports/random.ts';
import { clone, equal, isObject, type JsonObject, objectAt, put, textAt } from './json.ts';
import { apiVersionIn, type ServedKind, type WriteSurroundings } from './kinds.ts';
import { checkMetadata, finalizersOf, isDeleting, nameFor, nameOf, newUid, tidyMetadata } from './metadata.ts';
import { badRequest, fieldForbidden, invalid } from './problems.ts';
import { applyDefaults, dropNulls, prune } from './schema/prune.ts';
import { checkRules } from './schema/rules.ts';
import { validate } from './schema/validate.ts';

export type FieldValidation = 'Strict' | 'Warn' | 'Ignore';

/** A copy of `body` for this kind; unknown fields are dropped, refused (`Strict`) or named in `warnings`. */
export function decode(kind: ServedKind, version: string, body: unknown, validation: FieldValidation, warnings: string[]): JsonObject {
  if (!isObject(body)) throw badRequest('the body is no JSON object');
  const object = clone(body);
  const apiVersion = apiVersionIn(kind, version);
  object['apiVersion'] ??= apiVersion;
  object['kind'] ??= kind.kind;
  if (object['apiVersion'] !== apiVersion) throw badRequest(`the API version in the data (${String(object['apiVersion'])}) does not match the expected API version (${apiVersion})`);
  if (object['kind'] !== kind.kind) throw badRequest(`the kind in the data (${String(object['kind'])}) does not match the expected kind (${kind.kind})`);
  if (object['metadata'] !== undefined && !isObject(object['metadata'])) throw badRequest('metadata is no JSON object');
  object['metadata'] ??= {};
  object['apiVersion'] = apiVersionIn(kind, kind.versions[0] as string);
  if (kind.builtIn) dropNulls(object);
  const unknown = prune(kind.schema, object);
  if (unknown.length > 0 && validation === 'Strict') throw badRequest(`${kind.kind} in version ${JSON.stringify(version)} cannot be handled as a ${kind.kind}: strict decoding error: ${unknown.map((path) => `unknown field ${JSON.stringify(path)}`).join(', ')}`);
  if (validation !== 'Ignore') warnings.push(...unknown.map((path) => `unknown field ${JSON.stringify(path)}`));
  tidyMetadata(object);
  applyDefaults(kind.schema, object);
  kind.defaults?.(object);
  return object;
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
  if (given !== undefined && given !== name) throw badRequest(`the name of the object (${given}) does not match the name on the URL (${name})`);
  metadata['name'] = name;
}

/** A new object as it will be stored, but for its version. `own` sees it before the server fills in what is its own to decide. In place. */
export function prepareNew(kind: ServedKind, object: JsonObject, around: WriteSurroundings, random: Random, own: (object: JsonObject) => void): void {
  const metadata = objectAt(object, 'metadata');
  const generateName = textAt(metadata, 'generateName');
  if (textAt(metadata, 'name') === undefined && generateName !== undefined) metadata['name'] = nameFor(generateName, random);
  for (const key of ['deletionTimestamp', 'deletionGracePeriodSeconds', 'selfLink', 'resourceVersion']) delete metadata[key];
  metadata['uid'] = newUid(random);
  metadata['creationTimestamp'] = around.now;
  if (kind.hasGeneration) metadata['generation'] = 1;
  else delete metadata['generation'];
  if (kind.statusSubresource && kind.kind !== 'Node') delete object['status'];
  own(object);
  kind.prepare?.(object, undefined, around);
  check(kind, object, undefined, around);
}

/** What only the server sets stays as it was. */
const SERVER_METADATA = ['uid', 'creationTimestamp', 'generation', 'deletionTimestamp', 'deletionGracePeriodSeconds', 'selfLink', 'resourceVersion'];

/** The next state of an existing object, but for its version; `own` as above. */
export function prepareNext(kind: ServedKind, live: JsonObject, sent: JsonObject, subresource: 'status' | undefined, around: WriteSurroundings, own: (next: JsonObject) => void): JsonObject {
  const next = subresource === 'status' ? statusOf(kind, live, sent) : sent;
  const [metadata, before] = [objectAt(next, 'metadata'), objectAt(live, 'metadata')];
  for (const key of SERVER_METADATA) {
    if (before[key] === undefined) delete metadata[key];
    else metadata[key] = before[key];
  }
  if (subresource === undefined) {
    if (kind.statusSubresource) {
      if (live['status'] === undefined) delete next['status'];
      else next['status'] = clone(live['status']);
    }
  }
  own(next);
  if (subresource === undefined) {
    kind.prepare?.(next, live, around);
    if (kind.hasGeneration && !equal(intent(kind, live), intent(kind, next))) metadata['generation'] = Number(before['generation'] ?? 0) + 1;
  }
  const added = finalizersOf(next).filter((finalizer) => !finalizersOf(live).includes(finalizer));
  if (isDeleting(live) && added.length > 0) {
    throw invalid(kind, String(metadata['name']), [fieldForbidden('metadata.finalizers', `no new finalizers can be added if the object is being deleted, found new finalizers []string{${added.map((name) => JSON.stringify(name)).join(', ')}}`)]);
  }
  check(kind, next, live, around);
  return next;
}

/** A write to `/status` of a custom kind carries nothing but status; a built-in kind takes metadata along. */
function statusOf(kind: ServedKind, live: JsonObject, sent: JsonObject): JsonObject {
  const next = clone(live);
  if (kind.builtIn) next['metadata'] = sent['metadata'];
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

function check(kind: ServedKind, object: JsonObject, live: JsonObject | undefined, around: WriteSurroundings): void {
  const causes = checkMetadata(kind, object);
  causes.push(...validate(kind.schema, object));
  // As in kube-apiserver, rules only see objects whose shape is right.
  if (causes.length === 0) causes.push(...checkRules(kind.schema, object, live));
  if (causes.length === 0) causes.push(...kind.check?.(object, live, around) ?? []);
  const undecodable = kind.builtIn ? causes.find((cause) => cause.reason === 'FieldValueTypeInvalid') : undefined;
  if (undecodable !== undefined) throw badRequest(`${kind.kind} in version ${JSON.stringify(kind.versions[0])} cannot be handled as a ${kind.kind}: ${undecodable.field}: ${undecodable.message}`);
  if (causes.length > 0) throw invalid(kind, nameOf(object), causes);
}
