/** What query, headers and body say about how to select, page, write or delete. */
import type { IncomingMessage } from 'node:http';
import { isObject, objectAt, textAt } from '../json.ts';
import { badRequest, unsupportedMediaType } from '../problems.ts';
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

export function deleteOptions(body: unknown, query: URLSearchParams): DeleteRequest {
  const options = isObject(body) ? body : {};
  const preconditions = objectAt(options, 'preconditions');
  const propagation = textAt(options, 'propagationPolicy') ?? query.get('propagationPolicy') ?? (options['orphanDependents'] === true ? 'Orphan' : 'Background');
  if (propagation !== 'Background' && propagation !== 'Foreground' && propagation !== 'Orphan') throw badRequest(`propagationPolicy: Unsupported value: ${JSON.stringify(propagation.slice(0, 40))}: supported values: "Background", "Foreground", "Orphan"`);
  const asked = Array.isArray(options['dryRun']) ? options['dryRun'].map(String) : [];
  const [uid, resourceVersion] = [textAt(preconditions, 'uid'), textAt(preconditions, 'resourceVersion')];
  return { propagation, dryRun: dryRun([...query.getAll('dryRun'), ...asked]), ...(uid === undefined ? {} : { uid }), ...(resourceVersion === undefined ? {} : { resourceVersion }) };
}
