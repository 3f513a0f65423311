/** CustomResourceDefinitions: what is refused, names that clash, what may change later, and what goes with them. */
import { beforeAll, describe, expect, test } from 'vitest';
import type { Answer, ServerSubject } from './subject.ts';
import { definition, definitionPath, invalid, makeNamespace, refusal, serve, TYPES, until, warningsOf } from './writing.ts';

const NAMESPACE = 'definitions';
const GROUP = 'definitions.contract.isthmus.dev';
const OPEN = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
/** Where kube-apiserver sees the schema of a definition whose versions have the same. */
const SCHEMA = 'spec.validation.openAPIV3Schema';
const TEXT = { type: 'string' };

export function definitionsCases(subject: () => ServerSubject): void {
  const dry = (body: unknown, query = ''): Promise<Answer> => subject().ask('POST', `${definitionPath()}?fieldManager=contract&dryRun=All${query}`, { body });
  const post = (body: unknown): Promise<Answer> => subject().ask('POST', `${definitionPath()}?fieldManager=contract`, { body });
  const change = (name: string, body: unknown, sub = ''): Promise<Answer> => subject().ask('PATCH', definitionPath(name) + sub, { type: TYPES.merge, body });
  const plain = (more: object = {}, version: object = {}): object => definition(GROUP, 'plains', 'Plain', [{ name: 'v1', schema: OPEN, ...version }], more);
  const conditionsOf = ({ body }: Answer): Record<string, string> =>
    Object.fromEntries((body.status?.conditions ?? []).map((condition: { type: string; status: string; reason: string }) => [condition.type, `${condition.status} ${condition.reason}`]));
  const accepted = { NamesAccepted: 'True NoConflicts', Established: 'True InitialNamesAccepted' };

  describe('definitions', () => {
    beforeAll(async () => { await makeNamespace(subject(), NAMESPACE); });

    test('names follow from the kind, conversion is None, and the kind is established', async () => {
      await serve(subject(), definition(GROUP, 'givens', 'Given', [{ name: 'v1', schema: OPEN }]), [`/apis/${GROUP}/v1/givens`]);
      const { body } = await until('establishing', async () => {
        const answer = await subject().ask('GET', definitionPath(`givens.${GROUP}`));
        return conditionsOf(answer)['Established'] === accepted.Established ? answer : undefined;
      });
      expect(body.spec).toMatchObject({ names: { plural: 'givens', singular: 'given', kind: 'Given', listKind: 'GivenList' }, conversion: { strategy: 'None' } });
      expect(body.status).toMatchObject({ acceptedNames: body.spec.names, storedVersions: ['v1'] });
      expect(conditionsOf({ body } as Answer)).toEqual(accepted);
    });

    test.each<[string, object, readonly string[]]>([
      ['another name than plural and group', { names: { plural: 'others', kind: 'Plain' } }, ['FieldValueInvalid metadata.name']], ['a scope that is none', { scope: 'Global' }, ['FieldValueNotSupported spec.scope']], ['no scope', { scope: undefined }, ['FieldValueRequired spec.scope']],
      ['no versions', { versions: [] }, ['FieldValueInvalid spec.versions', 'FieldValueInvalid status.storedVersions']], ['a group without a dot', { group: 'dotless' }, ['FieldValueInvalid metadata.name', 'FieldValueInvalid spec.group']],
      ['no names', { names: {} }, ['FieldValueInvalid metadata.name', 'FieldValueRequired spec.names.kind', 'FieldValueRequired spec.names.listKind', 'FieldValueRequired spec.names.plural', 'FieldValueRequired spec.names.singular']],
      ['names that are no labels', { names: { plural: 'plains', kind: 'Pl ain', singular: 'X', shortNames: ['S_'], categories: ['C!'] } }, ['FieldValueInvalid spec.names.categories[0]', 'FieldValueInvalid spec.names.kind', 'FieldValueInvalid spec.names.listKind', 'FieldValueInvalid spec.names.shortNames[0]', 'FieldValueInvalid spec.names.singular']],
      ['a conversion that is none', { conversion: { strategy: 'Guess' } }, ['FieldValueNotSupported spec.conversion.strategy']], ['a webhook without an address', { conversion: { strategy: 'Webhook' } }, ['FieldValueRequired spec.conversion.conversionReviewVersions', 'FieldValueRequired spec.conversion.webhookClientConfig']],
      ['unknown fields of everything', { preserveUnknownFields: true }, ['FieldValueInvalid spec.preserveUnknownFields']],
    ])('refused: %s', async (_title, more, causes) => {
      expect(refusal(await dry(plain(more)))).toEqual(invalid(...causes));
    });

    test.each<[string, object, readonly string[]]>([
      ['no schema', { schema: undefined }, ['FieldValueRequired spec.versions[0].schema.openAPIV3Schema']],
      ['a warning without deprecation', { deprecationWarning: 'x' }, ['FieldValueInvalid spec.versions[0].deprecationWarning']], ['an empty warning', { deprecated: true, deprecationWarning: '' }, ['FieldValueInvalid spec.versions[0].deprecationWarning']],
      ['a column of no type', { additionalPrinterColumns: [{ name: 'A', type: 'nope', jsonPath: 'x' }] }, ['FieldValueInvalid spec.additionalPrinterColumns[0].JSONPath', 'FieldValueInvalid spec.additionalPrinterColumns[0].type']],
      ['a scale without paths', { subresources: { scale: {} } }, ['FieldValueRequired spec.subresources.scale.specReplicasPath', 'FieldValueRequired spec.subresources.scale.statusReplicasPath']],
    ])('a version is refused: %s', async (_title, version, causes) => {
      expect(refusal(await dry(plain({}, version)))).toEqual(invalid(...causes));
    });

    test('a default of the whole status is filled in for an object that is new', async () => {
      const schema = { type: 'object', properties: { spec: OPEN, status: { type: 'object', default: { seen: -1 }, properties: { seen: { type: 'integer' }, phase: TEXT } } } };
      const path = `/apis/${GROUP}/v1/namespaces/${NAMESPACE}/phased`;
      await serve(subject(), definition(GROUP, 'phased', 'Phased', [{ name: 'v1', schema, subresources: { status: {} } }]), [`/apis/${GROUP}/v1/phased`]);
      const made = await subject().ask('POST', path, { body: { apiVersion: `${GROUP}/v1`, kind: 'Phased', metadata: { name: 'one' }, spec: { a: 1 }, status: { seen: 5, phase: 'Done' } } });
      expect(made.body).toMatchObject({ spec: { a: 1 }, metadata: { generation: 1 } });
      expect(made.body.status).toEqual({ seen: -1 });
      expect((await subject().ask('GET', `${path}/one`)).body.status).toEqual({ seen: -1 });
      const patch = (body: object, sub = ''): Promise<Answer> => subject().ask('PATCH', `${path}/one${sub}`, { type: TYPES.merge, body });
      const same = await patch({ spec: { a: 1 } });
      const labelled = await patch({ metadata: { labels: { a: 'b' } } });
      expect([same.body.metadata.generation, labelled.body.metadata.generation, labelled.body.status]).toEqual([1, 1, { seen: -1 }]);
      expect((await patch({ status: { phase: 'Ready' } }, '/status')).body.status).toEqual({ seen: -1, phase: 'Ready' });
      expect((await patch({ status: null }, '/status')).body.status).toEqual({ seen: -1 });
      const { body: { items } } = await subject().ask('GET', path);
      expect(items).toMatchObject([{ status: { seen: -1 } }]);
    });

    test('groups of Kubernetes need an approval', async () => {
      const crd = definition('x.k8s.io', 'plains', 'Plain', [{ name: 'v1', schema: OPEN }]);
      expect(refusal(await dry(crd))).toEqual(invalid('FieldValueRequired metadata.annotations[api-approved.kubernetes.io]'));
      expect((await dry({ ...crd, metadata: { ...crd.metadata, annotations: { 'api-approved.kubernetes.io': 'https://example.com' } } })).code).toBe(201);
    });

    test.each<[string, object, string]>([
      ['no type at the root', {}, `FieldValueRequired ${SCHEMA}.type`], ['text at the root', TEXT, `FieldValueInvalid ${SCHEMA}.type`], ['a nullable root', { type: 'object', nullable: true }, `FieldValueForbidden ${SCHEMA}.nullable`],
      ['any members at the root', { type: 'object', additionalProperties: TEXT }, `FieldValueForbidden ${SCHEMA}.additionalProperties`], ['labels in the schema', { type: 'object', properties: { metadata: { type: 'object', properties: { labels: OPEN } } } }, `FieldValueForbidden ${SCHEMA}.properties[metadata]`],
    ])('a schema is not structural: %s', async (_title, schema, cause) => {
      expect(refusal(await dry(plain({}, { schema: { openAPIV3Schema: schema } })) )).toMatchObject({ code: 422 });
      expect(refusal(await dry(definition(GROUP, 'plains', 'Plain', [{ name: 'v1', schema }])))).toEqual(invalid(cause));
    });

    const list = (more: object, items: object = TEXT): object => ({ type: 'array', items, ...more });
    const keyed = { type: 'object', properties: { a: TEXT } };
    const rule = (more: object, of: object = TEXT): object => ({ ...of, 'x-kubernetes-validations': [more] });
    test.each<[object, readonly string[]]>([
      [{}, ['FieldValueRequired .type']], [{ type: 'nope' }, ['FieldValueNotSupported .type']], [{ type: 'object', properties: { a: {} } }, ['FieldValueRequired .properties[a].type']], [{ type: 'array' }, ['FieldValueRequired .items']], [list({}, {}), ['FieldValueRequired .items.type']],
      [{ type: 'array', items: [TEXT] }, ['FieldValueForbidden .items']], [{ type: 'object', properties: { a: TEXT }, additionalProperties: TEXT }, ['FieldValueForbidden .additionalProperties']], [{ type: 'object', patternProperties: { x: TEXT } }, ['FieldValueForbidden .patternProperties']],
      [list({ uniqueItems: true }), ['FieldValueForbidden .uniqueItems']], [{ type: 'string', pattern: '(' }, ['FieldValueInvalid .pattern']], [{ type: 'string', pattern: '(?<!a)b' }, ['FieldValueInvalid .pattern']], [{ type: 'string', dependencies: { a: ['b'] } }, ['FieldValueForbidden .dependencies']],
      [{ type: 'string', default: 5 }, ['FieldValueTypeInvalid .default']], [{ type: 'integer', maximum: 3, default: 5 }, ['FieldValueInvalid .default']], [{ ...keyed, default: { b: 1 } }, ['FieldValueInvalid .default']],
      [{ ...keyed, anyOf: [{ properties: { a: TEXT } }] }, ['FieldValueForbidden .anyOf[0].properties[a].type']], [{ type: 'object', allOf: [{ type: 'object' }] }, ['FieldValueForbidden .allOf[0].type']], [{ type: 'object', not: { default: 1 } }, ['FieldValueForbidden .not.default']],
      [{ type: 'string', oneOf: [{ pattern: 'a' }, { minLength: 2, description: 'x' }] }, ['FieldValueForbidden .oneOf[1].description']], [{ type: 'object', 'x-kubernetes-preserve-unknown-fields': false }, ['FieldValueInvalid .x-kubernetes-preserve-unknown-fields']],
      [{ type: 'object', 'x-kubernetes-embedded-resource': true }, ['FieldValueRequired .properties']],
      [list({ 'x-kubernetes-list-type': 'nope' }), ['FieldValueNotSupported .x-kubernetes-list-type']], [list({ 'x-kubernetes-list-type': 'map' }, keyed), ['FieldValueRequired .x-kubernetes-list-map-keys']], [list({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['a'] }, keyed), ['FieldValueRequired .items.properties[a].default']],
      [list({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['b'] }, { ...keyed, required: ['a'] }), ['FieldValueInvalid .x-kubernetes-list-map-keys']], [list({ 'x-kubernetes-list-type': 'set' }, keyed), ['FieldValueInvalid .items.x-kubernetes-map-type']],
      [list({ 'x-kubernetes-list-type': 'set' }, { type: 'string', nullable: true }), ['FieldValueForbidden .items.nullable']], [list({ 'x-kubernetes-list-map-keys': ['a'] }, keyed), ['FieldValueRequired .x-kubernetes-list-type']], [{ type: 'object', 'x-kubernetes-list-type': 'atomic' }, ['FieldValueInvalid .type']],
      [{ type: 'object', 'x-kubernetes-map-type': 'nope' }, ['FieldValueNotSupported .x-kubernetes-map-type']], [list({ 'x-kubernetes-map-type': 'atomic' }), ['FieldValueInvalid .type']],
      [rule({ rule: 'self ==' }), ['FieldValueInvalid .x-kubernetes-validations[0].rule']], [rule({ rule: '' }), ['FieldValueRequired .x-kubernetes-validations[0].rule']], [rule({ rule: 'self.foo == 1' }), ['FieldValueInvalid .x-kubernetes-validations[0].rule']], [rule({ rule: 'self.b == 1' }, keyed), ['FieldValueInvalid .x-kubernetes-validations[0].rule']],
      [rule({ rule: 'self.a' }, keyed), ['FieldValueInvalid .x-kubernetes-validations[0].rule']], [rule({ rule: '1 == "a"' }), ['FieldValueInvalid .x-kubernetes-validations[0].rule']], [rule({ rule: 'nofunc(self)' }), ['FieldValueInvalid .x-kubernetes-validations[0].rule']], [rule({ rule: 'nowhere == 1' }), ['FieldValueInvalid .x-kubernetes-validations[0].rule']],
      [rule({ rule: 'true', message: ' ' }), ['FieldValueInvalid .x-kubernetes-validations[0].message']], [rule({ rule: 'true', message: 'a\nb' }), ['FieldValueInvalid .x-kubernetes-validations[0].message']], [rule({ rule: 'true', messageExpression: '1' }), ['FieldValueInvalid .x-kubernetes-validations[0].messageExpression']],
      [rule({ rule: 'true', reason: 'Nope' }), ['FieldValueNotSupported .x-kubernetes-validations[0].reason']], [rule({ rule: 'true', fieldPath: '.b' }, keyed), ['FieldValueInvalid .x-kubernetes-validations[0].fieldPath']], [rule({ rule: 'true', optionalOldSelf: true }), ['FieldValueInvalid .x-kubernetes-validations[0].optionalOldSelf']],
    ])('a schema is refused: %j', async (spec, causes) => {
      const answer = await dry(definition(GROUP, 'plains', 'Plain', [{ name: 'v1', schema: { type: 'object', properties: { spec } } }]));
      expect(refusal(answer)).toEqual(invalid(...causes.map((cause) => cause.replace(' .', ` ${SCHEMA}.properties[spec].`))));
    });

    test('unknown formats and unknown keywords are said, and do nothing', async () => {
      const schema = { type: 'object', properties: { spec: { type: 'string', format: 'nope', readOnly: true } } };
      const answer = await dry({ ...definition(GROUP, 'plains', 'Plain', [{ name: 'v1', schema }]) });
      expect(answer.code).toBe(201);
      expect([...warningsOf(answer)].sort()).toEqual(['unknown field "spec.versions[0].schema.openAPIV3Schema.properties.spec.readOnly"', 'unrecognized format "nope"']);
      expect(answer.body.spec.versions[0].schema.openAPIV3Schema.properties.spec).not.toHaveProperty('readOnly');
      expect(refusal(await dry(plain({ surprise: 1 }), '&fieldValidation=Strict'))).toMatchObject({ code: 400, reason: 'BadRequest' });
    });

    test('names that another definition of the group has: not established, until that one goes', async () => {
      await serve(subject(), definition(GROUP, 'firsts', 'First', [{ name: 'v1', schema: OPEN }], { names: { plural: 'firsts', kind: 'First', shortNames: ['fst'] } }), [`/apis/${GROUP}/v1/firsts`]);
      for (const [plural, names, reason] of [['seconds', { kind: 'First' }, 'ListKindConflict'], ['thirds', { kind: 'Third', shortNames: ['fst'] }, 'ShortNamesConflict']] as const) {
        expect((await post(definition(GROUP, plural, 'Any', [{ name: 'v1', schema: OPEN }], { names: { plural, ...names } }))).code).toBe(201);
        const answer = await until(`${plural}: judged`, async () => {
          const found = await subject().ask('GET', definitionPath(`${plural}.${GROUP}`));
          return conditionsOf(found)['Established'] === undefined ? undefined : found;
        });
        expect(conditionsOf(answer)).toEqual({ NamesAccepted: `False ${reason}`, Established: 'False NotAccepted' });
        expect((await subject().ask('GET', `/apis/${GROUP}/v1/${plural}`)).code).toBe(404);
      }
      await subject().ask('DELETE', definitionPath(`firsts.${GROUP}`));
      for (const plural of ['seconds', 'thirds']) await until(`${plural}: established`, async () => (conditionsOf(await subject().ask('GET', definitionPath(`${plural}.${GROUP}`)))['Established'] === accepted.Established ? true : undefined));
      await until('seconds: served', async () => ((await subject().ask('GET', `/apis/${GROUP}/v1/seconds`)).code === 200 ? true : undefined));
    });

    test('group, scope and names stay; a stored version stays until it is crossed out', async () => {
      const name = `lasting.${GROUP}`;
      await serve(subject(), definition(GROUP, 'lasting', 'Last', [{ name: 'v1', schema: OPEN }]), [`/apis/${GROUP}/v1/lasting`]);
      await until('establishing', async () => (conditionsOf(await subject().ask('GET', definitionPath(name)))['Established'] === accepted.Established ? true : undefined));
      expect(refusal(await change(name, { spec: { group: 'other.example.com' } }))).toMatchObject({ code: 422, causes: expect.arrayContaining(['FieldValueInvalid spec.group']) as string[] });
      expect(refusal(await change(name, { spec: { scope: 'Cluster' } }))).toEqual(invalid('FieldValueInvalid spec.scope'));
      expect(refusal(await change(name, { spec: { names: { kind: 'Other' } } }))).toEqual(invalid('FieldValueInvalid spec.names.kind'));
      const version = (of: string, storage: boolean): object => ({ name: of, served: true, storage, schema: { openAPIV3Schema: { type: 'object' } } });
      expect(refusal(await change(name, { spec: { versions: [version('v2', true)] } }))).toEqual(invalid('FieldValueInvalid status.storedVersions[0]'));
      const moved = await change(name, { spec: { versions: [version('v2', true), version('v1', false)] } });
      expect(moved).toMatchObject({ code: 200, body: { status: { storedVersions: ['v1', 'v2'] }, metadata: { generation: 2 } } });
      expect((await change(name, { status: { storedVersions: ['v2'] } }, '/status')).body.status.storedVersions).toEqual(['v2']);
      expect((await change(name, { spec: { versions: [version('v2', true)] } })).code).toBe(200);
    });

    test('a definition that goes takes its objects along', async () => {
      const things = `/apis/${GROUP}/v1/namespaces/${NAMESPACE}/leavings`;
      const crd = definition(GROUP, 'leavings', 'Leaving', [{ name: 'v1', schema: OPEN }]);
      await serve(subject(), crd, [things]);
      expect((await subject().ask('POST', things, { body: { apiVersion: `${GROUP}/v1`, kind: 'Leaving', metadata: { name: 'one' } } })).code).toBe(201);
      await subject().ask('DELETE', definitionPath(crd.metadata.name));
      await until('the end', async () => ((await subject().ask('GET', definitionPath(crd.metadata.name))).code === 404 ? true : undefined));
      await until('no such resource', async () => ((await subject().ask('GET', things)).code === 404 ? true : undefined));
      await serve(subject(), crd, [things]);
      expect((await subject().ask('GET', things)).body.items).toEqual([]);
    });
  });
}
