/** Everything one agent's DNS can answer, worked out beforehand: a question is then a lookup. */
import type { Instant } from '../model/instant.ts';
import type { GlobalServiceValue } from '../model/policy.ts';
import { serviceKey } from '../model/service.ts';
import { clusterSetName, clusterSetRecords } from './clusterset.ts';
import { globalRecords } from './global.ts';
import { addressRecord, isUnder, normalizeName, parentName, type DnsRecord, type SoaRecord } from './records.ts';
import { CLUSTERSET, CLUSTERSET_TTL_SECONDS, type ZoneService } from './service.ts';

export type { ZoneService } from './service.ts';

const NAMESERVER = `ns.dns.${CLUSTERSET}`;

export interface ZoneInput {
  /** Whose agent answers. */
  readonly cluster: string;
  readonly now: Instant;
  /** false until the agent knows its imports (from the hub or from its last known state): every question gets SERVFAIL, never a wrong "no such name". */
  readonly synced: boolean;
  /** At most one entry for a namespace and name. */
  readonly services: readonly ZoneService[];
  readonly globalServices: readonly GlobalServiceValue[];
  /** Where this DNS server is reached; may be empty. */
  readonly nameserverAddresses: readonly string[];
}

interface ZoneNode {
  readonly records: readonly DnsRecord[];
  /** undefined: apex, nameserver, version, or a name that only has others below it. */
  readonly service: ZoneService | undefined;
}

export interface Zone {
  readonly cluster: string;
  readonly builtAt: Instant;
  readonly synced: boolean;
  /** By apex. Every global host is a zone of its own, so that any parent can delegate or forward just that name. */
  readonly apexes: ReadonlyMap<string, SoaRecord>;
  /** By lower-case name; an entry without records is an empty non-terminal (RFC 8020: NODATA, not NXDOMAIN). */
  readonly nodes: ReadonlyMap<string, ZoneNode>;
  readonly services: ReadonlyMap<string, ZoneService>;
  readonly globals: ReadonlyMap<string, GlobalServiceValue>;
}

/** A global host at or below `clusterset.local`, or one that an earlier global service (by name) has taken, is left out. */
export function buildZone(input: ZoneInput): Zone {
  const nodes = new Map<string, { records: DnsRecord[]; service: ZoneService | undefined }>();
  const add = (record: DnsRecord, service?: ZoneService): void => {
    const node = nodes.get(record.name);
    if (node === undefined) nodes.set(record.name, { records: [record], service });
    else node.records.push(record);
  };
  const apexes = new Map<string, SoaRecord>();
  const addApex = (name: string, ttlSeconds: number): void => {
    const soa = startOfAuthority(name, ttlSeconds, input.now);
    apexes.set(name, soa);
    add(soa);
    add({ type: 'NS', name, ttlSeconds, target: NAMESERVER });
  };

  addApex(CLUSTERSET, CLUSTERSET_TTL_SECONDS);
  add({ type: 'TXT', name: `dns-version.${CLUSTERSET}`, ttlSeconds: 28800, texts: ['1.0.0'] });
  for (const address of [...input.nameserverAddresses].sort()) add(addressRecord(NAMESERVER, CLUSTERSET_TTL_SECONDS, address));

  const services = new Map(input.services.map((service) => [serviceKey(service), service]));
  for (const service of services.values()) {
    // A ClusterSetIP name exists even while the derived Service has no address yet.
    if (service.type === 'ClusterSetIP' && service.clusterSetIps !== null) nodes.set(clusterSetName(service), { records: [], service });
    for (const record of clusterSetRecords(service)) add(record, service);
  }
  const globals = new Map<string, GlobalServiceValue>();
  for (const global of [...input.globalServices].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))) {
    const host = normalizeName(global.host);
    if (isUnder(host, CLUSTERSET) || globals.has(host)) continue;
    globals.set(host, global);
    addApex(host, global.ttlSeconds);
    const service = services.get(serviceKey(global.service));
    const node = nodes.get(host)!;
    node.service = service;
    if (service !== undefined) node.records.push(...globalRecords(host, global.ttlSeconds, service));
  }
  for (const name of [...nodes.keys()]) addEmptyNonTerminals(name, nodes, apexes);
  return { cluster: input.cluster, builtAt: input.now, synced: input.synced, apexes, nodes, services, globals };
}

function addEmptyNonTerminals(name: string, nodes: Map<string, { records: DnsRecord[]; service: ZoneService | undefined }>, apexes: ReadonlyMap<string, SoaRecord>): void {
  for (let parent = parentName(name); parent !== undefined && findApex(apexes, parent) !== undefined; parent = parentName(parent)) {
    if (!nodes.has(parent)) nodes.set(parent, { records: [], service: undefined });
  }
}

/** The SOA of the closest enclosing zone of ours. */
export function findApex(apexes: ReadonlyMap<string, SoaRecord>, name: string): SoaRecord | undefined {
  for (let candidate: string | undefined = name; candidate !== undefined; candidate = parentName(candidate)) {
    const soa = apexes.get(candidate);
    if (soa !== undefined) return soa;
  }
  return undefined;
}

/** "Does not exist" must never be remembered longer than an answer: otherwise a failover waits for it. */
function startOfAuthority(name: string, ttlSeconds: number, now: Instant): SoaRecord {
  const minimumSeconds = Math.min(ttlSeconds, CLUSTERSET_TTL_SECONDS);
  return {
    type: 'SOA', name, ttlSeconds: minimumSeconds, primary: NAMESERVER, mailbox: `hostmaster.${CLUSTERSET}`,
    serial: Math.floor(now / 1000) % 2 ** 32, refreshSeconds: 7200, retrySeconds: 1800, expireSeconds: 86400, minimumSeconds,
  };
}
