/** Server-side apply with two field managers, through `applyObject` and without it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { applyObject } from '../../../controller/runtime/apply.ts';
import { ConfigMap, type ConfigMapObject, EndpointSlice, type EndpointSliceObject, Secret, type SecretObject, Service, type ServiceObject } from '../../../mesh/api/resources/core.ts';
import { type KubernetesClient, KubernetesError, type KubernetesObject, type ResourceKind } from '../../../mesh/ports/kubernetes.ts';
import { never } from './calls.ts';
import { Widget, widget, type WidgetObject } from './widget.ts';

const config = (name: string, data: Record<string, string>, metadata: object = {}): ConfigMapObject =>
  ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'contract', ...metadata }, data });

/** What each manager owns by apply. */
const owned = (object: KubernetesObject): Record<string, unknown> => Object.fromEntries(
  (object.metadata.managedFields ?? []).filter((entry) => entry.operation === 'Apply').map((entry) => [`${entry.manager}${entry.subresource === undefined ? '' : `/${entry.subresource}`}`, entry.fieldsV1]));

/** Counts patches, so that a test sees whether a request was sent. */
function counting(client: KubernetesClient): { readonly client: KubernetesClient; patches: number } {
  const counted = { patches: 0, client: { ...client } as KubernetesClient };
  counted.client.patch = (...args) => {
    counted.patches += 1;
    return client.patch(...args) as never;
  };
  return counted;
}

export function applyCases(client: () => KubernetesClient): void {
  const apply = <T extends KubernetesObject>(kind: ResourceKind, object: T, fieldManager: string, force = false): Promise<T> =>
    client().patch<T>(kind, object.metadata, object, { type: 'apply', fieldManager, force }, never);

  describe('server-side apply', () => {
    test('makes the object, and each manager owns what it applied', async () => {
      const first = await apply(ConfigMap, config('shared', { a: '1' }, { labels: { team: 'a' } }), 'alpha');
      expect(owned(first)).toEqual({ alpha: { 'f:data': { 'f:a': {} }, 'f:metadata': { 'f:labels': { 'f:team': {} } } } });
      const second = await apply(ConfigMap, config('shared', { b: '2' }), 'beta');
      expect(second.data).toEqual({ a: '1', b: '2' });
      expect(owned(second)).toMatchObject({ alpha: { 'f:data': { 'f:a': {} } }, beta: { 'f:data': { 'f:b': {} } } });
    });

    test('a field of another manager is a conflict that names field and manager; force takes it; equal values are shared', async () => {
      await apply(ConfigMap, config('contested', { a: '1' }), 'alpha');
      const error: unknown = await apply(ConfigMap, config('contested', { a: '2' }), 'beta').catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(KubernetesError);
      expect(error).toMatchObject({ code: 409, reason: 'Conflict', causes: [{ reason: 'FieldManagerConflict', field: '.data.a', message: 'conflict with "alpha"' }] });
      const shared = await apply(ConfigMap, config('contested', { a: '1' }), 'beta');
      expect(Object.keys(owned(shared)).sort()).toEqual(['alpha', 'beta']);
      const taken = await apply(ConfigMap, config('contested', { a: '2' }), 'gamma', true);
      expect(taken.data).toEqual({ a: '2' });
      expect(Object.keys(owned(taken))).toEqual(['gamma']);
    });

    test('a plain update by another is a conflict too, and names how it was written', async () => {
      await apply(ConfigMap, config('edited', { a: '1' }), 'alpha');
      await client().patch(ConfigMap, { namespace: 'contract', name: 'edited' }, { data: { a: 'edited' } }, { type: 'merge', fieldManager: 'kubectl-edit' }, never);
      const outcome = await applyObject(client(), ConfigMap, config('edited', { a: '1' }), { fieldManager: 'alpha', onConflict: 'return' }, never);
      expect(outcome).toMatchObject({ outcome: 'conflict', conflicts: [{ field: '.data.a', message: expect.stringMatching(/^conflict with "kubectl-edit" using v1/) as string }] });
    });

    test('what a manager no longer applies is removed, unless another owns it', async () => {
      await apply(ConfigMap, config('shrinking', { a: '1', b: '2' }), 'alpha');
      await apply(ConfigMap, config('shrinking', { b: '2' }), 'beta');
      const shrunk = await apply(ConfigMap, config('shrinking', {}), 'alpha');
      expect(shrunk.data).toEqual({ b: '2' });
    });

    test('an apply that changes nothing keeps the version', async () => {
      const first = await apply(Widget, widget('still', { size: 1 }), 'alpha');
      const second = await apply(Widget, widget('still', { size: 1 }), 'alpha');
      expect(second.metadata.resourceVersion).toBe(first.metadata.resourceVersion);
    });

    test('an apply and an update of what is stored as null where it is empty keep the version, in another second as well', async () => {
      const slice = (name: string): EndpointSliceObject => ({ apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', metadata: { name, namespace: 'contract' }, addressType: 'IPv4', endpoints: [], ports: [] });
      const update = (): Promise<EndpointSliceObject> => client().update<EndpointSliceObject>(EndpointSlice, slice('nobody-updated'), { fieldManager: 'beta' }, never);
      const applied = await apply(EndpointSlice, slice('nobody-applied'), 'alpha');
      expect(applied).toMatchObject({ endpoints: null, ports: null });
      await client().create(EndpointSlice, slice('nobody-updated'), { fieldManager: 'beta' }, never);
      const updated = await update();
      await sleep(1100);
      expect(await apply(EndpointSlice, slice('nobody-applied'), 'alpha')).toEqual(applied);
      expect(await update()).toEqual(updated);
    });

    test('lists with keys merge item by item; atomic lists belong to one manager', async () => {
      await apply(Widget, widget('lists', { size: 1, ports: [{ port: 80 }], notes: ['x'] }), 'alpha');
      const merged = await apply<WidgetObject>(Widget, widget('lists', { size: 1, ports: [{ port: 443, name: 'https' }] }), 'beta');
      expect(merged.spec?.ports).toEqual([{ port: 80, protocol: 'TCP' }, { port: 443, protocol: 'TCP', name: 'https' }]);
      const conflict: unknown = await apply(Widget, widget('lists', { size: 1, notes: ['y'] }), 'beta').catch((thrown: unknown) => thrown);
      expect(conflict).toMatchObject({ reason: 'Conflict', causes: [{ field: '.spec.notes' }] });
    });

    test('the status is applied apart from the rest', async () => {
      await apply(Widget, widget('phases', { size: 1 }), 'alpha');
      const status = { ...widget('phases', undefined), status: { phase: 'Ready' } };
      const applied = await client().patch<WidgetObject>(Widget, status.metadata, status, { type: 'apply', fieldManager: 'alpha', subresource: 'status' }, never);
      expect(applied).toMatchObject({ spec: { size: 1 }, status: { phase: 'Ready' } });
      expect(owned(applied)).toMatchObject({ alpha: { 'f:spec': { 'f:size': {} } }, 'alpha/status': { 'f:status': { 'f:phase': {} } } });
    });

    test('applyObject sends a request only where it would change something', async () => {
      const metadata = { namespace: 'contract', labels: { 'app.kubernetes.io/managed-by': 'contract' } };
      const slice: EndpointSliceObject = {
        apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', metadata: { name: 'slice', ...metadata }, addressType: 'IPv4',
        endpoints: [{ addresses: ['10.1.0.1'], conditions: { ready: true } }], ports: [{ name: 'http', port: 80, protocol: 'TCP' }],
      };
      const service: ServiceObject = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'derived', ...metadata }, spec: { ports: [{ name: 'http', port: 80 }, { name: 'dns', port: 53, protocol: 'UDP' }] } };
      const secret: SecretObject = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'keys', ...metadata }, type: 'Opaque', data: { a: 'MQ==' } };
      const cases: readonly (readonly [ResourceKind, KubernetesObject, KubernetesObject])[] = [
        [EndpointSlice, slice, { ...slice, endpoints: [] } as KubernetesObject],
        [Service, service, { ...service, spec: { ports: service.spec!.ports!.slice(0, 1) } } as KubernetesObject],
        [Secret, secret, { ...secret, data: { b: 'Mg==' } } as KubernetesObject],
        [Widget, widget('least', { size: 1, ports: [{ port: 80 }], notes: ['a', 'b'] }), widget('least', { size: 1, ports: [{ port: 80, name: 'web' }], notes: ['a', 'b'] })],
        [ConfigMap, config('least', { a: '1' }), config('least', {})],
      ];
      for (const [kind, object, changed] of cases) {
        const counted = counting(client());
        const write = (wanted: KubernetesObject): Promise<unknown> => applyObject(counted.client, kind, wanted, { fieldManager: 'alpha' }, never);
        expect(await write(object), kind.kind).toMatchObject({ outcome: 'applied' });
        expect(await write(object), kind.kind).toMatchObject({ outcome: 'unchanged' });
        expect(counted.patches, kind.kind).toBe(1);
        expect(await write(changed), kind.kind).toMatchObject({ outcome: 'applied' });
        expect(await write(changed), kind.kind).toMatchObject({ outcome: 'unchanged' });
        expect(counted.patches, kind.kind).toBe(2);
      }
    });
  });
}
