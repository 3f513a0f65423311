/** How a mesh is divided, as its status and its conditions have it. Pure. */
import type { MeshObject } from '../../../mesh/api/resources/mesh.ts';
import { listed } from '../../../mesh/model/listed.ts';
import type { MeshPlan } from '../../../mesh/plan/plan.ts';

const MOST_CELLS = 512;
const MOST_MOVES = 64;
const MOST_NAMED = 8;
type Status = NonNullable<MeshObject['status']>;

/** Absent where the mesh is one. */
export function cellsStatus({ cells, moves = [] }: MeshPlan): Pick<Status, 'cells' | 'moves'> {
  if (cells === undefined) return {};
  return {
    cells: cells.filter(({ selected }) => selected.size > 0).slice(0, MOST_CELLS).map(({ mesh, members, conflicts }) => ({ name: mesh, clusters: members.length, conflicts: conflicts.length })),
    ...(moves.length === 0 ? {} : { moves: moves.slice(0, MOST_MOVES).map((move) => ({ ...move })) }),
  };
}

/** Empty where the mesh is one. */
export function cellsText({ cells, moves = [] }: Pick<MeshPlan, 'cells' | 'moves'>): string {
  if (cells === undefined) return '';
  const moved = moves.length === 0 ? '' : `; ${moves.length} move: ${listed(moves.map(({ cluster, from, to }) => `${cluster} from ${from} to ${to}`), MOST_NAMED)}`;
  return ` in ${cells.filter(({ selected }) => selected.size > 0).length} cells${moved}`;
}
