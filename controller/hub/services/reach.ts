/** Which clusters reach each other's pods: those that are peers in one mesh, or in one cell of a mesh that is divided. Who is in which is read from the books of ids, which are known before an agent is heard. */
import type { ClusterObject } from '../../../mesh/api/resources/cluster.ts';
import type { MeshObject } from '../../../mesh/api/resources/mesh.ts';
import type { Topology } from '../../../mesh/model/topology.ts';
import { planTopology, type TopologyPlan } from '../../../mesh/plan/topology.ts';
import type { Cache } from '../../runtime/cache.ts';
import type { MeshIds } from '../mesh/ids.ts';
import { clusterView, meshValues } from '../views.ts';

export interface Reach {
  /** By cluster in a mesh: what says whose pods it reaches. With another text it may reach others than before. */
  readonly places: ReadonlyMap<string, string>;
  /** Clusters in no mesh are apart from nobody: what their network reaches is not known here. */
  readonly isApart: (recipient: string, source: string) => boolean;
  /** No two clusters are apart. */
  readonly isOne: boolean;
}

export interface ReachSource {
  /** Another object where somebody reaches others than before. */
  current(): Reach;
  subscribe(listener: () => void): void;
}

interface Sources {
  readonly ids: Pick<MeshIds, 'current' | 'subscribe'>;
  readonly meshes: Pick<Cache<MeshObject>, 'list' | 'subscribe'>;
  readonly clusters: Pick<Cache<ClusterObject>, 'list' | 'get' | 'subscribe'>;
}

/** A mesh or a cell, and who reads whom within. */
interface Place {
  readonly text: string;
  readonly topology: TopologyPlan;
}

const FULL: Topology = { type: 'FullMesh' };

export function createReach({ ids, meshes, clusters }: Sources): ReachSource {
  const listeners: (() => void)[] = [];
  /** A topology that cannot be had now leaves peers as they are. Of pairs, those that can be had are. */
  const lastGood = new Map<string, Place>();
  let outdated = true;
  /** Some topology is of labels, properties or facts. */
  let readsClusters = false;
  let before: Reach = { places: new Map(), isApart: () => false, isOne: true };

  function placeOf(book: string, topology: Topology, members: readonly string[]): Place {
    const views = members.flatMap((name) => clusters.get({ name }) ?? []).map((object) => clusterView(object, undefined));
    const planned = planTopology(book, topology, views, members);
    const known = lastGood.get(book);
    const stays = planned.conflicts.length > 0 && topology.type !== 'Pairs';
    const next = stays ? known?.topology ?? planTopology(book, FULL, [], []) : planned;
    const place = known?.topology.relation === next.relation ? { text: known.text, topology: next } : { text: `${book} ${next.relation}`, topology: next };
    lastGood.set(book, place);
    return place;
  }

  function read(): Map<string, Place> {
    const books = ids.current();
    const found = new Map<string, Place>();
    const used = new Set<string>();
    readsClusters = false;
    for (const { name, topology = FULL, cells } of meshValues(meshes.list())) {
      if (topology.type !== 'FullMesh') readsClusters = true;
      const divided = cells === undefined ? [] : [...books.keys()].filter((book) => book.startsWith(`${name}/`)).sort();
      for (const book of divided.length === 0 ? [name] : divided) {
        const members = (books.get(book)?.given ?? []).map(({ cluster }) => cluster).sort();
        const place = placeOf(book, topology, members);
        used.add(book);
        for (const cluster of members) found.set(cluster, place);
      }
    }
    for (const book of lastGood.keys()) if (!used.has(book)) lastGood.delete(book);
    return found;
  }

  const changed = (): void => {
    outdated = true;
    for (const listener of listeners) listener();
  };
  ids.subscribe(changed);
  meshes.subscribe(changed);
  clusters.subscribe(() => { if (readsClusters) outdated = true; });
  return {
    current() {
      if (!outdated) return before;
      outdated = false;
      const next = read();
      if (next.size === before.places.size && [...next].every(([cluster, { text }]) => before.places.get(cluster) === text)) return before;
      before = {
        places: new Map([...next].map(([cluster, { text }]) => [cluster, text])),
        isApart(recipient, source) {
          const [own, theirs] = [next.get(recipient), next.get(source)];
          return recipient !== source && own !== undefined && theirs !== undefined && (own.text !== theirs.text || !own.topology.reads(recipient, source));
        },
        isOne: new Set(next.values()).size < 2 && [...next.values()].every(({ topology }) => topology.everybody),
      };
      return before;
    },
    subscribe(listener) { listeners.push(listener); },
  };
}
