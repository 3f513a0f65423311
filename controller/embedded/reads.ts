/** Lists and watches: what is selected, at which version, page by page and piece by piece. */
import { decodeContinue, encodeContinue } from './continue-token.ts';
import { type Delivery, seenAs, type Watcher } from './events.ts';
import { parseFieldSelector } from './field-selector.ts';
import { type JsonObject, objectAt } from './json.ts';
import { keptKind, kindKey } from './kinds.ts';
import { checkListOptions, checkReached, checkWatchOptions, parseVersion } from './list-options.ts';
import { namespaceOf } from './metadata.ts';
import type { Objects } from './objects.ts';
import { badRequest, expired } from './problems.ts';
import type { ListRequest, Page, Selection, WatchRequest } from './requests.ts';
import { parseLabelSelector } from './label-selector.ts';
import type { Row, Snapshot } from './shelf.ts';
import { inVersionOf, type Target } from './target.ts';

/** A list whose snapshot is taken and whose objects come one at a time, so that the caller may pause between them. */
export interface Listing {
  readonly resourceVersion: string;
  /** undefined for each object that was looked at and not selected. */
  readonly objects: Generator<JsonObject | undefined, PageEnd, undefined>;
}

export type PageEnd = Pick<Page, 'continueToken' | 'remaining'>;

export function openList(objects: Objects, target: Target, request: ListRequest): Listing {
  checkListOptions(request);
  const matches = matcher(target, request);
  const { version, after } = beginning(objects, request);
  const snapshot = objects.snapshot(target.kind, version, target.kind.namespaced ? request.namespace : undefined, after);
  // As kube-apiserver's cache: a list of whatever version is never paged.
  const limit = request.resourceVersion === '0' ? 0 : Math.max(0, request.limit ?? 0);
  const counted = isEmpty(request.labelSelector) && isEmpty(request.fieldSelector);
  return { resourceVersion: String(version), objects: walk(target, snapshot, matches, limit === 0 ? Infinity : limit, version, counted) };
}

function* walk(target: Target, { rows, from, to }: Snapshot, matches: (object: JsonObject) => boolean, limit: number, version: number, counted: boolean): Generator<JsonObject | undefined, PageEnd, undefined> {
  let selected = 0;
  for (let index = from; index < to; index += 1) {
    const { key, object } = rows[index] as Row;
    const found = matches(object);
    yield found ? inVersionOf(target, object) : undefined;
    if (!found) continue;
    selected += 1;
    // As kube-apiserver: there is a next page where anything is left to look at, and its size is known where nothing is selected.
    if (selected >= limit && index + 1 < to) return { continueToken: encodeContinue({ version, after: key }), remaining: counted ? to - index - 1 : undefined };
  }
  return { continueToken: undefined, remaining: undefined };
}

export function listObjects(objects: Objects, target: Target, request: ListRequest): Page {
  const listing = openList(objects, target, request);
  const items: JsonObject[] = [];
  for (;;) {
    const step = listing.objects.next();
    if (step.done === true) return { resourceVersion: listing.resourceVersion, items, ...step.value };
    if (step.value !== undefined) items.push(step.value);
  }
}

/** A watch as far as it can be read without waiting: what there is, then what happened since. */
export interface OpenWatch {
  /** Looks at no more than `most` objects or changes, and stops early where `deliver` says so; true: call again. Throws 410 for a forgotten version, 504 for one to come. */
  advance(most: number, deliver: (delivery: Delivery) => 'more' | 'enough'): boolean;
  /** For what happens from now on; in the same turn in which `advance` said false. The result ends the watch. */
  follow(watcher: Watcher): () => void;
}

export function openWatch(objects: Objects, target: Target, request: WatchRequest): OpenWatch {
  checkWatchOptions(request);
  const { kind } = target;
  const matches = matcher(target, request);
  const asked = parseVersion(request.resourceVersion ?? '');
  const everything = request.sendInitialEvents ?? asked === 0;
  const shown = (delivery: Delivery): Delivery => (delivery.type === 'BOOKMARK' ? delivery : { type: delivery.type, object: inVersionOf(target, delivery.object) });
  let version = everything || asked === 0 ? objects.version : asked;
  let initial = everything ? objects.snapshot(kind, version, kind.namespaced ? request.namespace : undefined, undefined) : undefined;
  let index = initial?.from ?? 0;

  /** true: there is more of what there was at the beginning. */
  const advanceInitial = ({ rows, to }: Snapshot, most: number, deliver: (delivery: Delivery) => 'more' | 'enough'): boolean => {
    const until = Math.min(to, index + most);
    while (index < until) {
      const { object } = rows[index] as Row;
      index += 1;
      if (matches(object) && deliver(shown({ type: 'ADDED', object })) === 'enough') return true;
    }
    if (index < to) return true;
    initial = undefined;
    if (request.sendInitialEvents === true) deliver({ type: 'BOOKMARK', resourceVersion: version, initialEventsEnd: true });
    return true;
  };

  return {
    advance(most, deliver) {
      if (request.sendInitialEvents === true) checkReached(asked, objects.version);
      if (initial !== undefined) return advanceInitial(initial, most, deliver);
      const { changes, version: looked, more } = objects.events.read(version, kindKey(keptKind(kind)), most);
      for (const change of changes) {
        version = change.resourceVersion;
        const delivery = seenAs(change, matches);
        if (delivery !== undefined && deliver(shown(delivery)) === 'enough') return true;
      }
      version = looked;
      return more;
    },
    follow: (watcher) => objects.events.follow(kindKey(keptKind(kind)), version, matches, { deliver: (delivery) => watcher.deliver(shown(delivery)), end: (error) => watcher.end(error) }),
  };
}

/** The result ends the watch; after that nothing more is delivered. */
export function watchObjects(objects: Objects, target: Target, request: WatchRequest, watcher: Watcher): () => void {
  const watch = openWatch(objects, target, request);
  const deliver = (delivery: Delivery): 'more' => {
    watcher.deliver(delivery);
    return 'more';
  };
  while (watch.advance(Infinity, deliver));
  return watch.follow(watcher);
}

const isEmpty = (selector: string | undefined): boolean => (selector ?? '').trim() === '';

function matcher({ kind }: Target, selection: Selection): (object: JsonObject) => boolean {
  const labels = isEmpty(selection.labelSelector) ? undefined : parseLabelSelector(selection.labelSelector);
  const fields = isEmpty(selection.fieldSelector) ? undefined : parseFieldSelector(selection.fieldSelector, kind);
  const namespace = kind.namespaced ? selection.namespace : undefined;
  return (object) => (namespace === undefined || namespaceOf(object) === namespace)
    && (labels === undefined || labels(objectAt(objectAt(object, 'metadata'), 'labels') as Record<string, string>)) && (fields === undefined || fields(object));
}

/** Which version a list shows, and after which key it goes on. */
function beginning(objects: Objects, request: ListRequest): { readonly version: number; readonly after: string | undefined } {
  const current = objects.version;
  const asked = request.resourceVersion ?? '';
  if (request.continueToken !== undefined && request.continueToken !== '') {
    if (asked !== '' && asked !== '0') throw badRequest('specifying resource version is not allowed when using continue');
    const { version = current, after } = decodeContinue(request.continueToken);
    if (version > current) throw badRequest('invalid continue token: continue key is not valid: it is from another server');
    if (objects.events.forgets(version)) throw expired(TOKEN_EXPIRED, encodeContinue({ version: undefined, after }));
    return { version, after };
  }
  const version = parseVersion(asked);
  checkReached(version, current);
  if (request.resourceVersionMatch !== 'Exact') return { version: current, after: undefined };
  if (objects.events.forgets(version)) throw expired('The resourceVersion for the provided list is too old.');
  return { version, after: undefined };
}

const TOKEN_EXPIRED = 'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response '
  + 'to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.';
