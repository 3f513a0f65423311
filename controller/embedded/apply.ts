/** Server-side apply: merges what a manager wants into what is there, field by field. */
import type { Commits } from './commits.ts';
import { apply } from './fields/ownership.ts';
import { isObject, type JsonObject, objectAt, textAt } from './json.ts';
import type { ServedKind } from './kinds.ts';
import { checkApply } from './preconditions.ts';
import { badRequest, invalid, notFound, required } from './problems.ts';
import type { PatchRequest } from './requests.ts';
import { findObject, inVersionOf, type Target } from './target.ts';
import { withoutDefaults } from './without-defaults.ts';
import { blankOf, decode, place } from './write.ts';

const PATCH_OPTIONS = { group: 'meta.k8s.io', plural: 'patchoptions', kind: 'PatchOptions' };

/** Creates the object where it is absent. */
export function applyObject(commits: Commits, target: Target, namespace: string | undefined, name: string, body: unknown, request: PatchRequest): JsonObject {
  const { kind, version } = target;
  if (request.fieldManager === '') throw invalid(PATCH_OPTIONS, '', [required('fieldManager', 'is required for apply patch')]);
  if (!isObject(body)) throw badRequest('error decoding YAML: the applied configuration is no object');
  if (textAt(body, 'apiVersion') === undefined || textAt(body, 'kind') === undefined) throw badRequest('the applied configuration must name its apiVersion and kind');
  if (isObject(body['metadata']) && body['metadata']['managedFields'] !== undefined) throw badRequest('metadata.managedFields must be nil');
  const config = decode(withoutDefaults(kind), version, body, { ...request, asWritten: kind.schema });
  objectAt(config, 'metadata')['name'] ??= name;
  place(kind, config, namespace, name);
  const stored = findObject(commits.objects, target, namespace, name);
  const live = stored === undefined ? undefined : inVersionOf(target, stored);
  if (live === undefined && request.subresource !== undefined) throw notFound(kind, name);
  checkApply(kind, name, live, config);

  const ignored = notTheAppliers(kind, config, request.subresource);
  for (const key of ignored) {
    if (key === 'metadata') config[key] = identityOf(objectAt(config, key));
    else if (key !== 'apiVersion' && key !== 'kind') delete config[key];
  }
  const base = live ?? { apiVersion: config['apiVersion'], kind: kind.kind, metadata: {} };
  const { merged, settle } = apply(kind.schema, base, config, ignored.map((key) => [`f:${key}`]), commits.writer(target, request), { force: request.force === true, blank: blankOf(kind) });
  const whole = decode(kind, version, merged, { fieldValidation: 'Ignore' });
  if (stored !== undefined) return commits.replace(target, stored, whole, request, settle);
  delete objectAt(whole, 'metadata')['resourceVersion'];
  return commits.insert(target, whole, request, settle);
}

/** Members that this endpoint does not write, so that nobody owns them through it. */
function notTheAppliers(kind: ServedKind, config: JsonObject, subresource: 'status' | undefined): readonly string[] {
  if (subresource === 'status') return Object.keys(config).filter((key) => key !== 'status' && (key !== 'metadata' || !kind.builtIn));
  return kind.statusSubresource && kind.kind !== 'Node' ? ['status'] : [];
}

/** What says which object and which state of it is meant. */
const identityOf = (metadata: JsonObject): JsonObject =>
  Object.fromEntries(['name', 'namespace', 'uid', 'resourceVersion'].flatMap((key) => (metadata[key] === undefined ? [] : [[key, metadata[key]]])));
