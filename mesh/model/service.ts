/** Services as they travel between clusters (KEP-1645). Live facts: never staged, latest version wins per (cluster, namespace, name). */
import type { Instant } from './instant.ts';

export type Protocol = 'TCP' | 'UDP' | 'SCTP';
export type IpFamily = 'IPv4' | 'IPv6';
export type ServiceType = 'ClusterSetIP' | 'Headless';

export interface ServicePort {
  /** Empty for a single unnamed port. */
  readonly name: string;
  readonly protocol: Protocol;
  readonly port: number;
  readonly appProtocol?: string;
}

export interface EndpointPort {
  readonly name: string;
  readonly protocol: Protocol;
  readonly port: number;
}

export interface Endpoint {
  readonly addresses: readonly string[];
  readonly ready: boolean;
  readonly hostname?: string;
  readonly zone?: string;
  readonly ports: readonly EndpointPort[];
}

export interface ServiceKey {
  readonly namespace: string;
  readonly name: string;
}

/**
 * Grows with every change that the exporting agent sees: `epoch` is its start time in milliseconds, `sequence` counts within it. A fact with a
 * lower version than the one held is dropped, whichever path brought it (hub or peer).
 */
export interface FactVersion {
  readonly epoch: number;
  readonly sequence: number;
}

/** Where an exported service is reached by those who do not reach its pods: its load balancer, or what its ServiceExport names. */
export interface ServiceGateway {
  /** IP addresses, sorted. */
  readonly addresses: readonly string[];
  /** Of a load balancer that has no address of its own. Sorted. */
  readonly hostnames: readonly string[];
  /** Under the names of the Service's ports. */
  readonly ports: readonly EndpointPort[];
  /** What is wrong with what the ServiceExport names; empty: nothing. */
  readonly problem: string;
}

/** By its gateway, or why not: there is none, it has no IP address, or what the ServiceExport says of it cannot be read. */
export type CrossingReason = 'Gateway' | 'NoGateway' | 'GatewayWithoutAddress' | 'GatewayInvalid';

/** That a fact is told to clusters which do not reach the exporter's pods: its endpoints are those of the gateway. */
export interface Crossing {
  /** Endpoints behind the gateway that are ready; 0 where there is no way to them. */
  readonly readyEndpoints: number;
  readonly reason: CrossingReason;
  /** The way, or what a person does to open one. */
  readonly message: string;
}

/** One ServiceExport of one cluster with its endpoints. At most `MAX_ENDPOINTS` endpoints; the rest is counted in `endpointsOmitted`. */
export interface ExportFact extends ServiceKey {
  readonly cluster: string;
  readonly version: FactVersion;
  /** `creationTimestamp` of the ServiceExport: the oldest export wins conflicts (KEP-1645). */
  readonly exportedAt: Instant;
  readonly type: ServiceType;
  readonly ports: readonly ServicePort[];
  readonly ipFamilies: readonly IpFamily[];
  readonly sessionAffinity: 'None' | 'ClientIP';
  readonly endpoints: readonly Endpoint[];
  readonly endpointsOmitted: number;
  /** `status.loadBalancer.ingress[].ip` of the exported Service: how clients outside reach it. */
  readonly loadBalancerAddresses: readonly string[];
  /** Absent: the Service has no load balancer, and nobody named another way. */
  readonly gateway?: ServiceGateway;
  /** Set by the hub, for readers in another mesh or cell than the exporter; absent: pods reach each other. */
  readonly crossing?: Crossing;
}

/** Why an export is, or is not, shared; written to the ServiceExport's conditions by the exporting agent. */
export interface ExportVerdict extends ServiceKey {
  readonly valid: boolean;
  readonly reason: 'Valid' | 'NotAllowed' | 'NoService' | 'InvalidServiceType';
  readonly message: string;
  /** Empty: no conflict. Comma-joined KEP-1645 reasons otherwise. */
  readonly conflictReason: string;
  readonly conflictMessage: string;
  /** Where there are clusters in a mesh that are no peers of its own; absent: there are none. */
  readonly crossing?: Pick<Crossing, 'reason' | 'message'>;
}

export const MAX_ENDPOINTS = 500;
/** Ports of an exported Service, and its load balancer's addresses. */
export const MAX_SERVICE_PORTS = 100;
export const MAX_SERVICE_ADDRESSES = 100;
/** Of a gateway: enough for every zone, and an import has an endpoint for each. */
export const MAX_GATEWAY_ADDRESSES = 16;

export const serviceKey = (service: ServiceKey): string => `${service.namespace}/${service.name}`;
export const exportKey = (fact: ServiceKey & { readonly cluster: string }): string => `${fact.cluster}/${fact.namespace}/${fact.name}`;

/** Negative, zero or positive, as for sort. */
export function compareVersions(a: FactVersion, b: FactVersion): number {
  return a.epoch - b.epoch || a.sequence - b.sequence;
}
