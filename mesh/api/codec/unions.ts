/** String unions of the model ↔ enums of the wire. Complete in both directions or this file does not compile. */
import type { CiliumFacts, RemoteUsersMount } from '../../model/cluster.ts';
import type { Colour } from '../../model/peer-verdict.ts';
import type { CrossingReason, ExportFact, ExportVerdict, IpFamily, Protocol, ServiceType } from '../../model/service.ts';
import type { SyncType } from '../../model/sync.ts';
import type { MeshCertificateRole } from '../../ports/transport.ts';
import * as clusterWire from '../gen/isthmus/v1/cluster.ts';
import * as gatewayWire from '../gen/isthmus/v1/gateway.ts';
import * as serviceWire from '../gen/isthmus/v1/service.ts';
import * as syncWire from '../gen/isthmus/v1/sync.ts';
import { invalid } from './bounds.ts';

/** Wire values that mean something: all but the zero value and what this version does not know. */
type Known<Wire extends string> = Exclude<Wire, 'UNRECOGNIZED' | `${string}_UNSPECIFIED`>;

interface Union<Model extends string, Wire extends string> {
  toWire(value: Model): Wire;
  /** Throws TransportError InvalidRequest for a value that the model does not have. */
  fromWire(field: string, value: Wire): Model;
}

/** `table` names a model value for each wire value; `Uncovered` is never only where it names all of the model's. */
function union<Model extends string, Wire extends string>() {
  return <const Table extends Readonly<Record<Known<Wire>, Model>>>(table: Table & ([Exclude<Model, Table[Known<Wire>]>] extends [never] ? unknown : { readonly missing: Exclude<Model, Table[Known<Wire>]> })): Union<Model, Wire> => {
    const toModel = new Map(Object.entries<string>(table)) as unknown as ReadonlyMap<string, Model>;
    const toWire = new Map([...toModel].map(([wire, model]) => [model, wire as Wire]));
    return {
      toWire(value) {
        const wire = toWire.get(value);
        if (wire === undefined) throw invalid('value', `${JSON.stringify(value)} is none of ${[...toWire.keys()].join(', ')}`);
        return wire;
      },
      fromWire(field, value) {
        const model = toModel.get(value);
        if (model === undefined) throw invalid(field, `${JSON.stringify(value)} is none of ${[...toModel.values()].join(', ')}`);
        return model;
      },
    };
  };
}

export const protocols = union<Protocol, serviceWire.Protocol>()({ PROTOCOL_TCP: 'TCP', PROTOCOL_UDP: 'UDP', PROTOCOL_SCTP: 'SCTP' });
export const ipFamilies = union<IpFamily, serviceWire.IpFamily>()({ IP_FAMILY_IPV4: 'IPv4', IP_FAMILY_IPV6: 'IPv6' });
export const serviceTypes = union<ServiceType, serviceWire.ServiceType>()({ SERVICE_TYPE_CLUSTER_SET_IP: 'ClusterSetIP', SERVICE_TYPE_HEADLESS: 'Headless' });
export const sessionAffinities = union<ExportFact['sessionAffinity'], serviceWire.SessionAffinity>()({ SESSION_AFFINITY_NONE: 'None', SESSION_AFFINITY_CLIENT_IP: 'ClientIP' });
export const verdictReasons = union<ExportVerdict['reason'], serviceWire.VerdictReason>()({
  VERDICT_REASON_VALID: 'Valid',
  VERDICT_REASON_NOT_ALLOWED: 'NotAllowed',
  VERDICT_REASON_NO_SERVICE: 'NoService',
  VERDICT_REASON_INVALID_SERVICE_TYPE: 'InvalidServiceType',
});
export const crossingReasons = union<CrossingReason, serviceWire.CrossingReason>()({
  CROSSING_REASON_GATEWAY: 'Gateway',
  CROSSING_REASON_NO_GATEWAY: 'NoGateway',
  CROSSING_REASON_GATEWAY_WITHOUT_ADDRESS: 'GatewayWithoutAddress',
  CROSSING_REASON_GATEWAY_INVALID: 'GatewayInvalid',
});
export const remoteUsersMounts = union<RemoteUsersMount, clusterWire.RemoteUsersMount>()({ REMOTE_USERS_MOUNT_MOUNTED: 'Mounted', REMOTE_USERS_MOUNT_NOT_MOUNTED: 'NotMounted', REMOTE_USERS_MOUNT_REQUIRED_AND_MISSING: 'RequiredAndMissing' });
export const authModes = union<CiliumFacts['authMode'], clusterWire.AuthMode>()({ AUTH_MODE_LEGACY: 'legacy', AUTH_MODE_MIGRATION: 'migration', AUTH_MODE_CLUSTER: 'cluster' });
export const colours = union<Colour, clusterWire.PeerColour>()({ PEER_COLOUR_GREEN: 'green', PEER_COLOUR_YELLOW: 'yellow', PEER_COLOUR_RED: 'red' });
export const certificateRoles = union<MeshCertificateRole, gatewayWire.MeshCertificateRole>()({
  MESH_CERTIFICATE_ROLE_SERVER: 'server',
  MESH_CERTIFICATE_ROLE_ADMIN: 'admin',
  MESH_CERTIFICATE_ROLE_REMOTE: 'remote',
  MESH_CERTIFICATE_ROLE_LOCAL: 'local',
});
export const resourceTypes = union<SyncType, syncWire.ResourceType>()({
  RESOURCE_TYPE_DESIRED_REVISION: 'DesiredRevision',
  RESOURCE_TYPE_BUNDLE: 'Bundle',
  RESOURCE_TYPE_IMPORTED_FACT: 'ImportedFact',
  RESOURCE_TYPE_EXPORT_VERDICT: 'ExportVerdict',
  RESOURCE_TYPE_EVACUATION: 'Evacuation',
  RESOURCE_TYPE_PEER_ADDRESS: 'PeerAddress',
  RESOURCE_TYPE_QUESTION: 'Question',
  RESOURCE_TYPE_CLUSTER_REPORT: 'ClusterReport',
  RESOURCE_TYPE_APPLIED_REPORT: 'AppliedReport',
  RESOURCE_TYPE_EXPORT_FACT: 'ExportFact',
  RESOURCE_TYPE_DNS_SAMPLE: 'DnsSample',
  RESOURCE_TYPE_ANSWER: 'Answer',
  RESOURCE_TYPE_REVOCATION: 'Revocation',
  RESOURCE_TYPE_READER: 'Reader',
  RESOURCE_TYPE_PEER_VERDICT: 'PeerVerdict',
});
