/** A kind in the version that the caller speaks, and its objects in that version. */
import { clone, type JsonObject } from './json.ts';
import { apiVersionIn, asStored, type ServedKind } from './kinds.ts';
import type { Objects } from './objects.ts';
import { notFound } from './problems.ts';
import { applyDefaults, prune } from './schema/prune.ts';

export interface Target { readonly kind: ServedKind; readonly version: string }

type Schema = ServedKind['schema'];

/** By schema: what a stored object looks like under it. An object that was written under that very schema is there as itself. */
const shown = new WeakMap<Schema, WeakMap<JsonObject, JsonObject>>();

function rememberAs(schema: Schema, object: JsonObject, seen: JsonObject): JsonObject {
  let objects = shown.get(schema);
  if (objects === undefined) {
    objects = new WeakMap();
    shown.set(schema, objects);
  }
  objects.set(object, seen);
  return seen;
}

/** Says that `object` was decoded, defaulted and pruned under the stored version's schema. A new object's status is dropped after that, so a default of all of it is for readers to fill in. */
export function markCurrent(kind: ServedKind, object: JsonObject): void {
  if (object['status'] === undefined && asStored(kind).schema.properties?.['status']?.default !== undefined) return;
  rememberAs(asStored(kind).schema, object, object);
}

/** As kube-apiserver reads: the stored version's schema prunes and fills in defaults, then the asked version's prunes; nothing else is converted. */
export function inVersionOf({ kind, version }: Target, object: JsonObject): JsonObject {
  if (kind.keptAs !== undefined) return kind.keptAs.show(object);
  const stored = asStored(kind);
  const current = kind.builtIn ? object : shown.get(stored.schema)?.get(object) ?? rememberAs(stored.schema, object, readUnder(stored, object));
  if (version === kind.storedVersion) return current;
  const apiVersion = apiVersionIn(kind, version);
  if (kind.schema === stored.schema) return { ...current, apiVersion };
  const known = shown.get(kind.schema)?.get(current);
  if (known !== undefined) return known;
  const converted = { ...clone(current), apiVersion };
  prune(kind.schema, converted);
  return rememberAs(kind.schema, current, converted);
}

/** The object itself where it is as the schema wants it. */
function readUnder(stored: ServedKind, object: JsonObject): JsonObject {
  const read = { ...clone(object), apiVersion: apiVersionIn(stored, stored.storedVersion) };
  prune(stored.schema, read);
  applyDefaults(stored.schema, read);
  return JSON.stringify(read) === JSON.stringify(object) ? object : read;
}

/** What is kept of an object that was written in the target's version. */
export function toStored({ kind, version }: Target, object: JsonObject): JsonObject {
  if (kind.keptAs !== undefined) return kind.keptAs.keep(object);
  const stored = asStored(kind);
  if (version === kind.storedVersion) return object;
  const converted = { ...object, apiVersion: apiVersionIn(kind, kind.storedVersion) };
  if (kind.schema === stored.schema) return converted;
  const result = clone(converted);
  prune(stored.schema, result);
  return result;
}

export function findObject(objects: Objects, { kind }: Target, namespace: string | undefined, name: string): JsonObject | undefined {
  return objects.get(kind, kind.namespaced ? namespace ?? '' : '', name);
}

/** As stored. Throws 404 where there is none. */
export function liveObject(objects: Objects, target: Target, namespace: string | undefined, name: string): JsonObject {
  const live = findObject(objects, target, namespace, name);
  if (live === undefined) throw notFound(target.kind, name);
  return live;
}
