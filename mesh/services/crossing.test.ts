import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ExportFact } from '../model/service.ts';
import { acrossMeshes, crossingOf } from './crossing.ts';
import { planSlices } from './derived.ts';
import { planImports } from './merge.ts';

const http = { name: 'http', protocol: 'TCP', port: 80 } as const;
const fact = (over: Partial<ExportFact> = {}): ExportFact => ({
  cluster: 'berlin', namespace: 'shop', name: 'checkout', version: { epoch: 1, sequence: 7 }, exportedAt: 1000, type: 'ClusterSetIP', ports: [http],
  ipFamilies: ['IPv4'], sessionAffinity: 'None', endpointsOmitted: 3, loadBalancerAddresses: [],
  endpoints: [{ addresses: ['10.1.0.1'], ready: true, ports: [{ ...http, port: 8080 }] }, { addresses: ['10.1.0.2'], ready: false, ports: [{ ...http, port: 8080 }] }], ...over,
});
const gateway = (over: Partial<NonNullable<ExportFact['gateway']>> = {}): Partial<ExportFact> => ({ gateway: { addresses: ['192.0.2.10', '192.0.2.11'], hostnames: [], ports: [http], problem: '', ...over } });

test('from afar an export has the endpoints of its gateway, at the gateway\'s ports, and no pod\'s', () => {
  const seen = acrossMeshes(fact(gateway({ ports: [{ ...http, port: 8443 }] })));
  expect(seen.endpoints).toEqual(['192.0.2.10', '192.0.2.11'].map((address) => ({ addresses: [address], ready: true, ports: [{ ...http, port: 8443 }] })));
  expect(seen).toMatchObject({ version: { epoch: 1, sequence: 7 }, endpointsOmitted: 0, crossing: { readyEndpoints: 1, reason: 'Gateway', message: 'clusters that are no peers of berlin reach its shop/checkout at 192.0.2.10, 192.0.2.11 (port 80 is its 8443)' } });
  expect(JSON.stringify(seen)).not.toContain('10.1.0.');
});

test('nobody ready behind a gateway: its endpoints are not ready either', () => {
  expect(acrossMeshes(fact({ ...gateway(), endpoints: [] }))).toMatchObject({ endpoints: [{ ready: false }, { ready: false }], crossing: { readyEndpoints: 0, reason: 'Gateway' } });
});

test('a load balancer that an agent of before tells of is a gateway as well', () => {
  expect(acrossMeshes(fact({ loadBalancerAddresses: ['198.51.100.7'] })).endpoints).toEqual([{ addresses: ['198.51.100.7'], ready: true, ports: [http] }]);
});

describe('where there is no way, it is said what opens one', () => {
  test.each([
    ['no gateway', {}, 'NoGateway', 'type LoadBalancer'],
    ['a headless service', { type: 'Headless' as const }, 'NoGateway', 'isthmus.dev/gateway-addresses on ServiceExport shop/checkout of berlin'],
    ['a name alone', gateway({ addresses: [], hostnames: ['x.elb.example.com'] }), 'GatewayWithoutAddress', 'x.elb.example.com'],
    ['another family', gateway({ addresses: ['2001:db8::1'] }), 'GatewayWithoutAddress', 'another family'],
    ['no address yet', gateway({ addresses: [] }), 'GatewayWithoutAddress', 'no address yet'],
    ['an annotation that cannot be read', gateway({ problem: 'annotation x: "y" is no IP address' }), 'GatewayInvalid', '"y" is no IP address'],
  ])('%s', (_what, over, reason, text) => {
    expect(crossingOf(fact(over))).toEqual({ readyEndpoints: 0, reason, message: expect.stringContaining(text) });
    expect(acrossMeshes(fact(over)).endpoints).toEqual([]);
  });
});

/** Dumb: whatever is exported, an address in an importer's slices is one of the gateway's. */
test('any export: an importer elsewhere writes addresses of the gateway alone, and all of them where there is a way', () => {
  const address = fc.constantFrom('192.0.2.1', '192.0.2.2', '2001:db8::1');
  const some = fc.record({
    pods: fc.array(fc.record({ addresses: fc.array(fc.constantFrom('10.1.0.1', '10.1.0.2', 'fd00::1'), { minLength: 1, maxLength: 2 }), ready: fc.boolean() }), { maxLength: 5 }),
    gateway: fc.option(fc.record({ addresses: fc.uniqueArray(address), hostnames: fc.array(fc.constant('lb.example.com'), { maxLength: 1 }), ports: fc.constantFrom([http], [{ ...http, port: 8443 }]), problem: fc.constantFrom('', 'wrong') }), { nil: undefined }),
    ipFamilies: fc.constantFrom<ExportFact['ipFamilies']>(['IPv4'], ['IPv6'], ['IPv4', 'IPv6']), type: fc.constantFrom('ClusterSetIP' as const, 'Headless' as const),
  });
  fc.assert(fc.property(some, ({ pods, gateway: given, ...over }) => {
    const told = acrossMeshes(fact({ ...over, endpoints: pods.map((pod) => ({ ...pod, ports: [{ ...http, port: 8080 }] })), ...(given === undefined ? {} : { gateway: given }) }));
    const [plan] = planImports([told]);
    const written = planSlices(plan!, [told], ['berlin'], (text) => `${text.length}`.padEnd(64, '0')).flatMap(({ endpoints, ports }) => endpoints.flatMap(({ addresses }) => addresses.map((one) => `${one} ${ports[0]?.port}`)));
    const wanted = given === undefined || given.problem !== '' ? [] : given.addresses.filter((one) => over.ipFamilies.includes(one.includes(':') ? 'IPv6' : 'IPv4')).map((one) => `${one} ${given.ports[0]!.port}`);
    expect(written.sort()).toEqual(wanted.sort());
    expect(told.crossing?.reason === 'Gateway').toBe(wanted.length > 0);
  }));
});
