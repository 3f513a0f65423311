/** A kind in the version that the caller speaks. */
import type { JsonObject } from './json.ts';
import { apiVersionIn, type ServedKind } from './kinds.ts';
import type { Objects } from './objects.ts';
import { notFound } from './problems.ts';

export interface Target { readonly kind: ServedKind; readonly version: string }

/** A stored object in the target's version; the stored one itself where that is the same. */
export function inVersionOf({ kind, version }: Target, object: JsonObject): JsonObject {
  return version === kind.versions[0] ? object : { ...object, apiVersion: apiVersionIn(kind, version) };
}

export function findObject(objects: Objects, { kind }: Target, namespace: string | undefined, name: string): JsonObject | undefined {
  return objects.get(kind, kind.namespaced ? namespace ?? '' : '', name);
}

/** Throws 404 where there is none. */
export function liveObject(objects: Objects, target: Target, namespace: string | undefined, name: string): JsonObject {
  const live = findObject(objects, target, namespace, name);
  if (live === undefined) throw notFound(target.kind, name);
  return live;
}
