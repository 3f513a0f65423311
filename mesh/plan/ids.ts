/** Cluster ids: unique in a mesh, 1 to maxConnectedClusters, and never moved once given. */
import { compareText } from '../model/order.ts';
import type { Conflict } from './conflict.ts';
import type { Member } from './members.ts';
import { fitsNarrow, narrowIds } from './settings.ts';

export interface IdPlan {
  /** Members without an entry got none; a conflict says why. */
  readonly ids: ReadonlyMap<string, number>;
  readonly conflicts: readonly Conflict[];
}

/**
 * A cluster keeps the id that its Cilium has. One without (0) keeps its previous id, else gets the smallest that neither a member has nor
 * one of `reserved` (clusters still to come) had: so a cluster that joins never moves another.
 */
export function planIds(members: readonly Member[], reserved: readonly string[], previousIds: Readonly<Record<string, number>>, maximum: number): IdPlan {
  const ids = new Map<string, number>();
  const holders = new Map<number, string>();
  const conflicts: Conflict[] = [];
  const previousOf = (name: string): number | undefined => (Object.hasOwn(previousIds, name) ? previousIds[name] : undefined);
  const inRange = (id: number): boolean => Number.isInteger(id) && id >= 1 && id <= maximum;
  const narrow = new Set(members.filter(({ cilium }) => narrowIds(cilium)).map(({ name }) => name));
  const refused = (name: string, id: number): boolean => narrow.has(name) && !fitsNarrow(id);

  const give = (name: string, id: number, origin: string): void => {
    const holder = holders.get(id);
    ids.set(name, id);
    if (holder === undefined) {
      holders.set(id, name);
    } else {
      conflicts.push({
        reason: 'ClusterIdConflict',
        message: `clusters ${holder} and ${name}: cluster-id is ${id} in ${holder} and ${id} in ${name} (${origin}); give one of them another id (Cilium's Helm value cluster.id, 1 to ${maximum}) or take it out of the mesh`,
        clusters: [holder, name].sort(compareText),
      });
    }
  };

  for (const { name, cilium } of members) {
    if (cilium.clusterId === 0) continue;
    if (refused(name, cilium.clusterId)) {
      conflicts.push({ reason: 'ClusterIdConflict', message: `cluster ${name}: cluster-id is ${cilium.clusterId}, which Cilium cannot use with ${reasonOf(cilium)} (128 to 255 and 384 to 511 collide with the marks on its packets); give it another (Cilium's Helm value cluster.id), or take the cluster out of the mesh`, clusters: [name] });
    } else if (inRange(cilium.clusterId)) {
      give(name, cilium.clusterId, 'set in Cilium');
    } else {
      conflicts.push({ reason: 'ClusterIdConflict', message: `cluster ${name}: cluster-id is ${cilium.clusterId}, but this mesh allows 1 to ${maximum}; change Cilium's Helm value cluster.id or take the cluster out of the mesh`, clusters: [name] });
    }
  }
  const withoutId = members.filter((member) => member.cilium.clusterId === 0).map((member) => member.name);
  for (const name of withoutId) {
    const previous = previousOf(name);
    if (previous !== undefined && inRange(previous) && !refused(name, previous)) give(name, previous, 'planned earlier');
  }
  const taken = new Set(holders.keys());
  for (const name of reserved) {
    const previous = previousOf(name);
    if (previous !== undefined) taken.add(previous);
  }
  const nextFor = { all: 1, narrow: 1 };
  // Those that can use half of the ids only choose first.
  for (const name of [...withoutId.filter((one) => narrow.has(one)), ...withoutId.filter((one) => !narrow.has(one))]) {
    if (ids.has(name)) continue;
    const kind = narrow.has(name) ? 'narrow' : 'all';
    while (taken.has(nextFor[kind]) || (kind === 'narrow' && !fitsNarrow(nextFor[kind]))) nextFor[kind]++;
    const candidate = nextFor[kind];
    if (candidate > maximum) {
      conflicts.push({ reason: 'TooManyClusters', message: `cluster ${name}: no cluster id is free, 1 to ${maximum} are all taken${kind === 'narrow' ? ' or of no use to it' : ''}; take a cluster out of the mesh`, clusters: [name] });
    } else {
      taken.add(candidate);
      give(name, candidate, 'planned now');
    }
  }
  return { ids, conflicts };
}

const reasonOf = ({ settings }: Member['cilium']): string => (settings?.['cni-chaining-mode'] === 'aws-cni' ? 'CNI chaining aws-cni' : `IPAM ${settings?.ipam ?? ''}`);
