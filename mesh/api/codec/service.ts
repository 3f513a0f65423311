/** Exports and verdicts: wire ↔ model. */
import type { Crossing, Endpoint, EndpointPort, ExportFact, ExportVerdict, ServiceGateway, ServicePort } from '../../model/service.ts';
import type * as wire from '../gen/isthmus/v1/service.ts';
import { BOUNDS, instant, list, name, port, present, text, texts, wholeNumber } from './bounds.ts';
import { crossingReasons, ipFamilies, protocols, serviceTypes, sessionAffinities, verdictReasons } from './unions.ts';

export function exportFactToWire(fact: ExportFact): wire.ExportFact {
  const { gateway, crossing, ...rest } = fact;
  return {
    ...rest,
    ...(gateway === undefined ? {} : { gateway: { addresses: [...gateway.addresses], hostnames: [...gateway.hostnames], ports: gateway.ports.map((item) => ({ ...item, protocol: protocols.toWire(item.protocol) })), problem: gateway.problem } }),
    ...(crossing === undefined ? {} : { crossing: { ...crossing, reason: crossingReasons.toWire(crossing.reason) } }),
    type: serviceTypes.toWire(fact.type),
    ports: fact.ports.map((item) => ({ ...item, protocol: protocols.toWire(item.protocol) })),
    ipFamilies: fact.ipFamilies.map((family) => ipFamilies.toWire(family)),
    sessionAffinity: sessionAffinities.toWire(fact.sessionAffinity),
    endpoints: fact.endpoints.map((endpoint) => ({ ...endpoint, ports: endpoint.ports.map((item) => ({ ...item, protocol: protocols.toWire(item.protocol) })) })),
  };
}

export function exportFactFromWire(field: string, fact: wire.ExportFact): ExportFact {
  const version = present(`${field}.version`, fact.version);
  return {
    cluster: name(`${field}.cluster`, fact.cluster),
    namespace: name(`${field}.namespace`, fact.namespace),
    name: name(`${field}.name`, fact.name),
    version: {
      epoch: instant(`${field}.version.epoch`, version.epoch),
      sequence: wholeNumber(`${field}.version.sequence`, version.sequence, 0, Number.MAX_SAFE_INTEGER),
    },
    exportedAt: instant(`${field}.exportedAt`, fact.exportedAt),
    type: serviceTypes.fromWire(`${field}.type`, fact.type),
    ports: list(`${field}.ports`, fact.ports, BOUNDS.ports).map((item, index) => servicePort(`${field}.ports[${index}]`, item)),
    ipFamilies: list(`${field}.ipFamilies`, fact.ipFamilies, BOUNDS.ipFamilies).map((family) => ipFamilies.fromWire(`${field}.ipFamilies`, family)),
    sessionAffinity: sessionAffinities.fromWire(`${field}.sessionAffinity`, fact.sessionAffinity),
    endpoints: list(`${field}.endpoints`, fact.endpoints, BOUNDS.endpoints).map((item, index) => endpointFromWire(`${field}.endpoints[${index}]`, item)),
    endpointsOmitted: fact.endpointsOmitted,
    loadBalancerAddresses: texts(`${field}.loadBalancerAddresses`, fact.loadBalancerAddresses, BOUNDS.addressesPerEndpoint),
    ...(fact.gateway === undefined ? {} : { gateway: gatewayFromWire(`${field}.gateway`, fact.gateway) }),
    ...(fact.crossing === undefined ? {} : { crossing: crossingFromWire(`${field}.crossing`, fact.crossing) }),
  };
}

function gatewayFromWire(field: string, gateway: wire.ServiceGateway): ServiceGateway {
  return {
    addresses: texts(`${field}.addresses`, gateway.addresses, BOUNDS.gatewayAddresses),
    hostnames: texts(`${field}.hostnames`, gateway.hostnames, BOUNDS.gatewayAddresses),
    ports: list(`${field}.ports`, gateway.ports, BOUNDS.ports).map((item, index) => endpointPort(`${field}.ports[${index}]`, item)),
    problem: text(`${field}.problem`, gateway.problem),
  };
}

function crossingFromWire(field: string, crossing: wire.Crossing): Crossing {
  return {
    readyEndpoints: wholeNumber(`${field}.readyEndpoints`, crossing.readyEndpoints, 0, BOUNDS.endpoints),
    reason: crossingReasons.fromWire(`${field}.reason`, crossing.reason),
    message: text(`${field}.message`, crossing.message),
  };
}

function endpointPort(field: string, item: wire.EndpointPort): EndpointPort {
  return { name: text(`${field}.name`, item.name, BOUNDS.nameLength), protocol: protocols.fromWire(`${field}.protocol`, item.protocol), port: port(`${field}.port`, item.port) };
}

function servicePort(field: string, item: wire.ServicePort): ServicePort {
  return { ...endpointPort(field, item), ...(item.appProtocol === undefined ? {} : { appProtocol: text(`${field}.appProtocol`, item.appProtocol, BOUNDS.nameLength) }) };
}

function endpointFromWire(field: string, endpoint: wire.Endpoint): Endpoint {
  return {
    addresses: texts(`${field}.addresses`, endpoint.addresses, BOUNDS.addressesPerEndpoint),
    ready: endpoint.ready,
    ...(endpoint.hostname === undefined ? {} : { hostname: text(`${field}.hostname`, endpoint.hostname, BOUNDS.nameLength) }),
    ...(endpoint.zone === undefined ? {} : { zone: text(`${field}.zone`, endpoint.zone, BOUNDS.nameLength) }),
    ports: list(`${field}.ports`, endpoint.ports, BOUNDS.ports).map((item, index) => endpointPort(`${field}.ports[${index}]`, item)),
  };
}

export function exportVerdictToWire(verdict: ExportVerdict): wire.ExportVerdict {
  const { crossing, ...rest } = verdict;
  return { ...rest, reason: verdictReasons.toWire(verdict.reason), ...(crossing === undefined ? {} : { crossing: { readyEndpoints: 0, reason: crossingReasons.toWire(crossing.reason), message: crossing.message } }) };
}

export function exportVerdictFromWire(field: string, verdict: wire.ExportVerdict): ExportVerdict {
  return {
    namespace: name(`${field}.namespace`, verdict.namespace),
    name: name(`${field}.name`, verdict.name),
    valid: verdict.valid,
    reason: verdictReasons.fromWire(`${field}.reason`, verdict.reason),
    message: text(`${field}.message`, verdict.message),
    conflictReason: text(`${field}.conflictReason`, verdict.conflictReason),
    conflictMessage: text(`${field}.conflictMessage`, verdict.conflictMessage),
    ...(verdict.crossing === undefined ? {} : { crossing: crossingOf(crossingFromWire(`${field}.crossing`, verdict.crossing)) }),
  };
}

const crossingOf = ({ reason, message }: Crossing): Pick<Crossing, 'reason' | 'message'> => ({ reason, message });
