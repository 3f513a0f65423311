/** Records of one service below `clusterset.local`, by KEP-1645 `specification.md` 1.0.0. */
import type { Endpoint, ServicePort } from '../model/service.ts';
import { addressRecord, type AddressRecord, type DnsRecord } from './records.ts';
import { CLUSTERSET, CLUSTERSET_TTL_SECONDS, type ZoneService } from './service.ts';

/** Of one name and type. Larger services answer a part of their endpoints, as the specification allows; more would not fit a sensible packet. */
const MAX_RECORDS = 100;

export const clusterSetName = (service: ZoneService): string => `${service.name}.${service.namespace}.svc.${CLUSTERSET}`;

interface ReadyEndpoint {
  readonly host: string;
  readonly endpoint: Endpoint;
}

/** No record at all (so NXDOMAIN) for a service that is not imported here and for a headless one without ready endpoints. `<cluster>.<service>` of a ClusterSetIP service must not exist. */
export function clusterSetRecords(service: ZoneService): DnsRecord[] {
  if (service.clusterSetIps === null) return [];
  const name = clusterSetName(service);
  return service.type === 'ClusterSetIP' ? clusterIpRecords(service, name, service.clusterSetIps) : headlessRecords(service, name);
}

function clusterIpRecords(service: ZoneService, name: string, ips: readonly string[]): DnsRecord[] {
  const addresses = ips.map((address) => addressRecord(name, CLUSTERSET_TTL_SECONDS, address));
  return [...addresses, ...serviceRecords(name, service.ports, (port) => [{ port: port.port, target: name }])];
}

/**
 * The service's own name follows the failover: ready endpoints of serving clusters. Names of single endpoints exist for the ready ones of every
 * exporting cluster, since who asks for one means that one (members of a database that find each other).
 */
function headlessRecords(service: ZoneService, name: string): DnsRecord[] {
  const byCluster = service.exports.map(({ fact }) => ({
    cluster: fact.cluster,
    ready: fact.endpoints.filter((endpoint) => endpoint.ready && endpoint.addresses.length > 0)
      .map((endpoint): ReadyEndpoint => ({ host: `${hostLabel(endpoint)}.${fact.cluster}.${name}`, endpoint }))
      .sort((a, b) => (a.host < b.host ? -1 : a.host > b.host ? 1 : 0)),
  }));
  const serving = service.failover.serving.flatMap((cluster) => byCluster.find((entry) => entry.cluster === cluster)?.ready ?? []);
  const own = byCluster.flatMap(({ ready }) => ready.flatMap(({ host, endpoint }) => addressesOf(host, endpoint)));
  const shared = [...new Map(serving.flatMap(({ endpoint }) => addressesOf(name, endpoint)).map((record) => [record.address, record])).values()];
  return [
    ...(['A', 'AAAA'] as const).flatMap((type) => shared.filter((record) => record.type === type).slice(0, MAX_RECORDS)),
    ...serviceRecords(name, service.ports, (port) => serving.flatMap(({ host, endpoint }) => {
      const target = endpoint.ports.find((candidate) => candidate.name === port.name && candidate.protocol === port.protocol);
      return target === undefined ? [] : [{ port: target.port, target: host }];
    })),
    ...own,
  ];
}

/**
 * SRV for named ports, at `_port._protocol.<name>` and, as CoreDNS does (the conformance suite asks for it), all of them at the bare name, each
 * port and target once.
 */
function serviceRecords(name: string, ports: readonly ServicePort[], targets: (port: ServicePort) => { port: number; target: string }[]): DnsRecord[] {
  const bare = new Map<string, DnsRecord>();
  const named: DnsRecord[] = [];
  for (const port of ports) {
    if (port.name === '') continue;
    for (const { port: number, target } of targets(port).slice(0, MAX_RECORDS)) {
      const record: DnsRecord = { type: 'SRV', name: `_${port.name}._${port.protocol.toLowerCase()}.${name}`, ttlSeconds: CLUSTERSET_TTL_SECONDS, priority: 0, weight: 100, port: number, target };
      named.push(record);
      if (bare.size < MAX_RECORDS) bare.set(`${number} ${target}`, { ...record, name });
    }
  }
  return [...bare.values(), ...named];
}

function addressesOf(name: string, endpoint: Endpoint): AddressRecord[] {
  return endpoint.addresses.map((address) => addressRecord(name, CLUSTERSET_TTL_SECONDS, address));
}

/** An endpoint without a hostname is called after its address, as CoreDNS does: `10-1-2-3`. */
function hostLabel(endpoint: Endpoint): string {
  return (endpoint.hostname ?? endpoint.addresses[0]!.replaceAll(/[.:]/g, '-')).toLowerCase();
}
