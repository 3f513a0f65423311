/** Create, update and the patches that are computed from the object as it is. */
import { applyObject } from './apply.ts';
import type { Commits, Own } from './commits.ts';
import { trackUpdate } from './fields/ownership.ts';
import { isObject, type JsonObject, objectAt, textAt } from './json.ts';
import { nameOf } from './metadata.ts';
import { jsonPatch } from './patch/json-patch.ts';
import { mergePatch } from './patch/merge-patch.ts';
import { strategicMergePatch } from './patch/strategic-merge.ts';
import { checkUpdate } from './preconditions.ts';
import { badRequest, noSuchResource, unsupportedMediaType } from './problems.ts';
import type { PatchRequest, WriteRequest } from './requests.ts';
import { inVersionOf, liveObject, type Target } from './target.ts';
import { decode, place } from './write.ts';

export function createObject(commits: Commits, target: Target, namespace: string | undefined, body: unknown, request: WriteRequest): JsonObject {
  const { kind, version } = target;
  const object = decode(kind, version, body, request.fieldValidation ?? 'Warn', request.warnings ?? []);
  if (textAt(objectAt(object, 'metadata'), 'resourceVersion') !== undefined) throw badRequest('resourceVersion should not be set on objects to be created');
  place(kind, object, namespace, undefined);
  return commits.insert(target, object, request, ownAs(commits, target, undefined, request));
}

export function updateObject(commits: Commits, target: Target, namespace: string | undefined, name: string, body: unknown, request: WriteRequest): JsonObject {
  const live = liveObject(commits.objects, target, namespace, name);
  checkSubresource(target, request);
  return replaceWith(commits, target, live, body, namespace, request, () => {});
}

export function patchObject(commits: Commits, target: Target, namespace: string | undefined, name: string, body: unknown, request: PatchRequest): JsonObject {
  checkSubresource(target, request);
  if (request.type === 'apply') return applyObject(commits, target, namespace, name, body, request);
  const live = liveObject(commits.objects, target, namespace, name);
  if (request.type === 'strategic' && !target.kind.builtIn) throw unsupportedMediaType('the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml');
  if (request.type !== 'json' && !isObject(body)) throw badRequest('the patch is no JSON object');
  const patched = patchedBy(request.type, target, inVersionOf(target, live), body);
  return replaceWith(commits, target, live, patched, namespace, request, (sent) => {
    // A patch is about the object as it is now, unless it names a version itself.
    const named = isObject(body) && textAt(objectAt(body, 'metadata'), 'resourceVersion') !== undefined;
    if (!named && request.type !== 'json') objectAt(sent, 'metadata')['resourceVersion'] = objectAt(live, 'metadata')['resourceVersion'];
  });
}

function patchedBy(type: Exclude<PatchRequest['type'], 'apply'>, { kind }: Target, before: JsonObject, body: unknown): unknown {
  switch (type) {
    case 'json': return jsonPatch(before, body);
    case 'merge': return mergePatch(before, body);
    case 'strategic': return strategicMergePatch(kind.schema, before, body as JsonObject);
  }
}

function replaceWith(commits: Commits, target: Target, live: JsonObject, body: unknown, namespace: string | undefined, request: WriteRequest, adjust: (sent: JsonObject) => void): JsonObject {
  const { kind, version } = target;
  const sent = decode(kind, version, body, request.fieldValidation ?? 'Warn', request.warnings ?? []);
  place(kind, sent, namespace, nameOf(live));
  adjust(sent);
  checkUpdate(kind, live, sent);
  return commits.replace(target, live, sent, request, ownAs(commits, target, live, request));
}

function checkSubresource({ kind }: Target, request: WriteRequest): void {
  if (request.subresource !== undefined && !kind.statusSubresource) throw noSuchResource();
}

/** Members that are always there belong to nobody. */
function ownAs(commits: Commits, target: Target, live: JsonObject | undefined, request: WriteRequest): Own {
  const { kind } = target;
  const blank: JsonObject = { metadata: {}, ...(kind.builtIn ? { spec: {}, status: {} } : {}) };
  return (next) => trackUpdate(kind.schema, live, blank, next, commits.writer(target, request));
}
