/** Records of one global host: addresses at which clients in and outside the clusters reach the serving clusters. */
import type { ExportFact } from '../model/service.ts';
import { addressRecord, type DnsRecord } from './records.ts';
import type { ZoneService } from './service.ts';

/** A and AAAA each: fits a UDP answer of 1232 bytes with room for the rest. */
const MAX_ADDRESSES = 16;

/** Clusters in serving order take turns, so that a large one cannot crowd out the others. */
export function globalRecords(host: string, ttlSeconds: number, service: ZoneService): DnsRecord[] {
  const facts = servingFacts(service);
  const ready = takeTurns(facts.map((fact) => reachableAt(fact, false)));
  // Only when failing open is there nothing ready: then an address that may work is better than none.
  const addresses = ready.length > 0 ? ready : takeTurns(facts.map((fact) => reachableAt(fact, true)));
  const records = addresses.map((address) => addressRecord(host, ttlSeconds, address));
  return (['A', 'AAAA'] as const).flatMap((type) => records.filter((record) => record.type === type).slice(0, MAX_ADDRESSES));
}

const servingFacts = (service: ZoneService): ExportFact[] =>
  service.failover.serving.flatMap((cluster) => service.exports.filter((entry) => entry.fact.cluster === cluster).map((entry) => entry.fact));

/** Load balancer addresses if the cluster has any, else its endpoints' own. */
function reachableAt(fact: ExportFact, evenUnready: boolean): string[] {
  if (fact.loadBalancerAddresses.length > 0) return [...fact.loadBalancerAddresses].sort();
  return fact.endpoints.filter((endpoint) => endpoint.ready || evenUnready).flatMap((endpoint) => endpoint.addresses).sort();
}

function takeTurns(lists: readonly (readonly string[])[]): string[] {
  const longest = Math.max(0, ...lists.map((list) => list.length));
  const turns = Array.from({ length: longest }, (_, index) => lists.flatMap((list) => list.slice(index, index + 1)));
  return [...new Set(turns.flat())];
}
