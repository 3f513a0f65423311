import { expect, test } from 'vitest';
import type { StructuralSchema } from '../../../mesh/api/schema/structural.ts';
import { pathTexts } from './field-set.ts';
import { fieldsAppliedBefore, rememberApplied } from './last-applied.ts';

const ANNOTATION = 'kubectl.kubernetes.io/last-applied-configuration';
const schema: StructuralSchema = { type: 'object', properties: { data: { type: 'object', additionalProperties: { type: 'string' } } } };
const live = (annotation: string): Record<string, unknown> => ({ metadata: { name: 'a', annotations: { [ANNOTATION]: annotation, other: 'stays' } }, data: { a: '1', b: 'changed', c: 'new' } });
const before = JSON.stringify({ metadata: { name: 'a' }, data: { a: '1', b: '2', gone: '3' } });

test('takes back what still is as it was applied, and nothing else', () => {
  expect(pathTexts(fieldsAppliedBefore(schema, live(before), 'kubectl')).filter((path) => path.startsWith('.data.'))).toEqual(['.data.a']);
});

test.each([['another manager', before, 'person'], ['no annotation', '', 'kubectl'], ['a damaged one', '{"data":', 'kubectl'], ['no object', '[]', 'kubectl']])('takes nothing with %s', (_why, annotation, manager) => {
  expect(pathTexts(fieldsAppliedBefore(schema, live(annotation), manager))).toEqual([]);
});

test('remembers what is applied now, keys in order, without itself', () => {
  const object = live(before);
  const config = { metadata: { name: 'a', annotations: { [ANNOTATION]: 'old' }, managedFields: [] }, data: { b: '2', a: '1' }, apiVersion: 'v1' };
  const metadata = rememberApplied(object, config, 'kubectl')['metadata'] as { annotations: Record<string, string> };
  expect(metadata.annotations).toEqual({ [ANNOTATION]: '{"apiVersion":"v1","data":{"a":"1","b":"2"},"metadata":{"name":"a"}}\n', other: 'stays' });
  expect(object).toEqual(live(before));
});

test('writes as Go does what HTML could take for its own', () => {
  const { annotations } = rememberApplied(live(before), { data: { rule: 'a && b < c > d\u2028é' } }, 'kubectl')['metadata'] as { annotations: Record<string, string> };
  expect(annotations[ANNOTATION]).toBe('{"data":{"rule":"a \\u0026\\u0026 b \\u003c c \\u003e d\\u2028é"},"metadata":{}}\n');
});

test('leaves objects alone that never were applied on the client side, or by another manager', () => {
  const bare = { metadata: { name: 'a' }, data: {} };
  expect(rememberApplied(bare, { metadata: { name: 'a' } }, 'kubectl')).toBe(bare);
  const object = live(before);
  expect(rememberApplied(object, { metadata: { name: 'a' } }, 'hub')).toBe(object);
});
