/** Which member of a mesh reads of which other. */
import type { SelectorSubject } from '../model/selector.ts';
import { valueOf } from '../model/selector.ts';
import { selectorReach } from '../model/selector-reach.ts';
import type { Topology, TopologyPair } from '../model/topology.ts';
import { compareText } from '../model/order.ts';
import type { Conflict } from './conflict.ts';

export interface TopologyPlan {
  /** Whether `reader` is given `read` as a peer. Nobody reads itself. */
  readonly reads: (reader: string, read: string) => boolean;
  /** All read each other: nobody need be asked. */
  readonly everybody: boolean;
  /** Members that some other member is not given as a peer, in their order. Nobody where the topology cannot be had: it changes no peers. */
  readonly notReadByAll: readonly string[];
  /** Two plans over the same members with the same text here have the same `reads`. */
  readonly relation: string;
  readonly conflicts: readonly Conflict[];
}

const namesOf = (members: readonly SelectorSubject[]): string[] => members.map(({ name }) => name);
const nobody = (conflicts: readonly Conflict[]): TopologyPlan => ({ reads: () => false, everybody: false, notReadByAll: [], relation: '', conflicts });

/** `members` can be peered; `selected` are all clusters of the mesh, for a pair may name one that is still to come. Both sorted. */
export function planTopology(mesh: string, topology: Topology, members: readonly SelectorSubject[], selected: readonly string[]): TopologyPlan {
  switch (topology.type) {
    case 'FullMesh': return { reads: (reader, read) => reader !== read, everybody: true, notReadByAll: [], relation: 'everybody', conflicts: [] };
    case 'HubAndSpoke': return hubAndSpoke(mesh, topology.hubs, members);
    case 'Regional': return regional(mesh, topology, members);
    case 'Pairs': return explicitPairs(mesh, topology.pairs, members, selected);
  }
}

function hubAndSpoke(mesh: string, selector: Extract<Topology, { type: 'HubAndSpoke' }>['hubs'], members: readonly SelectorSubject[]): TopologyPlan {
  const { problem, matched } = selectorReach(selector, members);
  if (problem !== undefined) return nobody([{ reason: 'InvalidTopology', message: `Mesh ${mesh}: spec.topology.hubs: ${problem}`, clusters: [] }]);
  if (matched.length === 0 && members.length > 1) {
    return nobody([{ reason: 'InvalidTopology', message: `Mesh ${mesh}: spec.topology.hubs matches none of ${members.length} clusters, so nobody would be peered; widen it, or label the clusters that are to be hubs`, clusters: [] }]);
  }
  const hubs = new Set(matched);
  const spokes = namesOf(members).filter((name) => !hubs.has(name));
  return { reads: (reader, read) => reader !== read && (hubs.has(reader) || hubs.has(read)), everybody: false, notReadByAll: spokes.length > 1 ? spokes : [], relation: JSON.stringify(matched), conflicts: [] };
}

/** A group without a gateway is cut off from the others; a cluster without a group belongs nowhere: both are said, not guessed. */
function regional(mesh: string, { groupBy, gateways: selector }: Extract<Topology, { type: 'Regional' }>, members: readonly SelectorSubject[]): TopologyPlan {
  const { problem, matched } = selectorReach(selector, members);
  const conflicts: Conflict[] = [];
  if (problem !== undefined) conflicts.push({ reason: 'InvalidTopology', message: `Mesh ${mesh}: spec.topology.gateways: ${problem}`, clusters: [] });
  const gateways = new Set(matched);
  const groupOf = new Map<string, string>();
  const groups = new Map<string, string[]>();
  for (const member of members) {
    const group = valueOf(member, groupBy) ?? '';
    if (group === '') {
      conflicts.push({ reason: 'GroupUnknown', message: `cluster ${member.name}: has no ${JSON.stringify(groupBy)}, by which Mesh ${mesh} groups its clusters (spec.topology.groupBy); label it, or take it out of the mesh`, clusters: [member.name] });
      continue;
    }
    groupOf.set(member.name, group);
    groups.set(group, [...(groups.get(group) ?? []), member.name]);
  }
  if (problem === undefined && groups.size > 1) {
    for (const [group, names] of [...groups].sort(([a], [b]) => compareText(a, b))) {
      if (names.some((name) => gateways.has(name))) continue;
      conflicts.push({ reason: 'GroupWithoutGateway', message: `Mesh ${mesh}: none of the ${names.length} clusters of group ${JSON.stringify(group)} is a gateway (spec.topology.gateways), so it would be cut off from the other groups; make one of them a gateway: ${names.slice(0, 3).join(', ')}${names.length > 3 ? ' …' : ''}`, clusters: names });
    }
  }
  if (conflicts.length > 0) return nobody(conflicts);
  const plainGroups = new Set(namesOf(members).filter((name) => !gateways.has(name)).map((name) => groupOf.get(name)));
  const isReadByAll = (name: string): boolean => groups.size < 2 || (gateways.has(name) && [...plainGroups].every((group) => group === groupOf.get(name)));
  return {
    reads: (reader, read) => reader !== read && (groupOf.get(reader) === groupOf.get(read) || (gateways.has(reader) && gateways.has(read))),
    everybody: false, notReadByAll: namesOf(members).filter((name) => !isReadByAll(name)), relation: JSON.stringify([matched, [...groupOf]]), conflicts,
  };
}

function explicitPairs(mesh: string, pairs: readonly TopologyPair[], members: readonly SelectorSubject[], selected: readonly string[]): TopologyPlan {
  const known = new Set(selected);
  const reading = new Map<string, Set<string>>();
  const conflicts: Conflict[] = [];
  const add = (reader: string, read: string): void => { reading.set(reader, (reading.get(reader) ?? new Set()).add(read)); };
  pairs.forEach(({ from, to, direction }, index) => {
    const at = `Mesh ${mesh}: spec.topology.pairs[${index}]`;
    if (from === to) {
      conflicts.push({ reason: 'InvalidTopology', message: `${at}: peers ${from} with itself; name two clusters`, clusters: [from] });
      return;
    }
    const strangers = [from, to].filter((name) => !known.has(name));
    if (strangers.length > 0) {
      conflicts.push({ reason: 'InvalidTopology', message: `${at}: ${strangers.join(' and ')} ${strangers.length === 1 ? 'is' : 'are'} not selected by spec.clusters; correct the name, or widen the selector`, clusters: strangers.sort(compareText) });
      return;
    }
    add(from, to);
    if (direction === 'Both') add(to, from);
  });
  const reads = (reader: string, read: string): boolean => reader !== read && reading.get(reader)?.has(read) === true;
  const notReadByAll = namesOf(members).filter((name) => members.some((other) => other.name !== name && !reads(other.name, name)));
  return { reads, everybody: false, notReadByAll, relation: JSON.stringify(pairs), conflicts };
}
