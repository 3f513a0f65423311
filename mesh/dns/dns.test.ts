import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { FailoverState } from '../model/failover.ts';
import type { ExportFact } from '../model/service.ts';
import { answer, servedBy } from './answer.ts';
import { explain } from './explain.ts';
import type { DnsRecord } from './records.ts';
import { buildZone, type ZoneInput, type ZoneService } from './zone.ts';

const NOW = 1_700_000_000_000;
const ports = [{ name: 'http', protocol: 'TCP', port: 80 }, { name: 'dns', protocol: 'UDP', port: 53 }] as const;
const fact = (cluster: string, addresses: readonly [string, boolean, string?][], over: Partial<ExportFact> = {}): ExportFact => ({
  cluster, namespace: 'shop', name: 'checkout', version: { epoch: 1, sequence: 1 }, exportedAt: 1, type: 'ClusterSetIP', ports, ipFamilies: ['IPv4'], sessionAffinity: 'None',
  endpoints: addresses.map(([address, ready, hostname]) => ({ addresses: [address], ready, ports: [{ name: 'http', protocol: 'TCP', port: 8080 }], ...(hostname === undefined ? {} : { hostname }) })),
  endpointsOmitted: 0, loadBalancerAddresses: [], ...over,
});
const failover = (serving: string[]): FailoverState => ({
  health: ['berlin', 'oslo'].map((cluster) => ({ cluster, healthy: true, changedAt: NOW - 60_000, raw: true, rawSince: NOW - 60_000, evacuated: false, reason: '1 ready endpoint' })),
  serving, reason: 'berlin is first in the priority order and healthy', wakeAt: null,
});
const service = (over: Partial<ZoneService> = {}, facts = [fact('berlin', [['10.1.0.1', true]]), fact('oslo', [['10.2.0.1', true]])]): ZoneService => ({
  namespace: 'shop', name: 'checkout', type: 'ClusterSetIP', ports, clusterSetIps: ['10.96.0.7', 'fd00::7'],
  exports: facts.map((entry) => ({ fact: entry, heardAt: NOW - 2000, heardFrom: 'hub' })), policy: null, failover: failover(['berlin']), ...over,
});
const headless = (over: Partial<ZoneService> = {}): ZoneService => service({ type: 'Headless', name: 'db', clusterSetIps: [], ...over }, [
  fact('berlin', [['10.1.0.1', true, 'db-0'], ['10.1.0.2', false, 'db-1'], ['10.1.0.3', true]]), fact('oslo', [['10.2.0.1', true, 'db-0']]),
]);
const zone = (over: Partial<ZoneInput> = {}) => buildZone({
  cluster: 'virginia', now: NOW, synced: true, services: [service(), headless()], nameserverAddresses: ['10.96.0.10'],
  globalServices: [{ name: 'checkout', host: 'checkout.global.example.com', service: { namespace: 'shop', name: 'checkout' }, ttlSeconds: 3 }], ...over,
});
const text = (record: DnsRecord): string => ('address' in record ? record.address : record.type === 'SRV' ? `${record.target}:${record.port}` : record.type);
const ask = (name: string, type: string, over: Partial<ZoneInput> = {}): string => {
  const result = answer(zone(over), { name, type });
  return [result.rcode, ...result.answers.map(text)].join(' ');
};
const CHECKOUT = 'checkout.shop.svc.clusterset.local';
const DB = 'db.shop.svc.clusterset.local';

describe('answer', () => {
  test.each([
    [CHECKOUT, 'A', 'NOERROR 10.96.0.7'],
    [CHECKOUT, 'AAAA', 'NOERROR fd00::7'],
    [`${CHECKOUT}.`, 'A', 'NOERROR 10.96.0.7'],
    [CHECKOUT, 'SRV', `NOERROR ${CHECKOUT}:80 ${CHECKOUT}:53`],
    [`_http._tcp.${CHECKOUT}`, 'SRV', `NOERROR ${CHECKOUT}:80`],
    [`_http._udp.${CHECKOUT}`, 'SRV', 'NXDOMAIN'],
    [CHECKOUT, 'MX', 'NOERROR'],
    [CHECKOUT, 'TYPE65280', 'NOERROR'],
    [CHECKOUT, 'ANY', 'NOERROR HINFO'],
    [CHECKOUT, 'AXFR', 'REFUSED'],
    [`berlin.${CHECKOUT}`, 'A', 'NXDOMAIN'],
    ['nothing.shop.svc.clusterset.local', 'A', 'NXDOMAIN'],
    [`_tcp.${CHECKOUT}`, 'A', 'NOERROR'],
    ['shop.svc.clusterset.local', 'A', 'NOERROR'],
    ['svc.clusterset.local', 'ANY', 'NOERROR'],
    ['clusterset.local', 'SOA', 'NOERROR SOA'],
    ['clusterset.local', 'NS', 'NOERROR NS'],
    ['dns-version.clusterset.local', 'TXT', 'NOERROR TXT'],
    [DB, 'A', 'NOERROR 10.1.0.3 10.1.0.1'],
    [`db-0.berlin.${DB}`, 'A', 'NOERROR 10.1.0.1'],
    [`db-1.berlin.${DB}`, 'A', 'NXDOMAIN'],
    [`db-0.oslo.${DB}`, 'A', 'NOERROR 10.2.0.1'],
    [`berlin.${DB}`, 'A', 'NOERROR'],
    [`_http._tcp.${DB}`, 'SRV', `NOERROR 10-1-0-3.berlin.${DB}:8080 db-0.berlin.${DB}:8080`],
    ['checkout.global.example.com', 'A', 'NOERROR 10.1.0.1'],
    ['checkout.global.example.com', 'AAAA', 'NOERROR'],
    ['checkout.global.example.com', 'SOA', 'NOERROR SOA'],
    ['x.checkout.global.example.com', 'A', 'NXDOMAIN'],
    ['global.example.com', 'A', 'REFUSED'],
    ['notclusterset.local', 'A', 'REFUSED'],
    ['', 'NS', 'REFUSED'],
  ])('%s %s → %s', (name, type, expected) => {
    expect(ask(name, type)).toBe(expected);
  });

  test('negative answers carry the SOA, whose minimum never outlives a positive answer', () => {
    for (const [name, ttl] of [[`x.${CHECKOUT}`, 5], ['x.checkout.global.example.com', 3]] as const) {
      expect(answer(zone(), { name, type: 'A' })).toMatchObject({ authoritative: true, authority: [{ type: 'SOA', ttlSeconds: ttl, minimumSeconds: ttl }] });
    }
    expect(answer(zone(), { name: CHECKOUT, type: 'MX' }).authority).toMatchObject([{ type: 'SOA', name: 'clusterset.local' }]);
  });

  test('matches without regard to case and gives the name back as asked', () => {
    expect(answer(zone(), { name: 'ChEckOut.Shop.svc.CLUSTERSET.local', type: 'A' }).answers[0]).toMatchObject({ name: 'ChEckOut.Shop.svc.CLUSTERSET.local', ttlSeconds: 5 });
  });

  test('SRV and NS bring the addresses of their targets', () => {
    expect(answer(zone(), { name: `_http._tcp.${CHECKOUT}`, type: 'SRV' }).additionals.map(text)).toEqual(['10.96.0.7', 'fd00::7']);
    expect(answer(zone(), { name: 'clusterset.local', type: 'NS' }).additionals.map(text)).toEqual(['10.96.0.10']);
  });

  test('answers SERVFAIL to everything until synced', () => {
    expect(ask(CHECKOUT, 'A', { synced: false })).toBe('SERVFAIL');
    expect(ask('checkout.global.example.com', 'A', { synced: false, globalServices: [] })).toBe('SERVFAIL');
  });

  test('an import without address or without ServiceImport', () => {
    expect(ask(CHECKOUT, 'A', { services: [service({ clusterSetIps: [], ports: [] })] })).toBe('NOERROR');
    expect(ask(CHECKOUT, 'A', { services: [service({ clusterSetIps: null })] })).toBe('NXDOMAIN');
    expect(ask('checkout.global.example.com', 'A', { services: [service({ clusterSetIps: null })] })).toBe('NOERROR 10.1.0.1');
  });

  test('a headless service without ready endpoints does not exist', () => {
    expect(ask(DB, 'A', { services: [service({ type: 'Headless', name: 'db' }, [fact('berlin', [['10.1.0.1', false]])])] })).toBe('NXDOMAIN');
  });

  test('a global name: load balancers first, fair turns, at most 16, unready only when nothing is ready', () => {
    const many = Array.from({ length: 40 }, (_, index): [string, boolean] => [`10.1.0.${index + 10}`, true]);
    const both = service({ failover: failover(['berlin', 'oslo']) }, [fact('berlin', many), fact('oslo', [['10.2.0.1', true]], { loadBalancerAddresses: ['192.0.2.1'] })]);
    const answers = answer(zone({ services: [both] }), { name: 'checkout.global.example.com', type: 'A' }).answers.map(text);
    expect(answers).toHaveLength(16);
    expect(answers.slice(0, 2)).toEqual(['10.1.0.10', '192.0.2.1']);
    expect(ask('checkout.global.example.com', 'A', { services: [service({}, [fact('berlin', [['10.1.0.1', false]])])] })).toBe('NOERROR 10.1.0.1');
  });

  test('a global host inside clusterset.local takes nothing over', () => {
    expect(ask(CHECKOUT, 'A', { globalServices: [{ name: 'evil', host: CHECKOUT, service: { namespace: 'shop', name: 'db' }, ttlSeconds: 5 }] })).toBe('NOERROR 10.96.0.7');
  });

  test('every name that exists has only existing parents up to its apex (RFC 8020), and no question breaks the rules', () => {
    const built = zone();
    for (const name of built.nodes.keys()) {
      for (let rest = name; ![...built.apexes.keys()].includes(rest); rest = rest.slice(rest.indexOf('.') + 1)) expect(answer(built, { name: rest, type: 'A' }).rcode).toBe('NOERROR');
    }
    const label = fc.constantFrom('checkout', 'db', 'shop', 'svc', 'clusterset', 'local', '_tcp', '_http', 'berlin', 'db-0', 'x', '', 'GLOBAL', 'example', 'com');
    fc.assert(fc.property(fc.array(label, { maxLength: 8 }), fc.constantFrom('A', 'AAAA', 'SRV', 'TXT', 'SOA', 'NS', 'ANY', 'MX'), (labels, type) => {
      const name = labels.join('.');
      const result = answer(built, { name, type });
      const inside = /(^|\.)(clusterset\.local|checkout\.global\.example\.com)\.?$/i.test(name);
      expect(result.rcode === 'REFUSED').toBe(!inside);
      if (inside) expect(result.answers.length === 0).toBe(result.authority.length === 1);
      if (result.rcode === 'NXDOMAIN') expect(result.answers).toEqual([]);
      expect(explain(built, { name, type }).length).toBeGreaterThan(1);
    }));
  });
});

test('servedBy names the clusters behind an answer', () => {
  expect(servedBy(zone(), { name: CHECKOUT, type: 'A' })).toEqual(['berlin']);
  expect(servedBy(zone(), { name: 'checkout.global.example.com', type: 'A' })).toEqual(['berlin']);
  expect(servedBy(zone({ synced: false }), { name: CHECKOUT, type: 'A' })).toEqual([]);
});

test('explain tells zone, service, policy, every exporter and who serves why', () => {
  expect(explain(zone(), { name: CHECKOUT, type: 'A' }, NOW + 1000)).toEqual([
    `${CHECKOUT} A from virginia: NOERROR: 10.96.0.7`,
    'Zone clusterset.local.',
    'Service shop/checkout, ClusterSetIP, ports http TCP/80, dns UDP/53.',
    'No FailoverPolicy: every cluster with ready endpoints serves.',
    '- berlin: healthy since 2023-11-14T22:12:20.000Z (1 ready endpoint); serves; heard from hub 3 s ago.',
    '- oslo: healthy since 2023-11-14T22:12:20.000Z (1 ready endpoint); does not serve; heard from hub 3 s ago.',
    'Serving: berlin, because berlin is first in the priority order and healthy.',
  ]);
  expect(explain(zone(), { name: 'cart.shop.svc.clusterset.local', type: 'A' }).at(-1)).toContain('No export of shop/cart has reached virginia');
  expect(explain(zone({ synced: false }), { name: CHECKOUT, type: 'A' })[1]).toContain('SERVFAIL until then');
});
