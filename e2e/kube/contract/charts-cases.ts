/** The accounts of the charts with the very objects that Helm renders: what agent and hub ask for is allowed, all around it is refused. */
import { beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../../../controller/demo/eventually.ts';
import type { KubernetesObject } from '../../../mesh/ports/kubernetes.ts';
import { findHelm, renderChart } from '../../charts/helm.ts';
import { type Grant, grantsOf, grantText } from '../grants.ts';
import type { Answer, Ask, ServerSubject } from './subject.ts';
import { makeNamespace, serve, TYPES } from './writing.ts';

/** Of the release. */
const NAMESPACE = 'isthmus-system';
const SHOP = 'charts-shop';
const ELSEWHERE = 'charts-elsewhere';
const RBAC = '/apis/rbac.authorization.k8s.io/v1';
const PLURALS: Readonly<Record<string, string>> = { ClusterRole: 'clusterroles', ClusterRoleBinding: 'clusterrolebindings', Role: 'roles', RoleBinding: 'rolebindings' };
const CHARTS = {
  'isthmus-agent': ['--set', 'cluster.name=berlin', '--set', 'hub.address=hub.example.com:8443'],
  'isthmus-hub': ['--set', 'gateway.advertise=hub.example.com:8443', '--set', 'replicas=3', '--set', 'records.postgres.existingSecret=records', '--set', 'inventory.discover=true', '--set', 'inventory.argocdNamespaces={charts-elsewhere}'],
} as const;
type Chart = keyof typeof CHARTS;

const core = (namespace: string, plural: string, name = ''): string => `/api/v1/namespaces/${namespace}/${plural}${name === '' ? '' : `/${name}`}`;
const grouped = (group: string, namespace: string, plural: string, name = ''): string => `/apis/${group}/namespaces/${namespace}/${plural}${name === '' ? '' : `/${name}`}`;
const ours = (plural: string, name = ''): string => `/apis/isthmus.dev/v1alpha1/${plural}${name === '' ? '' : `/${name}`}`;
const slices = (name = ''): string => grouped('discovery.k8s.io/v1', SHOP, 'endpointslices', name);
const imports = (name = ''): string => grouped('multicluster.x-k8s.io/v1alpha1', SHOP, 'serviceimports', name);
const leases = (name = ''): string => grouped('coordination.k8s.io/v1', NAMESPACE, 'leases', name);
const profiles = (namespace: string, name = ''): string => grouped('multicluster.x-k8s.io/v1alpha1', namespace, 'clusterprofiles', name);
const named = (name: string): string => `?fieldSelector=metadata.name%3D${name}`;
const apply = (apiVersion: string, kind: string, name: string, more: object = {}): Ask & { readonly body: object } => ({ type: TYPES.apply, body: { apiVersion, kind, metadata: { name }, ...more } });
const create = (name: string, more: object = {}): Ask & { readonly body: object } => ({ body: { metadata: { name }, ...more } });
const by = '?fieldManager=isthmus';

type Allowed = readonly [method: string, path: string, code: number, options?: Ask & { readonly body: object }];
type Refused = readonly [method: string, path: string, message: string, options?: Ask];

const importSpec = { spec: { type: 'ClusterSetIP', ports: [{ name: 'http', port: 80 }] } };
const sliceSpec = { addressType: 'IPv4', endpoints: [{ addresses: ['192.0.2.1'] }], ports: [{ name: 'http', port: 80 }] };

/** All but pods and storage classes, which the embedded API does not serve: the walk on real servers asks for those. In this order: what one makes the next reads, and a PUT is of the version that was read before it. */
const ALLOWED: Readonly<Record<Chart, readonly Allowed[]>> = {
  'isthmus-agent': [
    ['GET', '/api/v1/namespaces', 200], ['GET', '/api/v1/namespaces?watch=1&timeoutSeconds=1', 200], ['GET', '/api/v1/nodes', 200],
    ['GET', '/apis/multicluster.x-k8s.io/v1alpha1/serviceexports', 200], ['GET', '/apis/multicluster.x-k8s.io/v1beta1/serviceexports?watch=1&timeoutSeconds=1', 200],
    ['GET', grouped('multicluster.x-k8s.io/v1alpha1', SHOP, 'serviceexports', 'checkout'), 404],
    ['PATCH', imports('checkout') + by, 201, apply('multicluster.x-k8s.io/v1alpha1', 'ServiceImport', 'checkout', importSpec)], ['GET', imports('checkout'), 200],
    ['PATCH', `${imports('checkout')}/status${by}`, 200, apply('multicluster.x-k8s.io/v1alpha1', 'ServiceImport', 'checkout', { status: { clusters: [{ cluster: 'oslo' }] } })],
    ['DELETE', imports('checkout'), 200],
    ['PATCH', core(SHOP, 'services', 'derived') + by, 201, apply('v1', 'Service', 'derived', { spec: { ports: [{ name: 'http', port: 80 }] } })],
    ['GET', core(SHOP, 'services', 'derived'), 200], ['GET', '/api/v1/services?watch=1&timeoutSeconds=1', 200], ['DELETE', core(SHOP, 'services', 'derived'), 200],
    ['PATCH', slices('derived') + by, 201, apply('discovery.k8s.io/v1', 'EndpointSlice', 'derived', sliceSpec)], ['GET', slices('derived'), 200], ['DELETE', slices('derived'), 200],
    ['POST', core(NAMESPACE, 'secrets'), 201, create('isthmus-agent-identity')], ['GET', core(NAMESPACE, 'secrets', 'isthmus-agent-identity'), 200],
    ['PUT', core(NAMESPACE, 'secrets', 'isthmus-agent-identity'), 200, create('isthmus-agent-identity', { apiVersion: 'v1', kind: 'Secret', stringData: { a: 'b' } })],
    ['GET', core('kube-system', 'configmaps') + named('cilium-config'), 200], ['GET', `${core('kube-system', 'secrets')}${named('cilium-clustermesh')}&watch=1&timeoutSeconds=1`, 200],
    ['GET', grouped('apps/v1', 'kube-system', 'daemonsets', 'cilium'), 404], ['GET', grouped('apps/v1', 'kube-system', 'deployments', 'clustermesh-apiserver'), 404],
    // Whoever makes an object by an apply needs `create` of that name, which is known then.
    ['PATCH', core('kube-system', 'secrets', 'cilium-clustermesh') + by, 201, apply('v1', 'Secret', 'cilium-clustermesh')], ['DELETE', core('kube-system', 'secrets', 'cilium-clustermesh'), 200],
    ['PATCH', core('kube-system', 'configmaps', 'clustermesh-remote-users') + by, 201, apply('v1', 'ConfigMap', 'clustermesh-remote-users')], ['DELETE', core('kube-system', 'configmaps', 'clustermesh-remote-users'), 200],
    ['GET', core('kube-system', 'secrets', 'clustermesh-apiserver-server-cert'), 404],
  ],
  'isthmus-hub': [
    ['POST', ours('clusters'), 201, create('charts-berlin', { apiVersion: 'isthmus.dev/v1alpha1', kind: 'Cluster', spec: {} })], ['GET', ours('clusters'), 200], ['GET', ours('clusters', 'charts-berlin'), 200],
    ['PUT', `${ours('clusters', 'charts-berlin')}/status`, 200, create('charts-berlin', { apiVersion: 'isthmus.dev/v1alpha1', kind: 'Cluster', spec: {} })],
    ...['exportpolicies', 'failoverpolicies', 'globalservices', 'updatestrategies', 'meshes', 'drills', 'fleetqueries', 'updateruns', 'inquiries'].flatMap((plural): Allowed[] => [
      ['GET', ours(plural), 200], ['GET', `${ours(plural)}?watch=1&timeoutSeconds=1`, 200],
    ]),
    ['GET', ours('jointokens', 'none'), 404], ['DELETE', ours('inquiries', 'none'), 404],
    ['POST', core(NAMESPACE, 'secrets'), 201, create('isthmus-authority')], ['GET', core(NAMESPACE, 'secrets', 'isthmus-authority'), 200],
    ['PATCH', core(NAMESPACE, 'configmaps', 'isthmus-trust') + by, 201, apply('v1', 'ConfigMap', 'isthmus-trust')], ['GET', core(NAMESPACE, 'configmaps', 'isthmus-trust'), 200],
    // Nobody has installed these kinds here: 404 is past the question of rights.
    ['GET', profiles(NAMESPACE), 404], ['PATCH', profiles(NAMESPACE, 'berlin') + by, 404, apply('multicluster.x-k8s.io/v1alpha1', 'ClusterProfile', 'berlin')], ['DELETE', profiles(NAMESPACE, 'berlin'), 404],
    ['GET', '/apis/multicluster.x-k8s.io/v1alpha1/clusterprofiles', 404], ['GET', '/apis/cluster.x-k8s.io/v1beta2/clusters', 404], ['GET', '/apis/helm.toolkit.fluxcd.io/v2/helmreleases', 404],
    ['GET', core(ELSEWHERE, 'secrets'), 200],
    ['POST', leases(), 201, create('isthmus-hub')], ['GET', leases('isthmus-hub'), 200],
    ['PUT', leases('isthmus-hub'), 200, create('isthmus-hub', { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', spec: { holderIdentity: 'one' } })],
  ],
};

const everywhere = 'at the cluster scope';
const within = (namespace: string): string => `in the namespace "${namespace}"`;
/** After `User "…" `. */
const cannot = (verb: string, resource: string, group: string, where: string): string => `cannot ${verb} resource "${resource}" in API group "${group}" ${where}`;

const REFUSED: Readonly<Record<Chart, readonly Refused[]>> = {
  'isthmus-agent': [
    ['GET', '/api/v1/secrets', `secrets is forbidden: … ${cannot('list', 'secrets', '', everywhere)}`],
    ['GET', core('kube-system', 'secrets'), `secrets is forbidden: … ${cannot('list', 'secrets', '', within('kube-system'))}`],
    ['GET', core('kube-system', 'secrets') + named('cilium-ca'), `secrets "cilium-ca" is forbidden: … ${cannot('list', 'secrets', '', within('kube-system'))}`],
    ['GET', core('kube-system', 'secrets', 'cilium-clustermesh'), `secrets "cilium-clustermesh" is forbidden: … ${cannot('get', 'secrets', '', within('kube-system'))}`],
    ['GET', core(SHOP, 'secrets') + named('cilium-clustermesh'), `secrets "cilium-clustermesh" is forbidden: … ${cannot('list', 'secrets', '', within(SHOP))}`],
    ['GET', core('kube-system', 'configmaps', 'cilium-config'), `configmaps "cilium-config" is forbidden: … ${cannot('get', 'configmaps', '', within('kube-system'))}`],
    // A collection has no name yet, so a right to one name does not reach it.
    ['POST', core('kube-system', 'secrets'), `secrets is forbidden: … ${cannot('create', 'secrets', '', within('kube-system'))}`, create('cilium-clustermesh')],
    ['PATCH', core('kube-system', 'configmaps', 'cilium-config') + by, `configmaps "cilium-config" is forbidden: … ${cannot('patch', 'configmaps', '', within('kube-system'))}`, apply('v1', 'ConfigMap', 'cilium-config')],
    ['GET', grouped('apps/v1', 'kube-system', 'daemonsets', 'other'), `daemonsets.apps "other" is forbidden: … ${cannot('get', 'daemonsets', 'apps', within('kube-system'))}`],
    ['GET', core(NAMESPACE, 'secrets', 'isthmus-authority'), `secrets "isthmus-authority" is forbidden: … ${cannot('get', 'secrets', '', within(NAMESPACE))}`],
    ['DELETE', core(NAMESPACE, 'secrets', 'isthmus-agent-identity'), `secrets "isthmus-agent-identity" is forbidden: … ${cannot('delete', 'secrets', '', within(NAMESPACE))}`],
    ['DELETE', core(SHOP, 'services'), `services is forbidden: … ${cannot('deletecollection', 'services', '', within(SHOP))}`],
    ['PUT', core(SHOP, 'services', 'any'), `services "any" is forbidden: … ${cannot('update', 'services', '', within(SHOP))}`, create('any')],
    ['PATCH', `/api/v1/nodes/one${by}`, `nodes "one" is forbidden: … ${cannot('patch', 'nodes', '', everywhere)}`, apply('v1', 'Node', 'one')],
    // Read as a whole and by watch alone: what pods ask for, never what they hold.
    ['GET', core(SHOP, 'pods', 'any'), `pods "any" is forbidden: … ${cannot('get', 'pods', '', within(SHOP))}`],
    ['GET', `${core(SHOP, 'pods', 'any')}/log`, `pods "any" is forbidden: … ${cannot('get', 'pods/log', '', within(SHOP))}`],
    ['DELETE', core(SHOP, 'pods', 'any'), `pods "any" is forbidden: … ${cannot('delete', 'pods', '', within(SHOP))}`],
    ['GET', '/apis/storage.k8s.io/v1/storageclasses/any', `storageclasses.storage.k8s.io "any" is forbidden: … ${cannot('get', 'storageclasses', 'storage.k8s.io', everywhere)}`],
    ['DELETE', `/api/v1/namespaces/${SHOP}`, `namespaces "${SHOP}" is forbidden: … ${cannot('delete', 'namespaces', '', within(SHOP))}`],
    ['DELETE', grouped('multicluster.x-k8s.io/v1alpha1', SHOP, 'serviceexports', 'a'), `serviceexports.multicluster.x-k8s.io "a" is forbidden: … ${cannot('delete', 'serviceexports', 'multicluster.x-k8s.io', within(SHOP))}`],
    ['GET', ours('clusters'), `clusters.isthmus.dev is forbidden: … ${cannot('list', 'clusters', 'isthmus.dev', everywhere)}`],
    ['POST', `${RBAC}/clusterroles`, `clusterroles.rbac.authorization.k8s.io is forbidden: … ${cannot('create', 'clusterroles', 'rbac.authorization.k8s.io', everywhere)}`, create('all')],
  ],
  'isthmus-hub': [
    ['GET', core(NAMESPACE, 'secrets'), `secrets is forbidden: … ${cannot('list', 'secrets', '', within(NAMESPACE))}`],
    ['GET', core(NAMESPACE, 'secrets', 'isthmus-agent-identity'), `secrets "isthmus-agent-identity" is forbidden: … ${cannot('get', 'secrets', '', within(NAMESPACE))}`],
    ['GET', core('kube-system', 'secrets', 'isthmus-authority'), `secrets "isthmus-authority" is forbidden: … ${cannot('get', 'secrets', '', within('kube-system'))}`],
    ['DELETE', core(NAMESPACE, 'secrets', 'isthmus-authority'), `secrets "isthmus-authority" is forbidden: … ${cannot('delete', 'secrets', '', within(NAMESPACE))}`],
    ['PATCH', core(NAMESPACE, 'configmaps', 'other') + by, `configmaps "other" is forbidden: … ${cannot('patch', 'configmaps', '', within(NAMESPACE))}`, apply('v1', 'ConfigMap', 'other')],
    ['DELETE', ours('clusters', 'charts-berlin'), `clusters.isthmus.dev "charts-berlin" is forbidden: … ${cannot('delete', 'clusters', 'isthmus.dev', everywhere)}`],
    ['PUT', ours('clusters', 'charts-berlin'), `clusters.isthmus.dev "charts-berlin" is forbidden: … ${cannot('update', 'clusters', 'isthmus.dev', everywhere)}`, create('charts-berlin')],
    ['PATCH', `${ours('clusters', 'charts-berlin')}/status`, `clusters.isthmus.dev "charts-berlin" is forbidden: … ${cannot('patch', 'clusters/status', 'isthmus.dev', everywhere)}`, { type: TYPES.merge, body: {} }],
    ['GET', ours('jointokens'), `jointokens.isthmus.dev is forbidden: … ${cannot('list', 'jointokens', 'isthmus.dev', everywhere)}`],
    ['DELETE', leases('isthmus-hub'), `leases.coordination.k8s.io "isthmus-hub" is forbidden: … ${cannot('delete', 'leases', 'coordination.k8s.io', within(NAMESPACE))}`],
    ['DELETE', profiles(ELSEWHERE, 'berlin'), `clusterprofiles.multicluster.x-k8s.io "berlin" is forbidden: … ${cannot('delete', 'clusterprofiles', 'multicluster.x-k8s.io', within(ELSEWHERE))}`],
    ['DELETE', profiles(NAMESPACE), `clusterprofiles.multicluster.x-k8s.io is forbidden: … ${cannot('deletecollection', 'clusterprofiles', 'multicluster.x-k8s.io', within(NAMESPACE))}`],
    ['GET', '/apis/cluster.x-k8s.io/v1beta2/clusters?watch=1&timeoutSeconds=1', `clusters.cluster.x-k8s.io is forbidden: … ${cannot('watch', 'clusters', 'cluster.x-k8s.io', everywhere)}`],
    ['GET', core(ELSEWHERE, 'secrets', 'cluster-a'), `secrets "cluster-a" is forbidden: … ${cannot('get', 'secrets', '', within(ELSEWHERE))}`],
    ['GET', '/api/v1/namespaces', `namespaces is forbidden: … ${cannot('list', 'namespaces', '', everywhere)}`],
    ['GET', '/api/v1/services', `services is forbidden: … ${cannot('list', 'services', '', everywhere)}`],
  ],
};

const helm = findHelm();
if (helm === undefined) console.log('the rights of the charts are not tried: helm is neither in KUBEBUILDER_ASSETS nor on PATH');

export function chartsCases(subject: () => ServerSubject): void {
  const ask = (method: string, path: string, options?: Ask): Promise<Answer> => subject().ask(method, path, options);
  const userOf = (chart: Chart): string => `system:serviceaccount:${NAMESPACE}:${chart}`;
  const as = (chart: Chart, options: Ask = {}): Ask => ({ ...options, headers: { ...options.headers, 'impersonate-user': userOf(chart) } });
  const rendered: Partial<Record<Chart, readonly KubernetesObject[]>> = {};

  /** What SubjectAccessReview says of a right, in this namespace for those that hold everywhere. */
  async function isAllowed(chart: Chart, { namespace, group, resource: all, verb, name }: Grant): Promise<boolean> {
    const [resource, subresource = ''] = all.split('/');
    const { code, body } = await ask('POST', '/apis/authorization.k8s.io/v1/subjectaccessreviews', { body: {
      spec: { user: userOf(chart), groups: ['system:serviceaccounts', `system:serviceaccounts:${NAMESPACE}`, 'system:authenticated'], resourceAttributes: { namespace: namespace === '*' ? '' : namespace, group, resource, subresource, verb, name: name === '*' ? '' : name } },
    } });
    expect(code, JSON.stringify(body)).toBe(201);
    return body.status.allowed as boolean;
  }

  describe.skipIf(helm === undefined)('rights of the charts', () => {
    beforeAll(async () => {
      for (const namespace of [NAMESPACE, 'kube-system', SHOP, ELSEWHERE]) await makeNamespace(subject(), namespace);
      for (const chart of Object.keys(CHARTS) as Chart[]) {
        const objects = await renderChart(helm!, chart, CHARTS[chart]);
        rendered[chart] = objects;
        for (const object of objects) {
          if (object.kind === 'CustomResourceDefinition') {
            const { spec } = object as KubernetesObject & { readonly spec: { readonly group: string; readonly names: { readonly plural: string }; readonly versions: readonly { readonly name: string; readonly served: boolean }[] } };
            await serve(subject(), object, spec.versions.filter(({ served }) => served).map(({ name }) => `/apis/${spec.group}/${name}/${spec.names.plural}`));
          } else if (object.kind === 'ServiceAccount' || PLURALS[object.kind ?? ''] !== undefined) {
            const { namespace } = object.metadata;
            const path = object.kind === 'ServiceAccount' ? core(namespace ?? '', 'serviceaccounts') : `${RBAC}${namespace === undefined ? '' : `/namespaces/${namespace}`}/${PLURALS[object.kind ?? ''] ?? ''}`;
            expect(await ask('POST', `${path}?fieldManager=helm`, { body: object })).toMatchObject({ code: 201 });
          }
        }
      }
      for (const chart of Object.keys(CHARTS) as Chart[]) {
        // kube-apiserver's authorizer hears of new roles by watch.
        for (const grant of grantsOf(rendered[chart] ?? [])) await eventually(`${chart} may ${grantText(grant)}`, 45_000, () => isAllowed(chart, grant));
      }
    });

    test.each(Object.keys(CHARTS) as Chart[])('every rule of %s holds, and none holds beyond it', async (chart) => {
      const grants = grantsOf(rendered[chart] ?? []);
      expect(grants.length).toBeGreaterThan(20);
      const texts = new Set(grants.map(grantText));
      const holds = (grant: Grant): boolean => [grant, { ...grant, name: '*' }, { ...grant, namespace: '*' }, { ...grant, namespace: '*', name: '*' }].some((each) => texts.has(grantText(each)));
      const neighbours = grants.flatMap((grant): Grant[] => [
        ...['get', 'update', 'deletecollection'].map((verb) => ({ ...grant, verb })),
        { ...grant, resource: grant.resource.includes('/') ? grant.resource.split('/')[0]! : `${grant.resource}/status` },
        { ...grant, group: 'other.example.com' },
        ...grant.namespace === '*' ? [] : [{ ...grant, namespace: ELSEWHERE }],
        ...grant.name === '*' ? [] : [{ ...grant, name: 'other' }, { ...grant, name: '*' }],
      ]).filter((grant) => !holds(grant));
      const different: string[] = [];
      for (const [expected, list] of [[true, grants], [false, neighbours]] as const) {
        for (const grant of new Map(list.map((each) => [grantText(each), each])).values()) if (await isAllowed(chart, grant) !== expected) different.push(`${grantText(grant)} should be ${expected}`);
      }
      expect(different).toEqual([]);
    });

    test.each(Object.keys(CHARTS) as Chart[])('%s is answered whatever it asks', async (chart) => {
      const answers: Promise<string>[] = [];
      let resourceVersion = '';
      for (const [method, path, , options] of ALLOWED[chart]) {
        const { name } = (options?.body as KubernetesObject | undefined)?.metadata ?? {};
        const asked = ask(method, path, as(chart, method === 'PUT' ? { ...options, body: { ...options?.body, metadata: { name, resourceVersion } } } : options));
        answers.push(asked.then(({ code, body }) => `${code} ${method} ${path}${code < 400 || code === 404 ? '' : ` ${JSON.stringify(body)}`}`));
        // Watches last a second, side by side.
        if (!path.includes('watch=1')) resourceVersion = (await asked).body.metadata?.resourceVersion ?? '';
      }
      expect(await Promise.all(answers)).toEqual(ALLOWED[chart].map(([method, path, code]) => `${code} ${method} ${path}`));
    });

    describe.each(Object.keys(CHARTS) as Chart[])('%s is refused', (chart) => {
      test.each(REFUSED[chart].map(([method, path, message, options]) => ({ method, path, message, options })))('$method $path', async ({ method, path, message, options }) => {
        expect(await ask(method, path, as(chart, options))).toMatchObject({ code: 403, body: { reason: 'Forbidden', message: message.replace('…', `User "${userOf(chart)}"`) } });
      });
    });
  });
}
