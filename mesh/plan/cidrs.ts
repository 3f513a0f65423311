/** Pods of different clusters must not share addresses. */
import { type AddressRange, parseCidr } from '../model/address.ts';
import { compareText } from '../model/order.ts';
import type { Conflict } from './conflict.ts';
import type { Member } from './members.ts';

interface Owned extends AddressRange {
  readonly cluster: string;
  readonly text: string;
}

/** At most one conflict per CIDR and per pair of clusters. Every cluster that overlaps any other is named in one at least. */
export function cidrConflicts(members: readonly Pick<Member, 'name' | 'cilium'>[]): Conflict[] {
  const conflicts = new Map<string, Conflict>();
  const owned: Owned[] = [];
  for (const { name, cilium } of members) {
    for (const text of cilium.podCidrs) {
      const range = parseCidr(text);
      if (range === undefined) {
        conflicts.set(`${name} ${text}`, { reason: 'CidrOverlap', message: `cluster ${name}: podCidrs holds ${JSON.stringify(text)}, which is no CIDR (10.0.0.0/16, fd00::/48), so overlap cannot be ruled out; correct it in Cilium's settings`, clusters: [name] });
      } else {
        owned.push({ ...range, cluster: name, text });
      }
    }
  }
  for (const [outer, inner] of nestedPairs(owned)) {
    const [a, b] = outer.cluster < inner.cluster ? [outer, inner] : [inner, outer];
    const key = `${a.cluster} ${b.cluster}`;
    if (conflicts.has(key)) continue;
    conflicts.set(key, {
      reason: 'CidrOverlap',
      message: `clusters ${a.cluster} and ${b.cluster}: podCidrs overlap, ${a.text} in ${a.cluster} and ${b.text} in ${b.cluster}; give one of them other pod CIDRs or take it out of the mesh`,
      clusters: [a.cluster, b.cluster],
    });
  }
  return [...conflicts.entries()].sort(([a], [b]) => compareText(a, b)).map(([, conflict]) => conflict);
}

/** CIDRs are disjoint or nested, so one pass in address order with the chain of enclosing ranges finds, for each, the nearest enclosing one of another cluster. */
function nestedPairs(owned: Owned[]): [Owned, Owned][] {
  const pairs: [Owned, Owned][] = [];
  const enclosing: Owned[] = [];
  const compareBig = (a: bigint, b: bigint): number => (a < b ? -1 : a > b ? 1 : 0);
  owned.sort((a, b) => compareText(a.family, b.family) || compareBig(a.first, b.first) || compareBig(b.last, a.last) || compareText(a.cluster, b.cluster));
  for (const range of owned) {
    for (let top = enclosing.at(-1); top !== undefined && (top.family !== range.family || top.last < range.first); top = enclosing.at(-1)) enclosing.pop();
    const other = enclosing.findLast((outer) => outer.cluster !== range.cluster);
    if (other !== undefined) pairs.push([other, range]);
    enclosing.push(range);
  }
  return pairs;
}
