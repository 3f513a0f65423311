/** One request: who, what, may they, do it. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '../../../mesh/ports/clock.ts';
import { judge } from '../admission/admission.ts';
import { stampAs } from '../admission/stamp.ts';
import type { EmbeddedApi } from '../api.ts';
import { crdKind } from '../builtin/custom-resource-definition.ts';
import { verbsOf } from '../documents/discovery.ts';
import type { JsonObject } from '../json.ts';
import type { ServedKind } from '../kinds.ts';
import { uidOf } from '../metadata.ts';
import { ApiProblem, methodNotAllowed, notImplemented, noSuchResource } from '../problems.ts';
import { ObjectStoreUnavailable } from '../store.ts';
import type { Target } from '../target.ts';
import { toRfc3339 } from '../../../mesh/model/instant.ts';
import { checkEscalation } from '../rbac/escalation.ts';
import type { Authority, User } from '../rbac/authority.ts';
import { attributesOf, demand } from './access.ts';
import type { Authentication } from './authentication.ts';
import { readBody } from './body.ts';
import { sendDocument } from './documents.ts';
import { deleteInSlices } from './delete-slices.ts';
import { deleteOptions, listOf, patchOptions, selectionOf, watchOf, writeOptions } from './options.ts';
import { isSet, numberOf, parseResourcePath, type ResourceRequest, type Verb, verbOf } from './request.ts';
import { formOf, includedOf, JSON_HEADERS, sendJson, sendList, sendProblem, shapeObject, warn } from './respond.ts';
import { impersonated } from './impersonation.ts';
import { review, reviewAt } from './reviews.ts';
import { SlicedBody, type Turns } from './turns.ts';
import { streamWatch } from './watch.ts';
import type { WriteGroups } from './write-groups.ts';

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
  readonly authentication: Authentication;
  readonly authority: Authority;
  readonly record: (entry: RequestRecord) => void;
  /** Of long answers, shared by all of them. */
  readonly turns: Turns;
  readonly writes: WriteGroups;
  /** Why objects cannot be written; '' while they can. */
  storeProblem: string;
}

/** What is asked for where a method does not fit the path. */
const VERBS: Readonly<Record<string, string>> = { GET: 'get', HEAD: 'get', POST: 'create', PUT: 'update', PATCH: 'patch', DELETE: 'delete' };

export async function handle(around: Surroundings, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const entry = { user: '', verb: (request.method ?? '').toLowerCase(), group: '', resource: '', subresource: '', namespace: '', name: '', code: 200 };
  try {
    const url = new URL(request.url ?? '/', 'https://localhost');
    const caller = around.authentication.of(request);
    const may = (user: User, asked: Parameters<typeof demand>[2]): void => demand(around.authority, user, asked);
    entry.user = caller.name;
    const user = impersonated(caller, request, may);
    entry.user = user.name;
    const target = parseResourcePath(url.pathname);
    if (target === undefined) {
      may(user, { verb: entry.verb, path: url.pathname });
      sendDocument({ kinds: around.api.kinds, storeProblem: around.storeProblem }, request, response, url);
      return;
    }
    const verb = verbOf(request.method ?? '', target, url.searchParams);
    const asked = attributesOf(verb ?? VERBS[request.method ?? ''] ?? '', target, url.searchParams);
    Object.assign(entry, { verb: asked.verb, group: target.group, resource: target.plural, subresource: target.subresource ?? '', namespace: target.namespace ?? '', name: target.name ?? '' });
    may(user, asked);
    const asks = reviewAt(target);
    if (asks !== undefined) {
      if (request.method !== 'POST') throw methodNotAllowed();
      const options = writeOptions(target, 'create', url.searchParams, request);
      const answer = review(asks, target.namespace, await readBody(request, options.duplicates), options, { user, authority: around.authority, authentication: around.authentication, now: wholeSeconds(around.clock.now()) });
      warn(response, options.warnings);
      sendJson(response, 201, answer);
      entry.code = 201;
      return;
    }
    if (target.group === '' && target.plural === 'serviceaccounts' && target.subresource === 'token') throw notImplemented('this API issues no tokens of service accounts; give callers tokens or certificates when it is started');
    if (verb === undefined) throw isServed(around.api, target) ? methodNotAllowed() : noSuchResource();
    entry.code = await perform(around, user, verb, target, url.searchParams, request, response);
  } catch (error) {
    const problem = error instanceof ObjectStoreUnavailable ? new ApiProblem(503, 'ServiceUnavailable', error.message, {}, [], 5) : error;
    if (error instanceof ObjectStoreUnavailable) around.storeProblem = error.message;
    // The rest of a refused body is not read.
    if (!request.complete) response.setHeader('connection', 'close');
    entry.code = sendProblem(response, problem);
    if (entry.code === 500 && !(error instanceof ApiProblem)) throw error;
  } finally {
    around.record(entry);
  }
}

async function perform(around: Surroundings, user: User, verb: Verb, asked: ResourceRequest, query: URLSearchParams, request: IncomingMessage, response: ServerResponse): Promise<number> {
  const { api, clock } = around;
  const target = api.target(asked.group, asked.version, asked.plural);
  const { namespace, name = '' } = asked;
  if (!isServed(api, asked)) throw noSuchResource(`this API serves no ${asked.plural}/${asked.subresource}`);
  if (!target.kind.namespaced && namespace !== undefined) throw noSuchResource();
  if (target.kind.namespaced && namespace === undefined && verb !== 'list' && verb !== 'watch') throw asked.name === undefined ? methodNotAllowed() : noSuchResource();
  if (asked.subresource === undefined ? !verbsOf(target.kind).includes(verb) : !(isFinalize(asked) ? ['update'] : ['get', 'update', 'patch']).includes(verb)) throw methodNotAllowed();
  const form = formOf(request, verb === 'list' || verb === 'watch' ? verb : 'object');
  const include = form === 'table' ? includedOf(query) : 'Metadata';
  const deprecation = target.kind.deprecation === undefined ? [] : [target.kind.deprecation];
  warn(response, deprecation);
  const send = (object: JsonObject, code = 200): number => {
    sendJson(response, code, shapeObject(form, target, object, clock.now(), include));
    return code;
  };
  if (verb === 'get') return send(api.get(target, namespace, name, query.get('resourceVersion') ?? ''));
  if (verb === 'list') {
    const listing = api.openList(target, listOf(asked, query));
    await sendList(new SlicedBody(response, around.turns, clock, JSON_HEADERS), form, target, listing, clock.now(), include);
    return 200;
  }
  if (verb === 'watch') {
    const watch = api.openWatch(target, watchOf(asked, query));
    streamWatch(watch, { target, form, include, bookmarks: isSet(query, 'allowWatchBookmarks'), timeoutSeconds: numberOf(query, 'timeoutSeconds') }, response, around.turns, clock);
    return 200;
  }
  const given = writeOptions(asked, verb, query, request);
  const admit = (dryRun: boolean) => (kind: ServedKind, next: JsonObject | undefined, live: JsonObject | undefined): void => {
    // Whoever makes an object by `update` or `patch` must be allowed to create it.
    if (live === undefined && verb !== 'create') demand(around.authority, user, attributesOf('create', asked, query));
    checkEscalation(around.authority, user, kind, next, live);
    judge(api, { user, target, subresource: asked.subresource ?? '', next, live, dryRun }, given.warnings);
  };
  const options = { ...given, admit: admit(given.dryRun === true), stamp: stampAs(user) };
  // A definition changes what the API serves, which is not taken back: it is stored by itself.
  const write = async <T>(change: () => T): Promise<T> => (target.kind === crdKind ? change() : await around.writes.run(change));
  if (verb === 'delete' || verb === 'deletecollection') {
    const wanted = deleteOptions(await readBody(request), query);
    const how = { ...wanted, admit: admit(wanted.dryRun === true) };
    if (verb === 'deletecollection') {
      const gone = await deleteInSlices(api.deleteCollection(target, selectionOf(asked, query), how), write, around.turns);
      around.storeProblem = '';
      await sendList(new SlicedBody(response, around.turns, clock, JSON_HEADERS), 'object', target, gone, clock.now(), include);
      return 200;
    }
    const { object, gone } = await write(() => api.delete(target, namespace, name, how));
    around.storeProblem = '';
    warn(response, [...deprecation, ...given.warnings]);
    if (!gone) return send(object, how.mayBeDelayed ? 202 : 200);
    const { kind } = target;
    sendJson(response, 200, { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', details: { name, ...(kind.group === '' ? {} : { group: kind.group }), kind: kind.plural, uid: uidOf(object) } });
    return 200;
  }
  const body = await readBody(request, options.duplicates);
  try {
    const { object, existed } = await write(() => ({
      existed: verb !== 'create' && exists(api, target, namespace, name),
      object: verb === 'create' ? api.create(target, namespace, body, options)
        : isFinalize(asked) ? api.finalize(target, name, body, options)
          : verb === 'update' ? api.update(target, namespace, name, body, options)
            : api.patch(target, namespace, name, body, patchOptions(options, query, request)),
    }));
    around.storeProblem = '';
    warn(response, [...deprecation, ...options.warnings]);
    return send(object, existed ? 200 : 201);
  } catch (error) {
    warn(response, [...deprecation, ...options.warnings]);
    throw error;
  }
}

const isFinalize = ({ group, plural, subresource }: ResourceRequest): boolean => group === '' && plural === 'namespaces' && subresource === 'finalize';

/** Kind, version and subresource; throws 404 for the first two. */
function isServed(api: EmbeddedApi, asked: ResourceRequest): boolean {
  const { kind } = api.target(asked.group, asked.version, asked.plural);
  return asked.subresource === undefined || (asked.subresource === 'status' && kind.statusSubresource) || isFinalize(asked);
}

const wholeSeconds = (now: number): string => toRfc3339(now).replace(/\.\d+Z$/, 'Z');

function exists(api: EmbeddedApi, target: Target, namespace: string | undefined, name: string): boolean {
  try {
    api.get(target, namespace, name);
    return true;
  } catch {
    return false;
  }
}
