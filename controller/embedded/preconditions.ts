/** What a write demands of the object as it is now: version, uid, and that it may go at all. */
import { type JsonObject, objectAt, textAt } from './json.ts';
import { keptKind, type ServedKind } from './kinds.ts';
import { nameOf, uidOf } from './metadata.ts';
import { conflict, forbidden, invalid, invalidValue, MODIFIED } from './problems.ts';
import type { DeleteRequest } from './requests.ts';

const versionOf = (object: JsonObject): string | undefined => textAt(objectAt(object, 'metadata'), 'resourceVersion');

export function checkVersion(kind: ServedKind, live: JsonObject, sent: JsonObject): void {
  const name = nameOf(live);
  const version = versionOf(sent) ?? '';
  if (version === '' || version === '0') {
    if (!kind.unconditionalUpdate) throw invalid({ ...kind, kind: kind.plural }, name, [invalidValue('metadata.resourceVersion', 0, 'must be specified for an update')]);
  } else if (version !== versionOf(live)) throw conflict(kind, name, MODIFIED);
}

/** Of a PUT: a patch that changes the uid is invalid instead. */
export function checkUid(kind: ServedKind, live: JsonObject, sent: JsonObject): void {
  const uid = textAt(objectAt(sent, 'metadata'), 'uid');
  if (uid !== undefined && uid !== uidOf(live)) throw wrongUid(kind, nameOf(live), uid, uidOf(live));
}

/** `live` undefined: the apply would create the object. */
export function checkApply(kind: ServedKind, name: string, live: JsonObject | undefined, config: JsonObject): void {
  const version = versionOf(config);
  if (version !== undefined && live !== undefined && version !== versionOf(live)) throw conflict(kind, name, MODIFIED);
  const uid = textAt(objectAt(config, 'metadata'), 'uid');
  if (uid !== undefined && live === undefined) throw wrongUid(kind, name, uid, '');
}

export function checkDelete(kind: ServedKind, live: JsonObject, request: DeleteRequest): void {
  const name = nameOf(live);
  // kube-apiserver names the kind here, not the resource.
  const named = { ...keptKind(kind), plural: kind.kind };
  if (request.uid !== undefined && request.uid !== uidOf(live)) throw conflict(named, name, `the UID in the precondition (${request.uid}) does not match the UID in record (${uidOf(live)}). The object might have been deleted and then recreated`);
  const version = versionOf(live);
  if (request.resourceVersion !== undefined && request.resourceVersion !== version) throw conflict(named, name, `the ResourceVersion in the precondition (${request.resourceVersion}) does not match the ResourceVersion in record (${version}). The object might have been modified`);
  if (kind.group === '' && kind.plural === 'namespaces' && (name === 'default' || name === 'kube-system')) throw forbidden(kind, name, 'this namespace may not be deleted');
}

const wrongUid = (kind: ServedKind, name: string, asked: string, found: string): Error =>
  conflict(kind, name, `Precondition failed: UID in precondition: ${asked}, UID in object meta: ${found}`);
