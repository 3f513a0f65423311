/** One request: who, what, may they, do it. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '../../../mesh/ports/clock.ts';
import type { EmbeddedApi } from '../api.ts';
import { isObject, type JsonObject } from '../json.ts';
import { uidOf } from '../metadata.ts';
import { ApiProblem, badRequest, methodNotAllowed, noSuchResource } from '../problems.ts';
import { ObjectStoreUnavailable } from '../store.ts';
import type { Target } from '../target.ts';
import { authorise, type Caller } from './access.ts';
import { mediaType, readBody } from './body.ts';
import { documentAt } from './documents.ts';
import { deleteOptions, pageOf, patchOptions, selectionOf, writeOptions } from './options.ts';
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
    if (Object.keys(request.headers).some((name) => name.startsWith('impersonate-'))) throw new ApiProblem(403, 'Forbidden', 'this API knows no impersonation: call with the token of the user that you mean');
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
    if (verb === undefined) throw isServed(around.api, target) ? methodNotAllowed() : noSuchResource();
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
  if (!isServed(api, asked)) throw noSuchResource();
  if (target.kind.namespaced ? namespace === undefined && verb !== 'list' && verb !== 'watch' : namespace !== undefined) throw noSuchResource();
  if (asked.subresource !== undefined && !['get', 'update', 'patch'].includes(verb)) throw methodNotAllowed();
  const form = formOf(request);
  const send = (object: JsonObject, warnings: readonly string[] = [], code = 200): number => {
    sendJson(response, code, shapeObject(form, target, object, clock.now(), includedOf(query)), warnings.length === 0 ? {} : { warning: warnings.slice(0, 20).map((text) => `299 - ${JSON.stringify(text)}`) });
    return code;
  };
  if (verb === 'get') return send(api.get(target, namespace, name));
  if (verb === 'list') {
    sendJson(response, 200, shapeList(form, target, api.list(target, { ...selectionOf(asked, query), ...pageOf(query) }), clock.now(), includedOf(query)));
    return 200;
  }
  if (verb === 'watch') {
    const named = name === '' ? {} : { fieldSelector: [`metadata.name=${name}`, query.get('fieldSelector')].filter(Boolean).join(',') };
    streamWatch(api, target, {
      ...selectionOf(asked, query), ...named, resourceVersion: query.get('resourceVersion') ?? '',
      ...(query.has('sendInitialEvents') ? { sendInitialEvents: isSet(query, 'sendInitialEvents') } : {}),
    }, { form, include: includedOf(query), bookmarks: isSet(query, 'allowWatchBookmarks'), timeoutSeconds: numberOf(query, 'timeoutSeconds') }, response, clock);
    return 200;
  }
  const options = writeOptions(asked, query, request);
  if (verb === 'delete' || verb === 'deletecollection') {
    const how = deleteOptions(await readBody(request), query);
    if (verb === 'deletecollection') {
      const items = api.deleteCollection(target, selectionOf(asked, query), how);
      sendJson(response, 200, shapeList('object', target, { items, resourceVersion: api.resourceVersion, continueToken: undefined, remaining: undefined }, clock.now(), 'Object'));
      return 200;
    }
    const { object, gone } = api.delete(target, namespace, name, how);
    around.storeProblem = '';
    if (!gone) return send(object, [], how.mayBeDelayed ? 202 : 200);
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

/** Kind, version and subresource; throws 404 for the first two. */
function isServed(api: EmbeddedApi, asked: ResourceRequest): boolean {
  const { kind } = api.target(asked.group, asked.version, asked.plural);
  return asked.subresource === undefined || (asked.subresource === 'status' && kind.statusSubresource);
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
