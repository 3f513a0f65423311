/** What query, headers and body say about how to select, page, write or delete. */
import type { IncomingMessage } from 'node:http';
import { isObject, objectAt, textAt } from '../json.ts';
import { badRequest, invalid, invalidValue, notSupported, unsupportedMediaType } from '../problems.ts';
import type { DeleteRequest, ListRequest, PatchRequest, Selection, WriteRequest } from '../requests.ts';
import { mediaType } from './body.ts';
import { isSet, numberOf, type ResourceRequest } from './request.ts';

export const selectionOf = (asked: ResourceRequest, query: URLSearchParams): Selection => ({
  ...(asked.namespace === undefined ? {} : { namespace: asked.namespace }),
  ...(query.get('labelSelector') === null ? {} : { labelSelector: query.get('labelSelector') as string }),
  ...(query.get('fieldSelector') === null ? {} : { fieldSelector: query.get('fieldSelector') as string }),
});

export function pageOf(query: URLSearchParams): ListRequest {
  const resourceVersionMatch = query.get('resourceVersionMatch') ?? '';
  if (!['', 'Exact', 'NotOlderThan'].includes(resourceVersionMatch)) throw badRequest(`resourceVersionMatch: Unsupported value: ${JSON.stringify(resourceVersionMatch.slice(0, 40))}: supported values: "Exact", "NotOlderThan"`);
  return { limit: numberOf(query, 'limit') ?? 0, continueToken: query.get('continue') ?? '', resourceVersion: query.get('resourceVersion') ?? '', resourceVersionMatch };
}

function dryRun(values: readonly string[]): boolean {
  const other = values.find((value) => value !== 'All');
  if (other !== undefined) throw badRequest(`dryRun: Unsupported value: ${JSON.stringify(other.slice(0, 40))}: supported values: "All"`);
  return values.length > 0;
}

export function writeOptions(asked: ResourceRequest, query: URLSearchParams, request: IncomingMessage): WriteRequest & { readonly warnings: string[] } {
  const validation = query.get('fieldValidation') ?? 'Warn';
  if (validation !== 'Strict' && validation !== 'Warn' && validation !== 'Ignore') throw badRequest(`fieldValidation: Unsupported value: ${JSON.stringify(validation.slice(0, 40))}: supported values: "Ignore", "Warn", "Strict"`);
  const manager = query.get('fieldManager') ?? '';
  if (manager.length > 128) throw badRequest('fieldManager: may not be more than 128 bytes');
  return {
    // As kube-apiserver: the name before the slash in the user agent, except that apply must say.
    fieldManager: manager !== '' || mediaType(request) === 'application/apply-patch+yaml' ? manager : ((request.headers['user-agent'] ?? '').split('/')[0] ?? '').slice(0, 128) || 'unknown',
    dryRun: dryRun(query.getAll('dryRun')),
    fieldValidation: validation,
    warnings: [],
    ...(asked.subresource === 'status' ? { subresource: 'status' as const } : {}),
  };
}

const PATCHES: Readonly<Record<string, PatchRequest['type']>> = {
  'application/json-patch+json': 'json',
  'application/merge-patch+json': 'merge',
  'application/strategic-merge-patch+json': 'strategic',
  'application/apply-patch+yaml': 'apply',
};

export function patchOptions(options: WriteRequest, query: URLSearchParams, request: IncomingMessage): PatchRequest {
  const type = PATCHES[mediaType(request)];
  if (type === undefined) throw unsupportedMediaType(`the body of the request was in an unknown format - accepted media types include: ${Object.keys(PATCHES).join(', ')}`);
  if (query.has('force') && type !== 'apply') throw badRequest('force may only be set for apply patches');
  return { ...options, type, force: isSet(query, 'force') };
}

const DELETE_OPTIONS = { group: 'meta.k8s.io', plural: 'deleteoptions', kind: 'DeleteOptions' };
const PROPAGATIONS = ['Foreground', 'Background', 'Orphan'] as const;

/** `mayBeDelayed`: the caller wants to hear (202) that an object is still there. */
export function deleteOptions(body: unknown, query: URLSearchParams): DeleteRequest & { readonly mayBeDelayed: boolean } {
  const options = isObject(body) ? body : {};
  const kind = textAt(options, 'kind');
  if (kind !== undefined && kind !== 'DeleteOptions') throw badRequest(`no kind ${JSON.stringify(kind.slice(0, 80))} is registered for version ${JSON.stringify(textAt(options, 'apiVersion') ?? '')}: the body of a deletion is DeleteOptions`);
  const orphan = typeof options['orphanDependents'] === 'boolean' ? options['orphanDependents'] : query.has('orphanDependents') ? isSet(query, 'orphanDependents') : undefined;
  const given = textAt(options, 'propagationPolicy') ?? query.get('propagationPolicy') ?? undefined;
  const dryRuns = [...query.getAll('dryRun'), ...Array.isArray(options['dryRun']) ? options['dryRun'].map(String) : []];
  const propagation = PROPAGATIONS.find((each) => each === given);
  const causes = [];
  if (given !== undefined && orphan !== undefined) causes.push(invalidValue('propagationPolicy', given, 'orphanDependents and deletionPropagation cannot be both set'));
  if (given !== undefined && propagation === undefined) causes.push(notSupported('propagationPolicy', given, [...PROPAGATIONS, 'nil']));
  if (dryRuns.some((value) => value !== 'All')) causes.push(notSupported('dryRun', dryRuns, ['All']));
  if (causes.length > 0) throw invalid(DELETE_OPTIONS, '', causes);
  const preconditions = objectAt(options, 'preconditions');
  const [uid, resourceVersion] = [textAt(preconditions, 'uid'), textAt(preconditions, 'resourceVersion')];
  const chosen = propagation ?? (orphan === undefined ? undefined : orphan ? 'Orphan' : 'Background');
  return {
    dryRun: dryRuns.length > 0, mayBeDelayed: orphan === false,
    ...(chosen === undefined ? {} : { propagation: chosen }), ...(uid === undefined ? {} : { uid }), ...(resourceVersion === undefined ? {} : { resourceVersion }),
  };
}
