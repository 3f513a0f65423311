/** JSON patches, merge patches and strategic merge patches: every operation, what they refuse, and the versions that they ask for. */
import { beforeAll, describe, expect, test } from 'vitest';
import type { Answer, ServerSubject } from './subject.ts';
import { invalid, makeNamespace, refusal, TYPES } from './writing.ts';

const NAMESPACE = 'patches';
const CORE = `/api/v1/namespaces/${NAMESPACE}`;
const REJECTED = { code: 422, reason: 'Invalid', causes: [] };
/** What a patch made of the object cannot be decoded. */
const UNDECODABLE = invalid('FieldValueInvalid patch');

export function patchesCases(subject: () => ServerSubject): void {
  const patch = (type: keyof typeof TYPES, resource: string, body: unknown, query = ''): Promise<Answer> => subject().ask('PATCH', `${CORE}/${resource}?fieldManager=contract${query}`, { type: TYPES[type], body });
  const configMap = async (name: string, data: object, metadata: object = {}): Promise<Answer['body']> =>
    (await subject().ask('POST', `${CORE}/configmaps?fieldManager=contract`, { body: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, ...metadata }, data } })).body;

  describe('patches', () => {
    beforeAll(async () => {
      await makeNamespace(subject(), NAMESPACE);
      await configMap('refusing', { k: 'v' }, { finalizers: ['a.b/c'] });
    });

    test('JSON patch: every operation', async () => {
      await configMap('json', { a: '1', 'b': '2' }, { finalizers: ['a.b/one', 'a.b/two'] });
      const { code, body } = await patch('json', 'configmaps/json', [
        { op: 'test', path: '/data/a', value: '1' }, { op: 'add', path: '/data/c', value: '3' }, { op: 'replace', path: '/data/a', value: '9' }, { op: 'move', from: '/data/b', path: '/data/d' },
        { op: 'copy', from: '/data/c', path: '/data/e' }, { op: 'remove', path: '/data/c' }, { op: 'add', path: '/metadata/finalizers/-', value: 'a.b/last' }, { op: 'add', path: '/metadata/finalizers/0', value: 'a.b/first' },
        { op: 'remove', path: '/metadata/finalizers/1' }, { op: 'add', path: '/metadata/annotations', value: { 'x~y/z': '1' } }, { op: 'replace', path: '/metadata/annotations/x~0y~1z', value: '2' },
        { op: 'remove', path: '/metadata/annotations' },
      ]);
      expect(code).toBe(200);
      expect(body).toMatchObject({ data: { a: '9', d: '2', e: '3' }, metadata: { finalizers: ['a.b/first', 'a.b/two', 'a.b/last'] } });
      await patch('merge', 'configmaps/json', { metadata: { finalizers: null } });
    });

    test('JSON patch: replacing an absent member adds it, moving or copying one leaves null, and no operation keeps the version', async () => {
      const { metadata } = await configMap('lenient', { a: '1' });
      expect((await patch('json', 'configmaps/lenient', [])).body.metadata.resourceVersion).toBe(metadata.resourceVersion);
      expect((await patch('json', 'configmaps/lenient', [{ op: 'test', path: '/data/none', value: null }])).body.metadata.resourceVersion).toBe(metadata.resourceVersion);
      expect((await patch('json', 'configmaps/lenient', [{ op: 'replace', path: '/data/b', value: '2' }])).body.data).toEqual({ a: '1', b: '2' });
      expect((await patch('json', 'configmaps/lenient', [{ op: 'copy', from: '/data/none', path: '/data/c' }, { op: 'add', path: '/data/d' }])).body.data).toEqual({ a: '1', b: '2', c: '', d: '' });
    });

    test.each([
      ['a test that fails', [{ op: 'test', path: '/data/k', value: 'other' }]], ['a test of an absent member', [{ op: 'test', path: '/data/none', value: 'x' }]], ['a test of another type', [{ op: 'test', path: '/data/k', value: { a: 1 } }]],
      ['removing what is absent', [{ op: 'remove', path: '/data/none' }]], ['removing everything', [{ op: 'remove', path: '' }]], ['an absent parent', [{ op: 'add', path: '/data/x/y', value: '1' }]],
      ['an unknown operation', [{ op: 'jump', path: '/data/k' }]], ['no operation', [{ path: '/data/k' }]], ['a path without a slash', [{ op: 'add', path: 'data', value: '1' }]],
      ['an index beyond the end', [{ op: 'add', path: '/metadata/finalizers/9', value: 'a.b/c' }]], ['removing an item that is not there', [{ op: 'remove', path: '/metadata/finalizers/9' }]],
    ])('JSON patch is refused: %s', async (_title, body) => {
      expect(refusal(await patch('json', 'configmaps/refusing', body))).toEqual(REJECTED);
    });

    test('JSON patch: what is no patch, no ConfigMap, or another one', async () => {
      expect(refusal(await patch('json', 'configmaps/refusing', { op: 'add' }))).toMatchObject({ code: 400, reason: 'BadRequest' });
      expect(refusal(await patch('json', 'configmaps/refusing', [{ op: 'add', path: '/data/n', value: 1 }]))).toEqual(UNDECODABLE);
      expect(refusal(await patch('json', 'configmaps/refusing', [{ op: 'remove', path: '/metadata/name' }]))).toMatchObject({ code: 400 });
      expect(refusal(await patch('json', 'configmaps/refusing', [{ op: 'replace', path: '/metadata/resourceVersion', value: '1' }]))).toMatchObject({ code: 409, reason: 'Conflict' });
      expect(refusal(await patch('json', 'configmaps/none', []))).toMatchObject({ code: 404, reason: 'NotFound' });
    });

    test('merge patch: null removes, objects are merged, lists and texts are replaced', async () => {
      await configMap('merged', { a: '1', b: '2' }, { labels: { x: 'y' }, finalizers: ['a.b/c'] });
      const { body } = await patch('merge', 'configmaps/merged', { data: { a: null, c: '3', d: null }, metadata: { labels: { z: 'q' }, finalizers: ['a.b/d', 'a.b/e'] } });
      expect(body).toMatchObject({ data: { b: '2', c: '3' }, metadata: { labels: { x: 'y', z: 'q' }, finalizers: ['a.b/d', 'a.b/e'] } });
      expect((await patch('merge', 'configmaps/merged', { data: null, metadata: { finalizers: null } })).body).not.toHaveProperty('data');
    });

    test.each([
      ['another uid', { metadata: { uid: 'other' } }, invalid('FieldValueInvalid metadata.uid')], ['another version of the API', { apiVersion: 'v2' }, UNDECODABLE], ['another kind', { kind: 'Secret' }, UNDECODABLE],
      ['text for a map', { data: 'x' }, UNDECODABLE], ['an object for text', { data: { n: { x: null } } }, UNDECODABLE], ['no metadata', { metadata: null }, { code: 400, reason: 'BadRequest', causes: [] }],
      ['another name', { metadata: { name: 'other' } }, { code: 400, reason: 'BadRequest', causes: [] }], ['another namespace', { metadata: { namespace: 'other' } }, { code: 400, reason: 'BadRequest', causes: [] }],
      ['a list', [], { code: 400, reason: 'BadRequest', causes: [] }], ['text', 'x', { code: 400, reason: 'BadRequest', causes: [] }],
    ])('merge patch is refused: %s', async (_title, body, expected) => {
      expect(refusal(await patch('merge', 'configmaps/refusing', body))).toEqual(expected);
    });

    test('a version in a patch is a condition; without one, any will do', async () => {
      const { metadata } = await configMap('conditional', {});
      expect(refusal(await patch('merge', 'configmaps/conditional', { metadata: { resourceVersion: '1' }, data: { a: '1' } }))).toMatchObject({ code: 409, reason: 'Conflict' });
      const patched = await patch('merge', 'configmaps/conditional', { metadata: { resourceVersion: metadata.resourceVersion }, data: { a: '1' } });
      expect(patched).toMatchObject({ code: 200, body: { data: { a: '1' } } });
      expect((await patch('merge', 'configmaps/conditional', { data: { a: '1' } })).body.metadata.resourceVersion).toBe(patched.body.metadata.resourceVersion);
    });

    test('strategic merge: lists by key, with directives', async () => {
      const service = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'ports', labels: { a: 'b' } }, spec: { selector: { app: 'x' }, ports: [{ name: 'a', port: 80 }, { name: 'b', port: 81 }] } };
      await subject().ask('POST', `${CORE}/services`, { body: service });
      const ports = async (body: object): Promise<unknown> => (await patch('strategic', 'services/ports', body)).body.spec.ports.map((port: { port: number; name: string }) => `${port.name} ${port.port}`);
      expect(await ports({ spec: { ports: [{ port: 82, name: 'c' }] } })).toEqual(['c 82', 'a 80', 'b 81']);
      expect(await ports({ spec: { ports: [{ port: 80, name: 'renamed' }] } })).toEqual(['c 82', 'renamed 80', 'b 81']);
      expect(await ports({ spec: { ports: [{ port: 81, $patch: 'delete' }] } })).toEqual(['c 82', 'renamed 80']);
      expect(await ports({ spec: { $setElementOrder: undefined, ports: [{ $patch: 'replace' }, { port: 90, name: 'only' }] } })).toEqual(['only 90']);
      expect((await patch('strategic', 'services/ports', { spec: { selector: { $patch: 'replace', other: 'y' } } })).body.spec.selector).toEqual({ other: 'y' });
      expect((await patch('strategic', 'services/ports', { spec: { selector: { $retainKeys: ['third'], third: 'z' } } })).body.spec.selector).toEqual({ third: 'z' });
      expect((await patch('strategic', 'services/ports', { metadata: { labels: { a: null, c: 'd' } } })).body.metadata.labels).toEqual({ c: 'd' });
      expect(refusal(await patch('strategic', 'services/ports', { spec: { ports: [{ name: 'no-key' }] } })).code).toBeGreaterThanOrEqual(400);
    });

    test('strategic merge: lists of texts are united, and items are taken out by name', async () => {
      await configMap('finalized', {}, { finalizers: ['a.b/one', 'a.b/two'] });
      const finalizers = async (metadata: object): Promise<unknown> => (await patch('strategic', 'configmaps/finalized', { metadata })).body.metadata.finalizers;
      expect(await finalizers({ finalizers: ['a.b/three', 'a.b/one'] })).toEqual(expect.arrayContaining(['a.b/one', 'a.b/two', 'a.b/three']));
      expect(await finalizers({ '$deleteFromPrimitiveList/finalizers': ['a.b/one', 'a.b/three'] })).toEqual(['a.b/two']);
      expect(await finalizers({ finalizers: null })).toBeUndefined();
    });

    test('custom kinds know no strategic merge; other types are not known at all; force is for apply', async () => {
      const made = await subject().ask('POST', `/apis/contract.isthmus.dev/v1/namespaces/${NAMESPACE}/widgets`, { body: { apiVersion: 'contract.isthmus.dev/v1', kind: 'Widget', metadata: { name: 'plain' }, spec: { size: 1 } } });
      expect(made.code).toBe(201);
      const path = `/apis/contract.isthmus.dev/v1/namespaces/${NAMESPACE}/widgets/plain`;
      expect(refusal(await subject().ask('PATCH', path, { type: TYPES.strategic, body: {} }))).toMatchObject({ code: 415, reason: 'UnsupportedMediaType' });
      for (const type of ['application/json', 'text/plain']) expect(refusal(await subject().ask('PATCH', path, { type, body: {} })), type).toMatchObject({ code: 415, reason: 'UnsupportedMediaType' });
      expect(refusal(await patch('merge', 'configmaps/refusing', {}, '&force=true'))).toEqual(invalid('FieldValueForbidden force'));
      expect(refusal(await subject().ask('PATCH', path, { type: TYPES.merge, body: { kind: 'Other' } }))).toEqual(invalid('FieldValueInvalid kind'));
      expect(refusal(await subject().ask('PATCH', path, { type: TYPES.merge, body: { metadata: { labels: { a: 1 } } } }))).toEqual(UNDECODABLE);
      expect(refusal(await subject().ask('PATCH', path, { type: TYPES.merge, body: { spec: 'x' } }))).toEqual(invalid('FieldValueTypeInvalid spec'));
    });
  });
}
