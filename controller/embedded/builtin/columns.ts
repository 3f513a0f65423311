/** What `kubectl get` shows of built-in kinds: the columns of Kubernetes' `pkg/printers/internalversion`. */
import { humanAge } from '../documents/duration.ts';
import { fromRfc3339 } from '../../../mesh/model/instant.ts';
import { isObject, type JsonObject, member, objectAt, textAt } from '../json.ts';
import { AGE, type TableColumn } from '../kinds.ts';
import { KUBERNETES_SCHEMAS } from './schemas.generated.ts';

/** The description of a field, from Kubernetes' own documents. */
export function about(type: string, field: string): string {
  const properties = objectAt(KUBERNETES_SCHEMAS[`io.k8s.api.${type}`] as JsonObject, 'properties');
  return textAt(objectAt(properties, field), 'description') ?? '';
}

export const column = (name: string, description: string, read: TableColumn['read']): TableColumn => ({ name, type: 'string', priority: 0, description, read });
/** Only in the wide table. */
export const wide = (name: string, description: string, read: TableColumn['read']): TableColumn => ({ ...column(name, description, read), priority: 1 });

const listAt = (object: JsonObject, key: string): readonly JsonObject[] => {
  const list = member(object, key);
  return Array.isArray(list) ? list.filter(isObject) : [];
};
export const orNone = (text: string | undefined): string => (text === undefined || text === '' ? '<none>' : text);
const count = (object: JsonObject, key: string): number => Object.keys(objectAt(object, key)).length;
/** Not later than the first three, so that a row stays a row. */
const brief = (items: readonly string[]): string => (items.length === 0 ? '<unset>' : items.length > 3 ? `${items.slice(0, 3).join(',')} + ${items.length - 3} more...` : items.join(','));

const age = (text: string | undefined, now: number): string => {
  const instant = fromRfc3339(text);
  return instant === undefined ? '<unknown>' : humanAge(now - instant);
};

export const NAMESPACE_COLUMNS = [column('Status', 'The status of the namespace', (object) => textAt(objectAt(object, 'status'), 'phase') ?? ''), AGE];
export const SECRET_COLUMNS = [column('Type', about('core.v1.Secret', 'type'), (object) => textAt(object, 'type') ?? ''), column('Data', about('core.v1.Secret', 'data'), (object) => count(object, 'data')), AGE];
export const CONFIG_MAP_COLUMNS = [column('Data', about('core.v1.ConfigMap', 'data'), (object) => count(object, 'data') + count(object, 'binaryData')), AGE];
export const LEASE_COLUMNS = [column('Holder', about('coordination.v1.LeaseSpec', 'holderIdentity'), (object) => textAt(objectAt(object, 'spec'), 'holderIdentity') ?? ''), AGE];

const nodeInfo = (key: string) => (object: JsonObject): string | undefined => textAt(objectAt(objectAt(object, 'status'), 'nodeInfo'), key);
const nodeAddress = (type: string) => (object: JsonObject): string =>
  orNone(listAt(objectAt(object, 'status'), 'addresses').filter((address) => address['type'] === type).map((address) => textAt(address, 'address') ?? '')[0]);
const unknown = (text: string | undefined): string => (text === undefined || text === '' ? '<unknown>' : text);

export const NODE_COLUMNS = [
  column('Status', 'The status of the node', nodeStatus),
  column('Roles', 'The roles of the node', (object) => orNone(nodeRoles(objectAt(objectAt(object, 'metadata'), 'labels')).join(','))),
  AGE,
  column('Version', about('core.v1.NodeSystemInfo', 'kubeletVersion'), (object) => nodeInfo('kubeletVersion')(object) ?? ''),
  wide('Internal-IP', about('core.v1.NodeStatus', 'addresses'), nodeAddress('InternalIP')),
  wide('External-IP', about('core.v1.NodeStatus', 'addresses'), nodeAddress('ExternalIP')),
  wide('OS-Image', about('core.v1.NodeSystemInfo', 'osImage'), (object) => unknown(nodeInfo('osImage')(object))),
  wide('Kernel-Version', about('core.v1.NodeSystemInfo', 'kernelVersion'), (object) => {
    const [kernel, architecture] = [nodeInfo('kernelVersion')(object), nodeInfo('architecture')(object)];
    return `${unknown(kernel)}${architecture === undefined || architecture === '' ? '' : ` (${architecture})`}`;
  }),
  wide('Container-Runtime', about('core.v1.NodeSystemInfo', 'containerRuntimeVersion'), (object) => unknown(nodeInfo('containerRuntimeVersion')(object))),
];

function nodeStatus(object: JsonObject): string {
  const ready = listAt(objectAt(object, 'status'), 'conditions').find((condition) => condition['type'] === 'Ready');
  const status = ready === undefined ? 'Unknown' : ready['status'] === 'True' ? 'Ready' : 'NotReady';
  return objectAt(object, 'spec')['unschedulable'] === true ? `${status},SchedulingDisabled` : status;
}

function nodeRoles(labels: JsonObject): string[] {
  const prefix = 'node-role.kubernetes.io/';
  const roles = Object.entries(labels).flatMap(([key, value]) => (key.startsWith(prefix) && key.length > prefix.length ? [key.slice(prefix.length)] : key === 'kubernetes.io/role' && value !== '' ? [String(value)] : []));
  return [...new Set(roles)].sort();
}

export const EVENT_COLUMNS: readonly TableColumn[] = [
  column('Last Seen', about('core.v1.Event', 'lastTimestamp'), (object, now) => {
    const series = objectAt(object, 'series');
    return age(textAt(series, 'lastObservedTime') ?? textAt(object, 'lastTimestamp') ?? firstSeen(object), now);
  }),
  column('Type', about('core.v1.Event', 'type'), (object) => textAt(object, 'type') ?? ''),
  column('Reason', about('core.v1.Event', 'reason'), (object) => textAt(object, 'reason') ?? ''),
  column('Object', about('core.v1.Event', 'involvedObject'), (object) => {
    const about = objectAt(object, 'involvedObject');
    const [kind, name] = [(textAt(about, 'kind') ?? '').toLowerCase(), textAt(about, 'name') ?? ''];
    return name === '' ? kind : `${kind}/${name}`;
  }),
  wide('Subobject', about('core.v1.ObjectReference', 'fieldPath'), (object) => textAt(objectAt(object, 'involvedObject'), 'fieldPath') ?? ''),
  wide('Source', about('core.v1.Event', 'source'), (object) => {
    const source = objectAt(object, 'source');
    const parts = [textAt(source, 'component') || textAt(object, 'reportingComponent'), textAt(source, 'host') || textAt(object, 'reportingInstance')];
    return parts.filter((part) => part !== undefined && part !== '').join(', ');
  }),
  column('Message', about('core.v1.Event', 'message'), (object) => (textAt(object, 'message') ?? '').trim()),
  wide('First Seen', about('core.v1.Event', 'firstTimestamp'), (object, now) => age(firstSeen(object), now)),
  wide('Count', about('core.v1.Event', 'count'), (object) => objectAt(object, 'series')['count'] ?? (member(object, 'count') || 1)),
  { ...wide('Name', '', () => ''), format: 'name' },
];

const firstSeen = (object: JsonObject): string | undefined => textAt(object, 'firstTimestamp') ?? textAt(object, 'eventTime');

export const ENDPOINT_SLICE_COLUMNS = [
  column('AddressType', about('discovery.v1.EndpointSlice', 'addressType'), (object) => textAt(object, 'addressType') ?? ''),
  column('Ports', about('discovery.v1.EndpointSlice', 'ports'), (object) => brief(listAt(object, 'ports').map((port) => (typeof port['port'] === 'number' ? String(port['port']) : '*')))),
  column('Endpoints', about('discovery.v1.EndpointSlice', 'endpoints'), (object) => brief(listAt(object, 'endpoints').flatMap((endpoint) => (Array.isArray(endpoint['addresses']) ? endpoint['addresses'].map(String) : [])))),
  AGE,
];

export const SERVICE_COLUMNS = [
  column('Type', about('core.v1.ServiceSpec', 'type'), (object) => textAt(objectAt(object, 'spec'), 'type') ?? ''),
  column('Cluster-IP', about('core.v1.ServiceSpec', 'clusterIP'), (object) => orNone(textAt(objectAt(object, 'spec'), 'clusterIP'))),
  column('External-IP', about('core.v1.ServiceSpec', 'externalIPs'), externalAddresses),
  column('Port(s)', about('core.v1.ServiceSpec', 'ports'), (object) => orNone(listAt(objectAt(object, 'spec'), 'ports').map(servicePort).join(','))),
  AGE,
  wide('Selector', about('core.v1.ServiceSpec', 'selector'), (object) => orNone(Object.entries(objectAt(objectAt(object, 'spec'), 'selector')).map(([key, value]) => `${key}=${String(value)}`).sort().join(','))),
];

const servicePort = (port: JsonObject): string =>
  `${String(port['port'])}${typeof port['nodePort'] === 'number' && port['nodePort'] > 0 ? `:${port['nodePort']}` : ''}/${String(port['protocol'])}`;

function externalAddresses(object: JsonObject): string {
  const spec = objectAt(object, 'spec');
  if (spec['type'] === 'ExternalName') return orNone(textAt(spec, 'externalName'));
  const ingress = spec['type'] === 'LoadBalancer' ? listAt(objectAt(objectAt(object, 'status'), 'loadBalancer'), 'ingress').map((entry) => textAt(entry, 'ip') ?? textAt(entry, 'hostname') ?? '') : [];
  const external = Array.isArray(spec['externalIPs']) ? spec['externalIPs'].map(String) : [];
  return [...ingress, ...external].join(',') || (spec['type'] === 'LoadBalancer' ? '<pending>' : '<none>');
}
