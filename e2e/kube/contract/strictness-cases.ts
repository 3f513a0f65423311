/** Dry runs keep nothing; unknown and repeated fields are refused, named or passed over as the caller asks. */
import { beforeAll, describe, expect, test } from 'vitest';
import type { Answer, ServerSubject } from './subject.ts';
import { invalid, makeNamespace, refusal, TYPES, warningsOf } from './writing.ts';

const NAMESPACE = 'strictness';
const CONFIG_MAPS = `/api/v1/namespaces/${NAMESPACE}/configmaps`;
const WIDGETS = `/apis/contract.isthmus.dev/v1/namespaces/${NAMESPACE}/widgets`;
const configMap = (name: string, data: object = {}, metadata: object = {}): object => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, ...metadata }, data });

export function strictnessCases(subject: () => ServerSubject): void {
  const ask = (method: string, path: string, query: string, options: Parameters<ServerSubject['ask']>[2]): Promise<Answer> => subject().ask(method, `${path}?fieldManager=contract${query}`, options);
  const get = async (name: string): Promise<Answer> => subject().ask('GET', `${CONFIG_MAPS}/${name}`);

  describe('dry run', () => {
    beforeAll(async () => { await makeNamespace(subject(), NAMESPACE); });

    test('answers as if, and keeps nothing: no object, no version, no event', async () => {
      const made = (await ask('POST', CONFIG_MAPS, '', { body: configMap('kept', { a: '1' }) })).body;
      const { body: before } = await subject().ask('GET', CONFIG_MAPS);
      const watching = subject().events(`${CONFIG_MAPS}?watch=1&resourceVersion=${before.metadata.resourceVersion}`, { count: 1 });
      const created = await ask('POST', CONFIG_MAPS, '&dryRun=All', { body: configMap('new') });
      expect(created.code).toBe(201);
      expect(created.body.metadata).not.toHaveProperty('resourceVersion');
      expect(created.body.metadata.uid).toMatch(/^[0-9a-f-]{36}$/);
      expect((await get('new')).code).toBe(404);
      for (const [method, options] of [['PUT', { body: configMap('kept', { a: '2' }) }], ['PATCH', { type: TYPES.merge, body: { data: { a: '2' } } }], ['PATCH', { type: TYPES.json, body: [{ op: 'replace', path: '/data/a', value: '2' }] }]] as const) {
        const answer = await ask(method, `${CONFIG_MAPS}/kept`, '&dryRun=All', options);
        expect(answer, method).toMatchObject({ code: 200, body: { data: { a: '2' }, metadata: { uid: made.metadata.uid, resourceVersion: made.metadata.resourceVersion } } });
      }
      const applied = await ask('PATCH', `${CONFIG_MAPS}/applied`, '&dryRun=All', { type: TYPES.apply, body: configMap('applied', { a: '1' }) });
      expect(applied).toMatchObject({ code: 201, body: { data: { a: '1' } } });
      expect((await get('applied')).code).toBe(404);
      expect((await ask('DELETE', `${CONFIG_MAPS}/kept`, '&dryRun=All', {})).code).toBe(200);
      expect((await get('kept')).body).toEqual(made);
      await ask('POST', CONFIG_MAPS, '', { body: configMap('after') });
      expect(await watching).toMatchObject([{ type: 'ADDED', object: { metadata: { name: 'after' } } }]);
    });

    test('refuses what the write would be refused for', async () => {
      expect(refusal(await ask('POST', CONFIG_MAPS, '&dryRun=All', { body: configMap('Not_A_Name') }))).toEqual(invalid('FieldValueInvalid metadata.name'));
      expect(refusal(await ask('POST', CONFIG_MAPS, '&dryRun=All', { body: configMap('after') }))).toMatchObject({ code: 409, reason: 'AlreadyExists' });
      expect(refusal(await ask('PUT', `${CONFIG_MAPS}/after`, '&dryRun=All', { body: configMap('after', {}, { resourceVersion: '1' }) }))).toMatchObject({ code: 409, reason: 'Conflict' });
    });
  });

  describe('field validation', () => {
    beforeAll(async () => { await makeNamespace(subject(), NAMESPACE); });
    const json = (name: string): string => `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"${name}"},"data":{"a":"1","a":"2"},"foo":1}`;
    const yaml = (name: string): string => `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${name}}\ndata:\n  a: "1"\n  a: "2"\nfoo: 1\n`;

    test('by default and with Warn, unknown and repeated fields are named; the last one counts', async () => {
      const fromJson = await ask('POST', CONFIG_MAPS, '', { raw: json('json') });
      expect([fromJson.code, fromJson.body.data, warningsOf(fromJson)]).toEqual([201, { a: '2' }, ['duplicate field "data.a"', 'unknown field "foo"']]);
      const fromYaml = await ask('POST', CONFIG_MAPS, '&fieldValidation=Warn', { raw: yaml('yaml'), type: TYPES.yaml, body: '' });
      expect([fromYaml.code, fromYaml.body.data, warningsOf(fromYaml)]).toEqual([201, { a: '2' }, ['line 6: key "a" already set in map', 'unknown field "foo"']]);
      const custom = await ask('POST', WIDGETS, '', { raw: '{"apiVersion":"contract.isthmus.dev/v1","kind":"Widget","metadata":{"name":"warned"},"spec":{"size":1,"size":2,"foo":1},"bar":2}' });
      expect([custom.code, custom.body.spec.size, warningsOf(custom)]).toEqual([201, 2, ['duplicate field "spec.size"', 'unknown field "bar"', 'unknown field "spec.foo"']]);
    });

    test('with Ignore nothing is said, with Strict everything is refused', async () => {
      const ignored = await ask('POST', CONFIG_MAPS, '&fieldValidation=Ignore', { raw: json('ignored') });
      expect([ignored.code, ignored.body.data, warningsOf(ignored)]).toEqual([201, { a: '2' }, []]);
      for (const [raw, type] of [[json('strict'), 'application/json'], [yaml('strict'), TYPES.yaml]] as const) {
        const refused = await ask('POST', CONFIG_MAPS, '&fieldValidation=Strict', { raw, type, body: '' });
        expect(refusal(refused)).toEqual({ code: 400, reason: 'BadRequest', causes: [] });
        expect(refused.body.message).toContain('strict decoding error');
        expect(refused.body.message).toContain('unknown field "foo"');
      }
      expect((await get('strict')).code).toBe(404);
    });

    test('of a patch, its result is judged', async () => {
      await ask('POST', CONFIG_MAPS, '', { body: configMap('patched') });
      for (const [type, body] of [[TYPES.merge, { foo: 1 }], [TYPES.strategic, { foo: 1 }], [TYPES.json, [{ op: 'add', path: '/foo', value: 1 }]]] as const) {
        expect(warningsOf(await ask('PATCH', `${CONFIG_MAPS}/patched`, '', { type, body })), type).toEqual(['unknown field "foo"']);
        expect(refusal(await ask('PATCH', `${CONFIG_MAPS}/patched`, '&fieldValidation=Strict', { type, body })), type).toEqual(invalid('FieldValueInvalid patch'));
      }
      expect(warningsOf(await ask('PATCH', `${CONFIG_MAPS}/patched`, '', { type: TYPES.merge, raw: '{"data":{"a":"1","a":"2"}}', body: '' }))).toEqual(['duplicate field "data.a"']);
    });
  });
}
