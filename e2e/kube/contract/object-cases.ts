/** Reading, writing, deleting; errors by reason and code. */
import { describe, expect, test } from 'vitest';
import { ConfigMap, type ConfigMapObject, Lease, type LeaseObject, Namespace, Secret, type SecretObject, Service, type ServiceObject } from '../../../mesh/api/resources/core.ts';
import { type KubernetesClient, KubernetesError, type KubernetesObject } from '../../../mesh/ports/kubernetes.ts';
import { by, never } from './calls.ts';
import { Widget, widget, type WidgetObject } from './widget.ts';

const configMap = (name: string, data: Record<string, string>, metadata: object = {}): ConfigMapObject =>
  ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'contract', ...metadata }, data });
const refusal = async (action: Promise<unknown>): Promise<KubernetesError> => {
  const outcome: unknown = await action.then(() => 'no error', (error: unknown) => error);
  expect(outcome).toBeInstanceOf(KubernetesError);
  return outcome as KubernetesError;
};

export function objectCases(client: () => KubernetesClient): void {
  describe('objects', () => {
    test('create gives what the server keeps; get finds it; a missing object is undefined', async () => {
      const made = await client().create(ConfigMap, configMap('first', { a: '1' }), by, never);
      expect(made).toMatchObject({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'first', namespace: 'contract' }, data: { a: '1' } });
      expect(made.metadata.uid).toMatch(/^[0-9a-f-]{36}$/);
      expect(made.metadata.creationTimestamp).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
      expect(made.metadata.managedFields).toMatchObject([{ manager: 'contract', operation: 'Update', fieldsType: 'FieldsV1', fieldsV1: { 'f:data': { '.': {}, 'f:a': {} } } }]);
      expect(await client().get(ConfigMap, { namespace: 'contract', name: 'first' }, never)).toEqual(made);
      expect(await client().get(ConfigMap, { namespace: 'contract', name: 'none' }, never)).toBeUndefined();
    });

    test('a dry run answers and keeps nothing', async () => {
      await client().create(ConfigMap, configMap('dry', {}), { ...by, dryRun: true }, never);
      expect(await client().get(ConfigMap, { namespace: 'contract', name: 'dry' }, never)).toBeUndefined();
    });

    test('refusals have the codes and reasons of Kubernetes', async () => {
      await client().create(ConfigMap, configMap('taken', {}), by, never);
      expect(await refusal(client().create(ConfigMap, configMap('taken', {}), by, never))).toMatchObject({ code: 409, reason: 'AlreadyExists' });
      expect(await refusal(client().create(ConfigMap, configMap('Not_A_Name', {}), by, never))).toMatchObject({ code: 422, reason: 'Invalid', causes: [{ field: 'metadata.name' }] });
      const nowhere = { ...configMap('lost', {}), metadata: { name: 'lost', namespace: 'no-such-namespace' } };
      expect(await refusal(client().create(ConfigMap, nowhere, by, never))).toMatchObject({ code: 404, reason: 'NotFound' });
      expect(await refusal(client().update(ConfigMap, configMap('missing', {}), by, never))).toMatchObject({ code: 404, reason: 'NotFound' });
      expect(await refusal(client().patch(ConfigMap, { namespace: 'contract', name: 'missing' }, {}, { ...by, type: 'merge' }, never))).toMatchObject({ code: 404, reason: 'NotFound' });
      const invalid = await refusal(client().create(Widget, widget('invalid', { size: 1000, colour: 'pink' }), by, never));
      expect(invalid).toMatchObject({ code: 422, reason: 'Invalid' });
      expect(invalid.causes.map((cause) => cause.field).sort()).toEqual(['spec.colour', 'spec.size']);
      expect(invalid.message).toContain('invalid');
    });

    test('update is optimistic: a stale version is a Conflict, and an update that changes nothing keeps the version', async () => {
      const made = await client().create(Widget, widget('optimistic', { size: 1 }), by, never);
      const updated = await client().update(Widget, { ...made, spec: { ...made.spec, size: 2 } }, by, never);
      expect(updated.metadata.resourceVersion).not.toBe(made.metadata.resourceVersion);
      expect(updated.metadata.generation).toBe(2);
      expect(await refusal(client().update(Widget, { ...made, spec: { size: 3 } }, by, never))).toMatchObject({ code: 409, reason: 'Conflict' });
      const same = await client().update(Widget, updated, by, never);
      expect(same.metadata.resourceVersion).toBe(updated.metadata.resourceVersion);
    });

    test('custom resources: defaults are filled in and unknown fields pruned', async () => {
      const made = await client().create<WidgetObject>(Widget, widget('pruned', { size: 1, surprise: true }), by, never);
      expect(made.spec).toEqual({ size: 1, colour: 'grey' });
    });

    test('the status subresource: each side changes only its own half', async () => {
      const made = await client().create<WidgetObject>(Widget, { ...widget('halves', { size: 1 }), status: { phase: 'Ignored' } }, by, never);
      expect(made.status).toBeUndefined();
      const status = await client().update<WidgetObject>(Widget, { ...made, spec: { size: 9 }, status: { phase: 'Ready' } }, { ...by, subresource: 'status' }, never);
      expect(status).toMatchObject({ spec: { size: 1 }, status: { phase: 'Ready' }, metadata: { generation: 1 } });
      const spec = await client().update<WidgetObject>(Widget, { ...status, spec: { size: 2 }, status: { phase: 'Lost' } }, by, never);
      expect(spec).toMatchObject({ spec: { size: 2 }, status: { phase: 'Ready' }, metadata: { generation: 2 } });
      const patched = await client().patch<WidgetObject>(Widget, { namespace: 'contract', name: 'halves' }, { status: { phase: 'Done' } }, { ...by, type: 'merge', subresource: 'status' }, never);
      expect(patched).toMatchObject({ spec: { size: 2 }, status: { phase: 'Done' } });
    });

    test('merge patch takes null as removal, JSON patch goes by paths and refuses a failed test', async () => {
      await client().create(ConfigMap, configMap('patched', { a: '1', b: '2' }), by, never);
      const ref = { namespace: 'contract', name: 'patched' };
      expect(await client().patch<ConfigMapObject>(ConfigMap, ref, { data: { a: null, c: '3' } }, { ...by, type: 'merge' }, never)).toMatchObject({ data: { b: '2', c: '3' } });
      const json = await client().patch<ConfigMapObject>(ConfigMap, ref, [{ op: 'test', path: '/data/b', value: '2' }, { op: 'replace', path: '/data/b', value: '4' }, { op: 'remove', path: '/data/c' }], { ...by, type: 'json' }, never);
      expect(json.data).toEqual({ b: '4' });
      const failed = await refusal(client().patch(ConfigMap, ref, [{ op: 'test', path: '/data/b', value: 'other' }], { ...by, type: 'json' }, never));
      expect(failed.code).toBe(422);
      const stale = await refusal(client().patch(ConfigMap, ref, { metadata: { resourceVersion: '1' }, data: { d: '5' } }, { ...by, type: 'merge' }, never));
      expect(stale).toMatchObject({ code: 409, reason: 'Conflict' });
    });

    test('delete: gone at once, twice is fine, a wrong uid is a Conflict', async () => {
      const made = await client().create(ConfigMap, configMap('doomed', {}), by, never);
      const ref = { namespace: 'contract', name: 'doomed' };
      expect(await refusal(client().delete(ConfigMap, ref, { uid: '00000000-0000-0000-0000-000000000000' }, never))).toMatchObject({ code: 409, reason: 'Conflict' });
      await client().delete(ConfigMap, ref, { uid: made.metadata.uid! }, never);
      expect(await client().get(ConfigMap, ref, never)).toBeUndefined();
      await client().delete(ConfigMap, ref, {}, never);
    });

    test('finalizers hold an object until the last is removed', async () => {
      await client().create(Widget, widget('held', { size: 1 }, { finalizers: ['contract.isthmus.dev/hold'] }), by, never);
      const ref = { namespace: 'contract', name: 'held' };
      await client().delete(Widget, ref, {}, never);
      const held = await client().get<WidgetObject>(Widget, ref, never);
      expect(held?.metadata.deletionTimestamp).toMatch(/Z$/);
      await client().patch(Widget, ref, { metadata: { finalizers: null } }, { ...by, type: 'merge' }, never);
      expect(await client().get(Widget, ref, never)).toBeUndefined();
    });

    test('lists: label and field selectors, all namespaces, items with apiVersion and kind', async () => {
      await client().create(Namespace, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'contract-lists' } }, by, never);
      for (const [name, labels] of [['one', { tier: 'web', stage: 'live' }], ['two', { tier: 'web' }], ['three', { tier: 'db' }]] as const) {
        await client().create(ConfigMap, { ...configMap(name, {}), metadata: { name, namespace: 'contract-lists', labels } }, by, never);
      }
      const names = async (options: Parameters<KubernetesClient['list']>[1]): Promise<string[]> => {
        const { items } = await client().list(ConfigMap, options, never);
        for (const item of items) expect(item).toMatchObject({ apiVersion: 'v1', kind: 'ConfigMap' });
        return items.map((item) => item.metadata.name);
      };
      const namespace = 'contract-lists';
      expect(await names({ namespace })).toEqual(['one', 'three', 'two']);
      expect(await names({ namespace, labelSelector: 'tier=web' })).toEqual(['one', 'two']);
      expect(await names({ namespace, labelSelector: 'tier in (web,db),!stage' })).toEqual(['three', 'two']);
      expect(await names({ namespace, labelSelector: 'tier!=web' })).toEqual(['three']);
      expect(await names({ namespace, fieldSelector: 'metadata.name=two' })).toEqual(['two']);
      expect((await names({})).filter((name) => name === 'one')).toEqual(['one']);
      expect(await refusal(client().list(ConfigMap, { namespace, labelSelector: 'a in (' }, never))).toMatchObject({ code: 400, reason: 'BadRequest' });
    });

    test('lists of metadata alone hold nothing else, page by page', async () => {
      for (const name of ['sealed-a', 'sealed-b', 'sealed-c']) {
        await client().create<SecretObject>(Secret, { apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace: 'contract', labels: { sealed: 'yes' }, annotations: { note: name } }, data: { password: 'aHVudGVyMg==' } }, by, never);
      }
      const wanted = { namespace: 'contract', labelSelector: 'sealed=yes', limit: 2, metadataOnly: true } as const;
      const first = await client().list(Secret, wanted, never);
      const second = await client().list(Secret, { ...wanted, continueToken: first.continueToken ?? '' }, never);
      expect([...first.items, ...second.items].map(({ metadata }) => [metadata.name, metadata.labels, metadata.annotations])).toEqual(
        ['sealed-a', 'sealed-b', 'sealed-c'].map((name) => [name, { sealed: 'yes' }, { note: name }]));
      for (const item of [...first.items, ...second.items]) {
        expect(Object.keys(item).sort()).toEqual(['apiVersion', 'kind', 'metadata']);
        expect(item).toMatchObject({ apiVersion: 'meta.k8s.io/v1', kind: 'PartialObjectMetadata', metadata: { namespace: 'contract', uid: expect.any(String) } });
      }
    });

    test('pages: together they are the whole list, once', async () => {
      for (let index = 0; index < 7; index++) await client().create(Widget, widget(`page-${index}`, { size: 1 }, { labels: { paged: 'yes' } }), by, never);
      const seen: string[] = [];
      let continueToken: string | undefined;
      let pages = 0;
      do {
        const page = await client().list(Widget, { namespace: 'contract', labelSelector: 'paged=yes', limit: 3, ...(continueToken === undefined ? {} : { continueToken }) }, never);
        expect(page.items.length).toBeLessThanOrEqual(3);
        seen.push(...page.items.map((item) => item.metadata.name));
        continueToken = page.continueToken;
        pages += 1;
      } while (continueToken !== undefined);
      expect(pages).toBeGreaterThanOrEqual(3);
      expect(seen).toEqual(['page-0', 'page-1', 'page-2', 'page-3', 'page-4', 'page-5', 'page-6']);
    });

    test('built-in kinds: Secret from text, Service with an address, Lease with micro time', async () => {
      const secret = await client().create<SecretObject & { stringData?: Record<string, string> }>(Secret, {
        apiVersion: 'v1', kind: 'Secret', metadata: { name: 'opaque', namespace: 'contract' }, stringData: { key: 'value' },
      }, by, never);
      expect(secret).toMatchObject({ type: 'Opaque', data: { key: 'dmFsdWU=' } });
      const service = await client().create<ServiceObject>(Service, {
        apiVersion: 'v1', kind: 'Service', metadata: { name: 'web', namespace: 'contract' }, spec: { ports: [{ port: 80 }] },
      }, by, never);
      expect(service.spec).toMatchObject({ type: 'ClusterIP', ports: [{ port: 80, protocol: 'TCP', targetPort: 80 }] });
      expect(service.spec?.clusterIP).toMatch(/^\d+\.\d+\.\d+\.\d+$/);
      const lease = await client().create<LeaseObject>(Lease, {
        apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name: 'lead', namespace: 'contract' },
        spec: { holderIdentity: 'a', leaseDurationSeconds: 15, renewTime: '2030-01-01T00:00:00.123000Z' },
      }, by, never);
      expect(lease.spec).toMatchObject({ holderIdentity: 'a', renewTime: '2030-01-01T00:00:00.123000Z' });
      const unserved = { ...Widget, plural: 'gadgets', kind: 'Gadget' };
      expect(await refusal(client().list<KubernetesObject>(unserved, {}, never))).toMatchObject({ code: 404, reason: 'NotFound' });
    });
  });
}
