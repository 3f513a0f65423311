/** One request: who, what, may they, do it. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '../../../mesh/ports/clock.ts';
import type { EmbeddedApi } from '../api.ts';
import { isObject, type JsonObject, objectAt, textAt } from '../json.ts';
import { uidOf } from '../metadata.ts';
import { ApiProblem, badRequest, methodNotAllowed, noSuchResource, unsupportedMediaType } from '../problems.ts';
import type { DeleteRequest, PatchRequest, WriteRequest } from '../requests.ts';
import { ObjectStoreUnavailable } from '../store.ts';
import type { Target } from '../target.ts';
import { authorise, type Caller } from './access.ts';
import { mediaType, readBody } from './body.ts';
import { documentAt } from './documents.ts';
import { isSet, numberOf, parseResourcePath, type ResourceRequest, type Verb, verbOf } from './request.ts';
import { formOf, includedOf, sendJson, sendProblem, shapeList, shapeObject } from './respond.ts';
import { review } from './reviews.ts';
import { streamWatch } from './watch.ts';

/** One line of what was asked and answered. */
export interface RequestRecord {
  readonly user: string;
  readonly verb: string;
  readonly group: string;
  readonly resource: string;
  readonly subresource: string;
  readonly namespace: string;
  readonly name: string;
  readonly code: number;
}

export interface Surroundings {
  readonly api: EmbeddedApi;
  readonly clock: Clock;
  readonly authenticate: (authorization: string | undefined) => Caller | undefined;
  readonly record: (entry: RequestRecord) => void;
  /** Why objects cannot be written; '' while they can. */
  storeProblem: string;
}

const PUBLIC = new Set(['/healthz', '/livez', '/readyz', '/version']);

export async function handle(around: Surroundings, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const entry = { user: '', verb: (request.method ?? '').toLowerCase(), group: '', resource: '', subresource: '', namespace: '', name: '', code: 200 };
  try {
    const url = new URL(request.url ?? '/', 'https://localhost');
    const caller = around.authenticate(request.headers.authorization);
    if (caller === undefined && !PUBLIC.has(url.pathname)) throw new ApiProblem(401, 'Unauthorized', 'Unauthorized');
    entry.user = caller?.user ?? 'system:anonymous';
    const target = caller === undefined ? undefined : parseResourcePath(url.pathname);
    if (caller === undefined || target === undefined) {
      sendDocument(around, request, response, url);
      return;
    }
    if (request.method === 'POST') {
      const verdict = url.pathname.endsWith('reviews') ? review(url.pathname, await objectBody(request), caller) : undefined;
      if (verdict !== undefined) return sendJson(response, 201, verdict);
    }
    const verb = verbOf(request.method ?? '', target, url.searchParams);
    if (verb === undefined) throw methodNotAllowed();
    Object.assign(entry, { verb, group: target.group, resource: target.plural, subresource: target.subresource ?? '', namespace: target.namespace ?? '', name: target.name ?? '' });
    authorise(caller, verb, target);
    entry.code = await perform(around, verb, target, url.searchParams, request, response);
  } catch (error) {
    const problem = error instanceof ObjectStoreUnavailable ? new ApiProblem(503, 'ServiceUnavailable', error.message, {}, [], 5) : error;
    if (error instanceof ObjectStoreUnavailable) around.storeProblem = error.message;
    // The rest of a refused body is not read.
    if (!request.complete) response.setHeader('connection', 'close');
    entry.code = sendProblem(response, problem);
    if (entry.code === 500) throw error;
  } finally {
    around.record(entry);
  }
}

function sendDocument(around: Surroundings, request: IncomingMessage, response: ServerResponse, url: URL): void {
  if (request.method !== 'GET' && request.method !== 'HEAD') throw methodNotAllowed();
  const document = documentAt({ kinds: around.api.kinds, storeProblem: around.storeProblem }, url.pathname, request.headers.accept ?? '', request.headers.host ?? '');
  if (document === undefined) throw noSuchResource();
  if ('text' in document) {
    response.writeHead(document.code, { 'content-type': 'text/plain; charset=utf-8' });
    response.end(document.text);
  } else sendJson(response, 200, document.json, document.type === undefined ? {} : { 'content-type': document.type });
}

async function perform(around: Surroundings, verb: Verb, asked: ResourceRequest, query: URLSearchParams, request: IncomingMessage, response: ServerResponse): Promise<number> {
  const { api, clock } = around;
  const target = api.target(asked.group, asked.version, asked.plural);
  const { namespace, name = '' } = asked;
  if (asked.subresource !== undefined && (asked.subresource !== 'status' || !target.kind.statusSubresource)) throw noSuchResource();
  if (target.kind.namespaced ? namespace === undefined && verb !== 'list' && verb !== 'watch' : namespace !== undefined) throw noSuchResource();
  if (asked.subresource !== undefined && !['get', 'update', 'patch'].includes(verb)) throw methodNotAllowed();
  const form = formOf(request);
  const send = (object: JsonObject, warnings: readonly string[] = [], code = 200): number => {
    sendJson(response, code, shapeObject(form, target, object, clock.now(), includedOf(query)), warnings.length === 0 ? {} : { warning: warnings.slice(0, 20).map((text) => `299 - ${JSON.stringify(text)}`) });
    return code;
  };
  if (verb === 'get') return send(api.get(target, namespace, name));
  if (verb === 'list') {
    sendJson(response, 200, shapeList(form, target, api.list(target, { ...selection(asked, query), ...page(query) }), clock.now(), includedOf(query)));
    return 200;
  }
  if (verb === 'watch') {
    const named = name === '' ? {} : { fieldSelector: [`metadata.name=${name}`, query.get('fieldSelector')].filter(Boolean).join(',') };
    streamWatch(api, target, {
      ...selection(asked, query), ...named, resourceVersion: query.get('resourceVersion') ?? '',
      ...(query.has('sendInitialEvents') ? { sendInitialEvents: isSet(query, 'sendInitialEvents') } : {}),
    }, { form, include: includedOf(query), bookmarks: isSet(query, 'allowWatchBookmarks'), timeoutSeconds: numberOf(query, 'timeoutSeconds') }, response, clock);
    return 200;
  }
  const options = writeOptions(asked, query, request);
  if (verb === 'delete' || verb === 'deletecollection') {
    const how = deleteOptions(await readBody(request), query);
    if (verb === 'deletecollection') {
      const items = api.deleteCollection(target, selection(asked, query), how);
      sendJson(response, 200, shapeList('object', target, { items, resourceVersion: api.resourceVersion, continueToken: undefined, remaining: undefined }, clock.now(), 'Object'));
      return 200;
    }
    const { object, gone } = api.delete(target, namespace, name, how);
    around.storeProblem = '';
    if (!gone) return send(object);
    const { kind } = target;
    sendJson(response, 200, { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', details: { name, ...(kind.group === '' ? {} : { group: kind.group }), kind: kind.plural, uid: uidOf(object) } });
    return 200;
  }
  const body = await readBody(request);
  const existed = verb === 'patch' && mediaType(request) === 'application/apply-patch+yaml' ? exists(api, target, namespace, name) : verb !== 'create';
  const object = verb === 'create' ? api.create(target, namespace, body, options)
    : verb === 'update' ? api.update(target, namespace, name, body, options)
      : api.patch(target, namespace, name, body, patchOptions(options, query, request));
  around.storeProblem = '';
  return send(object, options.warnings, existed ? 200 : 201);
}

async function objectBody(request: IncomingMessage): Promise<JsonObject> {
  const body = await readBody(request);
  if (!isObject(body)) throw badRequest('the body is no JSON object');
  return body;
}

function exists(api: EmbeddedApi, target: Target, namespace: string | undefined, name: string): boolean {
  try {
    api.get(target, namespace, name);
    return true;
  } catch {
    return false;
  }
}

const selection = (asked: ResourceRequest, query: URLSearchParams): { namespace?: string; labelSelector?: string; fieldSelector?: string } => ({
  ...(asked.namespace === undefined ? {} : { namespace: asked.namespace }),
  ...(query.get('labelSelector') === null ? {} : { labelSelector: query.get('labelSelector') as string }),
  ...(query.get('fieldSelector') === null ? {} : { fieldSelector: query.get('fieldSelector') as string }),
});

const page = (query: URLSearchParams): { limit: number; continueToken: string; resourceVersion: string; resourceVersionMatch: string } =>
  ({ limit: numberOf(query, 'limit') ?? 0, continueToken: query.get('continue') ?? '', resourceVersion: query.get('resourceVersion') ?? '', resourceVersionMatch: query.get('resourceVersionMatch') ?? '' });

function dryRun(values: readonly string[]): boolean {
  const other = values.find((value) => value !== 'All');
  if (other !== undefined) throw badRequest(`dryRun: Unsupported value: ${JSON.stringify(other.slice(0, 40))}: supported values: "All"`);
  return values.length > 0;
}

function writeOptions(asked: ResourceRequest, query: URLSearchParams, request: IncomingMessage): WriteRequest & { readonly warnings: string[] } {
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

function patchOptions(options: WriteRequest, query: URLSearchParams, request: IncomingMessage): PatchRequest {
  const type = PATCHES[mediaType(request)];
  if (type === undefined) throw unsupportedMediaType(`the body of the request was in an unknown format - accepted media types include: ${Object.keys(PATCHES).join(', ')}`);
  if (query.has('force') && type !== 'apply') throw badRequest('force may only be set for apply patches');
  return { ...options, type, force: isSet(query, 'force') };
}

function deleteOptions(body: unknown, query: URLSearchParams): DeleteRequest {
  const options = isObject(body) ? body : {};
  const preconditions = objectAt(options, 'preconditions');
  const propagation = textAt(options, 'propagationPolicy') ?? query.get('propagationPolicy') ?? (options['orphanDependents'] === true ? 'Orphan' : 'Background');
  if (propagation !== 'Background' && propagation !== 'Foreground' && propagation !== 'Orphan') throw badRequest(`propagationPolicy: Unsupported value: ${JSON.stringify(propagation.slice(0, 40))}: supported values: "Background", "Foreground", "Orphan"`);
  const asked = Array.isArray(options['dryRun']) ? options['dryRun'].map(String) : [];
  const [uid, resourceVersion] = [textAt(preconditions, 'uid'), textAt(preconditions, 'resourceVersion')];
  return { propagation, dryRun: dryRun([...query.getAll('dryRun'), ...asked]), ...(uid === undefined ? {} : { uid }), ...(resourceVersion === undefined ? {} : { resourceVersion }) };
}
