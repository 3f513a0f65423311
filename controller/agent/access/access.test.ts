/** Policies of Cilium that the agent writes for AccessPolicies. */
import { describe, expect, test } from 'vitest';
import { CiliumClusterwideNetworkPolicy, CiliumEndpoint, CiliumNetworkPolicy, type CiliumPolicyObject } from '../../../mesh/api/resources/cilium.ts';
import { Service } from '../../../mesh/api/resources/core.ts';
import type { AccessRule } from '../../../mesh/model/access.ts';
import type { KubernetesObject, ResourceKind } from '../../../mesh/ports/kubernetes.ts';
import { read, trusted } from '../testing/scene.ts';
import type { World } from '../testing/world.ts';
import { testWorlds } from '../testing/worlds.ts';

const signal = new AbortController().signal;
const { started, made } = testWorlds();
const Crd: ResourceKind = { group: 'apiextensions.k8s.io', version: 'v1', kind: 'CustomResourceDefinition', plural: 'customresourcedefinitions', namespaced: false };
const tester = { fieldManager: 'tester' };
const PLACE = { namespace: 'shop', name: 'isthmus-to-checkout' };

const rule: AccessRule = { policy: 'to-checkout', mode: 'DefaultDeny', to: { service: { namespace: 'shop', name: 'checkout' } }, from: [{ clusters: ['oslo'], namespaces: ['web'], serviceAccounts: ['front'] }] };
const whole: AccessRule = { policy: 'shops', mode: 'Allow', to: { namespaces: ['shop', 'till'] }, ports: [{ port: 9090, protocol: 'TCP' }], from: [{}] };

const free = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };

async function cilium(world: World): Promise<void> {
  for (const { group, plural, kind, namespaced, version } of [CiliumNetworkPolicy, CiliumClusterwideNetworkPolicy, CiliumEndpoint]) {
    await world.kubernetes.create(Crd, {
      apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata: { name: `${plural}.${group}` },
      spec: { group, scope: namespaced ? 'Namespaced' : 'Cluster', names: { plural, singular: kind.toLowerCase(), kind }, versions: [{ name: version, served: true, storage: true, schema: { openAPIV3Schema: { type: 'object', properties: { spec: free, status: free } } } }] },
    } as KubernetesObject, tester, signal);
  }
  await world.clock.advance(100);
}

const service = (selector: Record<string, string>): KubernetesObject => ({
  apiVersion: 'v1', kind: 'Service', metadata: { namespace: 'shop', name: 'checkout' }, spec: { selector, ports: [{ name: 'http', port: 80, targetPort: 8080 }, { name: 'metrics', port: 9090, targetPort: 'metrics' }] },
}) as KubernetesObject;

const selectorOf = async (world: World): Promise<unknown> => (await read<CiliumPolicyObject>(world, CiliumNetworkPolicy, PLACE))?.spec?.['endpointSelector'];
const told = (world: World) => world.heard('AppliedReport', 'berlin');

async function assign(world: World, access: readonly AccessRule[]): Promise<string> {
  const revision = await trusted(world, access.length === 0 ? {} : { access });
  world.hub.set('DesiredRevision', 'berlin', revision);
  await world.clock.advance(500);
  return revision.id;
}

async function ruled(): Promise<World> {
  const world = await made();
  await cilium(world);
  await world.kubernetes.create(Service, service({ app: 'checkout' }), tester, signal);
  await world.start();
  await assign(world, [whole, rule]);
  return world;
}

describe('access policies in a cluster', () => {
  test('are written for the pods of their Service, follow it, and are taken away', async () => {
    const world = await ruled();
    expect(told(world)).toMatchObject({ healthy: true, message: '', drift: [] });
    const { metadata, spec } = (await read<CiliumPolicyObject>(world, CiliumNetworkPolicy, PLACE))!;
    expect(metadata.labels).toEqual({ 'app.kubernetes.io/managed-by': 'isthmus-agent' });
    expect(spec).toEqual({
      description: 'Written by Isthmus for AccessPolicy to-checkout', endpointSelector: { matchLabels: { app: 'checkout' } }, enableDefaultDeny: { ingress: true, egress: false },
      ingress: [{
        fromEndpoints: [{ matchExpressions: [
          { key: 'io.cilium.k8s.policy.cluster', operator: 'In', values: ['oslo'] }, { key: 'io.kubernetes.pod.namespace', operator: 'In', values: ['web'] }, { key: 'io.cilium.k8s.policy.serviceaccount', operator: 'In', values: ['front'] },
        ] }],
        toPorts: [{ ports: [{ port: '8080', protocol: 'TCP' }, { port: 'metrics', protocol: 'TCP' }] }],
      }],
    });
    expect((await read<CiliumPolicyObject>(world, CiliumClusterwideNetworkPolicy, { name: 'isthmus-shops' }))?.spec).toMatchObject({
      endpointSelector: { matchExpressions: [{ key: 'io.kubernetes.pod.namespace', operator: 'In', values: ['shop', 'till'] }] }, enableDefaultDeny: { ingress: false, egress: false },
    });

    await world.kubernetes.patch(Service, { namespace: 'shop', name: 'checkout' }, { spec: { selector: { app: null, tier: 'pay' } } }, { type: 'merge', ...tester }, signal);
    await world.clock.advance(500);
    expect(await selectorOf(world)).toEqual({ matchLabels: { tier: 'pay' } });
    expect(told(world)).toMatchObject({ healthy: true, drift: [] });

    await world.kubernetes.delete(Service, { namespace: 'shop', name: 'checkout' }, {}, signal);
    await world.clock.advance(500);
    expect(await selectorOf(world)).toEqual({ matchLabels: { tier: 'pay' } });
    expect(told(world)).toMatchObject({ healthy: true, message: expect.stringContaining('without their Service here') });

    const id = await assign(world, []);
    expect(await read(world, CiliumNetworkPolicy, PLACE)).toBeUndefined();
    expect(await read(world, CiliumClusterwideNetworkPolicy, { name: 'isthmus-shops' })).toBeUndefined();
    expect(told(world)).toMatchObject({ id, healthy: true, message: '' });
  });

  test('that others changed or deleted stay so, are reported, and are put back when asked', async () => {
    const world = await ruled();
    await world.kubernetes.patch(CiliumNetworkPolicy, PLACE, { spec: { ingress: [{ fromEntities: ['world'] }], egress: [{}] } }, { type: 'merge', fieldManager: 'kubectl-edit' }, signal);
    await world.kubernetes.delete(CiliumClusterwideNetworkPolicy, { name: 'isthmus-shops' }, {}, signal);
    await world.clock.advance(500);
    expect(told(world)).toMatchObject({ healthy: false, drift: [
      { object: 'CiliumClusterwideNetworkPolicy isthmus-shops', path: '', actual: 'absent' }, { object: 'CiliumNetworkPolicy shop/isthmus-to-checkout', path: '.spec', manager: 'kubectl-edit' },
    ] });
    await world.stop();
    await world.start();
    await world.clock.advance(500);
    expect(told(world)).toMatchObject({ healthy: false, drift: [{ actual: 'absent' }, { path: '.spec', manager: 'kubectl-edit' }] });
    expect((await read<CiliumPolicyObject>(world, CiliumNetworkPolicy, PLACE))?.spec).toMatchObject({ ingress: [{ fromEntities: ['world'] }] });

    await world.kubernetes.patch(CiliumNetworkPolicy, PLACE, { metadata: { annotations: { 'isthmus.dev/drift': 'revert' } } }, { type: 'merge', fieldManager: 'kubectl-annotate' }, signal);
    await world.clock.advance(500);
    const { spec, metadata } = (await read<CiliumPolicyObject>(world, CiliumNetworkPolicy, PLACE))!;
    expect(spec).toMatchObject({ ingress: [{ fromEndpoints: [{}] }] });
    expect(spec).not.toHaveProperty('egress');
    expect(metadata.annotations).not.toHaveProperty('isthmus.dev/drift');
    expect(told(world)?.drift).toEqual([expect.objectContaining({ actual: 'absent' })]);
  });

  test('say what keeps them from being enforced: no Cilium, a Service without pods or ports', async () => {
    const world = await started();
    await world.kubernetes.create(Service, service({}), tester, signal);
    await assign(world, [{ ...rule, ports: [{ port: 81, protocol: 'TCP' }] }]);
    expect(told(world)).toMatchObject({ healthy: false, message: expect.stringContaining('does not serve CiliumNetworkPolicy') });
    await cilium(world);
    await world.clock.advance(15_000);
    expect(told(world)).toMatchObject({ healthy: false, message: expect.stringContaining('Service shop/checkout has no selector') });
    await world.kubernetes.patch(Service, { namespace: 'shop', name: 'checkout' }, { spec: { selector: { app: 'checkout' } } }, { type: 'merge', ...tester }, signal);
    await world.clock.advance(500);
    expect(told(world)).toMatchObject({ healthy: false, message: expect.stringContaining('has no port 81/TCP here') });
    expect((await read<CiliumPolicyObject>(world, CiliumNetworkPolicy, PLACE))?.spec?.['ingress']).toEqual([{}]);
    await assign(world, []);
    expect(await read(world, CiliumNetworkPolicy, PLACE)).toBeUndefined();
    expect(told(world)).toMatchObject({ healthy: true, message: '' });
  });
});

describe('asked who is there', () => {
  const endpoint = (name: string, namespace: string, account: string, labels: Record<string, string>, enforcing: boolean): KubernetesObject => ({
    apiVersion: 'cilium.io/v2', kind: 'CiliumEndpoint', metadata: { namespace: 'shop', name },
    status: {
      identity: { labels: [`k8s:io.kubernetes.pod.namespace=${namespace}`, `k8s:io.cilium.k8s.policy.serviceaccount=${account}`, 'k8s:io.cilium.k8s.policy.cluster=berlin', ...Object.entries(labels).map(([key, value]) => `k8s:${key}=${value}`)] },
      policy: { ingress: { enforcing } },
    },
  }) as KubernetesObject;

  test('sums pods by what policies tell them apart by, with the policies of others', async () => {
    const world = await ruled();
    for (const object of [endpoint('a', 'shop', 'default', { app: 'checkout', version: '1' }, true), endpoint('b', 'shop', 'default', { app: 'checkout', version: '2' }, false), endpoint('c', 'web', 'front', { app: 'front' }, false)]) await world.kubernetes.create(CiliumEndpoint, object, tester, signal);
    await world.kubernetes.create(CiliumEndpoint, { apiVersion: 'cilium.io/v2', kind: 'CiliumEndpoint', metadata: { namespace: 'shop', name: 'starting' } }, tester, signal);
    await world.kubernetes.create(CiliumNetworkPolicy, { apiVersion: 'cilium.io/v2', kind: 'CiliumNetworkPolicy', metadata: { namespace: 'shop', name: 'theirs' }, spec: { ingressDeny: [{}] } } as KubernetesObject, tester, signal);
    world.hub.set('Question', 'q', { id: 'q', dnsName: '', dnsType: '', access: { services: [{ namespace: 'shop', name: 'checkout' }, { namespace: 'shop', name: 'none' }], namespaces: ['shop'] } });
    await world.clock.advance(200);
    expect(world.heard('Answer', 'q')).toEqual({
      id: 'q', lines: [], records: [], rcode: '',
      access: {
        sources: [{ namespace: 'shop', serviceAccount: 'default', endpoints: 2 }, { namespace: 'web', serviceAccount: 'front', endpoints: 1 }], sourcesOmitted: 0,
        targets: [{ labels: { app: 'checkout', 'io.kubernetes.pod.namespace': 'shop' }, endpoints: 2, enforcing: 1 }], targetsOmitted: 0,
        services: [{ namespace: 'shop', name: 'checkout', selector: { app: 'checkout' }, ports: [{ port: 80, protocol: 'TCP', targetPort: '8080' }, { port: 9090, protocol: 'TCP', targetPort: 'metrics' }] }],
        others: [{ namespace: 'shop', policies: 1, denying: 1 }], problems: [],
      },
    });
    world.hub.remove('Question', 'q');
    await world.clock.advance(100);
    expect(world.heard('Answer', 'q')).toBeUndefined();
  });

  test('says what it cannot read', async () => {
    const world = await started();
    world.hub.set('Question', 'q', { id: 'q', dnsName: '', dnsType: '', access: { services: [], namespaces: ['shop'] } });
    await world.clock.advance(200);
    expect(world.heard('Answer', 'q')?.access).toMatchObject({ sources: [], targets: [], others: [], problems: [expect.stringContaining('CiliumEndpoints cannot be read')] });
  });
});
