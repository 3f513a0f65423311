/** Where those reach an exported Service who do not reach its pods: what its ServiceExport names, else its load balancer. Pure. */
import type { ServiceObject } from '../../../mesh/api/resources/core.ts';
import type { ServiceExportObject } from '../../../mesh/api/resources/multicluster.ts';
import { parseAddress, parseCidr } from '../../../mesh/model/address.ts';
import { type EndpointPort, MAX_GATEWAY_ADDRESSES, type ServiceGateway, type ServicePort } from '../../../mesh/model/service.ts';

/** `192.0.2.10, 2001:db8::10`: goes before the load balancer's addresses. */
const ADDRESSES = 'isthmus.dev/gateway-addresses';
/** `http=8443, 5432=15432`: name or number of a port of the Service, and where the gateway has it. The others it has where the Service has them. */
const PORTS = 'isthmus.dev/gateway-ports';

/** What no EndpointSlice may hold (`ValidateNonSpecialIP` of Kubernetes), and what is of no use in one. */
const UNUSABLE = ['0.0.0.0/32', '127.0.0.0/8', '169.254.0.0/16', '224.0.0.0/4', '::/128', '::1/128', '::ffff:0:0/96', 'fe80::/10', 'ff00::/8'].flatMap((cidr) => parseCidr(cidr) ?? []);

const isUsable = (text: string): boolean => {
  const address = parseAddress(text);
  return address !== undefined && !UNUSABLE.some(({ family, first, last }) => family === address.family && first <= address.value && address.value <= last);
};
const listIn = (text: string): string[] => text.split(',').map((part) => part.trim()).filter((part) => part !== '');
/** Of a value that anybody may have written, enough to find it. */
const quoted = (text: string): string => JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text);
const few = (values: readonly string[]): readonly string[] => [...new Set(values)].sort().slice(0, MAX_GATEWAY_ADDRESSES);

/** undefined: there is none. `ports`: of the Service, as it is exported. */
export function readGateway({ metadata: { annotations = {} } }: ServiceExportObject, service: ServiceObject, ports: readonly ServicePort[]): ServiceGateway | undefined {
  const named = annotations[ADDRESSES];
  const ingress = service.status?.loadBalancer?.ingress ?? [];
  if (named === undefined && ingress.length === 0) return undefined;
  const at = portsAt(annotations[PORTS], ports);
  const addresses = named === undefined ? ingress.flatMap(({ ip }) => (ip === undefined || ip === '' ? [] : [ip])) : listIn(named);
  const wrong = addresses.find((address) => !isUsable(address));
  const fits = addresses.filter(isUsable);
  // What people name has to be right; of a load balancer's addresses those count that can.
  const spoilt = wrong === undefined || (named === undefined && fits.length > 0) ? [] : [`${named === undefined ? 'the load balancer\'s address' : `annotation ${ADDRESSES}:`} ${quoted(wrong)} is no IP address that other clusters can reach`];
  const problems = [...(named !== undefined && addresses.length === 0 ? [`annotation ${ADDRESSES} is empty`] : []), ...spoilt, ...at.problems];
  return {
    addresses: few(fits),
    hostnames: named === undefined ? few(ingress.flatMap(({ hostname }) => (hostname === undefined || hostname === '' ? [] : [hostname]))) : [],
    ports: at.ports,
    problem: problems.join('; '),
  };
}

function portsAt(text: string | undefined, ports: readonly ServicePort[]): { readonly ports: readonly EndpointPort[]; readonly problems: readonly string[] } {
  const numbers = new Map<ServicePort, number>();
  const problems: string[] = [];
  for (const entry of listIn(text ?? '')) {
    const [which = '', at = '', ...rest] = entry.split('=').map((part) => part.trim());
    const number = Number(at);
    const meant = ports.filter(({ name, port }) => (name !== '' && name === which) || String(port) === which);
    if (rest.length > 0 || meant.length === 0 || !/^\d{1,5}$/.test(at) || number < 1 || number > 65_535) problems.push(`annotation ${PORTS}: ${quoted(entry)} is no port of the Service and a number, as in http=8443`);
    else for (const port of meant) numbers.set(port, number);
  }
  return { ports: ports.map((port) => ({ name: port.name, protocol: port.protocol, port: numbers.get(port) ?? port.port })), problems: problems.slice(0, 1) };
}
