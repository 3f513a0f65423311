/** How a mesh is divided, as its status and its conditions have it. Pure. */
import type { MeshObject } from '../../../mesh/api/resources/mesh.ts';
import { listed } from '../../../mesh/model/listed.ts';
import type { MeshPlan } from '../../../mesh/plan/plan.ts';

const MOST_CELLS = 512;
const MOST_MOVES = 64;
const MOST_NAMED = 8;
type Status = NonNullable<MeshObject['status']>;

/** Absent where the mesh is one. */
export function cellsStatus({ cells, moves = [] }: MeshPlan): Pick<Status, 'cellCount' | 'cells' | 'moves'> {
  if (cells === undefined) return {};
  const inhabited = cells.filter(({ selected }) => selected.size > 0);
  return {
    cellCount: inhabited.length,
    cells: inhabited.slice(0, MOST_CELLS).map(({ mesh, members, conflicts }) => ({ name: mesh, clusters: members.length, conflicts: conflicts.length })),
    ...(moves.length === 0 ? {} : { moves: moves.slice(0, MOST_MOVES).map((move) => ({ ...move })) }),
  };
}

/** Names of the cells that have conflicts, where others have none and go on (none: what has conflicts is in no cell yet); undefined: all that the mesh has is planned, or nothing of it. */
export function blockedCells({ cells = [], conflicts }: Pick<MeshPlan, 'cells' | 'conflicts'>): readonly string[] | undefined {
  const inhabited = cells.filter(({ selected }) => selected.size > 0);
  const blocked = inhabited.filter((cell) => cell.conflicts.length > 0);
  return conflicts.length === 0 || blocked.length === inhabited.length ? undefined : blocked.map(({ mesh }) => mesh);
}

export const blockedText = (blocked: readonly string[]): string => (blocked.length === 0
  ? 'clusters without a cell have conflicts (see Planned)'
  : `${listed(blocked, MOST_NAMED)} ${blocked.length === 1 ? 'has' : 'have'} conflicts (see Planned) and ${blocked.length === 1 ? 'stays as it is' : 'stay as they are'}`);

/** What goes before the conflicts. */
export const stayText = (blocked: readonly string[] | undefined): string => (blocked === undefined ? '' : blocked.length === 0
  ? 'the cells are planned without '
  : `${listed(blocked, MOST_NAMED)} ${blocked.length === 1 ? 'stays as it is' : 'stay as they are'}, the other cells are planned: `);

/** Empty where the mesh is one. */
export function cellsText({ cells, moves = [] }: Pick<MeshPlan, 'cells' | 'moves'>): string {
  if (cells === undefined) return '';
  const moved = moves.length === 0 ? '' : `; ${moves.length} move: ${listed(moves.map(({ cluster, from, to }) => `${cluster} from ${from} to ${to}`), MOST_NAMED)}`;
  return ` in ${cells.filter(({ selected }) => selected.size > 0).length} cells${moved}`;
}
