/** The addresses of nodes as CIDRs that hold these and no others: clusters in one network have addresses beside each other. Pure. */
import type { NodeObject } from '../../../mesh/api/resources/core.ts';
import { type Address, addressText, parseAddress } from '../../../mesh/model/address.ts';
import { MAX_NODE_CIDRS } from '../../../mesh/model/cluster.ts';

/** undefined: there are none, or more CIDRs than travel. */
export function nodeCidrs(nodes: readonly NodeObject[]): readonly string[] | undefined {
  const texts = nodes.flatMap(({ status }) => (status?.addresses ?? []).filter(({ type }) => type === 'InternalIP').map(({ address }) => address));
  const addresses = [...new Set(texts)].flatMap((text) => parseAddress(text) ?? []);
  const cidrs = (['IPv4', 'IPv6'] as const).flatMap((family) => covering(family, addresses.filter((one) => one.family === family).map(({ value }) => value)));
  return cidrs.length === 0 || cidrs.length > MAX_NODE_CIDRS ? undefined : cidrs;
}

/** Of blocks that are beside each other and make a greater one, the greater one. */
function covering(family: Address['family'], values: readonly bigint[]): string[] {
  const bits = family === 'IPv4' ? 32 : 128;
  const blocks: { first: bigint; size: bigint }[] = [];
  for (const value of [...new Set(values)].sort((a, b) => (a < b ? -1 : 1))) {
    blocks.push({ first: value, size: 1n });
    for (let [left, right] = blocks.slice(-2); left !== undefined && right !== undefined && left.size === right.size && left.first % (2n * left.size) === 0n && left.first + left.size === right.first; [left, right] = blocks.slice(-2)) {
      blocks.splice(-2, 2, { first: left.first, size: 2n * left.size });
    }
  }
  return blocks.map(({ first, size }) => `${addressText({ family, value: first })}/${bits - size.toString(2).length + 1}`);
}
