/** Cluster ids: unique in a mesh, 1 to maxConnectedClusters, never moved once given, and given to nobody else while anything refers to them. */
import { toRfc3339 } from '../model/instant.ts';
import { type HeldId, DRAIN_SECONDS, type IdLedger } from '../model/mesh-ids.ts';
import { listed } from '../model/listed.ts';
import { compareText } from '../model/order.ts';
import type { Conflict } from './conflict.ts';
import type { Member } from './members.ts';
import { fitsNarrow, narrowIds } from './settings.ts';

export interface IdPlan {
  /** Members without an entry got none; a conflict says why. */
  readonly ids: ReadonlyMap<string, number>;
  readonly conflicts: readonly Conflict[];
}

const NAMED = 3;

/**
 * A cluster keeps the id that its Cilium has. One without (0) keeps the one that it was given, else gets the smallest that nobody has, had, or is kept for (`ledger`:
 * clusters still to come, and those that have left while others still name them): so a cluster that joins never moves another.
 * Of two that have one id, the one with more history keeps it: who was given it, then who has an assigned state, then who was given any id earlier, then by name.
 */
export function planIds(members: readonly Member[], ledger: IdLedger, maximum: number): IdPlan {
  const ids = new Map<string, number>();
  const holders = new Map<number, Claim>();
  const conflicts: Conflict[] = [];
  const claims = claimsOf(members, ledger);
  const kept = keptIds(members, ledger);
  const narrow = new Set(members.filter(({ cilium }) => narrowIds(cilium)).map(({ name }) => name));
  const taken = new Set<number>([...kept.keys(), ...ledger.given.map(({ id }) => id), ...claims.map(({ id }) => id)]);
  const next = { all: 1, narrow: 1 };
  /** Beyond `maximum`: there is none. */
  const nextFree = (name: string): number => {
    const kind = narrow.has(name) ? 'narrow' : 'all';
    while (taken.has(next[kind]) || (kind === 'narrow' && !fitsNarrow(next[kind]))) next[kind]++;
    return next[kind];
  };
  const another = (name: string): string => `another id (Cilium's Helm value cluster.id, 1 to ${maximum}; ${nextFree(name) > maximum ? 'none' : nextFree(name)} is free)`;
  const refuse = (reason: Conflict['reason'], message: string, ...clusters: string[]): void => { conflicts.push({ reason, message, clusters: clusters.sort(compareText) }); };

  for (const claim of claims) {
    const { name, id, cilium, isSet } = claim;
    const usable = id >= 1 && id <= maximum && (!narrow.has(name) || fitsNarrow(id));
    const other = kept.get(id);
    const holder = holders.get(id);
    if (id === 0 || (!isSet && (!usable || other !== undefined && other.cluster !== name))) continue;
    if (id > maximum) {
      refuse('ClusterIdConflict', `cluster ${name}: cluster-id is ${id}, but this mesh allows 1 to ${maximum}; change Cilium's Helm value cluster.id or take the cluster out of the mesh`, name);
    } else if (!usable) {
      refuse('ClusterIdConflict', `cluster ${name}: cluster-id is ${id}, which Cilium cannot use with ${narrowedBy(cilium)} (128 to 255 and 384 to 511 collide with the marks on its packets); give it ${another(name)}, or take the cluster out of the mesh`, name);
    } else if (other !== undefined && other.cluster !== name) {
      refuse('ClusterIdHeld', `cluster ${name}: cluster-id is ${id}, which is still that of cluster ${other.cluster}, ${keptText(other)}, or give ${name} ${another(name)}`, name);
    } else if (holder !== undefined) {
      const [first, second] = [holder.name, name].sort(compareText);
      ids.set(name, id);
      refuse('ClusterIdConflict', `clusters ${first} and ${second}: cluster-id is ${id} in ${first} and ${id} in ${second} (${isSet ? 'set in Cilium' : 'planned earlier'}); ${name} would move, for ${whyFirst(holder, claim)}: give ${name} ${another(name)}, or take it out of the mesh`, holder.name, name);
    } else {
      holders.set(id, claim);
      ids.set(name, id);
    }
  }
  // Those that can use half of the ids only choose first.
  const without = claims.filter(({ name, isSet }) => !isSet && !ids.has(name)).map(({ name }) => name).sort(compareText);
  for (const name of [...without.filter((one) => narrow.has(one)), ...without.filter((one) => !narrow.has(one))]) {
    const id = nextFree(name);
    if (id > maximum) {
      refuse('TooManyClusters', `cluster ${name}: no cluster id is free, 1 to ${maximum} are all taken${narrow.has(name) ? ' or of no use to it' : ''}${kept.size === 0 ? '' : ` (${kept.size} of them by clusters that have left or are still to come)`}; take a cluster out of the mesh`, name);
    } else {
      taken.add(id);
      ids.set(name, id);
    }
  }
  return { ids, conflicts };
}

interface Claim extends Member {
  /** 0: none. */
  readonly id: number;
  /** In Cilium. */
  readonly isSet: boolean;
  /** Since when it has this very id; absent: it was not given it. */
  readonly hasItSince?: number;
  readonly memberSince?: number;
}

/** Those with more history first. */
function claimsOf(members: readonly Member[], ledger: IdLedger): Claim[] {
  const given = new Map(ledger.given.map((one) => [one.cluster, one]));
  const left = new Map(ledger.held.map((one) => [one.cluster, one.id]));
  const claims = members.map((member): Claim => {
    const before = given.get(member.name);
    const isSet = member.cilium.clusterId !== 0;
    const id = isSet ? member.cilium.clusterId : before?.id ?? left.get(member.name) ?? 0;
    return { ...member, id, isSet, ...(before === undefined ? {} : { memberSince: before.since, ...(before.id === id ? { hasItSince: before.since } : {}) }) };
  });
  const rank = (claim: Claim): number => (claim.hasItSince !== undefined ? 0 : isAssigned(claim) ? 1 : 2);
  const since = ({ memberSince = Number.MAX_VALUE }: Claim): number => memberSince;
  return claims.sort((a, b) => rank(a) - rank(b) || since(a) - since(b) || compareText(a.name, b.name));
}

const isAssigned = ({ view }: Claim): boolean => (view.assignedId ?? null) !== null;

function whyFirst(holder: Claim, mover: Claim): string {
  if (holder.hasItSince !== undefined) return holder.hasItSince === 0 ? `${holder.name} was given it` : `${holder.name} has had it since ${toRfc3339(holder.hasItSince)}`;
  if (isAssigned(holder) && !isAssigned(mover)) return `${holder.name} has a state assigned and ${mover.name} has none`;
  if (holder.memberSince !== undefined && holder.memberSince !== mover.memberSince) return `${holder.name} has been in the mesh for longer`;
  return `neither was there first, and ${holder.name} comes first by name`;
}

/** `held` absent: the cluster is still to come, or is just leaving. */
interface Kept {
  readonly cluster: string;
  readonly held?: HeldId;
}

/** Ids that nobody but the named cluster may have. */
function keptIds(members: readonly Member[], ledger: IdLedger): ReadonlyMap<number, Kept> {
  const names = new Set(members.map(({ name }) => name));
  return new Map<number, Kept>([
    ...ledger.given.filter(({ cluster }) => !names.has(cluster)).map(({ id, cluster }): [number, Kept] => [id, { cluster }]),
    ...ledger.held.map((held): [number, Kept] => [held.id, { cluster: held.cluster, held }]),
  ]);
}

function keptText({ cluster, held }: Kept): string {
  if (held === undefined) return `which has left or is still to come; take ${cluster} out of the mesh if it does not come back`;
  const who = held.quietSince === null ? `${listed(held.namedBy, NAMED)} still ${held.namedBy.length === 1 ? 'names' : 'name'} it as a peer's` : `nothing names it since ${toRfc3339(held.quietSince)}`;
  return `which gave it up at ${toRfc3339(held.since)}: ${who}; wait until ${DRAIN_SECONDS} s after the last one has let go of it, or declare it free with "isthmus mesh release-id"`;
}

const narrowedBy = ({ settings }: Member['cilium']): string => (settings?.['cni-chaining-mode'] === 'aws-cni' ? 'CNI chaining aws-cni' : `IPAM ${settings?.ipam ?? ''}`);
