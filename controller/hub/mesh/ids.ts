/** The book of each mesh's ids, in the hub's records: what members have, and what those that have left still hold. */
import { z } from 'zod';
import type { ClusterObject } from '../../../mesh/api/resources/cluster.ts';
import { CHANGED_BY } from '../../../mesh/api/resources/guard-changes.ts';
import type { MeshObject } from '../../../mesh/api/resources/mesh.ts';
import type { DesiredState } from '../../../mesh/model/desired.ts';
import type { Instant } from '../../../mesh/model/instant.ts';
import { type IdLedger, MAX_RELEASED_IDS, NO_IDS } from '../../../mesh/model/mesh-ids.ts';
import { isObeyed, nextFreeAt, nextLedger } from '../../../mesh/plan/id-ledger.ts';
import type { Plan } from '../../../mesh/plan/plan.ts';
import type { RecordStore } from '../../../mesh/ports/records.ts';
import type { Cache } from '../../runtime/cache.ts';
import type { Assignments } from '../rollout/assignments.ts';
import { shownLedger } from './shown-ids.ts';

export interface MeshIds {
  current(): ReadonlyMap<string, IdLedger>;
  /** Reads the books of meshes that are new here; of one without a book, what its status shows. */
  know(): Promise<void>;
  /** Writes down what follows from the plan; true: something that a plan would read. */
  follow(plan: Plan, now: Instant): Promise<boolean>;
  /** When an id is free by itself next. */
  nextFreeAt(): Instant | undefined;
  /** Called after a book was read or written. */
  subscribe(listener: () => void): void;
}

interface Parts {
  readonly records: Pick<RecordStore, 'getReport' | 'putReport' | 'getRevision'>;
  readonly meshes: Cache<MeshObject>;
  readonly clusters: Cache<ClusterObject>;
  readonly assignments: Pick<Assignments, 'get'>;
  /** Whether the API server vouches for who changed an object. */
  readonly isVouchedFor: () => boolean;
}

const reportName = (mesh: string): string => `mesh-ids/${mesh}`;
/** Which cells of a mesh have a book. */
const cellsName = (mesh: string): string => `mesh-cells/${mesh}`;
const cellsSchema = z.array(z.string());
/** Of a cell's plan, the mesh that it is of. */
const meshOf = (name: string): string => name.split('/')[0] ?? name;
const id = z.object({ cluster: z.string(), id: z.int(), since: z.number() });
const schema = z.object({
  given: z.array(id),
  held: z.array(id.extend({ quietSince: z.number().nullable(), namedBy: z.array(z.string()) })),
  released: z.array(z.object({ cluster: z.string(), id: z.int(), at: z.number(), by: z.string(), reason: z.string() })),
});

export function createMeshIds({ records, meshes, clusters, assignments, isVouchedFor }: Parts): MeshIds {
  const books = new Map<string, IdLedger>();
  /** Contents never change; kept only for revisions that stand somewhere while an id is held. */
  const named = new Map<string, ReadonlySet<string>>();
  const listeners: (() => void)[] = [];
  const tell = (): void => { for (const listener of listeners) listener(); };
  const pair = (cluster: string, number: number): string => `${number} ${cluster}`;

  async function peersIn(revision: string): Promise<ReadonlySet<string>> {
    const known = named.get(revision);
    if (known !== undefined) return known;
    const content = (await records.getRevision(revision))?.content;
    const peers = content === undefined ? [] : (JSON.parse(content) as DesiredState).peering?.peers ?? [];
    const found = new Set(peers.map(({ name, clusterId }) => pair(name, clusterId)));
    named.set(revision, found);
    return found;
  }

  /** Who has or is to have a peer of that name and id. One that was cut off reaches nobody. */
  async function referrers(): Promise<(cluster: string, number: number) => readonly string[]> {
    const peers = new Map<string, readonly ReadonlySet<string>[]>();
    const standing = new Set<string>();
    for (const { metadata: { name }, status } of clusters.list()) {
      if (status?.revocation !== undefined) continue;
      const revisions = [...new Set([assignments.get(name)?.desiredId, status?.current?.id])].filter((one) => one !== undefined);
      for (const one of revisions) standing.add(one);
      peers.set(name, await Promise.all(revisions.map(peersIn)));
    }
    for (const one of [...named.keys()]) if (!standing.has(one)) named.delete(one);
    return (cluster, number) => [...peers].filter(([name, sets]) => name !== cluster && sets.some((set) => set.has(pair(cluster, number)))).map(([name]) => name).sort();
  }

  function asked({ metadata, spec }: MeshObject): { readonly cluster: string; readonly id: number; readonly by: string; readonly reason: string }[] {
    const said = metadata.annotations?.[CHANGED_BY];
    const by = said === undefined ? 'not known' : isVouchedFor() ? said : `${said}, says the Mesh`;
    return (spec.releaseIds ?? []).map((one) => ({ cluster: one.cluster, id: one.id, reason: one.reason, by }));
  }

  /** A mesh that is divided for the first time leaves its book to its first cell: its members stay there. */
  async function openBooks({ meshes: plans }: Plan): Promise<void> {
    for (const { mesh, cells = [] } of plans) {
      const anew = cells.filter((cell) => !books.has(cell.mesh));
      if (anew.length === 0) continue;
      await records.putReport(cellsName(mesh), JSON.stringify([...new Set([...[...books.keys()].filter((name) => name !== mesh && meshOf(name) === mesh), ...anew.map((cell) => cell.mesh)])].sort()));
      for (const cell of anew) books.set(cell.mesh, cell === cells[0] ? books.get(mesh) ?? NO_IDS : NO_IDS);
    }
  }

  return {
    current: () => books,
    subscribe(listener) { listeners.push(listener); },
    nextFreeAt: () => [...books.values()].map(nextFreeAt).filter((at) => at !== undefined).sort((a, b) => a - b)[0],
    async know() {
      for (const object of meshes.list()) {
        const { name } = object.metadata;
        if (books.has(name)) continue;
        const kept = await records.getReport(reportName(name));
        books.set(name, kept === undefined ? shownLedger(object) : schema.parse(JSON.parse(kept)));
        const cells = await records.getReport(cellsName(name));
        for (const cell of cells === undefined ? [] : cellsSchema.parse(JSON.parse(cells))) {
          const book = await records.getReport(reportName(cell));
          if (book !== undefined) books.set(cell, schema.parse(JSON.parse(book)));
        }
        tell();
      }
    },
    async follow(plan, now) {
      const planned = new Map(plan.meshes.flatMap((one) => one.cells ?? [one]).map((one) => [one.mesh, one]));
      await openBooks(plan);
      const steps = [...books].map(([name, book]) => ({ name, book, object: meshes.get({ name: meshOf(name) }), plan: planned.get(name) })).filter(({ object, plan: one }) => (object === undefined || one !== undefined)
        // Of a selector that cannot be read nobody knows whom it selects.
        && one?.conflicts.some(({ reason }) => reason === 'InvalidSelector') !== true);
      const leaves = steps.some(({ book, plan: one }) => book.held.length > 0 || book.given.some(({ cluster }) => one === undefined || !one.selected.has(cluster)) || book.given.some((given) => (one?.selected.get(given.cluster) ?? 0) !== 0 && one?.selected.get(given.cluster) !== given.id));
      if (!leaves) named.clear();
      const namedBy = leaves ? await referrers() : () => [];
      let changed = false;
      for (const { name, book, object, plan: one } of steps) {
        const next = nextLedger(book, { selected: one?.selected ?? new Map<string, number>(), planned: one?.members ?? [], namedBy, asked: object === undefined ? [] : asked(object).filter((release) => !isObeyed(book, release)) }, now);
        if (next === book) continue;
        await records.putReport(reportName(name), JSON.stringify(next));
        const isGone = object === undefined && next.given.length === 0 && next.held.length === 0;
        if (isGone) books.delete(name);
        else books.set(name, next);
        changed = true;
      }
      if (changed) tell();
      return changed;
    },
  };
}

/** For showing: of a mesh that is divided, those of its cells together. */
export function bookOf(ids: Pick<MeshIds, 'current'>, mesh: string): IdLedger {
  const cells = [...ids.current()].filter(([name]) => name !== mesh && meshOf(name) === mesh).map(([, book]) => book);
  if (cells.length === 0) return ids.current().get(mesh) ?? NO_IDS;
  return { given: cells.flatMap(({ given }) => given), held: cells.flatMap(({ held }) => held), released: cells.flatMap(({ released }) => released).sort((a, b) => a.at - b.at).slice(-MAX_RELEASED_IDS) };
}
