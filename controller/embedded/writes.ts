/** Create, update and the patches that are computed from the object as it is. */
import { applyObject } from './apply.ts';
import type { Commits, Own } from './commits.ts';
import { trackUpdate } from './fields/ownership.ts';
import { isObject, type JsonObject, objectAt, textAt } from './json.ts';
import { apiVersionIn } from './kinds.ts';
import { nameOf } from './metadata.ts';
import { jsonPatch } from './patch/json-patch.ts';
import { mergePatch } from './patch/merge-patch.ts';
import { strategicMergePatch } from './patch/strategic-merge.ts';
import { checkUid, checkVersion } from './preconditions.ts';
import { ApiProblem, badRequest, invalid, invalidValue, noSuchResource, unsupportedMediaType } from './problems.ts';
import type { PatchRequest, WriteRequest } from './requests.ts';
import { findObject, inVersionOf, liveObject, type Target } from './target.ts';
import { blankOf, checkDecodable, decode, place } from './write.ts';

export function createObject(commits: Commits, target: Target, namespace: string | undefined, body: unknown, request: WriteRequest): JsonObject {
  const { kind, version } = target;
  const object = decode(kind, version, body, request);
  if (textAt(objectAt(object, 'metadata'), 'resourceVersion') !== undefined) throw new ApiProblem(500, '', 'resourceVersion should not be set on objects to be created');
  place(kind, object, namespace, undefined);
  return commits.insert(target, object, request, ownAs(commits, target, undefined, request));
}

export function updateObject(commits: Commits, target: Target, namespace: string | undefined, name: string, body: unknown, request: WriteRequest): JsonObject {
  const { kind, version } = target;
  checkSubresource(target, request);
  const sent = decode(kind, version, body, request);
  place(kind, sent, namespace, name);
  if (kind.createsOnUpdate === true && request.subresource === undefined && findObject(commits.objects, target, namespace, name) === undefined) {
    delete objectAt(sent, 'metadata')['resourceVersion'];
    return commits.insert(target, sent, request, ownAs(commits, target, undefined, request));
  }
  const live = liveObject(commits.objects, target, namespace, name);
  checkUid(kind, live, sent);
  return replaceWith(commits, target, live, sent, request);
}

export function finalizeNamespace(commits: Commits, target: Target, name: string, body: unknown, request: WriteRequest): JsonObject {
  const live = liveObject(commits.objects, target, undefined, name);
  const sent = decode(target.kind, target.version, body, request);
  place(target.kind, sent, undefined, name);
  checkUid(target.kind, live, sent);
  checkVersion(target.kind, live, sent);
  const finalizers = objectAt(sent, 'spec')['finalizers'];
  return commits.finalize(target, live, sent, Array.isArray(finalizers) ? finalizers.filter((each): each is string => typeof each === 'string') : [], request);
}

export function patchObject(commits: Commits, target: Target, namespace: string | undefined, name: string, body: unknown, request: PatchRequest): JsonObject {
  checkSubresource(target, request);
  if (request.type === 'apply') return applyObject(commits, target, namespace, name, body, request);
  const live = liveObject(commits.objects, target, namespace, name);
  if (request.type === 'strategic' && !target.kind.builtIn) throw unsupportedMediaType('the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml');
  if (request.type !== 'json' && !isObject(body)) throw badRequest('the patch is no JSON object');
  const sent = decodePatched(target, patchedBy(request.type, target, inVersionOf(target, live), body), request);
  place(target.kind, sent, namespace, nameOf(live));
  // A patch is about the object as it is now, unless it names a version itself.
  const named = isObject(body) && textAt(objectAt(body, 'metadata'), 'resourceVersion') !== undefined;
  if (!named && request.type !== 'json') objectAt(sent, 'metadata')['resourceVersion'] = objectAt(live, 'metadata')['resourceVersion'];
  return replaceWith(commits, target, live, sent, request);
}

/** What a patch makes of an object must be such an object; if not, it is the patch that is invalid. */
function decodePatched({ kind, version }: Target, patched: unknown, request: PatchRequest): JsonObject {
  if (isObject(patched) && !kind.builtIn) checkTypeStays(kind, version, patched);
  const duplicates = request.type === 'json' ? (request.duplicates ?? []).map((text) => `json patch ${text}`) : request.duplicates ?? [];
  try {
    const sent = decode(kind, version, patched, { ...request, duplicates });
    checkDecodable(kind, sent);
    return sent;
  } catch (error) {
    if (!(error instanceof ApiProblem) || error.code !== 400) throw error;
    throw new ApiProblem(422, 'Invalid', ` "" is invalid: patch: Invalid value: ${error.message}`, {}, [{ reason: 'FieldValueInvalid', field: 'patch', message: `Invalid value: ${error.message}` }]);
  }
}

function checkTypeStays(kind: Target['kind'], version: string, patched: JsonObject): void {
  for (const [key, must] of [['apiVersion', apiVersionIn(kind, version)], ['kind', kind.kind]] as const) {
    if (patched[key] !== undefined && patched[key] !== must) throw invalid(kind, nameOf(patched), [invalidValue(key, patched[key], `must be ${must}`)]);
  }
}

function patchedBy(type: Exclude<PatchRequest['type'], 'apply'>, { kind }: Target, before: JsonObject, body: unknown): unknown {
  switch (type) {
    case 'json': return jsonPatch(before, body);
    case 'merge': return mergePatch(before, body);
    case 'strategic': return strategicMergePatch(kind.schema, before, body as JsonObject);
  }
}

function replaceWith(commits: Commits, target: Target, live: JsonObject, sent: JsonObject, request: WriteRequest): JsonObject {
  checkVersion(target.kind, live, sent);
  return commits.replace(target, live, sent, request, ownAs(commits, target, inVersionOf(target, live), request));
}

function checkSubresource({ kind }: Target, request: WriteRequest): void {
  if (request.subresource !== undefined && !kind.statusSubresource) throw noSuchResource();
}

function ownAs(commits: Commits, target: Target, live: JsonObject | undefined, request: WriteRequest): Own {
  const { kind } = target;
  return (next) => trackUpdate(kind.schema, live, blankOf(kind), next, commits.writer(target, request));
}
