import { describe, expect, test } from 'vitest';
import type { ServiceObject } from '../../../mesh/api/resources/core.ts';
import type { ServiceExportObject } from '../../../mesh/api/resources/multicluster.ts';
import { MAX_GATEWAY_ADDRESSES } from '../../../mesh/model/service.ts';
import { readGateway } from './export-gateway.ts';

const meta = { namespace: 'shop', name: 'checkout' };
const exported = (annotations: Record<string, string> = {}): ServiceExportObject => ({ apiVersion: 'multicluster.x-k8s.io/v1beta1', kind: 'ServiceExport', metadata: { ...meta, annotations } });
const service = (...ingress: { readonly ip?: string; readonly hostname?: string }[]): ServiceObject => ({ apiVersion: 'v1', kind: 'Service', metadata: meta, spec: {}, ...(ingress.length === 0 ? {} : { status: { loadBalancer: { ingress } } }) });
const PORTS = [{ name: 'http', protocol: 'TCP' as const, port: 80 }, { name: 'metrics', protocol: 'TCP' as const, port: 9090, appProtocol: 'h2c' }];
const SAME = PORTS.map(({ name, protocol, port }) => ({ name, protocol, port }));

describe('the gateway of an export', () => {
  test('is its load balancer, at the Service\'s ports', () => {
    expect(readGateway(exported(), service({ ip: '192.0.2.2' }, { ip: '192.0.2.1' }, { hostname: 'lb.example.com' }), PORTS)).toEqual({ addresses: ['192.0.2.1', '192.0.2.2'], hostnames: ['lb.example.com'], ports: SAME, problem: '' });
  });
  test('is none without either', () => expect(readGateway(exported(), service(), PORTS)).toBeUndefined());
  test('is what the ServiceExport names, before the load balancer, at ports of its own', () => {
    const named = exported({ 'isthmus.dev/gateway-addresses': ' 198.51.100.2,2001:db8::7 , 198.51.100.2', 'isthmus.dev/gateway-ports': 'http=8443, 9090=19090' });
    expect(readGateway(named, service({ ip: '192.0.2.2' }), PORTS)).toEqual({ addresses: ['198.51.100.2', '2001:db8::7'], hostnames: [], ports: [{ ...SAME[0], port: 8443 }, { ...SAME[1], port: 19_090 }], problem: '' });
  });
  test('has at most so many addresses', () => {
    expect(readGateway(exported(), service(...Array.from({ length: 40 }, (_, index) => ({ ip: `192.0.2.${index}` }))), PORTS)?.addresses).toHaveLength(MAX_GATEWAY_ADDRESSES);
  });
  test.each(['127.0.0.1', '169.254.1.1', '0.0.0.0', '::1', 'fe80::1', '::ffff:10.0.0.1', 'gateway.example.com', '300.1.1.1', ''])('named as %j is wrong, and it is said', (text) => {
    expect(readGateway(exported({ 'isthmus.dev/gateway-addresses': text }), service({ ip: '192.0.2.2' }), PORTS)).toMatchObject({ addresses: [], problem: expect.stringContaining('isthmus.dev/gateway-addresses') });
  });
  test.each(['http', 'http=0', 'http=70000', 'other=80', 'http=1=2', '=80'])('at ports %j is wrong, and it is said', (text) => {
    expect(readGateway(exported({ 'isthmus.dev/gateway-ports': text }), service({ ip: '192.0.2.2' }), PORTS)?.problem).toContain('isthmus.dev/gateway-ports');
  });
  test('a load balancer that others cannot reach at one address counts by its others, and is said where it has none', () => {
    expect(readGateway(exported(), service({ ip: '127.0.0.1' }, { ip: '192.0.2.2' }), PORTS)).toMatchObject({ addresses: ['192.0.2.2'], problem: '' });
    expect(readGateway(exported(), service({ ip: '127.0.0.1' }), PORTS)).toMatchObject({ addresses: [], problem: expect.stringContaining('127.0.0.1') });
  });
});
