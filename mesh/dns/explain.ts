/** Why a name is answered as it is, for a person. */
import { toRfc3339, type Instant } from '../model/instant.ts';
import type { FailoverPolicyValue } from '../model/policy.ts';
import { serviceKey } from '../model/service.ts';
import { answer } from './answer.ts';
import { isUnder, normalizeName, type DnsAnswer, type DnsQuestion, type DnsRecord } from './records.ts';
import { CLUSTERSET, type ZoneExport, type ZoneService } from './service.ts';
import { findApex, type Zone } from './zone.ts';

/** Lines in the order in which one would ask. Ages are counted at `now`. */
export function explain(zone: Zone, question: DnsQuestion, now: Instant = zone.builtAt): string[] {
  const name = normalizeName(question.name);
  const result = answer(zone, question);
  const lines = [headline(zone, question, result)];
  if (!zone.synced) return [...lines, 'This agent does not know its services yet: it has neither heard from the hub nor found a last known state. It answers SERVFAIL until then.'];
  const soa = findApex(zone.apexes, name);
  if (soa === undefined) {
    return [...lines, `${name} is in none of this agent's zones: ${[...zone.apexes.keys()].sort().slice(0, 20).join(', ')}.`];
  }
  const global = zone.globals.get(name);
  lines.push(`Zone ${soa.name}${global === undefined ? '' : ` (GlobalService ${global.name} for ${serviceKey(global.service)}, TTL ${global.ttlSeconds} s)`}.`);
  const service = zone.nodes.get(name)?.service ?? serviceByShape(zone, name);
  if (service === undefined) return [...lines, noService(zone, name, result, global && serviceKey(global.service))];
  return [...lines, ...explainService(service, now)];
}

function headline(zone: Zone, question: DnsQuestion, result: DnsAnswer): string {
  const records = result.answers.map(shown).join(', ');
  const outcome = result.rcode === 'NOERROR' && records === '' ? `NOERROR without data: there is no ${question.type} record` : `${result.rcode}${records === '' ? '' : `: ${records}`}`;
  return `${normalizeName(question.name)} ${question.type} from ${zone.cluster}: ${outcome}`;
}

function shown(record: DnsRecord): string {
  switch (record.type) {
    case 'A': case 'AAAA': return record.address;
    case 'SRV': return `${record.target}:${record.port}`;
    case 'TXT': return JSON.stringify(record.texts.join(''));
    case 'NS': return record.target;
    case 'HINFO': return record.cpu;
    case 'SOA': return `${record.primary} ${record.serial}`;
  }
}

/** `<service>.<namespace>.svc.clusterset.local` or a name below it, also where the name itself does not exist. */
function serviceByShape(zone: Zone, name: string): ZoneService | undefined {
  if (!isUnder(name, `svc.${CLUSTERSET}`)) return undefined;
  const [service, namespace] = name.slice(0, -`.svc.${CLUSTERSET}`.length).split('.').slice(-2);
  return zone.services.get(`${namespace}/${service}`);
}

function noService(zone: Zone, name: string, result: DnsAnswer, wanted: string | undefined): string {
  if (result.answers.length > 0) return 'The name belongs to the zone itself, not to a service.';
  const labels = isUnder(name, `svc.${CLUSTERSET}`) ? name.slice(0, -`.svc.${CLUSTERSET}`.length).split('.').slice(-2) : [];
  const key = wanted ?? (labels.length === 2 ? `${labels[1]}/${labels[0]}` : undefined);
  if (key === undefined) return result.rcode === 'NXDOMAIN' ? 'No such name.' : 'Only names below this one have records.';
  const [namespace, service] = key.split('/');
  return `No export of ${key} has reached ${zone.cluster}: either no cluster has a ServiceExport ${service} in namespace ${namespace}, or no ExportPolicy allows it `
    + `(kubectl get serviceexport -n ${namespace} ${service}, in the exporting cluster).`;
}

function explainService(service: ZoneService, now: Instant): string[] {
  const ports = service.ports.map((port) => `${port.name === '' ? '' : `${port.name} `}${port.protocol}/${port.port}`).join(', ');
  return [
    `Service ${serviceKey(service)}, ${service.type}, ports ${ports === '' ? 'none' : ports}.`,
    ...(service.clusterSetIps === null ? [`It is not imported here: create namespace ${service.namespace} to get a ServiceImport.`] : []),
    ...(service.clusterSetIps?.length === 0 && service.type === 'ClusterSetIP' ? ['Its derived Service has no cluster IP yet.'] : []),
    policyLine(service.policy),
    ...service.exports.map((entry) => exportLine(service, entry, now)),
    `Serving: ${service.failover.serving.length === 0 ? 'nobody' : service.failover.serving.join(', ')}, because ${service.failover.reason}.`,
    ...(service.failover.wakeAt === null ? [] : [`Judged again at ${toRfc3339(service.failover.wakeAt)}, or as soon as something changes.`]),
  ];
}

function policyLine(policy: FailoverPolicyValue | null): string {
  if (policy === null) return 'No FailoverPolicy: every cluster with ready endpoints serves.';
  const order = policy.priority.length === 0 ? 'all healthy clusters serve together' : `priority ${policy.priority.join(', ')}`;
  return `FailoverPolicy ${policy.name}: ${order}; at least ${policy.minimumReady} ready; leaves after ${policy.unhealthyAfterSeconds} s unhealthy, `
    + `healthy after ${policy.healthyAfterSeconds} s, returns after ${policy.failbackDelaySeconds} s.`;
}

function exportLine(service: ZoneService, { fact, heardAt, heardFrom }: ZoneExport, now: Instant): string {
  const health = service.failover.health.find((entry) => entry.cluster === fact.cluster);
  const verdict = health === undefined ? 'not judged yet' : `${health.healthy ? 'healthy' : 'unhealthy'} since ${toRfc3339(health.changedAt)} (${health.reason})`;
  const serves = service.failover.serving.includes(fact.cluster) ? 'serves' : 'does not serve';
  const omitted = fact.endpointsOmitted === 0 ? '' : `, ${fact.endpointsOmitted} endpoints not carried`;
  return `- ${fact.cluster}: ${verdict}; ${serves}; heard from ${heardFrom} ${Math.max(0, Math.round((now - heardAt) / 1000))} s ago${omitted}${fact.crossing === undefined ? '' : `; ${fact.crossing.message}`}.`;
}
