/** Server-side apply, field by field: nested lists with keys, sets, atomic parts, the status, owners wiped and moved, configurations that are none. */
import { beforeAll, describe, expect, test } from 'vitest';
import type { Answer, ServerSubject } from './subject.ts';
import { definition, invalid, makeNamespace, ownersOf, refusal, serve, TYPES } from './writing.ts';

const NAMESPACE = 'apply-fields';
const GROUP = 'apply.contract.isthmus.dev';
const THINGS = `/apis/${GROUP}/v1/namespaces/${NAMESPACE}/things`;
const CONFIG_MAPS = `/api/v1/namespaces/${NAMESPACE}/configmaps`;
const TEXT = { type: 'string' };
const SPEC = {
  size: { type: 'integer', default: 3 }, colour: TEXT, notes: { type: 'array', items: TEXT }, tags: { type: 'array', 'x-kubernetes-list-type': 'set', items: TEXT },
  ports: {
    type: 'array', 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['port', 'protocol'],
    items: {
      type: 'object', required: ['port'],
      properties: {
        port: { type: 'integer' }, protocol: { type: 'string', default: 'TCP' }, name: TEXT,
        hosts: { type: 'array', 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['h'], items: { type: 'object', required: ['h'], properties: { h: TEXT, w: { type: 'integer' } } } },
      },
    },
  },
  whole: { type: 'object', 'x-kubernetes-map-type': 'atomic', properties: { a: TEXT, b: TEXT } }, parts: { type: 'object', 'x-kubernetes-map-type': 'granular', additionalProperties: TEXT },
};
const SCHEMA = { type: 'object', properties: { spec: { type: 'object', properties: SPEC }, status: { type: 'object', properties: { phase: TEXT, count: { type: 'integer' } } } } };

export function applyFieldsCases(subject: () => ServerSubject): void {
  const apply = (name: string, manager: string, spec: object | undefined, query = '', metadata: object = {}): Promise<Answer> =>
    subject().ask('PATCH', `${THINGS}/${name}?fieldManager=${manager}${query}`, { type: TYPES.apply, body: { apiVersion: `${GROUP}/v1`, kind: 'Thing', metadata: { name, ...metadata }, ...(spec === undefined ? {} : { spec }) } });
  const applyStatus = (name: string, manager: string, status: object, more: object = {}): Promise<Answer> =>
    subject().ask('PATCH', `${THINGS}/${name}/status?fieldManager=${manager}`, { type: TYPES.apply, body: { apiVersion: `${GROUP}/v1`, kind: 'Thing', metadata: { name }, status, ...more } });
  const merge = (name: string, manager: string, body: object): Promise<Answer> => subject().ask('PATCH', `${THINGS}/${name}?fieldManager=${manager}`, { type: TYPES.merge, body });
  const conflict = (...fields: readonly string[]): object => ({ code: 409, reason: 'Conflict', causes: fields.map((field) => `FieldManagerConflict ${field}`).sort() });

  describe('applied fields', () => {
    beforeAll(async () => {
      await makeNamespace(subject(), NAMESPACE);
      await serve(subject(), definition(GROUP, 'things', 'Thing', [{ name: 'v1', schema: SCHEMA, subresources: { status: {} } }]), [THINGS]);
    });

    test('sets, lists with keys and granular maps are united; atomic lists and maps belong to one', async () => {
      await apply('united', 'one', { size: 1, tags: ['x', 'y'], notes: ['n'], ports: [{ port: 80 }], whole: { a: '1' }, parts: { k: 'v' } });
      const { body } = await apply('united', 'two', { tags: ['y', 'z'], ports: [{ port: 80, name: 'web' }, { port: 53, protocol: 'UDP' }], parts: { l: 'm' } });
      expect(body.spec).toEqual({ size: 1, tags: ['x', 'y', 'z'], notes: ['n'], ports: [{ port: 80, protocol: 'TCP', name: 'web' }, { port: 53, protocol: 'UDP' }], whole: { a: '1' }, parts: { k: 'v', l: 'm' } });
      expect(refusal(await apply('united', 'two', { notes: ['m'], whole: { b: '2' }, size: 5 }))).toEqual(conflict('.spec.notes', '.spec.size', '.spec.whole'));
      const forced = await apply('united', 'two', { notes: ['m'], whole: { b: '2' }, size: 5 }, '&force=true');
      expect(forced.body.spec).toEqual({ size: 5, tags: ['x', 'y'], notes: ['m'], ports: [{ port: 80, protocol: 'TCP' }], whole: { b: '2' }, parts: { k: 'v' } });
      expect((await apply('united', 'one', {})).body.spec).toEqual({ size: 5, notes: ['m'], whole: { b: '2' } });
    });

    test('lists in lists go by their keys; what one of two owners drops stays, what both drop goes', async () => {
      await apply('nested', 'one', { ports: [{ port: 80, hosts: [{ h: 'a', w: 1 }, { h: 'b' }] }] });
      expect(refusal(await apply('nested', 'two', { ports: [{ port: 80, hosts: [{ h: 'a', w: 2 }] }] }))).toEqual(conflict('.spec.ports[port=80,protocol="TCP"].hosts[h="a"].w'));
      await apply('nested', 'two', { ports: [{ port: 80, hosts: [{ h: 'b' }, { h: 'c', w: 2 }] }] });
      expect((await apply('nested', 'one', { ports: [{ port: 80 }] })).body.spec.ports[0].hosts).toEqual([{ h: 'b' }, { h: 'c', w: 2 }]);
      expect((await apply('nested', 'two', { ports: [{ port: 80, hosts: [{ h: 'c', w: 2 }] }] })).body.spec.ports).toEqual([{ port: 80, protocol: 'TCP', hosts: [{ h: 'c', w: 2 }] }]);
    });

    test('the same again keeps version and times', async () => {
      const first = await apply('again', 'one', { size: 1 });
      const second = await apply('again', 'one', { size: 1 });
      expect(second.body).toEqual(first.body);
    });

    test('the status is owned apart, and takes nothing else along', async () => {
      expect(refusal(await applyStatus('absent', 'one', { phase: 'x' }))).toMatchObject({ code: 404, reason: 'NotFound' });
      await apply('status', 'one', { size: 1 }, '', { labels: { l: '1' } });
      const { body } = await applyStatus('status', 'one', { phase: 'Ready' }, { metadata: { name: 'status', labels: { l: '2' } }, spec: { size: 9 } });
      expect(body).toMatchObject({ metadata: { labels: { l: '1' }, generation: 1 }, spec: { size: 1 }, status: { phase: 'Ready' } });
      expect(Object.keys(ownersOf({ body } as Answer, 'Apply')).sort()).toEqual(['one', 'one/status']);
      expect(refusal(await applyStatus('status', 'two', { phase: 'Lost' }))).toEqual(conflict('.status.phase'));
      expect((await applyStatus('status', 'one', {})).body).not.toHaveProperty('status.phase');
    });

    test('an update takes fields over; their applier then meets a conflict', async () => {
      await apply('updated', 'one', { colour: 'red' });
      const updated = await merge('updated', 'editor', { spec: { colour: 'blue' } });
      expect([ownersOf(updated, 'Apply'), ownersOf(updated, 'Update')]).toMatchObject([{}, { editor: { 'f:spec': { 'f:colour': {} } } }]);
      expect(refusal(await apply('updated', 'one', { colour: 'red' }))).toEqual(conflict('.spec.colour'));
      expect((await apply('updated', 'one', { colour: 'blue' })).code).toBe(200);
    });

    test('owners are wiped by a list of one empty entry; nobody owns anything until somebody applies', async () => {
      await apply('wiped', 'one', { colour: 'red' });
      expect((await merge('wiped', 'editor', { metadata: { managedFields: [{}] } })).body.metadata).not.toHaveProperty('managedFields');
      expect((await merge('wiped', 'editor', { spec: { size: 4 } })).body.metadata).not.toHaveProperty('managedFields');
      const refused = await apply('wiped', 'one', { colour: 'green' });
      expect(refusal(refused)).toEqual(conflict('.spec.colour'));
      expect(refused.body.message).toContain('before-first-apply');
      const forced = await apply('wiped', 'one', { colour: 'green' }, '&force=true');
      expect(ownersOf(forced, 'Update')).toEqual({ 'before-first-apply': { 'f:spec': { '.': {}, 'f:size': {} } } });
      expect(ownersOf(await merge('wiped', 'editor', { metadata: { managedFields: [] } }), 'Apply')).toHaveProperty('one');
    });

    test('a version in the configuration is a condition', async () => {
      const { body } = await apply('versioned', 'one', { size: 1 });
      expect(refusal(await apply('versioned', 'one', { size: 2 }, '', { resourceVersion: '1' }))).toMatchObject({ code: 409, reason: 'Conflict' });
      expect((await apply('versioned', 'one', { size: 2 }, '', { resourceVersion: body.metadata.resourceVersion })).code).toBe(200);
    });

    test.each<[string, object]>([
      ['an unknown field', { surprise: 1 }], ['an item twice', { tags: ['a', 'a'] }], ['keys twice', { ports: [{ port: 1 }, { port: 1, protocol: 'TCP' }] }], ['text for a number', { size: 'x' }], ['text for a list', { tags: 'x' }],
    ])('a configuration that is none of its kind: %s', async (_title, spec) => {
      const answer = await apply('untyped', 'one', spec);
      expect(answer).toMatchObject({ code: 500, body: { message: expect.stringContaining('failed to create typed patch object') as string } });
    });

    test('managers, identities and bodies that are refused', async () => {
      expect(refusal(await apply('refused', '', {}))).toEqual(invalid('FieldValueRequired fieldManager'));
      expect(refusal(await apply('refused', 'x'.repeat(129), {}))).toEqual(invalid('FieldValueTooLong fieldManager'));
      expect(refusal(await apply('refused', 'one', {}, '', { managedFields: [{ manager: 'x' }] }))).toMatchObject({ code: 400 });
      expect(refusal(await apply('refused', 'one', {}, '', { name: 'other' }))).toMatchObject({ code: 400 });
      expect(refusal(await apply('refused', 'one', {}, '', { namespace: 'other' }))).toMatchObject({ code: 400 });
      expect(refusal(await apply('refused', 'one', {}, '', { uid: 'other' }))).toMatchObject({ code: 409, reason: 'Conflict' });
      expect((await subject().ask('GET', `${THINGS}/refused`)).code).toBe(404);
    });

    test('empty maps that are applied are owned, though built-in kinds do not keep them', async () => {
      const { body } = await subject().ask('PATCH', `${CONFIG_MAPS}/empty?fieldManager=one`, { type: TYPES.apply, body: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'empty' }, data: {} } });
      expect(body).not.toHaveProperty('data');
      expect(ownersOf({ body } as Answer, 'Apply')).toEqual({ one: { 'f:data': {} } });
    });
  });
}
