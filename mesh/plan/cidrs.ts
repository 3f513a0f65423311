/** Pods and nodes of different clusters must not share addresses, and nobody's Services may have those of another's pods or nodes. */
import { type AddressRange, parseCidr } from '../model/address.ts';
import type { CiliumFacts } from '../model/cluster.ts';
import { compareText } from '../model/order.ts';
import type { Conflict } from './conflict.ts';
import type { Member } from './members.ts';

type Field = 'podCidrs' | 'nodeCidrs' | 'serviceCidrs';

interface Owned extends AddressRange {
  readonly cluster: string;
  readonly text: string;
  readonly field: Field;
}

const FIELDS: readonly Field[] = ['podCidrs', 'nodeCidrs', 'serviceCidrs'];
const REPAIR: Readonly<Record<Field, string>> = { podCidrs: 'pod CIDRs', nodeCidrs: 'node addresses', serviceCidrs: 'service CIDRs' };
/** Whether people have decided to go without a finding about these two: then the next one is looked for. */
type Excused = (reason: 'CidrOverlap' | 'ServiceCidrOverlap', clusters: readonly [string, string]) => boolean;

/**
 * At most one conflict per CIDR, per kind and pair of clusters, and with each excused one the nearest that is not. Every cluster that overlaps any other is named in one
 * at least, as long as nothing is excused.
 */
export function cidrConflicts(members: readonly Pick<Member, 'name' | 'cilium'>[], excused: Excused = () => false): Conflict[] {
  const conflicts = new Map<string, Conflict>();
  const owned = members.flatMap(({ name, cilium }) => cidrsOf(cilium).flatMap(({ text, field, range }): Owned[] => {
    if (range !== undefined) return [{ ...range, cluster: name, text, field }];
    conflicts.set(`${name} ${text}`, { reason: field === 'serviceCidrs' ? 'ServiceCidrOverlap' : 'CidrOverlap', message: `cluster ${name}: ${field} holds ${JSON.stringify(text)}, which is no CIDR (10.0.0.0/16, fd00::/48), so overlap cannot be ruled out; correct it in Cilium's settings`, clusters: [name] });
    return [];
  }));
  for (const [outer, inner] of nestedPairs(owned, excused)) {
    const [a, b] = outer.cluster < inner.cluster ? [outer, inner] : [inner, outer];
    const reason = reasonOf(a, b);
    const key = `${a.cluster} ${b.cluster} ${reason}`;
    if (conflicts.has(key)) continue;
    const what = a.field === b.field ? `${a.field} overlap, ${a.text} in ${a.cluster} and ${b.text} in ${b.cluster}` : `${a.field} ${a.text} of ${a.cluster} and ${b.field} ${b.text} of ${b.cluster} overlap`;
    conflicts.set(key, {
      reason, clusters: [a.cluster, b.cluster],
      message: `clusters ${a.cluster} and ${b.cluster}: ${what}; give one of them other ${[...new Set([REPAIR[a.field], REPAIR[b.field]])].join(' or ')} or take it out of the mesh`,
    });
  }
  return [...conflicts.entries()].sort(([a], [b]) => compareText(a, b)).map(([, conflict]) => conflict);
}

interface Cidr {
  readonly field: Field;
  readonly text: string;
  /** undefined: it cannot be read. */
  readonly range: AddressRange | undefined;
}

/** Each report is read once, however often its mesh is planned. */
const read = new WeakMap<CiliumFacts, readonly Cidr[]>();
function cidrsOf(cilium: CiliumFacts): readonly Cidr[] {
  const known = read.get(cilium) ?? FIELDS.flatMap((field) => (cilium[field] ?? []).map((text): Cidr => ({ field, text, range: parseCidr(text) })));
  read.set(cilium, known);
  return known;
}

const reasonOf = (a: Owned, b: Owned): 'CidrOverlap' | 'ServiceCidrOverlap' => (a.field === 'serviceCidrs' || b.field === 'serviceCidrs' ? 'ServiceCidrOverlap' : 'CidrOverlap');

/**
 * CIDRs are disjoint or nested, so one pass in address order with the chains of enclosing ranges finds, for each, the nearest enclosing one of another cluster. Services
 * have a chain of their own: they do no harm to each other.
 */
function nestedPairs(owned: Owned[], excused: Excused): [Owned, Owned][] {
  const pairs: [Owned, Owned][] = [];
  const chains: Readonly<Record<'addresses' | 'services', Owned[]>> = { addresses: [], services: [] };
  const compareBig = (a: bigint, b: bigint): number => (a < b ? -1 : a > b ? 1 : 0);
  owned.sort((a, b) => compareText(a.family, b.family) || compareBig(a.first, b.first) || compareBig(b.last, a.last) || compareText(a.cluster, b.cluster) || compareText(a.field, b.field));
  for (const range of owned) {
    for (const chain of [chains.addresses, chains.services]) {
      for (let top = chain.at(-1); top !== undefined && (top.family !== range.family || top.last < range.first); top = chain.at(-1)) chain.pop();
    }
    const ofServices = range.field === 'serviceCidrs';
    for (const chain of ofServices ? [chains.addresses] : [chains.addresses, chains.services]) {
      let nearest: Owned | undefined;
      for (let index = chain.length - 1; index >= 0; index--) {
        const outer = chain[index];
        if (outer === undefined || outer.cluster === range.cluster) continue;
        const isExcused = excused(reasonOf(outer, range), [outer.cluster, range.cluster]);
        if (nearest === undefined || !isExcused) pairs.push([outer, range]);
        nearest ??= outer;
        if (!isExcused) break;
      }
    }
    (ofServices ? chains.services : chains.addresses).push(range);
  }
  return pairs;
}
