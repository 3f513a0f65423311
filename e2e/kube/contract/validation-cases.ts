/** What a definition's schema makes of objects: judged by every keyword, defaulted, pruned; what an update leaves alone is not judged again (KEP-4008). */
import { beforeAll, describe, expect, test } from 'vitest';
import type { Answer, ServerSubject } from './subject.ts';
import { definition, definitionPath, invalid, makeNamespace, refusal, serve, TYPES, until, warningsOf } from './writing.ts';

const NAMESPACE = 'validation';
const GROUP = 'validation.contract.isthmus.dev';
const TEXT = { type: 'string' };
const text = (format: string): object => ({ type: 'string', format });
const FIELDS = {
  any: { type: 'object', properties: { a: TEXT, b: TEXT }, anyOf: [{ required: ['a'] }, { required: ['b'] }] },
  one: { type: 'object', properties: { a: TEXT, b: TEXT }, oneOf: [{ required: ['a'] }, { required: ['b'] }] },
  all: { type: 'integer', allOf: [{ minimum: 3 }, { maximum: 5 }] }, not: { type: 'string', not: { pattern: '^x' } },
  quarter: { type: 'number', multipleOf: 0.25 }, even: { type: 'integer', multipleOf: 2 }, port: { 'x-kubernetes-int-or-string': true }, share: { 'x-kubernetes-int-or-string': true, anyOf: [{ type: 'integer' }, { type: 'string' }], pattern: '^[0-9]+%$' },
  small: { type: 'integer', format: 'int32' }, between: { type: 'integer', minimum: 1, exclusiveMinimum: true, maximum: 5, exclusiveMaximum: true }, flag: { type: 'boolean' },
  short: { type: 'string', minLength: 2, maxLength: 3 }, letters: { type: 'string', pattern: '^a+$' }, choice: { type: 'string', enum: ['a', 'b'] },
  list: { type: 'array', minItems: 1, maxItems: 2, items: TEXT }, map: { type: 'object', minProperties: 1, maxProperties: 2, additionalProperties: { type: 'integer' } },
  set: { type: 'array', 'x-kubernetes-list-type': 'set', items: TEXT },
  keyed: { type: 'array', 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['k'], items: { type: 'object', required: ['k'], properties: { k: TEXT, v: { type: 'integer', minimum: 0, default: 7 } } } },
  nullable: { type: 'string', nullable: true }, nullableWithDefault: { type: 'string', nullable: true, default: 'x' }, withDefault: { type: 'string', default: 'y' }, plain: TEXT,
  nest: { type: 'object', properties: { deep: { type: 'object', default: {}, properties: { e: { type: 'string', default: 'deepest' } } } } }, entries: { type: 'object', additionalProperties: { type: 'object', properties: { z: { type: 'integer', default: 3 } } } },
  open: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true, properties: { known: { type: 'object', properties: { k: TEXT } } } },
  inner: { type: 'object', 'x-kubernetes-embedded-resource': true, 'x-kubernetes-preserve-unknown-fields': true },
  ipv4: text('ipv4'), ipv6: text('ipv6'), cidr: text('cidr'), uri: text('uri'), mac: text('mac'), email: text('email'), hostname: text('hostname'), uuid: text('uuid'), byte: text('byte'), date: text('date'), 'date-time': text('date-time'), duration: text('duration'), odd: text('odd'),
};
const schema = (fields: object): object => ({ type: 'object', properties: { spec: { type: 'object', properties: fields } } });

export function validationCases(subject: () => ServerSubject): void {
  const path = (plural: string, name = ''): string => `/apis/${GROUP}/v1/namespaces/${NAMESPACE}/${plural}${name === '' ? '' : `/${name}`}`;
  const object = (kind: string, name: string, spec: unknown): object => ({ apiVersion: `${GROUP}/v1`, kind, metadata: { name }, spec });
  const attempt = (spec: unknown): Promise<Answer> => subject().ask('POST', `${path('shapes')}?dryRun=All`, { body: object('Shape', 'attempt', spec) });

  describe('validation', () => {
    beforeAll(async () => {
      await makeNamespace(subject(), NAMESPACE);
      await serve(subject(), definition(GROUP, 'shapes', 'Shape', [{ name: 'v1', schema: schema(FIELDS) }]), [path('shapes')]);
    });

    const DETAIL = '<nil>';
    test.each<[object, readonly string[]]>([
      [{ any: {} }, [`FieldValueInvalid ${DETAIL}`, 'FieldValueRequired spec.any.a']], [{ one: {} }, [`FieldValueInvalid ${DETAIL}`, 'FieldValueRequired spec.one.a']], [{ one: { a: '1', b: '2' } }, [`FieldValueInvalid ${DETAIL}`]],
      [{ all: 2 }, [`FieldValueInvalid ${DETAIL}`, 'FieldValueInvalid spec.all']], [{ not: 'xy' }, [`FieldValueInvalid ${DETAIL}`]],
      [{ quarter: 1.3 }, ['FieldValueInvalid spec.quarter']], [{ even: 3 }, ['FieldValueInvalid spec.even']],
      [{ port: 1.5 }, ['FieldValueTypeInvalid spec.port']], [{ port: {} }, ['FieldValueTypeInvalid spec.port']], [{ share: 'x' }, ['FieldValueInvalid spec.share']],
      [{ small: 3e9 }, [`FieldValueInvalid ${DETAIL}`]], [{ between: 1 }, ['FieldValueInvalid spec.between']], [{ between: 5 }, ['FieldValueInvalid spec.between']], [{ flag: 'true' }, ['FieldValueTypeInvalid spec.flag']],
      [{ short: 'a' }, ['FieldValueInvalid spec.short']], [{ short: 'abcd' }, ['FieldValueTooLong spec.short']], [{ letters: 'b' }, ['FieldValueInvalid spec.letters']], [{ choice: 'c' }, ['FieldValueNotSupported spec.choice']],
      [{ list: [] }, ['FieldValueInvalid spec.list']], [{ list: ['a', 'b', 'c'] }, ['FieldValueTooMany spec.list']], [{ list: [1] }, ['FieldValueTypeInvalid spec.list[0]']], [{ list: [null] }, ['FieldValueTypeInvalid spec.list[0]']], [{ list: 'x' }, ['FieldValueTypeInvalid spec.list']],
      [{ map: {} }, ['FieldValueInvalid spec.map']], [{ map: { a: 1, b: 2, c: 3 } }, ['FieldValueTooMany spec.map']], [{ map: { a: 'x' } }, ['FieldValueTypeInvalid spec.map.a']],
      [{ set: ['a', 'b', 'a'] }, ['FieldValueDuplicate spec.set[2]']], [{ keyed: [{ k: 'a' }, { k: 'a', v: 2 }] }, ['FieldValueDuplicate spec.keyed[1]']], [{ keyed: [{ v: 1 }] }, ['FieldValueRequired spec.keyed[0].k']], [{ keyed: [{ k: 'a', v: -1 }] }, ['FieldValueInvalid spec.keyed[0].v']],
      [{ inner: {} }, ['FieldValueRequired spec.inner.apiVersion', 'FieldValueRequired spec.inner.kind']], [{ inner: { apiVersion: 'v1', kind: 'Pod', metadata: { labels: { 'a b': 'c' } } } }, ['FieldValueInvalid spec.inner.metadata.labels']],
      [{ choice: 'c', letters: 'b' }, ['FieldValueInvalid spec.letters', 'FieldValueNotSupported spec.choice']],
    ])('refuses %j', async (spec, causes) => {
      expect(refusal(await attempt(spec))).toEqual(invalid(...causes));
    });

    test('accepts what holds', async () => {
      const fitting = {
        any: { b: '1' }, one: { a: '1' }, all: 4, not: 'y', quarter: 1.5, even: 4, port: 'http', share: 5, small: -5, between: 2, flag: false, short: 'äöü', letters: 'aa', choice: 'b', list: ['a'], map: { 'a.b': 1 }, set: ['a', 'b'],
        keyed: [{ k: 'a' }, { k: 'b', v: 0 }], inner: { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p' }, spec: { anything: 1 } },
      };
      const { code, body } = await attempt(fitting);
      expect(code).toBe(201);
      expect(body.spec).toEqual({ ...fitting, keyed: [{ k: 'a', v: 7 }, { k: 'b', v: 0 }], nullableWithDefault: 'x', withDefault: 'y' });
    });

    test.each<[string, readonly string[], readonly string[]]>([
      ['ipv4', ['1.2.3.4'], ['1.2.3', '::1']], ['ipv6', ['::1', 'fd00::1'], ['1.2.3.4', 'x']], ['cidr', ['10.0.0.0/8', 'fd00::/64'], ['10.0.0.0', '10.0.0.0/33']], ['uri', ['http://a/b', '/x'], ['nope', ':']],
      ['mac', ['01:02:03:04:05:06'], ['x', '01:02']], ['email', ['a@b.c'], ['a', '@b']], ['hostname', ['a', 'a.example'], ['a_b', '-a', '', 'a.b']], ['uuid', ['123e4567-e89b-12d3-a456-426614174000', '123E4567E89B12D3A456426614174000'], ['x']],
      ['byte', ['YQ=='], ['!', 'YQ']], ['date', ['2020-01-01'], ['2020-1-1', '2020-02-30']], ['date-time', ['2020-01-01T00:00:00Z', '2020-01-01t00:00:00.5+01:00'], ['2020-01-01', '2020-01-01 00:00:00Z', '2020-13-01T00:00:00Z', '2020-01-01T25:00:00Z']],
      ['duration', ['1h30m', '1d'], ['x', '5']], ['odd', ['whatever'], []],
    ])('format %s', async (format, good, bad) => {
      for (const value of good) expect((await attempt({ [format]: value })).code, value).toBe(201);
      for (const value of bad) expect(refusal(await attempt({ [format]: value })), value).toEqual(invalid(`FieldValueTypeInvalid spec.${format}`));
    });

    test('defaults stand for what is absent, also in lists, maps and objects that are defaults themselves', async () => {
      const { body } = await attempt({ nest: {}, entries: { a: {}, b: { z: 1 } }, keyed: [{ k: 'a' }] });
      expect(body.spec).toEqual({ nest: { deep: { e: 'deepest' } }, entries: { a: { z: 3 }, b: { z: 1 } }, keyed: [{ k: 'a', v: 7 }], nullableWithDefault: 'x', withDefault: 'y' });
    });

    test('null stays where it is allowed, else it counts as absent', async () => {
      const { body } = await attempt({ nullable: null, nullableWithDefault: null, withDefault: null, plain: null, nest: { deep: null } });
      expect(body.spec).toEqual({ nullable: null, nullableWithDefault: null, withDefault: 'y', nest: { deep: { e: 'deepest' } } });
    });

    test('unknown fields go, except where they are kept', async () => {
      const answer = await attempt({ odd: 'x', surprise: 1, any: { a: 'x', surprise: 2 }, keyed: [{ k: 'a', surprise: 3 }], open: { kept: { x: 1 }, known: { k: 'a', surprise: 4 } }, inner: { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'ok', surprise: 5 }, kept: 1 } });
      expect(answer.body.spec).toMatchObject({ any: { a: 'x' }, keyed: [{ k: 'a', v: 7 }], open: { kept: { x: 1 }, known: { k: 'a' } }, inner: { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'ok' }, kept: 1 } });
      for (const gone of [answer.body.spec, answer.body.spec.any, answer.body.spec.open.known, answer.body.spec.inner.metadata]) expect(gone).not.toHaveProperty('surprise');
      expect([...warningsOf(answer)].sort()).toEqual(['spec.any.surprise', 'spec.inner.metadata.surprise', 'spec.keyed[0].surprise', 'spec.open.known.surprise', 'spec.surprise'].map((field) => `unknown field "${field}"`));
    });

    test('a definition that changes: old objects get new defaults when they are read, and what was valid once may stay', async () => {
      const before = definition(GROUP, 'ratchets', 'Ratchet', [{ name: 'v1', schema: schema({ name: TEXT, items: { type: 'array', 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['k'], items: { type: 'object', required: ['k'], properties: { k: TEXT, v: TEXT } } }, old: TEXT }) }]);
      await serve(subject(), before, [path('ratchets')]);
      const made = await subject().ask('POST', path('ratchets'), { body: object('Ratchet', 'kept', { name: 'TOO LOUD', items: [{ k: 'a', v: 'LOUD' }, { k: 'b', v: 'fine' }], old: 'x' }) });
      expect(made.code).toBe(201);
      const quiet = { type: 'string', pattern: '^[a-z]*$' };
      const after = schema({ name: quiet, size: { type: 'integer', default: 4 }, items: { type: 'array', 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['k'], items: { type: 'object', required: ['k'], properties: { k: TEXT, v: quiet } } } });
      const changed = await subject().ask('PATCH', definitionPath(before.metadata.name), { type: TYPES.merge, body: { spec: { versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: after } }] } } });
      expect(changed.code).toBe(200);
      const read = await until('the new schema', async () => {
        const { body } = await subject().ask('GET', path('ratchets', 'kept'));
        return body.spec?.size === 4 ? body : undefined;
      });
      expect(read).toMatchObject({ metadata: { resourceVersion: made.body.metadata.resourceVersion } });
      expect(read.spec).not.toHaveProperty('old');
      const change = (spec: object): Promise<Answer> => subject().ask('PATCH', path('ratchets', 'kept'), { type: TYPES.merge, body: { spec } });
      expect((await change({ size: 5 })).code).toBe(200);
      expect((await change({ items: [{ k: 'a', v: 'LOUD' }, { k: 'b', v: 'finer' }] })).code).toBe(200);
      expect(refusal(await change({ items: [{ k: 'a', v: 'LOUD' }, { k: 'b', v: 'LOUD TOO' }] }))).toEqual(invalid('FieldValueInvalid spec.items[1].v'));
      expect(refusal(await change({ name: 'LOUDER' }))).toEqual(invalid('FieldValueInvalid spec.name'));
      expect(refusal(await subject().ask('POST', path('ratchets'), { body: object('Ratchet', 'new', { name: 'TOO LOUD' }) }))).toEqual(invalid('FieldValueInvalid spec.name'));
    });
  });
}
