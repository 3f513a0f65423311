/** Services: defaults, cluster IPs of one or two families, and the rules on them (`pkg/registry/core/service`). */
import type { StatusCause } from '../../../mesh/ports/kubernetes.ts';
import { isObject, type JsonObject, member, objectAt, textAt } from '../json.ts';
import type { ServedKind, WriteSurroundings } from '../kinds.ts';
import { duplicate, fieldForbidden, invalidValue, notSupported, required } from '../problems.ts';
import { addressText, type AddressRange, parseAddress, parseRange } from './addresses.ts';

type Family = 'IPv4' | 'IPv6';

const shown = (value: unknown): string => (typeof value === 'string' || typeof value === 'number' ? String(value) : '');
const OUT_OF_RANGE = 'must be between 1 and 65535, inclusive';
const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

/** Fills `spec` of a Service. `ranges`: CIDRs, at most one of each family. */
export function serviceAddresses(ranges: readonly string[]): NonNullable<ServedKind['prepare']> {
  const parsed = ranges.map(parseRange);
  return (object, previous, around) => {
    const spec = objectAt(object, 'spec');
    object['spec'] = spec;
    const before = previous === undefined ? {} : objectAt(previous, 'spec');
    if (previous === undefined) object['status'] = { loadBalancer: {} };
    if (spec['type'] === 'ExternalName') {
      for (const key of ['clusterIP', 'clusterIPs', 'ipFamilies', 'ipFamilyPolicy']) delete spec[key];
      return;
    }
    // PUT and apply often leave out what the server chose: it stays.
    if (spec['clusterIP'] === undefined && spec['clusterIPs'] === undefined && before['clusterIPs'] !== undefined) {
      spec['clusterIP'] = before['clusterIP'];
      spec['clusterIPs'] = before['clusterIPs'];
    }
    const headless = spec['clusterIP'] === 'None' || listOf(spec['clusterIPs'])[0] === 'None';
    if (headless && spec['ipFamilyPolicy'] === undefined && spec['ipFamilies'] === undefined && before['ipFamilies'] === undefined && Object.keys(objectAt(spec, 'selector')).length === 0) {
      // Endpoints made by hand may be of any family.
      const [first = 'IPv4'] = parsed.map((range) => range.family);
      Object.assign(spec, { ipFamilyPolicy: 'RequireDualStack', ipFamilies: [first, first === 'IPv4' ? 'IPv6' : 'IPv4'] });
    }
    spec['ipFamilyPolicy'] ??= before['ipFamilyPolicy'] ?? (listOf(spec['ipFamilies']).length > 1 || listOf(spec['clusterIPs']).length > 1 ? 'RequireDualStack' : 'SingleStack');
    const families = familiesOf(spec, before, parsed);
    if (families.length > 0) spec['ipFamilies'] = families;
    if (headless) {
      spec['clusterIP'] = 'None';
      spec['clusterIPs'] = ['None'];
      return;
    }
    allocate(object, spec, families, parsed, around);
  };
}

export function defaultService(object: JsonObject): void {
  const spec = objectAt(object, 'spec');
  object['spec'] = spec;
  spec['type'] ??= 'ClusterIP';
  spec['sessionAffinity'] ??= 'None';
  if (spec['sessionAffinity'] === 'ClientIP') spec['sessionAffinityConfig'] ??= { clientIP: { timeoutSeconds: 10800 } };
  if (spec['type'] !== 'ExternalName') spec['internalTrafficPolicy'] ??= 'Cluster';
  for (const port of listOf(spec['ports']).filter(isObject)) {
    port['protocol'] ??= 'TCP';
    port['targetPort'] ??= port['port'];
  }
}

function familiesOf(spec: JsonObject, before: JsonObject, ranges: readonly AddressRange[]): readonly Family[] {
  const available = ranges.map((range) => range.family);
  const asked = listOf(spec['ipFamilies']) as readonly Family[];
  const addressed = listOf(spec['clusterIPs'] ?? (spec['clusterIP'] === undefined ? [] : [spec['clusterIP']]))
    .flatMap((address) => (typeof address === 'string' ? parseAddress(address)?.family ?? [] : []));
  const base = asked.length > 0 ? asked : addressed.length > 0 ? addressed : listOf(before['ipFamilies']) as readonly Family[];
  const first = base.length > 0 ? base : available.slice(0, 1);
  if (spec['ipFamilyPolicy'] === 'SingleStack') return first.slice(0, 1);
  return [...first, ...available.filter((family) => !first.includes(family))].slice(0, 2);
}

function allocate(object: JsonObject, spec: JsonObject, families: readonly Family[], ranges: readonly AddressRange[], around: WriteSurroundings): void {
  const given = listOf(spec['clusterIPs'] ?? (spec['clusterIP'] === undefined || spec['clusterIP'] === '' ? [] : [spec['clusterIP']])) as readonly string[];
  const uid = objectAt(object, 'metadata')['uid'];
  const taken = new Set<string>();
  for (const other of around.objects('', 'services')) {
    if (objectAt(other, 'metadata')['uid'] !== uid) for (const address of listOf(objectAt(other, 'spec')['clusterIPs'])) taken.add(String(address));
  }
  const addresses = families.flatMap((family, index) => {
    const wanted = given[index];
    if (wanted !== undefined && wanted !== '') return [wanted];
    const range = ranges.find((candidate) => candidate.family === family);
    return range === undefined ? [] : [free(range, taken)];
  });
  if (addresses[0] === undefined) return;
  spec['clusterIPs'] = addresses;
  spec['clusterIP'] = addresses[0];
}

/** Lowest free address; the first is the network's own and the second kube-apiserver keeps for itself. Empty: none left. */
function free(range: AddressRange, taken: ReadonlySet<string>): string {
  const last = range.size - (range.family === 'IPv4' ? 1n : 0n);
  for (let offset = 2n; offset < last && offset < 65536n; offset += 1n) {
    const address = addressText(range.family, range.first + offset);
    if (!taken.has(address)) return address;
  }
  return '';
}

export function checkService(object: JsonObject, previous: JsonObject | undefined, around: WriteSurroundings): StatusCause[] {
  const causes: StatusCause[] = [];
  const spec = objectAt(object, 'spec');
  if (!['ClusterIP', 'NodePort', 'LoadBalancer', 'ExternalName'].includes(String(spec['type']))) causes.push(notSupported('spec.type', spec['type'], ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort']));
  const ports = listOf(spec['ports']).filter(isObject);
  const headless = spec['clusterIP'] === 'None';
  if (ports.length === 0 && !headless && spec['type'] !== 'ExternalName') causes.push(required('spec.ports'));
  const names = new Set<unknown>();
  const pairs = new Set<string>();
  ports.forEach((port, index) => {
    const field = `spec.ports[${index}]`;
    const number = port['port'];
    if (typeof number === 'number' && (number < 1 || number > 65535)) causes.push(invalidValue(`${field}.port`, number, OUT_OF_RANGE));
    const target = port['targetPort'];
    if (typeof target === 'number' && (target < 1 || target > 65535)) causes.push(invalidValue(`${field}.targetPort`, target, OUT_OF_RANGE));
    if (ports.length > 1 && (textAt(port, 'name') ?? '') === '') causes.push(required(`${field}.name`));
    if (port['name'] !== undefined && names.has(port['name'])) causes.push(duplicate(`${field}.name`, port['name']));
    names.add(port['name']);
    const pair = `${String(number)}/${String(port['protocol'])}`;
    if (pairs.has(pair)) causes.push(duplicate(field, { port: number, protocol: port['protocol'] }));
    pairs.add(pair);
    if (!['TCP', 'UDP', 'SCTP'].includes(String(port['protocol']))) causes.push(notSupported(`${field}.protocol`, port['protocol'], ['SCTP', 'TCP', 'UDP']));
  });
  if (spec['type'] !== 'LoadBalancer' && listOf(objectAt(objectAt(object, 'status'), 'loadBalancer')['ingress']).length > 0) {
    causes.push(fieldForbidden('status.loadBalancer.ingress', "may only be used when `spec.type` is 'LoadBalancer'"));
  }
  if (!headless && spec['type'] !== 'ExternalName') causes.push(...checkAddresses(object, spec, previous, around));
  return causes;
}

function checkAddresses(object: JsonObject, spec: JsonObject, previous: JsonObject | undefined, around: WriteSurroundings): StatusCause[] {
  const causes: StatusCause[] = [];
  const addresses = listOf(spec['clusterIPs']) as readonly string[];
  const families = listOf(spec['ipFamilies']);
  if (addresses.length === 0 || addresses.includes('')) causes.push(invalidValue('spec.clusterIPs', addresses, `failed to allocate IP ${shown(families[addresses.length - 1])}: no service range of this family, or it is full`));
  if (spec['ipFamilyPolicy'] === 'RequireDualStack' && families.length < 2) causes.push(invalidValue('spec.ipFamilyPolicy', spec['ipFamilyPolicy'], 'this cluster is not configured for dual-stack services'));
  addresses.forEach((address, index) => {
    if (address !== '' && parseAddress(address)?.family !== families[index]) causes.push(invalidValue(`spec.clusterIPs[${index}]`, address, `must be a valid ${String(families[index])} address`));
  });
  if (addresses.length > 0 && spec['clusterIP'] !== addresses[0]) causes.push(invalidValue('spec.clusterIPs', addresses, 'first value must match `clusterIP`'));
  const before = previous === undefined ? undefined : textAt(objectAt(previous, 'spec'), 'clusterIP');
  if (before !== undefined && before !== 'None' && before !== spec['clusterIP']) causes.push(invalidValue('spec.clusterIPs[0]', addresses, 'may not change once set'));
  const uid = objectAt(object, 'metadata')['uid'];
  for (const other of around.objects('', 'services')) {
    if (objectAt(other, 'metadata')['uid'] === uid) continue;
    const clash = addresses.find((address) => address !== '' && listOf(member(objectAt(other, 'spec'), 'clusterIPs')).includes(address));
    if (clash !== undefined) causes.push(invalidValue('spec.clusterIPs', addresses, `failed to allocate IP ${clash}: provided IP is already allocated`));
  }
  return causes;
}
