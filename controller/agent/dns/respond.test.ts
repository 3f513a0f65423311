import dnsPacket from 'dns-packet';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { buildZone, type ZoneService } from '../../../mesh/dns/zone.ts';
import type { ExportFact } from '../../../mesh/model/service.ts';
import { addressBytes } from './address.ts';
import { readAnswer, writeQuestion } from './client.ts';
import { readQuery } from './query.ts';
import { respond } from './respond.ts';

const fact = (cluster: string, count: number): ExportFact => ({
  namespace: 'shop', name: 'checkout', cluster, version: { epoch: 1, sequence: 1 }, exportedAt: 0, type: 'Headless', ipFamilies: ['IPv4', 'IPv6'], sessionAffinity: 'None',
  ports: [{ name: 'http', protocol: 'TCP', port: 80 }], endpointsOmitted: 0, loadBalancerAddresses: [],
  endpoints: Array.from({ length: count }, (_, index) => ({
    addresses: [`10.1.${index >> 8}.${index & 255}`, `fd00::${index.toString(16)}`], ready: true, hostname: `pod-${index}`, ports: [{ name: 'http', protocol: 'TCP' as const, port: 8080 }],
  })),
});
const service = (count: number): ZoneService => ({
  namespace: 'shop', name: 'checkout', type: 'Headless', ports: [{ name: 'http', protocol: 'TCP', port: 80 }], clusterSetIps: [],
  exports: [{ fact: fact('berlin', count), heardAt: 0, heardFrom: 'hub' }], policy: null,
  failover: { health: [], serving: ['berlin'], reason: 'test', wakeAt: null },
});
const zoneOf = (count: number) => buildZone({
  cluster: 'oslo', now: 0, synced: true, services: [service(count)], nameserverAddresses: ['10.9.9.9'],
  globalServices: [{ name: 'shop', host: 'shop.example.com', service: { namespace: 'shop', name: 'checkout' }, ttlSeconds: 5 }],
});
const zone = zoneOf(3);
const NAME = 'checkout.shop.svc.clusterset.local';

interface Decoded { id: number; flags: number; rcode: string; flag_aa: boolean; flag_tc: boolean; answers: { name: string; type: string; ttl: number; data: unknown }[]; authorities: { type: string }[]; additionals: Record<string, unknown>[]; questions: { name: string }[] }
const decode = (packet: Uint8Array | undefined): Decoded => dnsPacket.decode(Buffer.from(packet!)) as unknown as Decoded;
const encode = (packet: Record<string, unknown>): Uint8Array => dnsPacket.encode({ type: 'query', id: 4711, ...packet } as dnsPacket.Packet);
const query = (name: string, type: string, extra: Record<string, unknown> = {}): Uint8Array => encode({ questions: [{ name, type }], ...extra });
const opt = (fields: Record<string, unknown> = {}): Record<string, unknown> => ({ type: 'OPT', name: '.', udpPayloadSize: 4096, ednsVersion: 0, flags: 0, options: [], ...fields });
const ask = (packet: Uint8Array, transport: 'udp' | 'tcp' = 'udp'): Decoded => decode(respond(zone, packet, transport)?.packet);

describe('answers, read by another implementation', () => {
  test('addresses, with the question echoed in its own case and the id kept', () => {
    const answered = ask(query('CheckOut.shop.SVC.clusterset.local', 'A'));
    expect(answered).toMatchObject({ id: 4711, rcode: 'NOERROR', flag_aa: true, flag_tc: false });
    expect(answered.questions[0]?.name).toBe('CheckOut.shop.SVC.clusterset.local');
    expect(answered.answers.map(({ name, data }) => [name, data])).toEqual([0, 1, 2].map((index) => ['CheckOut.shop.SVC.clusterset.local', `10.1.0.${index}`]));
    expect(ask(query(NAME, 'AAAA')).answers.map(({ data }) => data)).toEqual(['fd00::', 'fd00::1', 'fd00::2']);
  });

  test('SRV with the targets\' addresses, TXT, SOA, NS and HINFO for ANY', () => {
    const srv = ask(query(`_http._tcp.${NAME}`, 'SRV'), 'tcp');
    expect(srv.answers.map(({ data }) => data)).toContainEqual({ priority: 0, weight: 100, port: 8080, target: `pod-0.berlin.${NAME}` });
    expect(srv.additionals).toContainEqual(expect.objectContaining({ name: `pod-2.berlin.${NAME}`, data: '10.1.0.2' }));
    expect(String(ask(query('dns-version.clusterset.local', 'TXT')).answers[0]?.data)).toBe('1.0.0');
    expect(ask(query('clusterset.local', 'SOA')).answers[0]?.data).toMatchObject({ mname: 'ns.dns.clusterset.local', rname: 'hostmaster.clusterset.local', minimum: 5 });
    expect(ask(query('clusterset.local', 'NS')).answers[0]?.data).toBe('ns.dns.clusterset.local');
    expect(ask(query(NAME, 'ANY')).answers[0]).toMatchObject({ type: 'HINFO', data: { cpu: 'RFC8482' } });
  });

  test('NXDOMAIN and NODATA carry the SOA; other zones, classes and transfers are refused', () => {
    expect(ask(query('nothing.clusterset.local', 'A'))).toMatchObject({ rcode: 'NXDOMAIN', answers: [], authorities: [{ type: 'SOA' }] });
    expect(ask(query(NAME, 'MX'))).toMatchObject({ rcode: 'NOERROR', answers: [], authorities: [{ type: 'SOA' }] });
    expect(ask(query('example.org', 'A')).rcode).toBe('REFUSED');
    expect(ask(query('clusterset.local', 'AXFR'), 'tcp').rcode).toBe('REFUSED');
    expect(ask(encode({ questions: [{ name: NAME, type: 'A', class: 'CH' }] })).rcode).toBe('REFUSED');
    const unknown = Buffer.from(query(NAME, 'A'));
    unknown.writeUInt16BE(65_280, unknown.length - 4);
    expect(ask(unknown)).toMatchObject({ rcode: 'NOERROR', answers: [] });
  });

  test('SERVFAIL, never NXDOMAIN, before the services are known', () => {
    const early = buildZone({ cluster: 'oslo', now: 0, synced: false, services: [], globalServices: [], nameserverAddresses: [] });
    expect(decode(respond(early, query(NAME, 'A'), 'udp')?.packet).rcode).toBe('SERVFAIL');
  });
});

describe('headers and EDNS', () => {
  test('a response is dropped, another opcode is NOTIMP, none or two questions are FORMERR', () => {
    expect(respond(zone, encode({ type: 'response', questions: [{ name: NAME, type: 'A' }] }), 'udp')).toBeUndefined();
    const notify = Buffer.from(query(NAME, 'A'));
    notify.writeUInt16BE(4 << 11, 2);
    expect(ask(notify)).toMatchObject({ id: 4711, rcode: 'NOTIMP' });
    expect(ask(encode({ questions: [] })).rcode).toBe('FORMERR');
    expect(ask(encode({ questions: [{ name: NAME, type: 'A' }, { name: NAME, type: 'AAAA' }] })).rcode).toBe('FORMERR');
  });

  test('an OPT record only to who sent one; DO copied, other flags cleared, options ignored', () => {
    expect(ask(query(NAME, 'A')).additionals.some(({ type }) => type === 'OPT')).toBe(false);
    const answered = ask(query(NAME, 'A', { additionals: [opt({ flags: 0xffff, options: [{ code: 65_001, data: Buffer.from('noise') }] })] }));
    expect(answered.additionals).toEqual([expect.objectContaining({ type: 'OPT', udpPayloadSize: 1232, ednsVersion: 0, flags: 0x8000, options: [] })]);
  });

  test('a later EDNS version is BADVERS, two OPT records or broken options are FORMERR', () => {
    const answered = ask(query(NAME, 'A', { additionals: [opt({ ednsVersion: 1 })] }));
    expect(answered).toMatchObject({ answers: [], rcode: 'NOERROR' });
    expect(answered.additionals[0]).toMatchObject({ type: 'OPT', extendedRcode: 1 });
    expect(ask(query(NAME, 'A', { additionals: [opt(), opt()] })).rcode).toBe('FORMERR');
    const broken = Buffer.from(query(NAME, 'A', { additionals: [opt({ options: [{ code: 10, data: Buffer.alloc(8) }] })] }));
    broken.writeUInt16BE(9, broken.length - 10);
    expect(ask(broken).rcode).toBe('FORMERR');
  });

  test('sizes: 512 without EDNS, what the client takes up to 1232 with it, everything over TCP', () => {
    const large = zoneOf(60);
    const size = (extra: Record<string, unknown>, transport: 'udp' | 'tcp' = 'udp'): { bytes: number; tc: boolean; answers: number } => {
      const packet = respond(large, query(NAME, 'A', extra), transport)!.packet;
      const { flag_tc: tc, answers } = decode(packet);
      return { bytes: packet.length, tc, answers: answers.length };
    };
    expect(size({})).toMatchObject({ tc: true, answers: 0 });
    expect(size({ additionals: [opt({ udpPayloadSize: 100 })] })).toMatchObject({ tc: true, answers: 0 });
    expect(size({ additionals: [opt()] })).toMatchObject({ tc: false, answers: 60 });
    expect(decode(respond(zoneOf(100), query(NAME, 'A', { additionals: [opt()] }), 'udp')?.packet).flag_tc).toBe(true);
    expect(size({}, 'tcp')).toMatchObject({ tc: false, answers: 60 });
  });
});

describe('noise', () => {
  const shaped = fc.tuple(fc.uint8Array({ minLength: 12, maxLength: 12 }), fc.uint8Array({ maxLength: 300 }), fc.boolean()).map(([header, rest, question]) => {
    if (question) { header[2] = header[2]! & 0x07; header[4] = 0; header[5] = 1; }
    return Uint8Array.from([...header, ...rest]);
  });
  const mutated = fc.tuple(fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 6 }), fc.nat(120)).map(([changes, cut]) => {
    const packet = Buffer.from(query(`_http._tcp.${NAME}`, 'SRV', { additionals: [opt({ options: [{ code: 10, data: Buffer.alloc(8) }] })] }));
    for (const [at, value] of changes) packet[at % packet.length] = value;
    return Uint8Array.from(packet.subarray(0, cut < 40 ? packet.length - cut : packet.length));
  });

  test('no packet makes it throw; what it answers is within the limit, has the id and can be read by another implementation', () => {
    fc.assert(fc.property(fc.oneof(shaped, mutated, fc.uint8Array({ maxLength: 40 })), fc.constantFrom('udp' as const, 'tcp' as const), (packet, transport) => {
      const response = respond(zone, packet, transport);
      if (response === undefined) {
        expect(packet.length < 12 || (packet[2]! & 0x80) !== 0).toBe(true);
        return;
      }
      expect([...response.packet.subarray(0, 2)]).toEqual([...packet.subarray(0, 2)]);
      if (transport === 'udp') expect(response.packet.length).toBeLessThanOrEqual(1232);
      expect(() => dnsPacket.decode(Buffer.from(response.packet))).not.toThrow();
    }), { numRuns: 3000 });
  });

  test('a query that another implementation writes is read as it was meant', () => {
    const label = fc.stringMatching(/^[a-zA-Z0-9_-]{1,20}$/);
    fc.assert(fc.property(fc.array(label, { minLength: 1, maxLength: 6 }), fc.constantFrom('A', 'AAAA', 'SRV', 'TXT'), fc.nat(0xffff), (labels, type, id) => {
      const read = readQuery(dnsPacket.encode({ type: 'query', id, questions: [{ name: labels.join('.'), type: type as 'A' }] }));
      expect(read).toMatchObject({ kind: 'query', query: { id, name: labels.join('.').toLowerCase() } });
    }));
  });
});

test('addresses as bytes', () => {
  expect(addressBytes('10.0.255.1', 'A')).toEqual([10, 0, 255, 1]);
  expect(addressBytes('::ffff:10.0.0.1', 'AAAA')).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 10, 0, 0, 1]);
  expect(addressBytes('2001:db8::8a2e:370:7334', 'AAAA')).toEqual([0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0x8a, 0x2e, 3, 0x70, 0x73, 0x34]);
  for (const wrong of ['', '1.2.3', '1.2.3.999', 'not an address', '1::2::3', 'fffff::']) {
    expect(addressBytes(wrong, 'A')).toEqual([0, 0, 0, 0]);
    expect(addressBytes(wrong, 'AAAA')).toHaveLength(16);
  }
});

test('own questions go through the same door', () => {
  expect(readAnswer(respond(zone, writeQuestion(`${NAME}.`, 1), 'tcp')!.packet)).toEqual({ rcode: 'NOERROR', records: ['10.1.0.0', '10.1.0.1', '10.1.0.2'] });
  expect(readAnswer(respond(zone, writeQuestion(`${'a'.repeat(64)}.b`, 1), 'tcp')!.packet)).toEqual({ rcode: 'FORMERR', records: [] });
});
