/** The authoritative answer to one question. */
import { normalizeName, type DnsAnswer, type DnsQuestion, type DnsRecord } from './records.ts';
import type { ZoneService } from './service.ts';
import { findApex, type Zone } from './zone.ts';

/** Of SRV targets: a courtesy that must not crowd the packet. */
const MAX_ADDITIONALS = 32;

const empty = (rcode: DnsAnswer['rcode']): DnsAnswer => ({ rcode, authoritative: false, answers: [], authority: [], additionals: [] });

/**
 * RFC 1034/1035, 2308, 4343, 8020, 8482. REFUSED outside our zones and for transfers; SERVFAIL while not synced; a type that a name has not,
 * known to us or not, is NODATA (NOERROR with SOA). Answers carry the name as asked, case kept (0x20).
 */
export function answer(zone: Zone, question: DnsQuestion): DnsAnswer {
  if (!zone.synced) return empty('SERVFAIL');
  const name = normalizeName(question.name);
  const soa = findApex(zone.apexes, name);
  if (soa === undefined || question.type === 'AXFR' || question.type === 'IXFR') return empty('REFUSED');

  const node = zone.nodes.get(name);
  if (node === undefined) return { ...empty('NXDOMAIN'), authoritative: true, authority: [soa] };
  const asked = question.name.endsWith('.') ? question.name.slice(0, -1) : question.name;
  const records = question.type === 'ANY' ? minimalAny(node.records, asked, soa.minimumSeconds) : node.records.filter((record) => record.type === question.type);
  if (records.length === 0) return { ...empty('NOERROR'), authoritative: true, authority: [soa] };
  return {
    rcode: 'NOERROR',
    authoritative: true,
    answers: records.map((record) => ({ ...record, name: asked })),
    authority: [],
    additionals: targetAddresses(zone, records),
  };
}

/** RFC 8482 §4.2: one synthesised HINFO instead of everything. */
function minimalAny(records: readonly DnsRecord[], name: string, ttlSeconds: number): DnsRecord[] {
  return records.length === 0 ? [] : [{ type: 'HINFO', name, ttlSeconds, cpu: 'RFC8482', os: '' }];
}

function targetAddresses(zone: Zone, records: readonly DnsRecord[]): DnsRecord[] {
  const targets = new Set(records.flatMap((record) => (record.type === 'SRV' || record.type === 'NS' ? [record.target] : [])));
  return [...targets]
    .flatMap((target) => zone.nodes.get(target)?.records.filter((record) => record.type === 'A' || record.type === 'AAAA') ?? [])
    .slice(0, MAX_ADDITIONALS);
}

/** The service behind a name, if there is one. */
function serviceOf(zone: Zone, name: string): ZoneService | undefined {
  return zone.nodes.get(normalizeName(name))?.service;
}

/**
 * Clusters whose endpoints the answer leads to, sorted: what a drill measures. For a ClusterSetIP that is who serves behind the address; otherwise
 * the clusters whose addresses are in the answer.
 */
export function servedBy(zone: Zone, question: DnsQuestion): string[] {
  const { answers } = answer(zone, question);
  const service = serviceOf(zone, question.name);
  if (service === undefined || answers.length === 0) return [];
  const addresses = new Set(answers.flatMap((record) => ('address' in record ? [record.address] : [])));
  const isClusterSetIp = service.type === 'ClusterSetIP' && !zone.globals.has(normalizeName(question.name));
  return service.failover.serving.filter((cluster) => isClusterSetIp || service.exports.some(({ fact }) =>
    fact.cluster === cluster && [...fact.loadBalancerAddresses, ...fact.endpoints.flatMap((endpoint) => endpoint.addresses)].some((address) => addresses.has(address)))).sort();
}
