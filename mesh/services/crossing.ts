/** An export as clusters see it that do not reach the exporter's pods: those of another mesh, of another cell of the same one, or that its topology does not peer. Whether they reach it is asked of its addresses alone, whoever provides them. */
import { listed } from '../model/listed.ts';
import { type Crossing, type Endpoint, type ExportFact, type ServiceGateway, serviceKey } from '../model/service.ts';

const NAMED = 4;

/** The same fact without a single address of a pod. */
export function acrossMeshes(fact: ExportFact): ExportFact {
  const { gateway: _gateway, ...rest } = fact;
  const crossing = crossingOf(fact);
  const { addresses = [], ports = [] } = crossing.reason === 'Gateway' ? gatewayOf(fact) ?? {} : {};
  const ready = crossing.readyEndpoints > 0;
  return { ...rest, endpoints: usable(fact, addresses).map((address): Endpoint => ({ addresses: [address], ready, ports })), endpointsOmitted: 0, crossing };
}

/** How others reach it, or what a person does so that they can. */
export function crossingOf(fact: ExportFact): Crossing {
  const gateway = gatewayOf(fact);
  const none = (reason: Crossing['reason'], message: string): Crossing => ({ readyEndpoints: 0, reason, message });
  const name = `isthmus.dev/gateway-addresses on ServiceExport ${serviceKey(fact)} of ${fact.cluster}`;
  if (gateway === undefined) {
    const headless = fact.type === 'Headless' ? 'it is headless, which no load balancer can be: name a gateway\'s addresses in annotation' : 'give its Service type LoadBalancer, or name a gateway\'s addresses in annotation';
    return none('NoGateway', `pods of ${fact.cluster} are reached by its peers alone, and ${serviceKey(fact)} has no address beside theirs: ${headless} ${name}`);
  }
  if (gateway.problem !== '') return none('GatewayInvalid', `${serviceKey(fact)} of ${fact.cluster} is reached by its peers alone: ${gateway.problem}`);
  const addresses = usable(fact, gateway.addresses);
  if (addresses.length === 0) return none('GatewayWithoutAddress', `the gateway of ${serviceKey(fact)} of ${fact.cluster} ${lacks(gateway)} in annotation ${name}`);
  return { readyEndpoints: fact.endpoints.filter(({ ready }) => ready).length, reason: 'Gateway', message: `clusters that are no peers of ${fact.cluster} reach its ${serviceKey(fact)} at ${placesOf(fact, gateway, addresses)}` };
}

function lacks({ addresses, hostnames }: ServiceGateway): string {
  if (addresses.length > 0) return `has addresses of another family than its Service (${listed(addresses, NAMED)}): name some of its family`;
  return hostnames.length > 0 ? `has the name ${listed(hostnames, NAMED)} alone, and endpoints are addresses: give the load balancer fixed ones and name them` : 'has no address yet: wait for it, or name one';
}

/** An agent of before tells of a load balancer by its addresses alone. */
function gatewayOf({ gateway, loadBalancerAddresses, ports }: ExportFact): ServiceGateway | undefined {
  return gateway ?? (loadBalancerAddresses.length === 0 ? undefined : { addresses: loadBalancerAddresses, hostnames: [], ports: ports.map(({ name, protocol, port }) => ({ name, protocol, port })), problem: '' });
}

const usable = ({ ipFamilies }: ExportFact, addresses: readonly string[]): readonly string[] => addresses.filter((address) => ipFamilies.length === 0 || ipFamilies.includes(address.includes(':') ? 'IPv6' : 'IPv4'));

function placesOf({ ports }: ExportFact, gateway: ServiceGateway, addresses: readonly string[]): string {
  const moved = gateway.ports.flatMap((at) => { const own = ports.find(({ name, protocol }) => name === at.name && protocol === at.protocol); return own === undefined || own.port === at.port ? [] : [`port ${own.port} is its ${at.port}`]; });
  return `${listed(addresses, NAMED)}${moved.length === 0 ? '' : ` (${listed(moved, NAMED)})`}`;
}
