/** What an agent may say of itself: within bounds. That it speaks of itself alone is a rule of the protocol (mesh/api/authorization.ts). */
import { LAST_INSTANT } from '../../../mesh/model/instant.ts';
import { MAX_PROPERTIES, MAX_PROPERTY_NAME, MAX_PROPERTY_VALUE, type MeshEndpoint } from '../../../mesh/model/cluster.ts';
import { LONGEST_WAITING_REASON, MAX_PEERS, type PeeringReport } from '../../../mesh/model/desired.ts';
import { dnsLabelProblem } from '../../../mesh/model/names.ts';
import { MAX_ENDPOINTS, serviceKey, type ExportFact } from '../../../mesh/model/service.ts';
import type { SyncResource, SyncValues } from '../../../mesh/model/sync.ts';
import type { AgentType } from './fleet.ts';

const MAX_DRIFT_ENTRIES = 1000;
const MAX_PORTS = 100;
/** As in the schema of Cluster: a status that the API server refuses would freeze all that is known of the cluster. */
const MAX_ADDRESS = 253;
const MAX_IPS = 16;
const MAX_IP = 45;

/** How many resources of a type one cluster may have: one agent's flood must not take the place of the others. */
export const MOST_OF_A_CLUSTER: Readonly<Record<AgentType, number>> = { ClusterReport: 1, AppliedReport: 1, ExportFact: 1000, DnsSample: 100, Answer: 100, PeerVerdict: MAX_PEERS };

function exportProblem(name: string, fact: ExportFact): string | undefined {
  if (name !== serviceKey(fact)) return `name: is not "${serviceKey(fact)}"`;
  if (fact.endpoints.length > MAX_ENDPOINTS) return `endpoints: ${fact.endpoints.length} given, at most ${MAX_ENDPOINTS} allowed; count the rest in endpointsOmitted`;
  if (fact.ports.length > MAX_PORTS) return `ports: ${fact.ports.length} given, at most ${MAX_PORTS} allowed`;
  if (fact.crossing !== undefined) return 'crossing: is given, and only the hub says so';
  return dnsLabelProblem('namespace', fact.namespace) ?? dnsLabelProblem('name', fact.name);
}

function reportProblem(report: SyncValues['ClusterReport']): string | undefined {
  const properties = Object.entries(report.properties);
  if (properties.length > MAX_PROPERTIES) return `properties: ${properties.length} given, at most ${MAX_PROPERTIES} allowed`;
  for (const [name, value] of properties) {
    if (name === '' || name.length > MAX_PROPERTY_NAME) return `properties: name ${JSON.stringify(name.slice(0, 40))} has ${name.length} characters; 1 to ${MAX_PROPERTY_NAME} are allowed`;
    if (value.length > MAX_PROPERTY_VALUE) return `properties.${name}: has ${value.length} characters; at most ${MAX_PROPERTY_VALUE} are allowed`;
  }
  return report.cilium === null ? undefined : endpointProblem(report.cilium.endpoint);
}

function endpointProblem({ address, ips }: MeshEndpoint = { port: 0 }): string | undefined {
  if (address !== undefined && address.length > MAX_ADDRESS) return `cilium.endpoint.address: has ${address.length} characters; at most ${MAX_ADDRESS} are allowed`;
  if (ips === undefined) return undefined;
  if (ips.length > MAX_IPS) return `cilium.endpoint.ips: ${ips.length} given, at most ${MAX_IPS} allowed`;
  const long = ips.find((ip) => ip.length > MAX_IP);
  return long === undefined ? undefined : `cilium.endpoint.ips: ${JSON.stringify(long.slice(0, MAX_IP))}… is no address`;
}

/** As Cilium takes names of clusters, and as status holds reasons. */
function peeringProblem({ reads, waiting, keeps = [] }: PeeringReport): string | undefined {
  const named = [['reads', reads], ['waiting', waiting.map(({ peer }) => peer)], ['keeps', keeps]] as const;
  for (const [field, names] of named) {
    if (names.length > MAX_PEERS) return `peering.${field}: ${names.length} given, at most ${MAX_PEERS} allowed`;
    const problem = names.map((name) => dnsLabelProblem(`peering.${field}`, name)).find((one) => one !== undefined);
    if (problem !== undefined) return problem;
  }
  const long = waiting.find(({ reason }) => reason.length > LONGEST_WAITING_REASON);
  return long === undefined ? undefined : `peering.waiting: reason of ${long.peer} has ${long.reason.length} characters; at most ${LONGEST_WAITING_REASON} are allowed`;
}

function appliedProblem({ appliedAt, drift, peering }: SyncValues['AppliedReport']): string | undefined {
  const peered = peering === undefined ? undefined : peeringProblem(peering);
  if (peered !== undefined) return peered;
  if (drift.length > MAX_DRIFT_ENTRIES) return `drift: ${drift.length} entries given, at most ${MAX_DRIFT_ENTRIES} allowed`;
  if (appliedAt !== null && appliedAt > LAST_INSTANT) return `appliedAt: ${appliedAt} is after the year 9999`;
  const late = drift.find(({ firstSeen, changedAt = 0 }) => firstSeen > LAST_INSTANT || changedAt > LAST_INSTANT);
  return late === undefined ? undefined : `drift: firstSeen ${late.firstSeen} or changedAt ${late.changedAt ?? 'unknown'} of ${late.object} is after the year 9999`;
}

function verdictProblem(name: string, { peer, since, at }: SyncValues['PeerVerdict']): string | undefined {
  if (peer !== name) return 'peer: is not the name of the resource';
  return Math.max(since, at) > LAST_INSTANT ? `since: ${since} or at ${at} is after the year 9999` : dnsLabelProblem('peer', peer);
}

/** A sentence that says what is wrong, or undefined. For which cluster it speaks was judged before (`speakingProblem`). */
export function resourceProblem(type: AgentType, { name, value }: SyncResource): string | undefined {
  switch (type) {
    case 'ExportFact': return exportProblem(name, value as SyncValues['ExportFact']);
    case 'DnsSample': return undefined;
    case 'Answer': return (value as SyncValues['Answer']).id === name ? undefined : 'id: is not the name of the resource';
    case 'PeerVerdict': return verdictProblem(name, value as SyncValues['PeerVerdict']);
    case 'ClusterReport': return reportProblem(value as SyncValues['ClusterReport']);
    case 'AppliedReport': return appliedProblem(value as SyncValues['AppliedReport']);
  }
}
