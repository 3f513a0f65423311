/**
 * Divides a fleet that is larger than one Cluster Mesh can be into cells, each a mesh of its own with ids of its own. A cluster that has a cell keeps it while it can: a move is
 * new peers, and where its id is taken there a new cluster id, and with that a restart of everything that Cilium runs there.
 */
import { compareText } from '../model/order.ts';

export interface CellMember {
  readonly name: string;
  /** Clusters of one region belong together first. */
  readonly region: string;
  /** Then those of one affinity: who calls whom. */
  readonly affinity: string;
  /** The cluster id that it has: nobody else in its cell can have it. Absent: none yet. */
  readonly id?: number;
}

export interface CellPlan {
  /** Number of the cell, from 1 on, by cluster. */
  readonly cells: ReadonlyMap<string, number>;
  /** Clusters that had another cell, sorted. */
  readonly moved: readonly string[];
}

interface Cell {
  size: number;
  readonly regions: Map<string, number>;
  /** By region and affinity. */
  readonly affinities: Map<string, number>;
  readonly ids: Set<number>;
}

const affinityKey = ({ region, affinity }: CellMember): string => JSON.stringify([region, affinity]);
const increased = (map: Map<string, number>, key: string): void => { map.set(key, (map.get(key) ?? 0) + 1); };

/** Total: any fleet of any size has a plan. `limit` ≥ 1: members of a cell. Only those of a cell that is over its limit move, the last by name among the least at home there. */
export function planCells(members: readonly CellMember[], limit: number, previous: Readonly<Record<string, number>>): CellPlan {
  const cells = new Map<number, Cell>();
  const placed = new Map<string, number>();
  const sorted = [...members].sort((a, b) => compareText(a.name, b.name));

  const put = (member: CellMember, number: number): void => {
    const cell = cells.get(number) ?? { size: 0, regions: new Map<string, number>(), affinities: new Map<string, number>(), ids: new Set<number>() };
    cells.set(number, cell);
    cell.size += 1;
    increased(cell.regions, member.region);
    increased(cell.affinities, affinityKey(member));
    if (member.id !== undefined) cell.ids.add(member.id);
    placed.set(member.name, number);
  };

  const before = (name: string): number | undefined => {
    const number = Object.hasOwn(previous, name) ? previous[name] : undefined;
    return number !== undefined && Number.isSafeInteger(number) && number >= 1 ? number : undefined;
  };
  const homes = grouped(sorted.filter(({ name }) => before(name) !== undefined), ({ name }) => before(name) as number);
  for (const [number, residents] of [...homes].sort(([a], [b]) => a - b)) for (const member of keptOf(residents, limit)) put(member, number);

  for (const batch of newcomers(sorted.filter(({ name }) => !placed.has(name)), limit)) {
    // Whole where most of its region is already, else into the fullest cell that takes it, else where its region has room, else into a new one: regions are divided only where they must be.
    const room = [...cells.values()].reduce((sum, { regions, size }) => (regions.has(batch[0]?.region ?? '') ? sum + limit - size : sum), 0);
    const whole = !hasOwnIds(batch) ? undefined : bestCell(cells, batch, limit) ?? (room >= batch.length ? undefined : nextNumber(cells));
    for (const member of batch) put(member, whole ?? bestCell(cells, [member], limit) ?? nextNumber(cells));
  }
  return { cells: placed, moved: sorted.flatMap(({ name }) => { const number = before(name); return number === undefined || number === placed.get(name) ? [] : [name]; }) };
}

/** Of those in a cell, as many as it holds: the largest regions and affinities stay. */
function keptOf(residents: readonly CellMember[], limit: number): readonly CellMember[] {
  if (residents.length <= limit) return residents;
  const regions = new Map<string, number>();
  const affinities = new Map<string, number>();
  for (const member of residents) { increased(regions, member.region); increased(affinities, affinityKey(member)); }
  const home = (member: CellMember): readonly [number, number] => [regions.get(member.region) ?? 0, affinities.get(affinityKey(member)) ?? 0];
  return [...residents].sort((a, b) => {
    const [[regionA, affinityA], [regionB, affinityB]] = [home(a), home(b)];
    return regionB - regionA || affinityB - affinityA || compareText(a.region, b.region) || compareText(a.affinity, b.affinity) || compareText(a.name, b.name);
  }).slice(0, limit);
}

/** Region by region, the largest first, and within each by affinity; a region larger than a cell in parts. */
function newcomers(members: readonly CellMember[], limit: number): CellMember[][] {
  return [...grouped(members, ({ region }) => region)]
    .map(([, region]) => [...region].sort((a, b) => compareText(a.affinity, b.affinity) || compareText(a.name, b.name)))
    .flatMap((region) => Array.from({ length: Math.ceil(region.length / limit) }, (_, part) => region.slice(part * limit, (part + 1) * limit)))
    .sort((a, b) => b.length - a.length || compareText(a[0]?.region ?? '', b[0]?.region ?? ''));
}

function grouped<K>(members: readonly CellMember[], keyOf: (member: CellMember) => K): Map<K, CellMember[]> {
  const groups = new Map<K, CellMember[]>();
  for (const member of members) {
    const key = keyOf(member);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [member]);
    else group.push(member);
  }
  return groups;
}

/** For all of a batch of one region; undefined: no cell has room for so many. */
function bestCell(cells: ReadonlyMap<number, Cell>, batch: readonly CellMember[], limit: number): number | undefined {
  const [first] = batch;
  const count = batch.length;
  if (first === undefined) return undefined;
  let best: { readonly number: number; readonly score: readonly [number, number, number] } | undefined;
  for (const [number, cell] of cells) {
    if (cell.size + count > limit || batch.some(({ id }) => id !== undefined && cell.ids.has(id))) continue;
    const score = [count === 1 ? cell.affinities.get(affinityKey(first)) ?? 0 : 0, cell.regions.get(first.region) ?? 0, cell.size] as const;
    if (best === undefined || compareScores(score, best.score) > 0 || (compareScores(score, best.score) === 0 && number < best.number)) best = { number, score };
  }
  return best?.number;
}

/** No two of them have one id. */
function hasOwnIds(batch: readonly CellMember[]): boolean {
  const ids = batch.flatMap(({ id }) => id ?? []);
  return new Set(ids).size === ids.length;
}

const compareScores = (a: readonly [number, number, number], b: readonly [number, number, number]): number => a[0] - b[0] || a[1] - b[1] || a[2] - b[2];

function nextNumber(cells: ReadonlyMap<number, Cell>): number {
  let number = 1;
  while (cells.has(number)) number += 1;
  return number;
}
