import { describe, expect, test } from 'vitest';
import type { EndpointSliceObject, NodeObject, ServiceObject, WorkloadObject } from '../../../mesh/api/resources/core.ts';
import type { ServiceExportObject } from '../../../mesh/api/resources/multicluster.ts';
import { MAX_ENDPOINTS } from '../../../mesh/model/service.ts';
import { type CiliumObjects, readCilium } from './cilium.ts';
import { readExport } from './export-fact.ts';
import { composeReport } from './report.ts';

const meta = { namespace: 'shop', name: 'checkout' };
const exported: ServiceExportObject = { apiVersion: 'multicluster.x-k8s.io/v1beta1', kind: 'ServiceExport', metadata: { ...meta, creationTimestamp: '2030-01-01T00:00:00Z' } };
const service = (spec: ServiceObject['spec'] = {}): ServiceObject => ({ apiVersion: 'v1', kind: 'Service', metadata: meta, spec });
const slice = (endpoints: EndpointSliceObject['endpoints'], addressType: 'IPv4' | 'IPv6' | 'FQDN' = 'IPv4'): EndpointSliceObject =>
  ({ apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', metadata: meta, addressType, endpoints: endpoints ?? null, ports: [{ name: 'http', port: 8080 }] });
const content = (...input: Parameters<typeof readExport>) => {
  const reading = readExport(...input);
  if (!('content' in reading)) throw new Error(reading.problem.message);
  return reading.content;
};

describe('an export', () => {
  test('of nothing, or of an ExternalName, is a problem with a way out', () => {
    expect(readExport('berlin', exported, undefined, [])).toMatchObject({ problem: { valid: false, reason: 'NoService', message: expect.stringContaining('create it') } });
    expect(readExport('berlin', exported, service({ type: 'ExternalName' }), [])).toMatchObject({ problem: { reason: 'InvalidServiceType' } });
  });

  test('a missing readiness means ready; FQDN slices are no addresses; types, families and affinity are read', () => {
    const fact = content('berlin', exported, service({ clusterIP: 'None', sessionAffinity: 'ClientIP', ipFamilies: ['IPv6', 'IPv4'], ports: [{ port: 80, appProtocol: 'h2c' }] }), [
      slice([{ addresses: ['10.0.0.2'] }, { addresses: ['10.0.0.1'], conditions: { ready: false }, hostname: 'a', zone: 'z1' }]), slice([{ addresses: ['example.org'] }], 'FQDN'), slice(null),
    ]);
    expect(fact).toMatchObject({ type: 'Headless', ipFamilies: ['IPv6', 'IPv4'], sessionAffinity: 'ClientIP', exportedAt: Date.UTC(2030, 0, 1), ports: [{ name: '', protocol: 'TCP', port: 80, appProtocol: 'h2c' }] });
    expect(fact.endpoints.map(({ addresses, ready }) => [addresses[0], ready])).toEqual([['10.0.0.1', false], ['10.0.0.2', true]]);
  });

  test('of more ports than travel is a problem that says so; of a load balancer\'s addresses the first go', () => {
    const ports = (count: number) => Array.from({ length: count }, (_, index) => ({ name: `p${index}`, port: index + 1 }));
    expect(readExport('berlin', exported, service({ ports: ports(101) }), [])).toMatchObject({ problem: { valid: false, message: expect.stringContaining('has 101 ports; at most 100') } });
    const ingress = Array.from({ length: 150 }, (_, index) => ({ ip: `192.0.2.${index}` }));
    const fact = content('berlin', exported, { ...service({ ports: ports(100) }), status: { loadBalancer: { ingress } } }, []);
    expect([fact.ports.length, fact.loadBalancerAddresses.length]).toEqual([100, 100]);
  });

  test('of more endpoints than travel keeps the ready ones', () => {
    const many = Array.from({ length: MAX_ENDPOINTS + 10 }, (_, index) => ({ addresses: [`10.0.${index >> 8}.${index & 255}`], conditions: { ready: index >= 10 } }));
    const fact = content('berlin', exported, service(), [slice(many)]);
    expect([fact.endpoints.length, fact.endpointsOmitted, fact.endpoints.every(({ ready }) => ready)]).toEqual([MAX_ENDPOINTS, 10, true]);
  });
});

describe('Cilium\'s settings', () => {
  const workload = (name: string, image?: string): WorkloadObject => ({ apiVersion: 'apps/v1', kind: 'DaemonSet', metadata: { name }, spec: { template: { spec: { containers: [{ name, ...(image === undefined ? {} : { image }) }] } } } });
  const node = (name: string, ready: boolean, address: string): NodeObject => ({
    apiVersion: 'v1', kind: 'Node', metadata: { name, labels: { 'topology.kubernetes.io/region': 'eu' } }, spec: { podCIDRs: [`10.1.${name}.0/24`] },
    status: { conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }], addresses: [{ type: 'Hostname', address: 'h' }, { type: 'InternalIP', address }], nodeInfo: { kubeletVersion: `v1.3${name}.0` } },
  });
  const config = (data: Record<string, string>): CiliumObjects['config'] => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'cilium-config', annotations: { 'app.kubernetes.io/version': '1.16.0' } }, data });
  const objects = (parts: Partial<CiliumObjects> = {}): CiliumObjects => ({ config: config({}), agents: undefined, meshServer: undefined, meshService: undefined, nodes: [], ...parts });
  const facts = (parts?: Partial<CiliumObjects>, properties = {}) => readCilium(objects(parts), 'kube-system', properties, undefined);

  test('settings that clusters of a mesh must agree on, as they stand there, and no others', () => {
    expect(facts({ config: config({ 'routing-mode': 'native', ipam: 'eni', 'enable-ipv6': 'false', debug: 'true', 'tunnel-protocol': 'v'.repeat(300) }) })?.settings).toEqual({ 'routing-mode': 'native', ipam: 'eni', 'enable-ipv6': 'false', 'tunnel-protocol': 'v'.repeat(256) });
  });

  test('no ConfigMap, no Cilium; defaults where it says nothing', () => {
    expect(facts({ config: undefined })).toBeNull();
    expect(facts()).toEqual({ version: '1.16.0', clusterName: 'default', clusterId: 0, maxConnectedClusters: 255, podCidrs: [], namespace: 'kube-system', kvstoreMesh: true, authMode: 'legacy' });
  });

  test.each([
    ['quay.io/cilium/cilium:v1.19.6@sha256:0123', '1.19.6', 'migration'],
    ['registry:5000/cilium/cilium:v1.20.0-rc.1', '1.20.0-rc.1', 'migration'],
    ['quay.io/cilium/cilium@sha256:0123', '1.16.0', 'legacy'],
  ])('the version of image %s is %s, so the mode is %s', (image, version, authMode) => {
    expect(facts({ agents: workload('cilium-agent', image) })).toMatchObject({ version, authMode });
  });

  test('the pods of the mesh server tell whether users are read; what people say of the mode wins', () => {
    const server = (...volumes: object[]): WorkloadObject => ({ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'clustermesh-apiserver' }, spec: { template: { spec: { containers: [{ name: 'kvstoremesh' }], volumes } } } });
    const [users, none] = [server({ configMap: { name: 'clustermesh-remote-users' } }), server({ emptyDir: {} })];
    expect(facts({ meshServer: users })).toMatchObject({ version: '1.16.0', authMode: 'migration', remoteUsers: 'RequiredAndMissing' });
    expect(facts({ meshServer: users, hasRemoteUsers: true })).toMatchObject({ authMode: 'migration', remoteUsers: 'Mounted' });
    expect(facts({ meshServer: none })).toMatchObject({ authMode: 'legacy', remoteUsers: 'NotMounted' });
    expect(facts({ meshServer: none }, { 'cilium-auth-mode': 'cluster' })).toMatchObject({ authMode: 'cluster', remoteUsers: 'NotMounted' });
    expect(facts({}, { 'service-cidrs': '10.96.0.0/12, fd00:1::/112' })?.serviceCidrs).toEqual(['10.96.0.0/12', 'fd00:1::/112']);
  });

  test('numbers that are none, pools before node CIDRs, what properties say', () => {
    expect(facts({ config: config({ 'cluster-id': 'x', 'cluster-pool-ipv4-cidr': '10.8.0.0/16 10.7.0.0/16' }), nodes: [node('1', true, 'x')] })).toMatchObject({ clusterId: 0, podCidrs: ['10.7.0.0/16', '10.8.0.0/16'] });
    expect(facts({ nodes: [node('2', true, 'x'), node('1', true, 'y')] })?.podCidrs).toEqual(['10.1.1.0/24', '10.1.2.0/24']);
    expect(facts({ meshServer: workload('apiserver') })?.kvstoreMesh).toBe(false);
    expect(facts({}, { 'cilium-auth-mode': 'cluster', 'cilium-kvstoremesh': 'false' })).toMatchObject({ authMode: 'cluster', kvstoreMesh: false });
  });

  test('the mesh endpoint: load balancer, else node port of ready nodes, else none', () => {
    const mesh = (type: string, ingress: object[] = []): ServiceObject => ({ apiVersion: 'v1', kind: 'Service', metadata: { name: 'clustermesh-apiserver' }, spec: { type, ports: [{ name: 'etcd', port: 2379, nodePort: 32379 }] }, status: { loadBalancer: { ingress } } });
    const nodes = [node('1', true, '192.0.2.1'), node('2', false, '192.0.2.2')];
    expect(facts({ meshService: mesh('LoadBalancer', [{ ip: '203.0.113.2' }, { ip: '203.0.113.1' }]), nodes })?.endpoint).toEqual({ ips: ['203.0.113.1', '203.0.113.2'], port: 2379 });
    expect(facts({ meshService: mesh('LoadBalancer', [{ hostname: 'lb.example' }]), nodes })?.endpoint).toEqual({ address: 'lb.example', port: 2379 });
    expect(facts({ meshService: mesh('NodePort'), nodes })?.endpoint).toEqual({ ips: ['192.0.2.1'], port: 32379 });
    expect(facts({ meshService: mesh('ClusterIP'), nodes })?.endpoint).toBeUndefined();
  });

  test('the report: the newest kubelet, a region where nodes agree, the configuration last', () => {
    const report = (nodes: NodeObject[], properties = {}) => composeReport({ properties, version: '1', cilium: null, nodes, peerAddress: '' });
    expect(report([node('3', true, 'x'), node('2', false, 'y')])).toMatchObject({ kubernetesVersion: 'v1.33.0', nodes: { total: 2, ready: 1 }, properties: { region: 'eu' } });
    expect(report([node('3', true, 'x')], { region: 'mine' }).properties).toEqual({ region: 'mine' });
    expect(report([]).properties).toEqual({});
  });
});
