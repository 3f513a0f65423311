import { describe, expect, it } from 'vitest';
import { EndpointSlice, Secret, Service } from '../../mesh/api/resources/core.ts';
import { JoinToken, Mesh, ServiceExport } from '../../mesh/api/resources/index.ts';
import { me, type Open, refusal, signal, start } from './testing/api.ts';

describe('schemas', () => {
  it('defaults, prunes, refuses and judges', async () => {
    const { client } = start();
    const mesh = (spec: object): Open => ({ apiVersion: 'isthmus.dev/v1alpha1', kind: 'Mesh', metadata: { name: 'm' }, spec });
    const made = await client.create(Mesh, mesh({ clusters: { names: ['*'], nonsense: 1 } }), me, signal);
    expect(made['spec']).toEqual({ clusters: { names: ['*'] }, maxConnectedClusters: 255, strategy: 'default', allowVersionSkewMinors: 1 });
    const bad = await refusal(client.create(Mesh, { ...mesh({ maxConnectedClusters: 300, allowVersionSkewMinors: 'x' }), metadata: { name: 'n' } }, me, signal));
    expect(bad.causes.map((cause) => [cause.reason, cause.field])).toEqual([
      ['FieldValueRequired', 'spec.clusters'], ['FieldValueNotSupported', 'spec.maxConnectedClusters'], ['FieldValueTypeInvalid', 'spec.allowVersionSkewMinors'],
      // Rules were not asked.
      ['FieldValueInvalid', '<nil>'],
    ]);
    const frozen = await refusal(client.update(Mesh, { ...made, spec: { ...made['spec'], maxConnectedClusters: 511 } }, me, signal));
    expect(frozen.message).toContain('cannot change');
  });

  it('runs transition rules of the whole object', async () => {
    const { client } = start();
    const spec = { cluster: 'berlin', secretSha256: 'a'.repeat(64), expiresAt: '2026-01-01T00:00:00Z' };
    const made = await client.create<Open>(JoinToken, { apiVersion: 'isthmus.dev/v1alpha1', kind: 'JoinToken', metadata: { name: 't' }, spec }, me, signal);
    expect((await refusal(client.update(JoinToken, { ...made, spec: { ...spec, cluster: 'oslo' } }, me, signal))).message).toContain('make a new one');
    await client.update(JoinToken, { ...made, status: { redeemedAt: '2026-01-01T00:00:01Z' } }, { ...me, subresource: 'status' }, signal);
    expect((await refusal(client.update(JoinToken, { ...made, status: { redeemedAt: '2026-01-01T00:00:02Z' } }, { ...me, subresource: 'status' }, signal))).code).toBe(409);
  });

  it('serves both versions of a kind with the same fields', async () => {
    const { client } = start();
    const old = { ...ServiceExport, version: 'v1alpha1' };
    const made = await client.create(old, { apiVersion: 'multicluster.x-k8s.io/v1alpha1', kind: 'ServiceExport', metadata: { name: 'checkout', namespace: 'shop' } }, me, signal);
    expect(made.apiVersion).toBe('multicluster.x-k8s.io/v1alpha1');
    expect((await client.get(ServiceExport, { namespace: 'shop', name: 'checkout' }, signal))?.apiVersion).toBe('multicluster.x-k8s.io/v1beta1');
  });
});

describe('built-in kinds', () => {
  it('gives cluster IPs of each family, once', async () => {
    const { client } = start({ serviceCidrs: ['10.7.0.0/24', 'fd00:7::/112'] });
    const service = (name: string, spec: object = {}): Open => ({ apiVersion: 'v1', kind: 'Service', metadata: { name, namespace: 'shop' }, spec: { ports: [{ port: 80 }], ...spec } });
    const one = await client.create(Service, service('one'), me, signal);
    const two = await client.create(Service, service('two', { ipFamilyPolicy: 'PreferDualStack' }), me, signal);
    expect([one['spec'].clusterIP, two['spec'].clusterIPs, two['spec'].ipFamilies]).toEqual(['10.7.0.2', ['10.7.0.3', 'fd00:7::2'], ['IPv4', 'IPv6']]);
    expect(one['spec'].ports).toEqual([{ port: 80, protocol: 'TCP', targetPort: 80 }]);
    const headless = await client.create(Service, service('three', { clusterIP: 'None' }), me, signal);
    expect(headless['spec'].clusterIPs).toEqual(['None']);
    expect((await refusal(client.create(Service, service('four', { clusterIP: '10.7.0.2' }), me, signal))).code).toBe(422);
    const applied = await client.patch<Open>(Service, { namespace: 'shop', name: 'five' }, service('five'), { type: 'apply', fieldManager: 'm' }, signal);
    const again = await client.patch<Open>(Service, { namespace: 'shop', name: 'five' }, service('five', { ports: [{ port: 81 }] }), { type: 'apply', fieldManager: 'm' }, signal);
    expect([again['spec'].clusterIP, again['spec'].ports]).toEqual([applied['spec'].clusterIP, [{ port: 81, protocol: 'TCP', targetPort: 81 }]]);
  });

  it('takes stringData, keeps Secrets out of errors, refuses loopback endpoints', async () => {
    const { client } = start();
    const made = await client.create<Open>(Secret, { apiVersion: 'v1', kind: 'Secret', metadata: { name: 's', namespace: 'shop' }, stringData: { a: 'hello' } } as Open, me, signal);
    expect([made['data'], made['type'], made['stringData']]).toEqual([{ a: 'aGVsbG8=' }, 'Opaque', undefined]);
    const bad = await refusal(client.create<Open>(Secret, { apiVersion: 'v1', kind: 'Secret', metadata: { name: 't', namespace: 'shop' }, data: { a: 'not base64!' } } as Open, me, signal));
    expect(bad.message).not.toContain('not base64!');
    const slice = { apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', metadata: { name: 'e', namespace: 'shop' }, addressType: 'IPv4', endpoints: [{ addresses: ['127.0.0.1'] }] } as Open;
    expect((await refusal(client.create(EndpointSlice, slice, me, signal))).message).toContain('loopback');
  });
});
