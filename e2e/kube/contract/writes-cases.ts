/** Creating, replacing and deleting: names, what only the server sets, versions, the status apart from the rest, bodies that do not fit their path. */
import { beforeAll, describe, expect, test } from 'vitest';
import type { Answer, ServerSubject } from './subject.ts';
import { invalid, makeNamespace, refusal, warningsOf } from './writing.ts';

const NAMESPACE = 'writes';
const CONFIG_MAPS = `/api/v1/namespaces/${NAMESPACE}/configmaps`;
const WIDGETS = `/apis/contract.isthmus.dev/v1/namespaces/${NAMESPACE}/widgets`;
const configMap = (name: string | undefined, data?: object, metadata: object = {}): object =>
  ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { ...(name === undefined ? {} : { name }), ...metadata }, ...(data === undefined ? {} : { data }) });
const widget = (name: string, spec: object, more: object = {}): object => ({ apiVersion: 'contract.isthmus.dev/v1', kind: 'Widget', metadata: { name }, spec, ...more });

export function writesCases(subject: () => ServerSubject): void {
  const post = (body: unknown, query = ''): Promise<Answer> => subject().ask('POST', `${CONFIG_MAPS}?fieldManager=contract${query}`, { body });
  const put = (name: string, body: unknown): Promise<Answer> => subject().ask('PUT', `${CONFIG_MAPS}/${name}?fieldManager=contract`, { body });

  describe('writes', () => {
    beforeAll(async () => { await makeNamespace(subject(), NAMESPACE); });

    test('what only the server sets is passed over in a new object; a version is refused', async () => {
      const made = await post(configMap('made', { a: '1' }, { uid: 'mine', creationTimestamp: '2020-01-01T00:00:00Z', deletionTimestamp: '2020-01-01T00:00:00Z', selfLink: '/mine' }));
      expect(made.code).toBe(201);
      expect(made.body.metadata.uid).toMatch(/^[0-9a-f-]{36}$/);
      expect(made.body.metadata.creationTimestamp).not.toContain('2020');
      expect(made.body.metadata).not.toHaveProperty('deletionTimestamp');
      expect(made.body.metadata).not.toHaveProperty('selfLink');
      expect((await post(configMap('versioned', {}, { resourceVersion: '5' }))).code).toBe(500);
    });

    test('a generated name is the prefix, cut to 58 characters, and five more; it is judged too', async () => {
      const first = await post(configMap(undefined, {}, { generateName: 'gen-' }));
      const second = await post(configMap(undefined, {}, { generateName: 'gen-' }));
      expect(first.body.metadata).toMatchObject({ generateName: 'gen-', name: expect.stringMatching(/^gen-[a-z0-9]{5}$/) as string });
      expect(second.body.metadata.name).not.toBe(first.body.metadata.name);
      const long = await post(configMap(undefined, {}, { generateName: 'l'.repeat(80) }));
      expect(long.body.metadata.name).toMatch(/^l{58}[a-z0-9]{5}$/);
      expect((await post(configMap('given', {}, { generateName: 'gen-' }))).body.metadata).toMatchObject({ name: 'given', generateName: 'gen-' });
      expect(refusal(await post(configMap(undefined, {}, { generateName: 'Bad_' })))).toEqual(invalid('FieldValueInvalid metadata.generateName', 'FieldValueInvalid metadata.name'));
    });

    test.each(['', 'A', '-a', 'a-', 'a..b', 'a/b', 'a%b', '.', 'a_b', 'a'.repeat(254)])('no name of a ConfigMap: %j', async (name) => {
      expect(refusal(await post(configMap(name, {})))).toEqual(invalid(`${name === '' ? 'FieldValueRequired' : 'FieldValueInvalid'} metadata.name`));
    });

    test.each([
      ['labels', { labels: { 'a/b/c': 'x', ok: 'not ok' } }, ['FieldValueInvalid metadata.labels']],
      ['annotations', { annotations: { 'x y': '1' } }, ['FieldValueInvalid metadata.annotations']],
      ['too large annotations', { annotations: { x: 'y'.repeat(257 * 1024) } }, ['FieldValueTooLong metadata.annotations']],
      ['an owner without a uid', { ownerReferences: [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'x' }] }, ['FieldValueInvalid metadata.ownerReferences.uid']],
      ['an Event as owner', { ownerReferences: [{ apiVersion: 'v1', kind: 'Event', name: 'x', uid: '1' }] }, ['FieldValueInvalid metadata.ownerReferences']],
      ['two controllers', { ownerReferences: [1, 2].map((uid) => ({ apiVersion: 'v1', kind: 'ConfigMap', name: `o${uid}`, uid: String(uid), controller: true })) }, ['FieldValueInvalid metadata.ownerReferences']],
      ['a finalizer without a domain', { finalizers: ['nope'] }, ['FieldValueInvalid metadata.finalizers[0]']],
    ])('metadata is judged: %s', async (_title, metadata, causes) => {
      expect(refusal(await post(configMap('judged', {}, metadata)))).toEqual(invalid(...causes));
    });

    test('data of a ConfigMap: keys, sizes, nulls, empty maps', async () => {
      expect(refusal(await post(configMap('keys', { 'bad key': 'x', '..': 'y' })))).toEqual(invalid('FieldValueInvalid data[..]', 'FieldValueInvalid data[bad key]'));
      expect(refusal(await post({ ...configMap('twice', { x: 'x' }), binaryData: { x: 'AA==' } }))).toEqual(invalid('FieldValueInvalid data[x]'));
      expect(refusal(await post({ ...configMap('bytes', {}), binaryData: { x: 'A' } }))).toMatchObject({ code: 400, reason: 'BadRequest' });
      expect(refusal(await post(configMap('large', { x: 'y'.repeat(1024 * 1024 + 1) })))).toEqual(invalid('FieldValueTooLong []'));
      expect(refusal(await post(configMap('huge', { x: 'y'.repeat(3.2 * 1024 * 1024) })))).toMatchObject({ code: 413, reason: 'RequestEntityTooLarge' });
      const nulls = await post({ ...configMap('nulls', { a: null }, { labels: null, annotations: {} }), binaryData: {} });
      expect(nulls.body).toMatchObject({ data: { a: '' } });
      for (const key of ['labels', 'annotations']) expect(nulls.body.metadata).not.toHaveProperty(key);
      expect(nulls.body).not.toHaveProperty('binaryData');
      expect((await post(configMap('empty', {}))).body).not.toHaveProperty('data');
    });

    test.each([
      ['another kind', { ...configMap('odd', {}), kind: 'Secret' }], ['another version', { ...configMap('odd', {}), apiVersion: 'v2' }], ['another group', { ...configMap('odd', {}), apiVersion: 'apps/v1' }],
      ['another namespace', configMap('odd', {}, { namespace: 'other' })], ['a list', []], ['text for metadata', { ...configMap('odd'), metadata: 'x' }],
      ['a number for text', configMap('odd', { a: 1 })], ['a list for a map', { ...configMap('odd'), data: [] }], ['a number for a label', configMap('odd', {}, { labels: { a: 1 } })],
    ])('a body that is no ConfigMap of this path: %s', async (_title, body) => {
      expect(refusal(await post(body))).toEqual({ code: 400, reason: 'BadRequest', causes: [] });
    });

    test('a built-in kind needs no apiVersion and kind in the body; a custom kind does', async () => {
      expect(await post({ metadata: { name: 'untyped' } })).toMatchObject({ code: 201, body: { apiVersion: 'v1', kind: 'ConfigMap' } });
      const untyped = await subject().ask('POST', WIDGETS, { body: { metadata: { name: 'untyped' }, spec: { size: 1 } } });
      expect(refusal(untyped)).toMatchObject({ code: 400, reason: 'BadRequest' });
    });

    test('bodies that are no JSON, empty or null', async () => {
      for (const raw of ['{', '', '"text"']) expect(refusal(await subject().ask('POST', CONFIG_MAPS, { raw })), raw).toMatchObject({ code: 400, reason: 'BadRequest' });
      expect(refusal(await subject().ask('POST', CONFIG_MAPS, { raw: 'null' }))).toEqual(invalid('FieldValueRequired metadata.name'));
    });

    test('replacing: the name must be said and be that of the path; what is not there is not made', async () => {
      await post(configMap('put', { a: '1' }));
      expect(refusal(await put('put', configMap('other', {})))).toMatchObject({ code: 400 });
      expect(refusal(await put('put', configMap(undefined, {})))).toMatchObject({ code: 400 });
      expect(refusal(await put('put', configMap('put', {}, { namespace: 'other' })))).toMatchObject({ code: 400 });
      expect(refusal(await put('absent', configMap('absent', {})))).toMatchObject({ code: 404, reason: 'NotFound' });
      expect(refusal(await put('put', configMap('put', {}, { uid: 'other' })))).toMatchObject({ code: 409, reason: 'Conflict' });
      expect(refusal(await put('put', configMap('put', {}, { resourceVersion: '1' })))).toMatchObject({ code: 409, reason: 'Conflict' });
      expect(refusal(await put('put', configMap('put', {}, { deletionTimestamp: '2021-01-01T00:00:00Z' })))).toEqual(invalid('FieldValueInvalid metadata.deletionTimestamp'));
    });

    test('replacing: identity and age stay, no version means any for built-in kinds, the same again keeps the version', async () => {
      const made = (await post(configMap('stays', { a: '1' }))).body;
      const changed = (await put('stays', configMap('stays', { a: '2' }, { creationTimestamp: '2021-01-01T00:00:00Z' }))).body;
      expect(changed.metadata).toMatchObject({ uid: made.metadata.uid, creationTimestamp: made.metadata.creationTimestamp });
      expect(changed.metadata.resourceVersion).not.toBe(made.metadata.resourceVersion);
      expect((await put('stays', configMap('stays', { a: '2' }, { resourceVersion: '0' }))).body.metadata.resourceVersion).toBe(changed.metadata.resourceVersion);
      const widgetMade = await subject().ask('POST', WIDGETS, { body: widget('unversioned', { size: 1 }) });
      expect(widgetMade.code).toBe(201);
      expect(refusal(await subject().ask('PUT', `${WIDGETS}/unversioned`, { body: widget('unversioned', { size: 2 }) }))).toEqual(invalid('FieldValueInvalid metadata.resourceVersion'));
    });

    test('the generation counts changes of the intent; the status is written apart, and takes no metadata of a custom kind along', async () => {
      const made = (await subject().ask('POST', WIDGETS, { body: widget('generations', { size: 1 }, { status: { phase: 'Ignored' } }) })).body;
      expect(made).toMatchObject({ metadata: { generation: 1 } });
      expect(made).not.toHaveProperty('status');
      const labelled = (await subject().ask('PUT', `${WIDGETS}/generations`, { body: { ...made, metadata: { ...made.metadata, labels: { a: 'b' }, generation: 7 } } })).body;
      expect(labelled.metadata.generation).toBe(1);
      const grown = (await subject().ask('PUT', `${WIDGETS}/generations`, { body: { ...labelled, spec: { size: 2 }, status: { phase: 'Ignored' } } })).body;
      expect(grown.metadata.generation).toBe(2);
      expect(grown).not.toHaveProperty('status');
      const status = (await subject().ask('PUT', `${WIDGETS}/generations/status`, { body: { ...grown, metadata: { ...grown.metadata, labels: { c: 'd' } }, spec: { size: 9 }, status: { phase: 'Seen' } } })).body;
      expect(status).toMatchObject({ metadata: { generation: 2, labels: { a: 'b' } }, spec: { size: 2 }, status: { phase: 'Seen' } });
      expect(refusal(await subject().ask('PUT', `${WIDGETS}/generations/status`, { body: grown }))).toMatchObject({ code: 409, reason: 'Conflict' });
    });

    test('the status of a built-in kind takes metadata along', async () => {
      const services = `/api/v1/namespaces/${NAMESPACE}/services`;
      const made = (await subject().ask('POST', services, { body: { apiVersion: 'v1', kind: 'Service', metadata: { name: 'labelled' }, spec: { ports: [{ port: 80 }] } } })).body;
      const status = (await subject().ask('PUT', `${services}/labelled/status`, { body: { ...made, metadata: { ...made.metadata, labels: { a: 'b' } }, spec: { ...made.spec, sessionAffinity: 'ClientIP' } } })).body;
      expect(status).toMatchObject({ metadata: { labels: { a: 'b' } }, spec: { sessionAffinity: 'None' } });
    });

    test('immutable ConfigMaps keep their data, not their labels', async () => {
      await post({ ...configMap('frozen', { a: '1' }), immutable: true });
      expect(refusal(await put('frozen', { ...configMap('frozen', { a: '2' }), immutable: true }))).toEqual(invalid('FieldValueForbidden data'));
      expect(refusal(await put('frozen', configMap('frozen', { a: '1' })))).toEqual(invalid('FieldValueForbidden immutable'));
      expect((await put('frozen', { ...configMap('frozen', { a: '1' }, { labels: { b: 'c' } }), immutable: true })).code).toBe(200);
    });

    test.each([
      ['&dryRun=Some', 'FieldValueNotSupported dryRun'], ['&fieldValidation=Some', 'FieldValueNotSupported fieldValidation'],
    ])('options are judged: %s', async (query, cause) => {
      expect(refusal(await post(configMap('options', {}), query))).toEqual(invalid(cause));
    });

    test('a field manager is a short printable name', async () => {
      for (const [manager, cause] of [['x'.repeat(129), 'FieldValueTooLong fieldManager'], ['a%0ab', 'FieldValueInvalid fieldManager']] as const) {
        expect(refusal(await subject().ask('POST', `${CONFIG_MAPS}?fieldManager=${manager}`, { body: configMap('managed', {}) }))).toEqual(invalid(cause));
      }
    });

    test('unknown fields are dropped with a warning', async () => {
      const made = await post({ ...configMap('unknown', {}, { colour: 'red' }), size: 1 });
      expect(made.code).toBe(201);
      expect([...warningsOf(made)].sort()).toEqual(['unknown field "metadata.colour"', 'unknown field "size"']);
    });
  });
}
