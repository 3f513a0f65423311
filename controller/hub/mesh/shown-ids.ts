/** The book of ids as a Mesh shows it. The hub's records have it whole; whoever has no hub reads it from here. */
import type { MeshObject } from '../../../mesh/api/resources/mesh.ts';
import { fromRfc3339, toRfc3339 } from '../../../mesh/model/instant.ts';
import type { IdLedger } from '../../../mesh/model/mesh-ids.ts';

const MOST_SHOWN = 64;
type Status = NonNullable<MeshObject['status']>;

/** Of a status whose members were never given ids by a hub that keeps a book: since when they have them is not known. */
export function shownLedger({ status }: MeshObject): IdLedger {
  const instant = (text: string | undefined): number => fromRfc3339(text) ?? 0;
  return {
    given: (status?.clusters ?? []).filter(({ clusterId }) => clusterId > 0).map(({ name, clusterId }) => ({ cluster: name, id: clusterId, since: 0 })),
    held: (status?.heldIds ?? []).map(({ cluster, id, since, quietSince, namedBy }) => ({ cluster, id, since: instant(since), quietSince: quietSince === undefined ? null : instant(quietSince), namedBy })),
    released: (status?.releasedIds ?? []).map(({ cluster, id, at, by, reason }) => ({ cluster, id, at: instant(at), by, reason })),
  };
}

export const shownLedgers = (meshes: readonly MeshObject[]): ReadonlyMap<string, IdLedger> => new Map(meshes.map((object) => [object.metadata.name, shownLedger(object)]));

/** Absent where there is nothing to show. */
export function idsStatus({ held, released }: IdLedger): Pick<Status, 'heldIds' | 'releasedIds'> {
  return {
    ...(held.length === 0 ? {} : { heldIds: held.slice(0, MOST_SHOWN).map(({ id, cluster, since, quietSince, namedBy }) => ({ id, cluster, since: toRfc3339(since), ...(quietSince === null ? {} : { quietSince: toRfc3339(quietSince) }), namedBy: [...namedBy] })) }),
    ...(released.length === 0 ? {} : { releasedIds: released.map(({ id, cluster, at, by, reason }) => ({ id, cluster, at: toRfc3339(at), by, reason })) }),
  };
}
