/** CEL rules of definitions: of values and of changes, with messages, reasons and paths. */
import { beforeAll, describe, expect, test } from 'vitest';
import type { Answer, ServerSubject } from './subject.ts';
import { definition, definitionPath, invalid, makeNamespace, refusal, serve, TYPES, until, warningsOf } from './writing.ts';

const NAMESPACE = 'rules';
const GROUP = 'rules.contract.isthmus.dev';
const rules = (...list: readonly object[]): object => ({ 'x-kubernetes-validations': list });
const SPEC = {
  type: 'object', required: ['min', 'max'],
  properties: {
    min: { type: 'integer', maximum: 100 }, max: { type: 'integer', maximum: 100 }, fixed: { type: 'string', maxLength: 20, ...rules({ rule: 'self == oldSelf', messageExpression: '"was " + oldSelf + " and stays"' }) },
    grows: { type: 'integer', ...rules({ rule: 'self >= oldSelf', message: 'not less' }) },
    once: { type: 'string', maxLength: 20, ...rules({ rule: 'oldSelf.hasValue() ? oldSelf.value() == self : self.startsWith("new")', optionalOldSelf: true, message: 'begins new and stays' }) },
    names: { type: 'array', maxItems: 5, items: { type: 'string', maxLength: 20 }, ...rules({ rule: 'self.all(x, self.exists_one(y, y == x))', message: 'each once', reason: 'FieldValueDuplicate' }) },
    'dashed-name': { type: 'string', maxLength: 10 },
    ports: {
      type: 'array', maxItems: 5, 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['port'],
      items: { type: 'object', required: ['port'], properties: { port: { type: 'integer' }, host: { type: 'string', maxLength: 20 } }, ...rules({ rule: '!has(oldSelf.host) || has(self.host)', message: 'a host stays' }) },
    },
    labels: { type: 'object', maxProperties: 5, additionalProperties: { type: 'string', maxLength: 10, ...rules({ rule: 'self.matches("^[a-z]+$")' }) } },
  },
  ...rules(
    { rule: 'self.min <= self.max', messageExpression: '"min is above max" + (has(self.fixed) ? " of " + self.fixed : "")', fieldPath: '.min' },
    { rule: '!has(self.names) || self.names.size() <= self.max', reason: 'FieldValueForbidden', fieldPath: '.names', message: 'too many names' },
    { rule: '!has(self.dashed__dash__name) || self.dashed__dash__name.lowerAscii() == self.dashed__dash__name', message: 'lower case only' },
  ),
};

export function rulesCases(subject: () => ServerSubject): void {
  const path = `/apis/${GROUP}/v1/namespaces/${NAMESPACE}/rules`;
  const post = (name: string, spec: object, query = ''): Promise<Answer> => subject().ask('POST', path + query, { body: { apiVersion: `${GROUP}/v1`, kind: 'Rule', metadata: { name }, spec: { min: 1, max: 3, ...spec } } });
  const change = (name: string, spec: object): Promise<Answer> => subject().ask('PATCH', `${path}/${name}`, { type: TYPES.merge, body: { spec } });
  const says = ({ body }: Answer): string => body.details.causes[0].message;

  describe('rules', () => {
    beforeAll(async () => {
      await makeNamespace(subject(), NAMESPACE);
      await serve(subject(), definition(GROUP, 'rules', 'Rule', [{ name: 'v1', schema: { type: 'object', properties: { spec: SPEC } } }]), [path]);
    });

    test('a rule names its field, with a message that may be computed', async () => {
      const refused = await post('above', { min: 5, fixed: 'it' }, '?dryRun=All');
      expect(refusal(refused)).toEqual(invalid('FieldValueInvalid spec.min'));
      expect(says(refused)).toContain('min is above max of it');
    });

    test('reasons', async () => {
      expect(refusal(await post('twice', { names: ['a', 'a'] }, '?dryRun=All'))).toEqual(invalid('FieldValueDuplicate spec.names'));
      expect(refusal(await post('many', { names: ['a', 'b', 'c', 'd'] }, '?dryRun=All'))).toEqual(invalid('FieldValueForbidden spec.names'));
    });

    test('names that CEL cannot write are escaped; values of maps are judged by key', async () => {
      expect(refusal(await post('dashed', { 'dashed-name': 'Loud' }, '?dryRun=All'))).toEqual(invalid('FieldValueInvalid spec'));
      const refused = await post('labelled', { labels: { ok: 'fine', bad: 'No' } }, '?dryRun=All');
      expect(refusal(refused)).toEqual(invalid('FieldValueInvalid spec.labels[bad]'));
      expect(says(refused)).toContain('failed rule: self.matches("^[a-z]+$")');
    });

    test('rules are not asked about an object of the wrong shape', async () => {
      expect(refusal(await post('shapeless', { min: 'x' }, '?dryRun=All'))).toEqual(invalid('FieldValueInvalid <nil>', 'FieldValueTypeInvalid spec.min'));
    });

    test('rules of changes run when there was something before, by key in lists with keys', async () => {
      expect((await post('changing', { fixed: 'a', grows: 5, ports: [{ port: 80, host: 'a' }, { port: 81 }] })).code).toBe(201);
      const shrunk = await change('changing', { grows: 4, fixed: 'b' });
      expect(refusal(shrunk)).toEqual(invalid('FieldValueInvalid spec.fixed', 'FieldValueInvalid spec.grows'));
      expect(shrunk.body.message).toContain('not less');
      expect(shrunk.body.message).toContain('was a and stays');
      expect((await change('changing', { grows: 6, ports: [{ port: 81, host: 'b' }, { port: 82 }, { port: 80, host: 'c' }] })).code).toBe(200);
      expect(refusal(await change('changing', { ports: [{ port: 82 }, { port: 80 }] }))).toEqual(invalid('FieldValueInvalid spec.ports[1]'));
      expect((await change('changing', { fixed: null })).code).toBe(200);
      expect((await change('changing', { fixed: 'c' })).code).toBe(200);
    });

    test('with an optional old value a rule judges new values too', async () => {
      expect(refusal(await post('fresh', { once: 'old' }, '?dryRun=All'))).toEqual(invalid('FieldValueInvalid spec.once'));
      expect((await post('fresh', { once: 'new one' })).code).toBe(201);
      expect(refusal(await change('fresh', { once: 'new two' }))).toEqual(invalid('FieldValueInvalid spec.once'));
      expect((await change('fresh', { once: 'new one', max: 4 })).code).toBe(200);
    });

    test('a rule that comes later lets what does not change stay, with a warning', async () => {
      const name = (rule?: object): object => ({ type: 'object', properties: { spec: { type: 'object', properties: { name: { type: 'string', maxLength: 20, ...(rule === undefined ? {} : rules(rule)) }, size: { type: 'integer' } } } } });
      const crd = definition(GROUP, 'latecomers', 'Latecomer', [{ name: 'v1', schema: name() }]);
      const things = `/apis/${GROUP}/v1/namespaces/${NAMESPACE}/latecomers`;
      await serve(subject(), crd, [things]);
      const thing = (of: string): object => ({ apiVersion: `${GROUP}/v1`, kind: 'Latecomer', metadata: { name: of }, spec: { name: 'Loud' } });
      expect((await subject().ask('POST', things, { body: thing('kept') })).code).toBe(201);
      await subject().ask('PATCH', definitionPath(crd.metadata.name), { type: TYPES.merge, body: { spec: { versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: name({ rule: 'self == self.lowerAscii()', message: 'lower case' }) } }] } } });
      await until('the rule', async () => ((await subject().ask('POST', `${things}?dryRun=All`, { body: thing('probe') })).code === 422 ? true : undefined));
      const resized = await subject().ask('PATCH', `${things}/kept`, { type: TYPES.merge, body: { spec: { size: 1 } } });
      expect(resized.code).toBe(200);
      expect(warningsOf(resized)).toEqual([expect.stringContaining('lower case')]);
      expect(refusal(await subject().ask('PATCH', `${things}/kept`, { type: TYPES.merge, body: { spec: { name: 'Louder' } } }))).toEqual(invalid('FieldValueInvalid spec.name'));
    });

    test('functions of texts, lists and patterns', async () => {
      const holds = ['[1, 2, 3].sum() == 6', '[3, 1, 2].max() == 3', '[3, 1, 2].min() == 1', '[1, 2].isSorted()', '"abc 123".find("[0-9]+") == "123"', '"123 abc 456".findAll("[0-9]+") == ["123", "456"]',
        '"a,b".split(",") == ["a", "b"]', '"abc".substring(1) == "bc"', '" a ".trim() == "a"', '"aba".replace("a", "c") == "cbc"', 'duration("1h") > duration("1m")', 'timestamp("2020-01-01T00:00:00Z").getFullYear() == 2020', 'type(self.size) == int', 'size("abc") == 3', '{"a": 1}.all(k, k == "a")', '[1, 2, 3].filter(x, x > 1).map(x, x * 2) == [4, 6]'];
      const things = `/apis/${GROUP}/v1/namespaces/${NAMESPACE}/functions`;
      const spec = { type: 'object', required: ['size'], properties: { size: { type: 'integer' } }, ...rules(...holds.map((rule) => ({ rule }))) };
      await serve(subject(), definition(GROUP, 'functions', 'Function', [{ name: 'v1', schema: { type: 'object', properties: { spec } } }]), [things]);
      const made = await subject().ask('POST', things, { body: { apiVersion: `${GROUP}/v1`, kind: 'Function', metadata: { name: 'all' }, spec: { size: 1 } } });
      expect(made.body.message ?? '').toBe('');
      expect(made.code).toBe(201);
    });
  });
}
