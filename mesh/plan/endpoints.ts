/** Where a cluster's peers reach its clustermesh-apiserver. */
import { parseAddress } from '../model/address.ts';
import type { MeshEndpoint } from '../model/cluster.ts';
import type { Conflict } from './conflict.ts';
import type { Member } from './members.ts';

export interface EndpointPlan {
  readonly endpoints: ReadonlyMap<string, MeshEndpoint>;
  readonly conflicts: readonly Conflict[];
}

/** What administrators declare wins over what the agent reports. A single member needs no endpoint. */
export function planEndpoints(members: readonly Member[], overrides: Readonly<Record<string, MeshEndpoint>>): EndpointPlan {
  const endpoints = new Map<string, MeshEndpoint>();
  const conflicts: Conflict[] = [];
  for (const { name, cilium } of members) {
    const declared = Object.hasOwn(overrides, name) ? overrides[name] : undefined;
    const endpoint = declared ?? cilium.endpoint;
    const problem = endpoint === undefined ? 'is not known: the agent reports none' : endpointProblem(endpoint);
    if (endpoint !== undefined && problem === undefined) {
      endpoints.set(name, endpoint);
    } else if (members.length > 1) {
      const origin = declared === undefined ? 'reported' : 'spec.meshEndpoint';
      conflicts.push({
        reason: 'MissingEndpoint',
        message: `cluster ${name}: the address of its clustermesh-apiserver ${problem ?? ''} (${origin}); set spec.meshEndpoint of Cluster ${name}, or give the Service clustermesh-apiserver there an address`,
        clusters: [name],
      });
    }
  }
  return { endpoints, conflicts };
}

const DNS_NAME = /^(?=.{1,253}$)[a-z0-9_]([-a-z0-9_]{0,61}[a-z0-9_])?(\.[a-z0-9_]([-a-z0-9_]{0,61}[a-z0-9_])?)*$/i;

/** The text goes into files that other clusters read, so only addresses and DNS names pass. */
function endpointProblem({ address, ips, port }: MeshEndpoint): string | undefined {
  if (!Number.isInteger(port) || port < 1 || port > 65535) return `has port ${port}; 1 to 65535 is right`;
  if ((address === undefined) === (ips === undefined)) return 'gives both or neither of address and ips; give one';
  if (address !== undefined) return DNS_NAME.test(address) ? undefined : `is ${JSON.stringify(address)}, neither a DNS name nor an IPv4 address (IPv6: use ips)`;
  if (ips === undefined || ips.length === 0) return 'has an empty list of ips';
  const wrong = ips.find((ip) => parseAddress(ip) === undefined);
  return wrong === undefined ? undefined : `holds ${JSON.stringify(wrong)}, which is no IP address`;
}
