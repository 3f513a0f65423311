/** What `kubectl get` shows: column definitions and cells of every kind, as table or as metadata alone. */
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, test } from 'vitest';
import { gaugeDefinition, gaugePath } from './gauge.ts';
import type { Answer, ServerSubject } from './subject.ts';

const NAMESPACE = 'reads-tables';
const CORE = `/api/v1/namespaces/${NAMESPACE}`;
const TABLE = 'application/json;as=Table;v=v1;g=meta.k8s.io';
/** What kubectl sends. */
const KUBECTL = `${TABLE},application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json`;
const LIST_METADATA = 'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io';
const METADATA = 'application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io';
const AGE = expect.stringMatching(/^\d+[smh](\d+[sm])?$/) as string;
/** A year before the machine's clock, and a day: an age that stays as it is. */
const YEAR_AND_DAY_AGO = new Date(Date.now() - 366 * 86_400_000 - 3_600_000).toISOString().replace(/\.\d+Z$/, 'Z');

/** `name:type`, with the format after a slash and the priority after @. */
const columnsOf = (answer: Answer): string[] =>
  (answer.body.columnDefinitions as { name: string; type: string; format: string; priority: number }[]).map(({ name, type, format, priority }) => `${name}:${type}${format === '' ? '' : `/${format}`}${priority === 0 ? '' : `@${priority}`}`);
const cellsOf = (answer: Answer): unknown[][] => (answer.body.rows as { cells: unknown[] }[]).map(({ cells }) => cells);

export function tablesCases(subject: () => ServerSubject): void {
  const table = (path: string, query = ''): Promise<Answer> => subject().ask('GET', `${path}${query}`, { accept: KUBECTL });
  const make = async (path: string, body: object): Promise<void> => {
    const made = await subject().ask('POST', path, { body });
    expect(made.code, JSON.stringify(made.body)).toBe(201);
  };

  describe('tables', () => {
    beforeAll(async () => {
      await make('/api/v1/namespaces', { metadata: { name: NAMESPACE } });
      await make(`${CORE}/configmaps`, { metadata: { name: 'both' }, data: { a: '1', b: '2' }, binaryData: { c: 'AA==' } });
    });

    test('columns and cells of ConfigMaps, Secrets, ServiceAccounts and Namespaces', async () => {
      const named = '?fieldSelector=metadata.name%3D';
      const configMaps = await table(`${CORE}/configmaps`, `${named}both`);
      expect([configMaps.body.kind, configMaps.body.apiVersion, columnsOf(configMaps), cellsOf(configMaps)]).toEqual(['Table', 'meta.k8s.io/v1', ['Name:string/name', 'Data:string', 'Age:string'], [['both', 3, AGE]]]);
      await make(`${CORE}/secrets`, { metadata: { name: 'keys' }, stringData: { a: '1', b: '2' } });
      const secrets = await table(`${CORE}/secrets`, `${named}keys`);
      expect([columnsOf(secrets), cellsOf(secrets)]).toEqual([['Name:string/name', 'Type:string', 'Data:string', 'Age:string'], [['keys', 'Opaque', 2, AGE]]]);
      await make(`${CORE}/serviceaccounts`, { metadata: { name: 'robot' } });
      const accounts = await table(`${CORE}/serviceaccounts`, `${named}robot`);
      expect([columnsOf(accounts), cellsOf(accounts)]).toEqual([['Name:string/name', 'Age:string'], [['robot', AGE]]]);
      const namespaces = await table('/api/v1/namespaces', `${named}${NAMESPACE}`);
      expect([columnsOf(namespaces), cellsOf(namespaces)]).toEqual([['Name:string/name', 'Status:string', 'Age:string'], [[NAMESPACE, 'Active', AGE]]]);
    });

    test('Services', async () => {
      await make(`${CORE}/services`, { metadata: { name: 'web' }, spec: { selector: { tier: 'web', app: 'shop' }, ports: [{ name: 'a', port: 80 }, { name: 'b', port: 53, protocol: 'UDP' }], externalIPs: ['192.0.2.4'], clusterIP: '10.0.0.77' } });
      await make(`${CORE}/services`, { metadata: { name: 'headless' }, spec: { clusterIP: 'None' } });
      await make(`${CORE}/services`, { metadata: { name: 'outside' }, spec: { type: 'ExternalName', externalName: 'example.org' } });
      await make(`${CORE}/services`, { metadata: { name: 'balanced' }, spec: { type: 'LoadBalancer', clusterIP: '10.0.0.78', ports: [{ port: 443, nodePort: 30_443 }] } });
      const services = await table(`${CORE}/services`);
      expect(columnsOf(services)).toEqual(['Name:string/name', 'Type:string', 'Cluster-IP:string', 'External-IP:string', 'Port(s):string', 'Age:string', 'Selector:string@1']);
      expect(cellsOf(services)).toEqual([
        ['balanced', 'LoadBalancer', '10.0.0.78', '<pending>', '443:30443/TCP', AGE, '<none>'],
        ['headless', 'ClusterIP', 'None', '<none>', '<none>', AGE, '<none>'],
        ['outside', 'ExternalName', '<none>', 'example.org', '<none>', AGE, '<none>'],
        ['web', 'ClusterIP', '10.0.0.77', '192.0.2.4', '80/TCP,53/UDP', AGE, 'app=shop,tier=web'],
      ]);
    });

    test('Nodes', async () => {
      const nodeInfo = { kubeletVersion: 'v1.36.0', osImage: 'Linux', kernelVersion: '6.1', containerRuntimeVersion: 'containerd://2', machineID: '', systemUUID: '', bootID: '', kubeProxyVersion: '', operatingSystem: 'linux', architecture: 'amd64' };
      await make('/api/v1/nodes', {
        metadata: { name: 'reads-table', labels: { 'node-role.kubernetes.io/control-plane': '', 'kubernetes.io/role': 'x', 'reads-tables': 'yes' } }, spec: { unschedulable: true },
        status: { conditions: [{ type: 'Ready', status: 'True' }], addresses: [{ type: 'InternalIP', address: '10.1.1.1' }, { type: 'ExternalIP', address: '192.0.2.1' }], nodeInfo },
      });
      await make('/api/v1/nodes', { metadata: { name: 'reads-table-bare', labels: { 'reads-tables': 'yes' } } });
      const nodes = await table('/api/v1/nodes', '?labelSelector=reads-tables');
      expect(columnsOf(nodes)).toEqual(['Name:string/name', 'Status:string', 'Roles:string', 'Age:string', 'Version:string', 'Internal-IP:string@1', 'External-IP:string@1', 'OS-Image:string@1', 'Kernel-Version:string@1', 'Container-Runtime:string@1']);
      expect(cellsOf(nodes)).toEqual([
        ['reads-table', 'Ready,SchedulingDisabled', 'control-plane,x', AGE, 'v1.36.0', '10.1.1.1', '192.0.2.1', 'Linux', '6.1 (amd64)', 'containerd://2'],
        ['reads-table-bare', 'Unknown', '<none>', AGE, '', '<none>', '<none>', '<unknown>', '<unknown>', '<unknown>'],
      ]);
    });

    test('Events, EndpointSlices, Leases and definitions', async () => {
      const event = (name: string, about: object, more: object): Promise<void> => make(`${CORE}/events`, { metadata: { name }, involvedObject: { namespace: NAMESPACE, ...about }, ...more });
      await event('full', { kind: 'ConfigMap', name: 'both', fieldPath: 'data' }, { reason: 'Because', message: 'it was', type: 'Normal', source: { component: 'gardener', host: 'shed' }, count: 3, firstTimestamp: YEAR_AND_DAY_AGO, lastTimestamp: YEAR_AND_DAY_AGO });
      await event('plain', { kind: 'ConfigMap', name: 'both' }, {});
      const events = await table(`${CORE}/events`);
      expect(columnsOf(events)).toEqual(['Last Seen:string', 'Type:string', 'Reason:string', 'Object:string', 'Subobject:string@1', 'Source:string@1', 'Message:string', 'First Seen:string@1', 'Count:string@1', 'Name:string/name@1']);
      expect(cellsOf(events)).toEqual([
        ['366d', 'Normal', 'Because', 'configmap/both', 'data', 'gardener, shed', 'it was', '366d', 3, 'full'],
        ['<unknown>', '', '', 'configmap/both', '', '', '', '<unknown>', 1, 'plain'],
      ]);
      const endpoints = ['10.1.0.1', '10.1.0.2', '10.1.0.3', '10.1.0.4'].map((address) => ({ addresses: [address] }));
      await make(`/apis/discovery.k8s.io/v1/namespaces/${NAMESPACE}/endpointslices`, { metadata: { name: 'four' }, addressType: 'IPv4', endpoints, ports: [80, 443, 444, 445].map((port) => ({ name: `p${port}`, port })) });
      const slices = await table(`/apis/discovery.k8s.io/v1/namespaces/${NAMESPACE}/endpointslices`, '?fieldSelector=metadata.name%3Dfour');
      expect([columnsOf(slices), cellsOf(slices)]).toEqual([['Name:string/name', 'AddressType:string', 'Ports:string', 'Endpoints:string', 'Age:string'], [['four', 'IPv4', '80,443,444 + 1 more...', '10.1.0.1,10.1.0.2,10.1.0.3 + 1 more...', AGE]]]);
      await make(`/apis/coordination.k8s.io/v1/namespaces/${NAMESPACE}/leases`, { metadata: { name: 'held' }, spec: { holderIdentity: 'me' } });
      const leases = await table(`/apis/coordination.k8s.io/v1/namespaces/${NAMESPACE}/leases`);
      expect([columnsOf(leases), cellsOf(leases)]).toEqual([['Name:string/name', 'Holder:string', 'Age:string'], [['held', 'me', AGE]]]);
    });

    test('columns of a definition: of every type, absent, of another type than said', async () => {
      await make('/apis/apiextensions.k8s.io/v1/customresourcedefinitions', gaugeDefinition('tables'));
      const path = gaugePath('tables', NAMESPACE);
      for (let attempt = 0; attempt < 200 && (await subject().ask('GET', path)).code !== 200; attempt++) await sleep(50);
      const gauge = (name: string, spec: object): Promise<void> => make(path, { apiVersion: 'tables.isthmus.dev/v1', kind: 'Gauge', metadata: { name }, spec });
      await gauge('bare', {});
      await gauge('full', { size: 3, ratio: 1.5, on: true, since: YEAR_AND_DAY_AGO, ports: [{ port: 1 }, { port: 2 }] });
      await gauge('ready', { colour: 'red', since: '2999-01-01T00:00:00Z' });
      await subject().ask('PATCH', `${path}/ready/status`, { type: 'application/merge-patch+json', body: { status: { conditions: [{ type: 'Ready', status: 'True' }] } } });
      const gauges = await table(path);
      expect(columnsOf(gauges)).toEqual(['Name:string/name', 'Size:integer', 'Ratio:number', 'On:boolean@1', 'Since:date', 'Ready:string', 'Ports:string', 'Whole:string', 'Wrong:integer', 'Hidden:string/password@2', 'Age:date']);
      expect(gauges.body.columnDefinitions.slice(1, 3).map((column: { description: string }) => column.description)).toEqual(['How big.', 'Custom resource definition column (in JSONPath format): .spec.ratio']);
      expect(cellsOf(gauges)).toEqual([
        ['bare', null, null, null, null, null, null, null, null, 'grey', AGE],
        ['full', 3, 1.5, true, '366d', null, '1', '[{"port":1},{"port":2}]', null, 'grey', AGE],
        ['ready', null, null, null, '<invalid>', 'True', null, null, null, 'red', AGE],
      ]);
      const definitions = await table('/apis/apiextensions.k8s.io/v1/customresourcedefinitions', '?fieldSelector=metadata.name%3Dgauges.tables.isthmus.dev');
      expect([columnsOf(definitions), cellsOf(definitions)]).toEqual([['Name:string/name', 'Created At:date'], [['gauges.tables.isthmus.dev', definitions.body.rows[0].object.metadata.creationTimestamp]]]);
    });

    test('descriptions say the same', async () => {
      const configMaps = await table(`${CORE}/configmaps`);
      expect(configMaps.body.columnDefinitions.map((column: { description: string }) => column.description.slice(0, 50))).toEqual(['Name must be unique within a namespace. Is require', 'Data contains the configuration data. Each key mus', 'CreationTimestamp is a timestamp representing the ']);
    });

    test('one object and a page are tables too; includeObject says what comes along', async () => {
      const one = await table(`${CORE}/configmaps/both`);
      expect([cellsOf(one), one.body.metadata.resourceVersion]).toEqual([[['both', 3, AGE]], one.body.rows[0].object.metadata.resourceVersion]);
      expect(one.body.rows[0].object).toMatchObject({ kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: { name: 'both' } });
      expect((await table(`${CORE}/configmaps/both`, '?includeObject=None')).body.rows[0].object ?? null).toBeNull();
      expect((await table(`${CORE}/configmaps/both`, '?includeObject=Metadata')).body.rows[0].object.data).toBeUndefined();
      expect((await table(`${CORE}/configmaps/both`, '?includeObject=Object')).body.rows[0].object).toMatchObject({ kind: 'ConfigMap', apiVersion: 'v1', data: { a: '1', b: '2' } });
      expect((await table(`${CORE}/configmaps/both`, '?includeObject=Most')).body).toMatchObject({ code: 400, reason: 'BadRequest', message: expect.stringContaining("includeObject: Invalid value: \"Most\": must be 'Metadata', 'Object', 'None', or empty") as string });
      const page = await table(`${CORE}/services`, '?limit=1');
      expect([page.body.rows.length, page.body.metadata.remainingItemCount, typeof page.body.metadata.continue]).toEqual([1, 3, 'string']);
      expect(page.body.metadata.resourceVersion).toMatch(/^\d+$/);
      const none = await table(`${CORE}/configmaps`, '?labelSelector=nobody');
      expect([columnsOf(none).length, none.body.rows]).toEqual([3, []]);
    });

    test('metadata alone, of one object and of a list', async () => {
      const one = await subject().ask('GET', `${CORE}/configmaps/both`, { accept: METADATA });
      expect([one.body.kind, one.body.apiVersion, one.body.metadata.name, one.body.data]).toEqual(['PartialObjectMetadata', 'meta.k8s.io/v1', 'both', undefined]);
      const list = await subject().ask('GET', `${CORE}/services?limit=2`, { accept: LIST_METADATA });
      expect([list.body.kind, list.body.apiVersion, list.body.metadata.remainingItemCount]).toEqual(['PartialObjectMetadataList', 'meta.k8s.io/v1', 2]);
      expect(list.body.items.map((item: { kind: string; metadata: { name: string }; spec?: object }) => [item.kind, item.metadata.name, item.spec])).toEqual([['PartialObjectMetadata', 'balanced', undefined], ['PartialObjectMetadata', 'headless', undefined]]);
    });

    test('what is not served is 406', async () => {
      const refused = async (path: string, accept: string): Promise<unknown> => {
        const { code, body } = await subject().ask('GET', path, { accept });
        return [code, body.reason];
      };
      for (const accept of ['text/html', 'application/json;as=Story;v=v1;g=meta.k8s.io', LIST_METADATA, 'application/json;as=Table;v=v9;g=meta.k8s.io']) expect(await refused(`${CORE}/configmaps/both`, accept), accept).toEqual([406, 'NotAcceptable']);
      expect(await refused(`${CORE}/configmaps`, METADATA)).toEqual([406, 'NotAcceptable']);
      // The first that is served is taken.
      const fallen = await subject().ask('GET', `${CORE}/configmaps/both`, { accept: 'text/html,application/json;as=Story;v=v1;g=meta.k8s.io,*/*' });
      expect([fallen.code, fallen.body.kind]).toEqual([200, 'ConfigMap']);
    });
  });
}
