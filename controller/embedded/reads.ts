/** Lists and watches: what is selected, at which version, page by page. */
import { decodeContinue, encodeContinue } from './continue-token.ts';
import type { Watcher } from './events.ts';
import { type JsonObject, objectAt } from './json.ts';
import { kindKey } from './kinds.ts';
import { nameOf, namespaceOf } from './metadata.ts';
import type { Objects } from './objects.ts';
import { ApiProblem, badRequest } from './problems.ts';
import type { ListRequest, Page, Selection, WatchRequest } from './requests.ts';
import { parseFieldSelector, parseLabelSelector } from './selectors.ts';
import { inVersionOf, type Target } from './target.ts';

export function listObjects(objects: Objects, target: Target, request: ListRequest): Page {
  const matches = matcher(target, request);
  const { version, after } = beginning(objects, request);
  const found = objects.allAt(target.kind, version).filter(matches);
  const rest = after === undefined ? found : found.filter((object) => sortKey(object) > after);
  const limit = request.limit ?? 0;
  const page = limit > 0 ? rest.slice(0, limit) : rest;
  const more = rest.length - page.length;
  return {
    resourceVersion: String(version),
    items: page.map((object) => inVersionOf(target, object)),
    continueToken: more > 0 ? encodeContinue({ version, after: sortKey(page.at(-1) as JsonObject) }) : undefined,
    remaining: more > 0 ? more : undefined,
  };
}

/** The result ends the watch; after that nothing more is delivered. */
export function watchObjects(objects: Objects, target: Target, request: WatchRequest, watcher: Watcher): () => void {
  const matches = matcher(target, request);
  const out: Watcher = {
    deliver: (delivery) => watcher.deliver(delivery.type === 'BOOKMARK' ? delivery : { type: delivery.type, object: inVersionOf(target, delivery.object) }),
    end: (error) => watcher.end(error),
  };
  const asked = request.resourceVersion ?? '';
  const everything = request.sendInitialEvents === true || (request.sendInitialEvents === undefined && (asked === '' || asked === '0'));
  const version = asked === '' || asked === '0' || everything ? objects.version : parseVersion(asked);
  if (version > objects.version) throw tooLarge(version, objects.version);
  if (everything) {
    for (const object of objects.all(target.kind)) if (matches(object)) out.deliver({ type: 'ADDED', object });
    if (request.sendInitialEvents === true) out.deliver({ type: 'BOOKMARK', resourceVersion: version, initialEventsEnd: true });
  }
  return objects.events.watch(kindKey(target.kind), version, matches, out);
}

function matcher({ kind }: Target, selection: Selection): (object: JsonObject) => boolean {
  const labels = parseLabelSelector(selection.labelSelector);
  const fields = parseFieldSelector(selection.fieldSelector, kind.fields);
  const { namespace } = selection;
  return (object) => (namespace === undefined || !kind.namespaced || namespaceOf(object) === namespace)
    && labels(objectAt(objectAt(object, 'metadata'), 'labels') as Record<string, string>) && fields(object);
}

/** Which version a list shows, and after which object it goes on. */
function beginning(objects: Objects, request: ListRequest): { readonly version: number; readonly after: string | undefined } {
  const current = objects.version;
  if (request.continueToken !== undefined && request.continueToken !== '') {
    const token = decodeContinue(request.continueToken);
    if (token.version > current) throw badRequest('continue key is not valid: it is from another server');
    return token;
  }
  const asked = parseVersion(request.resourceVersion ?? '');
  if (asked > current) throw tooLarge(asked, current);
  return { version: request.resourceVersionMatch === 'Exact' ? asked : current, after: undefined };
}

/** Empty and `0` are 0: any version will do. */
function parseVersion(text: string): number {
  if (text === '') return 0;
  if (!/^\d{1,15}$/.test(text)) throw badRequest(`invalid resource version ${JSON.stringify(text.slice(0, 40))}`);
  return Number(text);
}

const sortKey = (object: JsonObject): string => `${namespaceOf(object)}/${nameOf(object)}`;

const tooLarge = (asked: number, current: number): ApiProblem =>
  new ApiProblem(504, 'Timeout', `Too large resource version: ${asked}, current: ${current}`, {}, [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }], 1);
