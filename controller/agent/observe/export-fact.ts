/** One ServiceExport with its Service and EndpointSlices → what other clusters are told. Pure. */
import type { EndpointSliceObject, ServiceObject } from '../../../mesh/api/resources/core.ts';
import type { ServiceExportObject } from '../../../mesh/api/resources/multicluster.ts';
import { fromRfc3339 } from '../../../mesh/model/instant.ts';
import { type Endpoint, type ExportFact, type ExportVerdict, type IpFamily, MAX_ENDPOINTS, MAX_SERVICE_ADDRESSES, MAX_SERVICE_PORTS, type ServicePort } from '../../../mesh/model/service.ts';
import { readGateway } from './export-gateway.ts';

type FactContent = Omit<ExportFact, 'version'>;

/** `problem`: why this cluster cannot export it, whatever the hub's policies say (KEP-1645: NoService, InvalidServiceType). */
export type ExportReading = { readonly content: FactContent } | { readonly problem: ExportVerdict };

export function readExport(cluster: string, exported: ServiceExportObject, service: ServiceObject | undefined, slices: readonly EndpointSliceObject[]): ExportReading {
  const { namespace = '', name } = exported.metadata;
  const problem = (reason: 'NoService' | 'InvalidServiceType', message: string): ExportReading =>
    ({ problem: { namespace, name, valid: false, reason, message, conflictReason: '', conflictMessage: '' } });
  if (service === undefined) return problem('NoService', `there is no Service ${namespace}/${name}: create it, or delete this ServiceExport`);
  if (service.spec?.type === 'ExternalName') {
    return problem('InvalidServiceType', `Service ${namespace}/${name} has type ExternalName, which cannot be exported (KEP-1645): use ClusterIP, NodePort or LoadBalancer`);
  }
  const ports = service.spec?.ports ?? [];
  if (ports.length > MAX_SERVICE_PORTS) {
    return problem('InvalidServiceType', `Service ${namespace}/${name} has ${ports.length} ports; at most ${MAX_SERVICE_PORTS} can be exported: export a Service with those that other clusters need`);
  }
  const own = ports.map(({ name: portName, protocol, port, appProtocol }): ServicePort => ({ name: portName ?? '', protocol: protocol ?? 'TCP', port, ...(appProtocol === undefined ? {} : { appProtocol }) }));
  const gateway = readGateway(exported, service, own);
  const endpoints = slices.flatMap(readSlice).sort(byAddress);
  // Where not all fit, ready ones go first: they are what failover counts and clients need.
  const kept = endpoints.length <= MAX_ENDPOINTS ? endpoints : [...endpoints].sort((a, b) => Number(b.ready) - Number(a.ready)).slice(0, MAX_ENDPOINTS).sort(byAddress);
  return {
    content: {
      namespace,
      name,
      cluster,
      exportedAt: fromRfc3339(exported.metadata.creationTimestamp) ?? 0,
      type: service.spec?.clusterIP === 'None' ? 'Headless' : 'ClusterSetIP',
      ports: own,
      ipFamilies: familiesOf(service, endpoints),
      sessionAffinity: service.spec?.sessionAffinity ?? 'None',
      endpoints: kept,
      endpointsOmitted: endpoints.length - kept.length,
      loadBalancerAddresses: (service.status?.loadBalancer?.ingress ?? []).flatMap(({ ip }) => (ip === undefined ? [] : [ip])).sort().slice(0, MAX_SERVICE_ADDRESSES),
      ...(gateway === undefined ? {} : { gateway }),
    },
  };
}

function readSlice(slice: EndpointSliceObject): Endpoint[] {
  if (slice.addressType === 'FQDN') return [];
  const ports = (slice.ports ?? []).flatMap(({ name, protocol, port }) => (typeof port === 'number' ? [{ name: name ?? '', protocol: protocol ?? 'TCP' as const, port }] : []));
  return (slice.endpoints ?? []).map(({ addresses, conditions, hostname, zone }) => ({
    addresses,
    // discovery/v1: "A nil value should be interpreted as true".
    ready: conditions?.ready ?? true,
    ...(hostname === undefined ? {} : { hostname }),
    ...(zone === undefined ? {} : { zone }),
    ports,
  }));
}

function familiesOf(service: ServiceObject, endpoints: readonly Endpoint[]): IpFamily[] {
  if (service.spec?.ipFamilies !== undefined && service.spec.ipFamilies.length > 0) return [...service.spec.ipFamilies];
  const addresses = [...(service.spec?.clusterIPs ?? []), ...endpoints.flatMap(({ addresses: own }) => own)].filter((address) => address !== 'None' && address !== '');
  const families = [...new Set(addresses.map((address): IpFamily => (address.includes(':') ? 'IPv6' : 'IPv4')))].sort();
  return families.length === 0 ? ['IPv4'] : families;
}

const byAddress = (a: Endpoint, b: Endpoint): number => {
  const [left = '', right = ''] = [a.addresses[0], b.addresses[0]];
  return left < right ? -1 : left > right ? 1 : 0;
};
