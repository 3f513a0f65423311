/** Kinds of several versions: each has its fields, one is stored, nothing else is converted; ServiceExport and ServiceImport in both of theirs. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import type { Answer, ServerSubject } from './subject.ts';
import { definition, definitionPath, invalid, makeNamespace, refusal, serve, TYPES, until, warningsOf } from './writing.ts';

const NAMESPACE = 'conversion';
const GROUP = 'conversion.contract.isthmus.dev';
const MULTICLUSTER = 'multicluster.x-k8s.io';
const CHART = join(import.meta.dirname, '../../../charts/isthmus-agent/files/crds');
const TEXT = { type: 'string' };
const schema = (fields: object): object => ({ type: 'object', properties: { spec: { type: 'object', properties: fields } } });

export function conversionCases(subject: () => ServerSubject): void {
  const path = (version: string, plural: string, name = '', group = GROUP): string => `/apis/${group}/${version}/namespaces/${NAMESPACE}/${plural}${name === '' ? '' : `/${name}`}`;
  const thing = (version: string, name: string, spec: object): object => ({ apiVersion: `${GROUP}/${version}`, kind: 'Morph', metadata: { name }, spec });
  const write = (method: string, at: string, body: unknown, type?: string): Promise<Answer> => subject().ask(method, `${at}?fieldManager=contract`, { body, ...(type === undefined ? {} : { type }) });

  describe('conversion', () => {
    beforeAll(async () => {
      await makeNamespace(subject(), NAMESPACE);
      const versions = [
        { name: 'v1', schema: schema({ both: TEXT, stored: { type: 'string', default: 'stored default' }, limited: { type: 'integer', maximum: 10 } }) },
        { name: 'v2', schema: schema({ both: TEXT, later: { type: 'string', default: 'later default' }, limited: { type: 'integer', maximum: 5 } }) },
        { name: 'v1beta1', schema: schema({ both: TEXT, stored: TEXT, limited: { type: 'integer' } }), deprecated: true },
        { name: 'v1alpha1', schema: schema({ both: TEXT }), deprecated: true, deprecationWarning: 'use v1' },
        { name: 'v0', schema: schema({}), served: false },
      ];
      await serve(subject(), definition(GROUP, 'morphs', 'Morph', versions), [path('v1', 'morphs'), path('v2', 'morphs'), path('v1alpha1', 'morphs')]);
    });

    test('each version shows the fields it has; what the stored version has not is lost', async () => {
      const made = await write('POST', path('v1', 'morphs'), thing('v1', 'first', { both: 'b', stored: 's', limited: 3 }));
      expect(made.body.spec).toEqual({ both: 'b', stored: 's', limited: 3 });
      expect((await subject().ask('GET', path('v2', 'morphs', 'first'))).body).toMatchObject({ apiVersion: `${GROUP}/v2`, spec: { both: 'b', limited: 3 } });
      expect((await subject().ask('GET', path('v1alpha1', 'morphs', 'first'))).body.spec).toEqual({ both: 'b' });
      const second = await write('POST', path('v2', 'morphs'), thing('v2', 'second', { both: 'x', later: 'gone' }));
      expect(second.body).toMatchObject({ apiVersion: `${GROUP}/v2`, spec: { both: 'x' } });
      expect(second.body.spec).not.toHaveProperty('later');
      expect((await subject().ask('GET', path('v1', 'morphs', 'second'))).body.spec).toEqual({ both: 'x', stored: 'stored default' });
    });

    test('a write is judged by the version that it speaks', async () => {
      expect(refusal(await write('POST', path('v2', 'morphs'), thing('v2', 'judged', { limited: 7 })))).toEqual(invalid('FieldValueInvalid spec.limited'));
      expect((await write('POST', path('v1beta1', 'morphs'), thing('v1beta1', 'judged', { limited: 700 }))).code).toBe(201);
      expect(refusal(await write('PATCH', path('v1', 'morphs', 'judged'), { spec: { limited: 701 } }, TYPES.merge))).toEqual(invalid('FieldValueInvalid spec.limited'));
      expect((await write('PATCH', path('v1', 'morphs', 'judged'), { spec: { both: 'y' } }, TYPES.merge)).code).toBe(200);
      expect(refusal(await write('POST', path('v2', 'morphs'), thing('v1', 'other', {})))).toMatchObject({ code: 400, reason: 'BadRequest' });
    });

    test('a patch in one version keeps what the other has, as far as it can be seen', async () => {
      await write('POST', path('v1', 'morphs'), thing('v1', 'patched', { both: 'b', limited: 3 }));
      const { body } = await write('PATCH', path('v2', 'morphs', 'patched'), { spec: { both: 'c' } }, TYPES.merge);
      expect(body).toMatchObject({ apiVersion: `${GROUP}/v2`, spec: { both: 'c', limited: 3 } });
      expect((await subject().ask('GET', path('v1', 'morphs', 'patched'))).body.metadata.generation).toBe(2);
    });

    test('lists and watches speak the version that was asked for', async () => {
      const { body } = await subject().ask('GET', path('v2', 'morphs'));
      expect(body).toMatchObject({ apiVersion: `${GROUP}/v2`, kind: 'MorphList' });
      for (const item of body.items) expect(item.apiVersion).toBe(`${GROUP}/v2`);
      const watching = subject().events(`${path('v1alpha1', 'morphs')}?watch=1&resourceVersion=${body.metadata.resourceVersion}`, { count: 1 });
      await write('POST', path('v1', 'morphs'), thing('v1', 'watched', { both: 'w', stored: 'unseen' }));
      expect(await watching).toMatchObject([{ type: 'ADDED', object: { apiVersion: `${GROUP}/v1alpha1`, spec: { both: 'w' } } }]);
    });

    test('versions that are not served are not there; deprecated ones warn', async () => {
      expect((await subject().ask('GET', path('v0', 'morphs'))).code).toBe(404);
      expect(warningsOf(await subject().ask('GET', path('v1beta1', 'morphs')))).toEqual([`${GROUP}/v1beta1 Morph is deprecated; use ${GROUP}/v2 Morph`]);
      expect(warningsOf(await subject().ask('GET', path('v1alpha1', 'morphs')))).toEqual(['use v1']);
      expect(warningsOf(await subject().ask('GET', path('v1', 'morphs')))).toEqual([]);
    });

    test('another version becomes the stored one: old objects are read as before', async () => {
      const [a, b] = [schema({ both: TEXT, old: TEXT }), schema({ both: TEXT, old: TEXT, fresh: { type: 'string', default: 'f' } })];
      const crd = definition(GROUP, 'movers', 'Mover', [{ name: 'v1', schema: a }, { name: 'v2', schema: b }]);
      await serve(subject(), crd, [path('v1', 'movers'), path('v2', 'movers')]);
      await write('POST', path('v1', 'movers'), { apiVersion: `${GROUP}/v1`, kind: 'Mover', metadata: { name: 'old' }, spec: { both: 'b', old: 'o' } });
      const versions = [{ name: 'v1', served: true, storage: false, schema: { openAPIV3Schema: a } }, { name: 'v2', served: true, storage: true, schema: { openAPIV3Schema: b } }];
      expect((await write('PATCH', definitionPath(crd.metadata.name), { spec: { versions } }, TYPES.merge)).body.status.storedVersions).toEqual(['v1', 'v2']);
      const rewritten = await until('storing in v2', async () => {
        const answer = await write('PATCH', path('v2', 'movers', 'old'), { spec: { both: `b${Date.now()}` } }, TYPES.merge);
        return answer.body.spec?.fresh === 'f' ? answer : undefined;
      });
      expect(rewritten.body.spec).toMatchObject({ old: 'o', fresh: 'f' });
      expect((await subject().ask('GET', path('v1', 'movers', 'old'))).body).toMatchObject({ apiVersion: `${GROUP}/v1`, spec: { old: 'o' } });
    });
  });

  describe('multicluster.x-k8s.io', () => {
    interface Named { readonly metadata: { readonly name: string }; readonly [more: string]: unknown }
    const exported = (version: string, name: string, more: object = {}): Named => ({ apiVersion: `${MULTICLUSTER}/${version}`, kind: 'ServiceExport', metadata: { name }, ...more });
    const at = (version: string, name = '', plural = 'serviceexports'): string => path(version, plural, name, MULTICLUSTER);
    const apply = (version: string, manager: string, body: Named, sub = ''): Promise<Answer> => subject().ask('PATCH', `${at(version, body.metadata.name)}${sub}?fieldManager=${manager}`, { type: TYPES.apply, body });

    beforeAll(async () => {
      await makeNamespace(subject(), NAMESPACE);
      for (const plural of ['serviceexports', 'serviceimports']) {
        await serve(subject(), parse(readFileSync(join(CHART, `${plural}.yaml`), 'utf8')), [at('v1alpha1', '', plural), at('v1beta1', '', plural)]);
      }
    });

    test('written in one version, read in the other', async () => {
      const made = await write('POST', at('v1alpha1'), exported('v1alpha1', 'checkout', { spec: { exportedLabels: { a: 'b' } } }));
      expect(made).toMatchObject({ code: 201, body: { apiVersion: `${MULTICLUSTER}/v1alpha1`, metadata: { generation: 1 } } });
      const read = (await subject().ask('GET', at('v1beta1', 'checkout'))).body;
      expect(read).toEqual({ ...made.body, apiVersion: `${MULTICLUSTER}/v1beta1` });
      const updated = await write('PUT', at('v1beta1', 'checkout'), { ...read, spec: { exportedLabels: { a: 'c' } } });
      expect(updated.body.metadata.generation).toBe(2);
      expect((await subject().ask('GET', at('v1alpha1', 'checkout'))).body.spec).toEqual({ exportedLabels: { a: 'c' } });
      expect(refusal(await write('PUT', at('v1alpha1', 'checkout'), made.body))).toMatchObject({ code: 409, reason: 'Conflict' });
    });

    test('watched in one version, changed in the other; the same again in the other version changes nothing', async () => {
      const { body: before } = await subject().ask('GET', at('v1alpha1'));
      const watching = subject().events(`${at('v1alpha1')}?watch=1&resourceVersion=${before.metadata.resourceVersion}`, { count: 3 });
      await write('POST', at('v1beta1'), exported('v1beta1', 'watched'));
      const patched = await write('PATCH', at('v1beta1', 'watched'), { metadata: { labels: { a: 'b' } } }, TYPES.merge);
      expect((await write('PATCH', at('v1alpha1', 'watched'), { metadata: { labels: { a: 'b' } } }, TYPES.merge)).body.metadata.resourceVersion).toBe(patched.body.metadata.resourceVersion);
      await subject().ask('DELETE', at('v1beta1', 'watched'));
      expect((await watching).map(({ type, object }) => `${type} ${object.apiVersion} ${object.metadata.name}`)).toEqual(['ADDED', 'MODIFIED', 'DELETED'].map((type) => `${type} ${MULTICLUSTER}/v1alpha1 watched`));
    });

    test('applied in both: fields are shared and in conflict across versions, and a manager goes on in the other', async () => {
      const body = (version: string, value: string): Named => exported(version, 'applied', { spec: { exportedLabels: { a: value } } });
      expect((await apply('v1alpha1', 'one', body('v1alpha1', '1'))).code).toBe(201);
      const conflict = await apply('v1beta1', 'two', body('v1beta1', '2'));
      expect(refusal(conflict)).toEqual({ code: 409, reason: 'Conflict', causes: ['FieldManagerConflict .spec.exportedLabels.a'] });
      const shared = await apply('v1beta1', 'two', body('v1beta1', '1'));
      expect(shared.body.metadata.managedFields.map((entry: { manager: string; apiVersion: string }) => `${entry.manager} ${entry.apiVersion}`).sort()).toEqual([`one ${MULTICLUSTER}/v1alpha1`, `two ${MULTICLUSTER}/v1beta1`]);
      const moved = await apply('v1beta1', 'one', body('v1beta1', '1'));
      expect(moved.body.metadata.managedFields.map((entry: { manager: string; apiVersion: string }) => `${entry.manager} ${entry.apiVersion}`).sort()).toEqual([`one ${MULTICLUSTER}/v1beta1`, `two ${MULTICLUSTER}/v1beta1`]);
    });

    test('conditions of the status are applied in one version and read in the other', async () => {
      await write('POST', at('v1beta1'), exported('v1beta1', 'judged'));
      const condition = { type: 'Valid', status: 'True', reason: 'Valid', message: '', lastTransitionTime: '2026-01-01T00:00:00Z' };
      expect((await apply('v1beta1', 'agent', exported('v1beta1', 'judged', { status: { conditions: [condition] } }), '/status')).code).toBe(200);
      expect((await subject().ask('GET', at('v1alpha1', 'judged'))).body.status.conditions).toEqual([condition]);
    });

    test('ServiceImports: both versions are served', async () => {
      const spec = { type: 'ClusterSetIP', ports: [{ port: 80, protocol: 'TCP' }] };
      const made = await write('POST', at('v1alpha1', '', 'serviceimports'), { apiVersion: `${MULTICLUSTER}/v1alpha1`, kind: 'ServiceImport', metadata: { name: 'imported' }, spec });
      expect(made.code).toBe(201);
      expect((await subject().ask('GET', at('v1beta1', 'imported', 'serviceimports'))).body.spec).toEqual(made.body.spec);
      expect(refusal(await write('POST', at('v1beta1', '', 'serviceimports'), { apiVersion: `${MULTICLUSTER}/v1beta1`, kind: 'ServiceImport', metadata: { name: 'odd' }, spec: { ...spec, type: 'Nope' } }))).toMatchObject({ code: 422, reason: 'Invalid' });
    });
  });
}
