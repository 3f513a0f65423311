import { describe, expect, test } from 'vitest';
import { ConfigMap, type ConfigMapObject } from '../../mesh/api/resources/core.ts';
import { type KubernetesClient, KubernetesError, type KubernetesObject } from '../../mesh/ports/kubernetes.ts';
import { appliesNothingNew } from './applied-fields.ts';
import { applyObject } from './apply.ts';

const by = { fieldManager: 'm', apiVersion: 'v1', subresource: undefined };
type Loose = KubernetesObject & Readonly<Record<string, unknown>>;
const wanted = (more: object): Loose => ({ apiVersion: 'v1', kind: 'Any', metadata: { name: 'x', namespace: 'n' }, ...more });
const current = (more: object, fieldsV1: Record<string, unknown>, entry: object = {}): Loose => ({
  apiVersion: 'v1', kind: 'Any',
  metadata: { name: 'x', namespace: 'n', uid: 'u', resourceVersion: '5', managedFields: [{ manager: 'm', operation: 'Apply', apiVersion: 'v1', fieldsV1, ...entry }] },
  ...more,
});

describe('what an apply would change', () => {
  const data = { data: { a: '1' } };
  const owns = { 'f:data': { 'f:a': {} } };

  test('nothing: same values, same ownership; the other managers\' fields do not matter', () => {
    expect(appliesNothingNew(wanted(data), current({ data: { a: '1', theirs: '2' }, status: {} }, owns), by)).toBe(true);
    expect(appliesNothingNew(wanted({ list: [{ port: 80 }] }), current({ list: [{ port: 81, protocol: 'TCP' }, { port: 80, protocol: 'TCP' }] },
      { 'f:list': { 'k:{"port":80,"protocol":"TCP"}': { '.': {}, 'f:port': {} } } }), by)).toBe(true);
    const owners = { ownerReferences: [{ uid: '1', name: 'owner' }] };
    expect(appliesNothingNew(wanted(owners), current(owners, { 'f:ownerReferences': { 'k:{"uid":"1"}': {} } }), by)).toBe(true);
    expect(appliesNothingNew(wanted({ list: ['b'] }), current({ list: ['a', 'b'] }, { 'f:list': { 'v:"b"': {} } }), by)).toBe(true);
  });

  const doubts: readonly (readonly [string, object, object, Record<string, unknown>, object?])[] = [
    ['another value', data, { data: { a: '2' } }, owns],
    ['a value that is gone', data, { data: {} }, owns],
    ['a value that we do not own', data, data, {}],
    ['a value that we own and no longer want', data, { data: { a: '1', b: '2' } }, { 'f:data': { 'f:a': {}, 'f:b': {} } }],
    ['owned by update, not by apply', data, data, owns, { operation: 'Update' }],
    ['owned by another manager', data, data, owns, { manager: 'other' }],
    ['owned in another version', data, data, owns, { apiVersion: 'v2' }],
    ['owned in the status', data, data, owns, { subresource: 'status' }],
    ['an atomic list with one more', { list: [1] }, { list: [1, 2] }, { 'f:list': {} }],
    ['an atomic list in another order', { list: [1, 2] }, { list: [2, 1] }, { 'f:list': {} }],
    ['an atomic map with one more', { map: { a: '1' } }, { map: { a: '1', b: '2' } }, { 'f:map': {} }],
    ['an item too many', { list: [{ port: 80 }] }, { list: [{ port: 80 }, { port: 81 }] }, { 'f:list': { 'k:{"port":80}': { 'f:port': {} }, 'k:{"port":81}': { 'f:port': {} } } }],
    ['an item changed', { list: [{ port: 80, name: 'x' }] }, { list: [{ port: 80, name: 'y' }] }, { 'f:list': { 'k:{"port":80}': { 'f:port': {}, 'f:name': {} } } }],
    ['an atomic item changed', { list: [{ uid: '1', name: 'x' }] }, { list: [{ uid: '1', name: 'y' }] }, { 'f:list': { 'k:{"uid":"1"}': {} } }],
    ['an atomic item with a member more', { list: [{ uid: '1' }] }, { list: [{ uid: '1', name: 'y' }] }, { 'f:list': { 'k:{"uid":"1"}': {} } }],
    ['a label removed', {}, {}, { 'f:metadata': { 'f:labels': { 'f:l': {} } } }],
  ];
  for (const [name, want, have, fields, entry = {}] of doubts) {
    test(`something: ${name}`, () => {
      expect(appliesNothingNew(wanted(want), current(have, fields, entry), by)).toBe(false);
    });
  }
});

describe('applyObject', () => {
  const object: ConfigMapObject = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'x', namespace: 'n' }, data: { a: '1' } };
  const never = new AbortController().signal;
  const clash = new KubernetesError(409, 'Conflict', 'conflict', [{ reason: 'FieldManagerConflict', field: '.data.a', message: 'conflict with "kubectl-edit" using v1' }]);

  test('null as current means a write without a read; server-set metadata is never sent', async () => {
    const sent: unknown[] = [];
    const client = { patch: (_kind: unknown, _ref: unknown, body: unknown) => { sent.push(body); return Promise.resolve(object); } } as unknown as KubernetesClient;
    await applyObject(client, ConfigMap, { ...object, metadata: { ...object.metadata, uid: 'u', resourceVersion: '4', managedFields: [] } }, { fieldManager: 'm', current: null }, never);
    expect(sent).toEqual([object]);
  });

  test('a conflict is thrown, or returned when asked; other errors are always thrown', async () => {
    const failing = (error: Error): KubernetesClient => ({ patch: () => Promise.reject(error) }) as unknown as KubernetesClient;
    await expect(applyObject(failing(clash), ConfigMap, object, { fieldManager: 'm', current: null }, never)).rejects.toBe(clash);
    expect(await applyObject(failing(clash), ConfigMap, object, { fieldManager: 'm', current: null, onConflict: 'return' }, never)).toEqual({ outcome: 'conflict', conflicts: clash.causes });
    const other = new KubernetesError(403, 'Forbidden', 'no');
    await expect(applyObject(failing(other), ConfigMap, object, { fieldManager: 'm', current: null, onConflict: 'return' }, never)).rejects.toBe(other);
  });
});
