/** What a server says of itself: paths, health, version, discovery and OpenAPI; and of paths that are none. */
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, test } from 'vitest';
import { gaugeDefinition, gaugePath } from './gauge.ts';
import type { Answer, ServerSubject } from './subject.ts';

const NAMESPACE = 'reads-documents';
const GROUP = 'documents.isthmus.dev';
const GAUGES = gaugePath('documents', NAMESPACE);
const AGGREGATED = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';
/** Kinds that both servers have, by path. */
const CORE = ['configmaps', 'events', 'namespaces', 'nodes', 'secrets', 'serviceaccounts', 'services'];
const VERBS = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];

type Resource = { readonly name: string; readonly singularName: string; readonly namespaced: boolean; readonly kind: string; readonly verbs: readonly string[]; readonly shortNames?: readonly string[]; readonly categories?: readonly string[] };
type Aggregated = { readonly metadata: { readonly name?: string }; readonly versions: readonly { readonly version: string; readonly freshness: string; readonly resources: readonly (Record<string, unknown> & { readonly resource: string; readonly verbs: readonly string[] })[] }[] };

const said = ({ name, singularName, namespaced, kind, verbs, shortNames = [], categories = [] }: Resource): unknown => [name, singularName, namespaced, kind, [...verbs].sort(), shortNames, categories];

export function documentsCases(subject: () => ServerSubject): void {
  const ask = (path: string, options: Parameters<ServerSubject['ask']>[2] = {}): Promise<Answer> => subject().ask('GET', path, options);

  describe('documents', () => {
    beforeAll(async () => {
      // Ready for requests is not yet ready in its own eyes.
      for (let attempt = 0; attempt < 400 && (await ask('/healthz')).code !== 200; attempt++) await sleep(50);
      await subject().ask('POST', '/api/v1/namespaces', { body: { metadata: { name: NAMESPACE } } });
      await subject().ask('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', { body: gaugeDefinition('documents') });
      for (let attempt = 0; attempt < 200 && (await ask(GAUGES)).code !== 200; attempt++) await sleep(50);
      // OpenAPI follows a definition after a while.
      for (let attempt = 0; attempt < 200 && (await ask(`/openapi/v3/apis/${GROUP}/v1`)).code !== 200; attempt++) await sleep(50);
      // And so does aggregated discovery.
      for (let attempt = 0; attempt < 200 && !(await groups()).some(({ metadata }) => metadata.name === GROUP); attempt++) await sleep(50);
    });
    const groups = async (path = '/apis'): Promise<readonly Aggregated[]> => (await ask(path, { accept: AGGREGATED })).body.items as readonly Aggregated[];

    test('the index names the paths', async () => {
      const { code, body } = await ask('/');
      expect([code, body.paths]).toEqual([200, expect.arrayContaining(['/api', '/api/v1', '/apis', '/apis/coordination.k8s.io', '/apis/coordination.k8s.io/v1', `/apis/${GROUP}`, `/apis/${GROUP}/v1`, '/healthz', '/livez', '/openapi/v2', '/openapi/v3', '/readyz'])]);
    });

    test('health, check by check, and the version', async () => {
      for (const path of ['/healthz', '/livez', '/readyz', '/livez/ping', '/readyz/ping']) {
        const { code, body, headers } = await ask(path);
        expect([code, body, headers['content-type'], headers['cache-control']], path).toEqual([200, 'ok', 'text/plain; charset=utf-8', 'no-cache, private']);
      }
      for (const path of ['livez', 'readyz']) expect((await ask(`/${path}?verbose`)).body).toMatch(new RegExp(`^\\[\\+\\]ping ok\\n[^]*${path} check passed\\n$`));
      expect((await ask('/readyz?verbose&exclude=ping')).body).toMatch(/^\[\+\]ping excluded: ok\n/);
      expect((await ask('/livez/nosuch')).code).toBe(404);
      expect((await ask('/version')).body).toMatchObject({ major: '1', minor: '36', gitVersion: expect.stringMatching(/^v1\.36\./) as string });
    });

    test('groups and their versions', async () => {
      expect((await ask('/api')).body).toMatchObject({ kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs: [{ clientCIDR: '0.0.0.0/0', serverAddress: new URL(subject().url).host }] });
      const version = { groupVersion: `${GROUP}/v1`, version: 'v1' };
      const group = { name: GROUP, versions: [version], preferredVersion: version };
      for (const path of [`/apis/${GROUP}`, `/apis/${GROUP}/`]) expect((await ask(path)).body).toEqual({ kind: 'APIGroup', apiVersion: 'v1', ...group });
      for (const path of ['/apis', '/apis/']) {
        const { body } = await ask(path);
        expect([body.kind, body.apiVersion]).toEqual(['APIGroupList', 'v1']);
        expect(body.groups).toContainEqual(group);
      }
    });

    test('resources of a version', async () => {
      const core = (await ask('/api/v1')).body;
      expect([core.kind, core.groupVersion]).toEqual(['APIResourceList', 'v1']);
      const resources = (core.resources as Resource[]).filter(({ name }) => CORE.includes(name));
      expect(resources.map(said)).toEqual([
        ['configmaps', 'configmap', true, 'ConfigMap', VERBS, ['cm'], []], ['events', 'event', true, 'Event', VERBS, ['ev'], []],
        ['namespaces', 'namespace', false, 'Namespace', VERBS.filter((verb) => verb !== 'deletecollection'), ['ns'], []], ['nodes', 'node', false, 'Node', VERBS, ['no'], []],
        ['secrets', 'secret', true, 'Secret', VERBS, [], []], ['serviceaccounts', 'serviceaccount', true, 'ServiceAccount', VERBS, ['sa'], []], ['services', 'service', true, 'Service', VERBS, ['svc'], ['all']],
      ]);
      for (const name of ['namespaces', 'nodes', 'services']) expect((core.resources as Resource[]).find((resource) => resource.name === `${name}/status`)).toMatchObject({ singularName: '', verbs: ['get', 'patch', 'update'] });
      const own = (await ask(`/apis/${GROUP}/v1`)).body;
      expect([own.kind, own.apiVersion, own.groupVersion, (own.resources as Resource[]).map(said)]).toEqual(['APIResourceList', 'v1', `${GROUP}/v1`, [
        ['gauges', 'gauge', true, 'Gauge', VERBS, ['gg'], ['all']], ['gauges/status', '', true, 'Gauge', ['get', 'patch', 'update'], [], []],
      ]]);
      for (const [path, name, kind] of [['coordination.k8s.io/v1', 'leases', 'Lease'], ['discovery.k8s.io/v1', 'endpointslices', 'EndpointSlice'], ['apiextensions.k8s.io/v1', 'customresourcedefinitions', 'CustomResourceDefinition']]) {
        expect(((await ask(`/apis/${path}`)).body.resources as Resource[]).find((resource) => resource.name === name)).toMatchObject({ kind, verbs: VERBS });
      }
    });

    test('aggregated discovery says the same at once', async () => {
      const answer = await ask('/apis', { accept: `${AGGREGATED},application/json` });
      expect([answer.headers['content-type'], answer.body.kind, answer.body.apiVersion]).toEqual([AGGREGATED, 'APIGroupDiscoveryList', 'apidiscovery.k8s.io/v2']);
      const own = (await groups()).find(({ metadata }) => metadata.name === GROUP);
      expect(own).toMatchObject({
        versions: [{
          version: 'v1', freshness: 'Current',
          resources: [{
            resource: 'gauges', responseKind: { group: GROUP, version: 'v1', kind: 'Gauge' }, scope: 'Namespaced', singularResource: 'gauge', shortNames: ['gg'], categories: ['all'],
            subresources: [{ subresource: 'status', responseKind: { group: GROUP, version: 'v1', kind: 'Gauge' }, verbs: ['get', 'patch', 'update'] }],
          }],
        }],
      });
      expect([...own?.versions[0]?.resources[0]?.verbs ?? []].sort()).toEqual(VERBS);
      const core = (await groups('/api'))[0];
      expect(core?.metadata.name).toBeUndefined();
      expect(core?.versions[0]?.resources.find(({ resource }) => resource === 'namespaces')).toMatchObject({ responseKind: { group: '', version: '', kind: 'Namespace' }, scope: 'Cluster', shortNames: ['ns'] });
    });

    test('aggregated discovery is kept by its tag', async () => {
      for (const path of ['/api', '/apis']) {
        const first = await ask(path, { accept: AGGREGATED });
        const tag = first.headers['etag'] as string;
        expect([tag, first.headers['vary'], first.headers['cache-control']]).toEqual([expect.stringMatching(/^"[0-9A-F]+"$/), 'Accept', 'public']);
        expect((await ask(path, { accept: AGGREGATED, headers: { 'if-none-match': tag } }))).toMatchObject({ code: 304, body: '', headers: { etag: tag } });
        expect((await ask(path, { accept: AGGREGATED, headers: { 'if-none-match': '"0"' } })).code).toBe(200);
      }
    });

    test('forms of discovery that are not served are passed over, or 406', async () => {
      const other = (version: string): string => `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`;
      expect((await ask('/api', { accept: `${other('v3')},application/json` })).body.kind).toBe('APIVersions');
      expect((await ask('/api', { accept: `${other('v2beta1')},${AGGREGATED}` })).body.kind).toBe('APIGroupDiscoveryList');
      for (const accept of [other('v3'), other('v2beta1'), 'application/json;as=APIGroupDiscoveryList;v=v2']) expect((await ask('/apis', { accept })).body, accept).toMatchObject({ code: 406, reason: 'NotAcceptable' });
    });

    test('OpenAPI v3: an index with hashes, and documents that are kept by them', async () => {
      const { code, body } = await ask('/openapi/v3');
      expect([code, Object.keys(body.paths)]).toEqual([200, expect.arrayContaining(['api/v1', 'apis/coordination.k8s.io/v1', 'apis/discovery.k8s.io/v1', 'apis/apiextensions.k8s.io/v1', `apis/${GROUP}/v1`])]);
      const location = body.paths[`apis/${GROUP}/v1`].serverRelativeURL as string;
      const hash = /^\/openapi\/v3\/apis\/documents\.isthmus\.dev\/v1\?hash=([0-9A-F]+)$/.exec(location)?.[1];
      const document = await ask(location);
      expect([document.code, document.headers['etag'], document.headers['vary'], document.headers['cache-control'], document.body.openapi]).toEqual([200, `"${hash}"`, 'Accept', 'public, immutable', '3.0.0']);
      const path = location.split('?')[0] as string;
      expect(await ask(`${path}?hash=ABC`)).toMatchObject({ code: 301, headers: { location } });
      expect(await ask(path, { headers: { 'if-none-match': `"${hash}"` } })).toMatchObject({ code: 304, body: '' });
      expect((await ask(path)).headers).toMatchObject({ etag: `"${hash}"`, 'cache-control': 'no-cache, private' });
      for (const missing of ['/openapi/v3/', '/openapi/v3/apis/nosuch/v1']) expect((await ask(missing)).code).toBe(404);
    });

    test('OpenAPI of a definition: schema with extensions, paths with the options that kubectl looks for', async () => {
      const { paths, components } = (await ask(`/openapi/v3/apis/${GROUP}/v1`)).body;
      const schema = components.schemas['dev.isthmus.documents.v1.Gauge'];
      expect(schema).toMatchObject({
        type: 'object', description: 'A gauge.', 'x-kubernetes-group-version-kind': [{ group: GROUP, version: 'v1', kind: 'Gauge' }],
        properties: {
          apiVersion: { type: 'string' }, kind: { type: 'string' }, metadata: { allOf: [{ $ref: '#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta' }] },
          spec: {
            type: 'object', description: 'What it measures.',
            properties: {
              size: { type: 'integer', minimum: 0 }, colour: { type: 'string', default: 'grey' }, since: { type: 'string', format: 'date-time' },
              ports: { type: 'array', 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['port'], items: { required: ['port'], properties: { target: { 'x-kubernetes-int-or-string': true } } } },
            },
          },
          status: { 'x-kubernetes-preserve-unknown-fields': true },
        },
      });
      expect(components.schemas['io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta'].properties.labels).toMatchObject({ type: 'object', additionalProperties: { type: 'string' } });
      const parameters = (operation: { parameters?: readonly { name: string }[] }): string[] => (operation.parameters ?? []).map(({ name }) => name);
      const item = paths[`/apis/${GROUP}/v1/namespaces/{namespace}/gauges/{name}`];
      expect(parameters(item.patch)).toEqual(expect.arrayContaining(['dryRun', 'fieldManager', 'fieldValidation', 'force']));
      expect(item.patch).toMatchObject({ 'x-kubernetes-action': 'patch', 'x-kubernetes-group-version-kind': { group: GROUP, version: 'v1', kind: 'Gauge' } });
      expect(parameters(item.put)).toEqual(expect.arrayContaining(['dryRun', 'fieldValidation']));
      expect(parameters(paths[`/apis/${GROUP}/v1/namespaces/{namespace}/gauges`].post)).toEqual(expect.arrayContaining(['dryRun', 'fieldValidation']));
      expect(Object.keys(paths)).toContain(`/apis/${GROUP}/v1/namespaces/{namespace}/gauges/{name}/status`);
    });

    test('OpenAPI of built-in kinds: the very schemas', async () => {
      const { paths, components } = (await ask('/openapi/v3/api/v1')).body;
      const service = components.schemas['io.k8s.api.core.v1.ServiceSpec'];
      expect(service.properties.ports).toMatchObject({ type: 'array', 'x-kubernetes-list-map-keys': ['port', 'protocol'], 'x-kubernetes-list-type': 'map', 'x-kubernetes-patch-merge-key': 'port', 'x-kubernetes-patch-strategy': 'merge' });
      expect(components.schemas['io.k8s.api.core.v1.ConfigMap']).toMatchObject({ 'x-kubernetes-group-version-kind': [{ group: '', version: 'v1', kind: 'ConfigMap' }], properties: { data: { additionalProperties: { type: 'string' } }, immutable: { type: 'boolean' } } });
      expect(paths['/api/v1/namespaces/{namespace}/configmaps/{name}'].patch['x-kubernetes-group-version-kind']).toEqual({ group: '', version: 'v1', kind: 'ConfigMap' });
    });

    test('paths that are none are 404, methods that a path does not have 405', async () => {
      const missing = ['/nosuch', '/api/v2', '/apis/nosuch.io', '/apis/nosuch.io/v1', '/apis/nosuch.io/v1/things', `/apis/${GROUP}/v9`, `/apis/${GROUP}/v1/nosuch`, '/api/v1/nosuch', `/api/v1/namespaces/${NAMESPACE}/nosuch`, '/apis/coordination.k8s.io/v1/nosuch',
        `/api/v1/namespaces/${NAMESPACE}/configmaps/a/nosuch`, `/api/v1/namespaces/${NAMESPACE}/configmaps/a/status`, `/api/v1/namespaces/${NAMESPACE}/services/web/scale`, `${GAUGES}/a/scale`, '//api/v1', '/api/v1//namespaces', '/healthz/', `/api/v1/namespaces/${NAMESPACE}/pods/x/exec`];
      for (const path of missing) expect((await ask(path)).code, path).toBe(404);
      const wrong: readonly (readonly [string, string])[] = [
        ['PUT', `/api/v1/namespaces/${NAMESPACE}/configmaps`], ['PATCH', `/api/v1/namespaces/${NAMESPACE}/configmaps`], ['POST', `/api/v1/namespaces/${NAMESPACE}/configmaps/a`], ['POST', '/api/v1/configmaps'], ['DELETE', '/api/v1/configmaps'], ['DELETE', '/api/v1/namespaces'],
        ['OPTIONS', `/api/v1/namespaces/${NAMESPACE}/configmaps`], ['PUT', '/version'], ['POST', '/api'], ['DELETE', `${GAUGES}/a/status`],
      ];
      for (const [method, path] of wrong) expect((await subject().ask(method, path, ['PUT', 'POST', 'PATCH'].includes(method) ? { body: {} } : {})).body, `${method} ${path}`).toMatchObject({ kind: 'Status', code: 405, reason: 'MethodNotAllowed', message: expect.stringMatching(/\w/) as string });
      for (const path of [`/api/v1/namespaces/${NAMESPACE}/configmaps`, `/api/v1/namespaces/${NAMESPACE}/configmaps/a`]) expect((await subject().ask('HEAD', path)).code).toBe(405);
    });

    test('a slash at the end changes nothing', async () => {
      expect((await ask(`/api/v1/namespaces/${NAMESPACE}/secrets/`)).body.kind).toBe('SecretList');
    });
  });
}
