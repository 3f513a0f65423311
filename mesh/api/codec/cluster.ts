/** Reports, desired revisions, drills and questions: wire ↔ model. */
import type { BundleDelivery } from '../../model/bundle.ts';
import { type CiliumFacts, type ClusterReport, LONGEST_RELEASE_NAME, MAX_FOREIGN_ROOTS, MAX_NODE_CIDRS, MAX_SERVER_NAMES, MAX_SERVICE_CIDRS, type MeshEndpoint, RELEASE_TOOLS } from '../../model/cluster.ts';
import type { AppliedReport, DesiredRevision } from '../../model/desired.ts';
import type { DnsSample, Evacuation } from '../../model/drill.ts';
import type { Answer, PeerAddress, Question } from '../../model/sync.ts';
import { MAX_TRUST_ISSUERS, type TrustUse } from '../../model/trust.ts';
import * as wire from '../gen/isthmus/v1/cluster.ts';
import { BOUNDS, instant, invalid, list, name, port, text, textMap, texts, wholeNumber } from './bounds.ts';
import { inventoryFromWire, inventoryToWire } from './resources.ts';
import { driftFromWire, driftToWire } from './drift.ts';
import { peeringFromWire, peeringToWire } from './peering.ts';
import { effectFromWire, effectToWire } from './revocation.ts';
import { authModes, remoteUsersMounts } from './unions.ts';

const short = (field: string, value: string): string => text(field, value, BOUNDS.nameLength);

function ciliumToWire(cilium: CiliumFacts): wire.CiliumFacts {
  const { endpoint } = cilium;
  return {
    ...cilium,
    authMode: authModes.toWire(cilium.authMode),
    settings: { ...cilium.settings },
    nodeCidrs: cilium.nodeCidrs ?? [],
    serviceCidrs: cilium.serviceCidrs ?? [],
    remoteUsers: cilium.remoteUsers === undefined ? wire.RemoteUsersMount.UNSPECIFIED : remoteUsersMounts.toWire(cilium.remoteUsers),
    serverNames: cilium.serverNames ?? [],
    foreignTrust: cilium.foreignTrust,
    release: cilium.release === undefined ? undefined : { namespace: '', byLabelAlone: false, ...cilium.release },
    endpoint: endpoint === undefined ? undefined : { address: endpoint.address, ips: endpoint.ips ?? [], port: endpoint.port },
  };
}

function endpointFromWire(field: string, endpoint: wire.MeshEndpoint): MeshEndpoint {
  const at = port(`${field}.port`, endpoint.port);
  if (endpoint.address !== undefined) return { address: short(`${field}.address`, endpoint.address), port: at };
  return { ips: texts(`${field}.ips`, endpoint.ips, BOUNDS.addressesPerEndpoint), port: at };
}

/** Nothing on the wire is nothing told. */
function presentTexts<K extends 'nodeCidrs' | 'serviceCidrs' | 'serverNames'>(field: string, key: K, values: readonly string[], most: number): { readonly [P in K]?: readonly string[] } {
  return (values.length === 0 ? {} : { [key]: texts(`${field}.${key}`, values, most) }) as { readonly [P in K]?: readonly string[] };
}

/** A newer agent may tell of a tool that this hub does not know. */
function releaseFromWire(field: string, release: wire.CiliumRelease | undefined): Pick<CiliumFacts, 'release'> {
  const tool = RELEASE_TOOLS.find((known) => known === release?.tool);
  if (release === undefined || tool === undefined) return {};
  return {
    release: {
      tool, name: text(`${field}.name`, release.name, LONGEST_RELEASE_NAME), ...(release.namespace === '' ? {} : { namespace: text(`${field}.namespace`, release.namespace, LONGEST_RELEASE_NAME) }),
      ...(release.byLabelAlone ? { byLabelAlone: true } : {}),
    },
  };
}

const isKnownMount = (mount: wire.RemoteUsersMount): boolean => mount !== wire.RemoteUsersMount.UNSPECIFIED && mount !== wire.RemoteUsersMount.UNRECOGNIZED;

function ciliumFromWire(field: string, cilium: wire.CiliumFacts): CiliumFacts {
  const { maxConnectedClusters } = cilium;
  if (maxConnectedClusters !== 255 && maxConnectedClusters !== 511) throw invalid(`${field}.maxConnectedClusters`, `${maxConnectedClusters} is neither 255 nor 511`);
  return {
    version: short(`${field}.version`, cilium.version),
    clusterName: short(`${field}.clusterName`, cilium.clusterName),
    // As Cilium has it: the plan judges, so that people read of an id out of range on the Mesh.
    clusterId: cilium.clusterId,
    maxConnectedClusters,
    podCidrs: texts(`${field}.podCidrs`, cilium.podCidrs, BOUNDS.podCidrs),
    namespace: short(`${field}.namespace`, cilium.namespace),
    kvstoreMesh: cilium.kvstoreMesh,
    authMode: authModes.fromWire(`${field}.authMode`, cilium.authMode),
    ...(cilium.endpoint === undefined ? {} : { endpoint: endpointFromWire(`${field}.endpoint`, cilium.endpoint) }),
    ...presentTexts(field, 'nodeCidrs', cilium.nodeCidrs, MAX_NODE_CIDRS),
    ...presentTexts(field, 'serviceCidrs', cilium.serviceCidrs, MAX_SERVICE_CIDRS),
    ...presentTexts(field, 'serverNames', cilium.serverNames, MAX_SERVER_NAMES),
    // A newer agent may tell of a mount that this hub does not know.
    ...(isKnownMount(cilium.remoteUsers) ? { remoteUsers: remoteUsersMounts.fromWire(`${field}.remoteUsers`, cilium.remoteUsers) } : {}),
    ...(cilium.foreignTrust === undefined ? {} : { foreignTrust: { roots: texts(`${field}.foreignTrust.roots`, cilium.foreignTrust.roots, MAX_FOREIGN_ROOTS), signedBy: texts(`${field}.foreignTrust.signedBy`, cilium.foreignTrust.signedBy, MAX_FOREIGN_ROOTS) } }),
    ...releaseFromWire(`${field}.release`, cilium.release),
    // A newer agent may tell settings that this hub does not judge.
    ...(Object.keys(cilium.settings).length === 0 ? {} : { settings: textMap(`${field}.settings`, cilium.settings, BOUNDS.ciliumSettings, BOUNDS.ciliumSettingLength) }),
  };
}

export function clusterReportToWire(report: ClusterReport): wire.ClusterReport {
  const { nodes, cilium, properties, kubernetesVersion, agentVersion, peerAddress } = report;
  return { properties, kubernetesVersion, agentVersion, peerAddress, ...inventoryToWire(report), cilium: cilium === null ? undefined : ciliumToWire(cilium), nodesTotal: nodes.total, nodesReady: nodes.ready };
}

export function clusterReportFromWire(field: string, report: wire.ClusterReport): ClusterReport {
  return {
    properties: textMap(`${field}.properties`, report.properties, BOUNDS.properties, BOUNDS.textLength),
    kubernetesVersion: short(`${field}.kubernetesVersion`, report.kubernetesVersion),
    agentVersion: short(`${field}.agentVersion`, report.agentVersion),
    cilium: report.cilium === undefined ? null : ciliumFromWire(`${field}.cilium`, report.cilium),
    nodes: { total: report.nodesTotal, ready: report.nodesReady },
    peerAddress: short(`${field}.peerAddress`, report.peerAddress),
    ...inventoryFromWire(field, report),
  };
}

export const bundleFromWire = (field: string, { digest, content, signatures }: wire.Bundle): BundleDelivery => ({
  digest: name(`${field}.digest`, digest),
  content: text(`${field}.content`, content, BOUNDS.bundleContentLength),
  signatures: list(`${field}.signatures`, signatures, BOUNDS.bundleSignatures).map(({ keyid, sig }, index) => ({ keyid: name(`${field}.signatures[${index}].keyid`, keyid), sig: text(`${field}.signatures[${index}].sig`, sig) })),
});

export const desiredRevisionToWire = (revision: DesiredRevision): wire.DesiredRevision => ({ ...revision, generation: revision.generation });

export const desiredRevisionFromWire = (field: string, revision: wire.DesiredRevision): DesiredRevision => ({
  id: name(`${field}.id`, revision.id),
  cluster: name(`${field}.cluster`, revision.cluster),
  content: text(`${field}.content`, revision.content, BOUNDS.contentLength),
  ...(revision.generation === undefined ? {} : { generation: wholeNumber(`${field}.generation`, revision.generation, 0, Number.MAX_SAFE_INTEGER) }),
});

export function appliedReportToWire(report: AppliedReport): wire.AppliedReport {
  return { ...report, id: report.id ?? undefined, appliedAt: report.appliedAt ?? undefined, drift: report.drift.map(driftToWire), driftOmitted: report.driftOmitted ?? 0, inPlaceButDrift: report.inPlaceButDrift, generation: report.generation, refused: report.refused ?? false, revocations: report.revocations?.map(effectToWire) ?? [], trust: report.trust === undefined ? undefined : trustUseToWire(report.trust), peering: report.peering === undefined ? undefined : peeringToWire(report.peering) };
}

export function appliedReportFromWire(field: string, report: wire.AppliedReport): AppliedReport {
  return {
    id: report.id === undefined ? null : name(`${field}.id`, report.id),
    appliedAt: report.appliedAt === undefined ? null : instant(`${field}.appliedAt`, report.appliedAt),
    healthy: report.healthy,
    message: text(`${field}.message`, report.message),
    drift: list(`${field}.drift`, report.drift, BOUNDS.driftEntries).map((entry, index) => driftFromWire(`${field}.drift[${index}]`, entry)),
    ...(report.driftOmitted === 0 ? {} : { driftOmitted: report.driftOmitted }),
    ...(report.inPlaceButDrift === undefined ? {} : { inPlaceButDrift: name(`${field}.inPlaceButDrift`, report.inPlaceButDrift) }),
    ...(report.generation === undefined ? {} : { generation: wholeNumber(`${field}.generation`, report.generation, 0, Number.MAX_SAFE_INTEGER) }),
    ...(report.refused ? { refused: true } : {}),
    ...(report.revocations.length === 0 ? {} : { revocations: list(`${field}.revocations`, report.revocations, BOUNDS.revocations).map((effect, index) => effectFromWire(`${field}.revocations[${index}]`, effect)) }),
    ...(report.trust === undefined ? {} : { trust: trustUseFromWire(`${field}.trust`, report.trust) }),
    ...(report.peering === undefined ? {} : { peering: peeringFromWire(`${field}.peering`, report.peering) }),
  };
}

const trustUseToWire = ({ sequence, clientIssuers, serverIssuers }: TrustUse): wire.TrustUse => ({ sequence, clientIssuers: [...clientIssuers], serverIssuers: [...serverIssuers] });

function trustUseFromWire(field: string, { sequence, clientIssuers, serverIssuers }: wire.TrustUse): TrustUse {
  const issuers = (member: string, given: readonly string[]): string[] => list(`${field}.${member}`, given, MAX_TRUST_ISSUERS).map((issuer, index) => name(`${field}.${member}[${index}]`, issuer));
  return {
    sequence: wholeNumber(`${field}.sequence`, sequence, 0, Number.MAX_SAFE_INTEGER), clientIssuers: issuers('clientIssuers', clientIssuers), serverIssuers: issuers('serverIssuers', serverIssuers),
  };
}

export function evacuationToWire(evacuation: Evacuation): wire.Evacuation {
  const { service, ...rest } = evacuation;
  return { ...rest, namespace: service.namespace, service: service.name };
}

export const evacuationFromWire = (field: string, evacuation: wire.Evacuation): Evacuation => ({
  id: name(`${field}.id`, evacuation.id),
  service: { namespace: name(`${field}.namespace`, evacuation.namespace), name: name(`${field}.service`, evacuation.service) },
  cluster: name(`${field}.cluster`, evacuation.cluster),
  until: instant(`${field}.until`, evacuation.until),
  active: evacuation.active,
});

export const dnsSampleFromWire = (field: string, sample: wire.DnsSample): DnsSample => ({
  cluster: name(`${field}.cluster`, sample.cluster),
  at: instant(`${field}.at`, sample.at),
  servedBy: texts(`${field}.servedBy`, sample.servedBy, BOUNDS.clusters),
  rcode: short(`${field}.rcode`, sample.rcode),
  healthy: texts(`${field}.healthy`, sample.healthy, BOUNDS.clusters),
});

export const peerAddressFromWire = (field: string, peer: wire.PeerAddress): PeerAddress => ({
  cluster: name(`${field}.cluster`, peer.cluster),
  address: short(`${field}.address`, peer.address),
});

export const questionFromWire = (field: string, question: wire.Question): Question => ({
  id: name(`${field}.id`, question.id),
  dnsName: short(`${field}.dnsName`, question.dnsName),
  dnsType: short(`${field}.dnsType`, question.dnsType),
  ...(question.verify === '' ? {} : { verify: short(`${field}.verify`, question.verify) }),
  ...(question.standing ? { standing: true as const } : {}),
});

export const answerFromWire = (field: string, answer: wire.Answer): Answer => ({
  id: name(`${field}.id`, answer.id),
  lines: texts(`${field}.lines`, answer.lines, BOUNDS.lines),
  records: texts(`${field}.records`, answer.records, BOUNDS.lines),
  rcode: short(`${field}.rcode`, answer.rcode),
});
