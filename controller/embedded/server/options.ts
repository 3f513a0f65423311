/** What query, headers and body say about how to select, page, write or delete. */
import type { IncomingMessage } from 'node:http';
import { isObject, objectAt, textAt } from '../json.ts';
import { badRequest, fieldForbidden, invalid, invalidValue, notSupported, required, tooLong, unsupportedMediaType } from '../problems.ts';
import type { DeleteRequest, ListRequest, PatchRequest, Selection, WatchRequest, WriteRequest } from '../requests.ts';
import { mediaType } from './body.ts';
import { isSet, numberOf, type ResourceRequest } from './request.ts';

export const selectionOf = (asked: ResourceRequest, query: URLSearchParams): Selection => ({
  ...(asked.namespace === undefined ? {} : { namespace: asked.namespace }),
  ...(query.get('labelSelector') === null ? {} : { labelSelector: query.get('labelSelector') as string }),
  ...(query.get('fieldSelector') === null ? {} : { fieldSelector: query.get('fieldSelector') as string }),
});

/** What a list and a watch may both be sent, so that the wrong ones are refused. */
const versionsOf = (query: URLSearchParams): Pick<WatchRequest, 'resourceVersion' | 'resourceVersionMatch' | 'continueToken' | 'sendInitialEvents'> => ({
  resourceVersion: query.get('resourceVersion') ?? '', resourceVersionMatch: query.get('resourceVersionMatch') ?? '', continueToken: query.get('continue') ?? '',
  ...(query.has('sendInitialEvents') ? { sendInitialEvents: isSet(query, 'sendInitialEvents') } : {}),
});

export function listOf(asked: ResourceRequest, query: URLSearchParams): ListRequest {
  // Read and passed over, as far as it is a number.
  numberOf(query, 'timeoutSeconds');
  return { ...selectionOf(asked, query), ...versionsOf(query), limit: numberOf(query, 'limit') ?? 0 };
}

export const watchOf = (asked: ResourceRequest, query: URLSearchParams): WatchRequest => ({ ...selectionOf(asked, query), ...versionsOf(query) });

type WriteVerb = 'create' | 'update' | 'patch' | 'delete' | 'deletecollection';
const OPTIONS_OF: Readonly<Record<WriteVerb, string>> = { create: 'CreateOptions', update: 'UpdateOptions', patch: 'PatchOptions', delete: 'DeleteOptions', deletecollection: 'DeleteOptions' };
const VALIDATIONS = ['Ignore', 'Strict', 'Warn'] as const;
const MANAGER_BYTES = 128;

export function writeOptions(asked: ResourceRequest, verb: WriteVerb, query: URLSearchParams, request: IncomingMessage): WriteRequest & { readonly warnings: string[]; readonly duplicates: string[] } {
  const [dryRuns, given, manager] = [query.getAll('dryRun'), query.get('fieldValidation') ?? '', query.get('fieldManager') ?? ''];
  const isApply = mediaType(request) === 'application/apply-patch+yaml';
  const fieldValidation = VALIDATIONS.find((each) => each === given);
  const causes = [];
  if (verb === 'patch' && query.has('force') && !isApply) causes.push(fieldForbidden('force', 'may not be specified for non-apply patch'));
  if (verb === 'patch' && isApply && manager === '') causes.push(required('fieldManager', 'is required for apply patch'));
  if (manager.length > MANAGER_BYTES) causes.push(tooLong('fieldManager', MANAGER_BYTES));
  const odd = /[\p{Cc}\p{Cn}\p{Zl}\p{Zp}]/u.exec(manager);
  if (odd !== null) causes.push(invalidValue('fieldManager', manager, `invalid character ${codePoint(odd[0])} (at position ${odd.index})`));
  if (dryRuns.some((value) => value !== 'All')) causes.push(notSupported('dryRun', dryRuns, ['All']));
  if (given !== '' && fieldValidation === undefined) causes.push(notSupported('fieldValidation', given, ['', ...VALIDATIONS]));
  // What a deletion may say is judged together with its body.
  if (causes.length > 0 && !verb.startsWith('delete')) throw invalid({ group: 'meta.k8s.io', plural: '', kind: OPTIONS_OF[verb] }, '', causes);
  return {
    // As kube-apiserver: the name before the slash in the user agent.
    fieldManager: manager !== '' ? manager : ((request.headers['user-agent'] ?? '').split('/')[0] ?? '').slice(0, MANAGER_BYTES) || 'unknown',
    dryRun: dryRuns.length > 0,
    fieldValidation: fieldValidation ?? 'Warn',
    warnings: [], duplicates: [],
    ...(asked.subresource === 'status' ? { subresource: 'status' as const } : {}),
  };
}

const codePoint = (character: string): string => `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`;

const PATCHES: Readonly<Record<string, PatchRequest['type']>> = {
  'application/json-patch+json': 'json',
  'application/merge-patch+json': 'merge',
  'application/strategic-merge-patch+json': 'strategic',
  'application/apply-patch+yaml': 'apply',
};

export function patchOptions(options: WriteRequest, query: URLSearchParams, request: IncomingMessage): PatchRequest {
  const type = PATCHES[mediaType(request)];
  if (type === undefined) throw unsupportedMediaType(`the body of the request was in an unknown format - accepted media types include: ${Object.keys(PATCHES).join(', ')}`);
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
